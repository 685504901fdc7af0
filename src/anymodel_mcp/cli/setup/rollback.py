"""All or nothing: restores files if the block ends with an exception or Ctrl-C."""

from __future__ import annotations

import stat
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from anymodel_mcp.cli.files import find_backups, read_file, replace_file
from anymodel_mcp.errors import ConfigError


@contextmanager
def keep_files(paths: Sequence[Path]) -> Generator[None]:
    """Restores these files, and removes new backups of them and new folders, when the block does not end normally."""
    before = [(path, read_file(path), _mode(path)) for path in paths]
    backups = {path: set(find_backups(path)) for path in paths}
    folders = [folder for path in paths for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    try:
        yield
    except BaseException:
        for path, content, mode in before:
            with suppress(OSError, ConfigError):  # the first failure is the one to report
                _restore(path, content, mode)
                for backup in set(find_backups(path)) - backups[path]:
                    backup.unlink()
        for folder in sorted(set(folders), key=lambda f: -len(f.parts)):
            with suppress(OSError):
                folder.rmdir()
        raise


def _mode(path: Path) -> int | None:
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else None


def _restore(path: Path, content: bytes | None, mode: int | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
        return
    if read_file(path) != content:
        replace_file(path, content)
    if mode is not None and _mode(path) != mode:
        path.chmod(mode)
