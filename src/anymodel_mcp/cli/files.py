"""Reads and replaces configuration files: never half written, and private if they hold keys."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from anymodel_mcp.errors import ConfigError

_MAX_BYTES = 64 * 1024 * 1024
_OTHERS = 0o077


def read_file(path: Path) -> bytes | None:
    """Returns the bytes of a file; `None` = there is none.

    Raises:
        ConfigError: it exists and cannot be read.
    """
    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path} is not a file", fix="Move it away, then run the command again.")
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path} is larger than 64 MB", fix="Check that it is the right file.")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise _denied("read", path, exc) from exc


def find_backups(path: Path) -> list[Path]:
    """Backups of a file, newest first."""
    return sorted(path.parent.glob(f"{_escaped(path.name)}.anymodel-backup-*"), reverse=True)


def write_backup(path: Path, content: bytes, stamp: str) -> Path:
    """Writes a backup beside the file, readable by the user only; reuses an older backup of the same bytes.

    Raises:
        ConfigError: it cannot be written.
    """
    taken = find_backups(path)
    same = next((backup for backup in taken if not backup.is_symlink() and read_file(backup) == content), None)
    if same is not None:
        return same
    backup, count = path.with_name(f"{path.name}.anymodel-backup-{stamp}"), 2
    while backup in taken:
        backup, count = path.with_name(f"{path.name}.anymodel-backup-{stamp}-{count}"), count + 1
    _replace(backup, content, 0o600, None)
    return backup


def make_private(path: Path) -> None:
    """Removes other users' access to a file of the user, if possible."""
    with contextlib.suppress(OSError):
        if os.name != "nt" and not path.is_symlink() and path.stat().st_mode & _OTHERS:
            path.chmod(0o600)


def replace_file(path: Path, content: bytes, *, private: bool = False) -> None:
    """Replaces the whole file atomically.

    A symlink is followed. Mode and owner are kept; a new file, and one with `private`, is readable by the user only.

    Raises:
        ConfigError: the file cannot be written, or not be kept private.
    """
    target = Path(os.path.realpath(path))
    try:
        present = target.stat() if target.exists() else None
    except OSError as exc:
        raise _denied("write", path, exc) from exc
    if private:
        check_private(path)
    mode = 0o600 if private or present is None else stat.S_IMODE(present.st_mode)
    _replace(target, content, mode, present)


def remove_file(path: Path) -> None:
    """Removes a file.

    Raises:
        ConfigError: it cannot be removed.
    """
    try:
        Path(os.path.realpath(path)).unlink()
    except OSError as exc:
        raise _denied("remove", path, exc) from exc


def check_private(path: Path) -> None:
    """Checks that a key in this file stays private: nobody else owns it or can replace it.

    Raises:
        ConfigError: somebody else could.
    """
    if os.name == "nt":  # pragma: no cover  the access list of the profile folder protects it
        return
    user, target = os.geteuid(), Path(os.path.realpath(path))
    for place in {path, target}:
        if os.path.lexists(place) and place.lstat().st_uid != user:
            raise _exposed(path, f"{place} belongs to another user", f"Run the command as the owner of {place}")
    for folder in {f for place in (path, target) for f in place.absolute().parents if f.is_dir()}:
        info, is_nearest = folder.stat(), folder in (path.absolute().parent, target.parent)
        if info.st_mode & stat.S_IWOTH and (is_nearest or not info.st_mode & stat.S_ISVTX):
            raise _exposed(path, f"every user can write in {folder}", f"Run chmod o-w {folder}")
        if is_nearest and info.st_uid not in (0, user):
            raise _exposed(path, f"{folder} belongs to another user", f"Run the command as the owner of {folder}")


def _replace(target: Path, content: bytes, mode: int, owner: os.stat_result | None) -> None:
    """Renames a finished temporary file over the target; it has mode 0600 until it is complete."""
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _take_over(Path(name), mode, owner)
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as exc:
        raise _denied("write", target, exc) from exc


def _take_over(temporary: Path, mode: int, owner: os.stat_result | None) -> None:
    if os.name == "nt":  # pragma: no cover  neither owner nor mode bits
        return
    if owner is not None and (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
        try:
            os.chown(temporary, owner.st_uid, owner.st_gid)  # under sudo the file keeps its owner
        except PermissionError:
            if owner.st_uid != os.geteuid():
                raise
    temporary.chmod(mode)
    if mode == 0o600 and temporary.stat().st_mode & _OTHERS:  # a file system without modes
        raise ConfigError(
            f"{temporary.parent} does not keep files private", fix="Use a folder on a file system with access modes."
        )


def _exposed(path: Path, why: str, fix: str) -> ConfigError:
    return ConfigError(f"no key is written to {path}: {why}", fix=f"{fix}, or use api_key_command instead.")


def _escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _denied(verb: str, path: Path, exc: OSError) -> ConfigError:
    reason = exc.strerror or type(exc).__name__
    return ConfigError(
        f"cannot {verb} {path}: {reason}", fix="Close the program that uses it, or change its access rights."
    )
