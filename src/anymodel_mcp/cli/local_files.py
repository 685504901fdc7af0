"""Files that are named on the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from anymodel_mcp.config import Settings
from anymodel_mcp.errors import ArgumentError


def absolute(reference: str) -> str:
    """Resolves a path: relative to the working directory, with `~` and links. URLs stay as they are."""
    return os.path.realpath(Path(reference).expanduser()) if _is_local(reference) else reference


def check_files(references: Sequence[str]) -> None:
    """Checks that every named file exists.

    Raises:
        ArgumentError: one does not.
    """
    for path in filter(_is_local, references):
        if not os.path.isfile(absolute(path)):
            raise ArgumentError(
                f"there is no file {path!r}", fix="Correct the path; relative paths start in the current folder."
            )


def allowing(settings: Settings, references: Sequence[str]) -> Settings:
    """Allows the folders of the named files for this call: a user who types a path wants it read.

    Only the named files are read: a tool opens no path that is not an argument.
    """
    folders = tuple(dict.fromkeys(os.path.dirname(absolute(r)) for r in references if _is_local(r)))
    return replace(settings, files=replace(settings.files, allowed_dirs=folders)) if folders else settings


def check_target(output: Path | None) -> None:
    """Checks, before anything is paid for, that a result can be written to `output`.

    Raises:
        ArgumentError: its folder does not exist or cannot be written.
    """
    if output is None:
        return
    folder = output if output.is_dir() else output.absolute().parent
    if not folder.is_dir():
        raise ArgumentError(f"there is no folder {str(folder)!r}", fix="Create it, or name another file with -o.")
    if not os.access(folder, os.W_OK):
        raise ArgumentError(f"the folder {str(folder)!r} cannot be written", fix="Name another file with -o.")


def copy_results(paths: Sequence[Path], output: Path) -> list[Path]:
    """Copies results to `output`: a folder, or a file; of several results, the second gets `-2` added to its name.

    Raises:
        OSError: one cannot be written.
    """
    copies: list[Path] = []
    for number, path in enumerate(paths, 1):
        if output.is_dir():
            target = output / path.name
        else:
            target = output if number == 1 else output.with_name(f"{output.stem}-{number}{output.suffix}")
        shutil.copyfile(path, target)
        copies.append(target)
    return copies


def _is_local(reference: str) -> bool:
    return not reference.lower().startswith(("https:", "http:", "data:"))
