"""Where a host's file is, and reading and replacing it: links followed, mode kept, never half written."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from anymodel_mcp.cli.install.rows import HostRow
from anymodel_mcp.errors import ConfigError

_MAX_BYTES = 64 * 1024 * 1024


def locate(row: HostRow, env: Mapping[str, str], home: Path, platform: str) -> Path:
    """The file of a host: the folder that is there, in it the name that is there, else the likeliest of both."""
    if row.file_variable and env.get(row.file_variable):
        return Path(env[row.file_variable])
    folder = _folder(row, env, home, platform)
    return next((folder / name for name in row.names if (folder / name).is_file()), folder / row.names[0])


def _folder(row: HostRow, env: Mapping[str, str], home: Path, platform: str) -> Path:
    if row.folder_variable and env.get(row.folder_variable):
        return Path(env[row.folder_variable])
    places = {
        "home": str(home),
        "config": env.get("XDG_CONFIG_HOME") or str(home / ".config"),
        "appdata": env.get("APPDATA") or str(home / "AppData" / "Roaming"),
        "localappdata": env.get("LOCALAPPDATA") or str(home / "AppData" / "Local"),
    }
    templates = row.folders.get(platform) or row.folders.get("") or row.folders["linux"]
    found: list[Path] = []
    for template in templates:
        head, star, tail = template.partition("*")
        base = Path((head + star).format(**places))
        if not star:
            found.append(base)
        elif matches := sorted(base.parent.glob(base.name)):
            return matches[-1] / tail.lstrip("/")
    return next((folder for folder in found if folder.is_dir()), found[0])


def read_file(path: Path) -> bytes | None:
    """The bytes of a file; `None` = there is none.

    Raises:
        ConfigError: it is there and cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path} is not a file", fix="Move it away, then run the command again.")
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path} is larger than 64 MB", fix="Look whether it is the right file.")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise _denied("read", path, exc) from exc


def find_backups(path: Path) -> list[Path]:
    """Backups of a file, newest first."""
    return sorted(path.parent.glob(f"{_escaped(path.name)}.anymodel-backup-*"), reverse=True)


def write_backup(path: Path, content: bytes, stamp: str) -> Path:
    """A copy beside the file, with the file's mode; an older copy of the same bytes is enough.

    Raises:
        ConfigError: it cannot be written.
    """
    taken = find_backups(path)
    for backup in taken:
        if read_file(backup) == content:
            return backup
    backup = path.with_name(f"{path.name}.anymodel-backup-{stamp}")
    count = 2
    while backup in taken:
        backup = path.with_name(f"{path.name}.anymodel-backup-{stamp}-{count}")
        count += 1
    replace_file(backup, content, like=path)
    return backup


def replace_file(path: Path, content: bytes, *, like: Path | None = None) -> None:
    """Puts the bytes in the place of the file at once, or not at all.

    A link is followed; mode and owner stay (or are those of `like`); a new file is the user's alone.

    Raises:
        ConfigError: the folder or the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _copy_rights(like or target, Path(name))
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as exc:
        raise _denied("write", path, exc) from exc


def remove_file(path: Path) -> None:
    """Removes a file that `install` made.

    Raises:
        ConfigError: it cannot be removed.
    """
    try:
        Path(os.path.realpath(path)).unlink()
    except OSError as exc:
        raise _denied("remove", path, exc) from exc


def _copy_rights(source: Path, target: Path) -> None:
    try:
        stat = source.stat()
    except FileNotFoundError:
        return
    target.chmod(stat.st_mode & 0o7777)
    # under sudo the file stays its owner's; Windows has no such owners, and the tests with coverage run elsewhere
    if hasattr(os, "chown"):  # pragma: no branch
        with contextlib.suppress(PermissionError):
            os.chown(target, stat.st_uid, stat.st_gid)


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _denied(verb: str, path: Path, exc: OSError) -> ConfigError:
    reason = exc.strerror or type(exc).__name__
    return ConfigError(f"cannot {verb} {path}: {reason}", fix="Close the program that holds it, or mend its rights.")
