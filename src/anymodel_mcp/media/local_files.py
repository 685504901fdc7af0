"""Reads local files below the folders that the user allows, and nowhere else.

Rules, after the path-traversal advisories of MCP file servers:

1. The text becomes one absolute path: no NUL, no control character, no UNC or device form, no other user's home.
2. Symlinks are resolved; what comes out must lie below an allowed folder, compared by identity of the folders (device
   and inode), so that neither case nor another spelling of the same folder matters.
3. Names that usually hold keys are refused even there.
4. The file is opened step by step from the allowed folder without following any link, so that a link put in place after
   the check is refused too; then its descriptor, not its name, says that it is a regular file and how large.

A path outside is refused in the same words whether it exists or not.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePath
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

import anyio.to_thread

from anymodel_mcp.errors import ArgumentError, excerpt
from anymodel_mcp.media.near_names import nearest_name, same_looking
from anymodel_mcp.media.sizes import in_mb
from anymodel_mcp.media.sniff import sniff
from anymodel_mcp.types import FilePart
from anymodel_mcp.wire.audio.formats import is_sound_name, shrink_line

MAX_FILE_BYTES = 20_000_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")  # two letters at least: C: is a drive
_UNC = re.compile(r"[\\/]{2}")
_WINDOWS_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:[. ].*)?", re.IGNORECASE)
KERNEL_DIRS = ("/proc", "/sys", "/dev")
_SECRET_NAME = re.compile(
    r"\..*"  # dotfiles: .env, .ssh, .git, .netrc, .aws
    r"|(?:.*[._-])?env|.*\.env(?:\..*)?"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?(?:\..*)?"
    r"|.*\.(?:pem|key|p12|pfx|p8|pkcs12|jks|keystore|kdbx|kdb|ppk|asc|gpg|ovpn|tfstate|tfvars|keychain(?:-db)?)"
    r"|(?:.*[._-])?(?:credentials?|secrets?)(?:\.(?:json|ya?ml|toml|ini|txt|xml|properties|csv|db))?"
    r"|(?:known_hosts|authorized_keys|htpasswd|shadow|gshadow|master\.passwd|netrc|_netrc|pgpass\.conf|wallet\.dat)"
    r"|(?:service[_-]?account|client_secret).*\.json|anymodel\.db.*"
    r"|login data|cookies(?:\.sqlite)?|key[34]\.db|logins\.json",
    re.IGNORECASE,
)
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----|-----BEGIN PGP PRIVATE KEY BLOCK-----|PuTTY-User-Key-File-"
    rb"|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----|AGE-SECRET-KEY-1[A-Z0-9]{40}"
)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY = getattr(os, "O_DIRECTORY", 0)
_FILE_FLAGS = (
    os.O_RDONLY
    | _NOFOLLOW
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO would wait for its writer
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
STEPWISE = os.open in os.supports_dir_fd and bool(_NOFOLLOW)


async def read_local(
    path: str,
    allowed_dirs: Sequence[str],
    *,
    max_bytes: int = MAX_FILE_BYTES,
    stepwise: bool = STEPWISE,
    kernel_dirs: Sequence[str] = KERNEL_DIRS,
) -> FilePart:
    """A local file: its own name, the type that its bytes show, its content.

    Args:
        path: absolute, `~/...`, a `file://` URL, or relative to one of `allowed_dirs`.
        allowed_dirs: the folders below which files may be read.
        max_bytes: a larger file is refused.
        stepwise: open one folder after the other; the default is false on systems without `openat`.
        kernel_dirs: folders below which nothing is read.

    Raises:
        ArgumentError: the policy above refuses it, or it cannot be read.
    """
    return await anyio.to_thread.run_sync(
        _read, path, tuple(allowed_dirs), _Rules(max_bytes, stepwise, tuple(kernel_dirs))
    )


class _Rules(NamedTuple):
    max_bytes: int
    stepwise: bool
    kernel_dirs: tuple[str, ...]


def _read(path: str, allowed_dirs: Sequence[str], rules: _Rules) -> FilePart:
    if not allowed_dirs:
        raise ArgumentError(
            f"local files are not allowed: {_shown(path)}",
            fix="Set files.allowed_dirs (or ANYMODEL_FILES_ALLOWED_DIRS) to the folders that may be read.",
        )
    wanted = _as_path(path)
    # relative and empty entries would mean the working directory, which somebody else may choose
    named = [os.path.expanduser(d.strip()) for d in allowed_dirs]  # never raises
    roots = [Path(os.path.realpath(d)) for d in named if os.path.isabs(d)]
    for candidate in [wanted] if wanted.is_absolute() else [root / wanted for root in roots]:
        found = _below(candidate, roots) or _below_alike(candidate, roots)
        if found:
            return _open(path, *found, rules)
    raise _outside(path, allowed_dirs, _nearest(wanted, roots))


def _as_path(text: str) -> Path:
    plain = text.strip()
    if plain.lower().startswith("file:"):
        plain = _from_url(plain, text)
    elif _SCHEME.match(plain):
        raise ArgumentError(f"{_shown(text)} is not a path", fix="Give an https URL, a data URL or a local path.")
    if not plain or _CONTROL.search(plain) or len(plain) > 4096:
        raise ArgumentError(f"{_shown(text)} is not a path", fix="Give the path of a file.")
    try:
        plain.encode()
    except UnicodeEncodeError:
        raise ArgumentError(
            f"{_shown(text)} is not a path: it is not Unicode", fix="Give the path of a file."
        ) from None
    if _UNC.match(plain):
        raise ArgumentError(
            f"network and device paths are refused: {_shown(text)}", fix="Copy the file to a local folder."
        )
    if plain.startswith("~"):
        if not re.match(r"~(?:[/\\]|$)", plain):
            raise ArgumentError(f"another user's home is refused: {_shown(text)}", fix="Give the whole path.")
        plain = os.path.expanduser(plain)
    return Path(plain)


def _from_url(url: str, text: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:  # half a bracket
        parts = urlsplit("file://-/")
    if parts.netloc.lower() not in {"", "localhost"} or parts.query or parts.fragment or "%00" in url:
        raise ArgumentError(f"{_shown(text)} is not the URL of a local file", fix="Give file:///absolute/path.")
    return url2pathname(parts.path)


def _below(path: Path, roots: Sequence[Path]) -> tuple[Path, tuple[str, ...]] | None:
    """The allowed folder and the path below it; `None` = outside, or missing."""
    try:
        real = Path(os.path.realpath(path, strict=True))
        for root in roots:
            for parent in real.parents:
                if parent.samefile(root):
                    return root, real.relative_to(parent).parts
    except (OSError, ValueError):  # not there, a loop of links, a folder that may not be entered
        return None
    return None


def _below_alike(path: Path, roots: Sequence[Path]) -> tuple[Path, tuple[str, ...]] | None:
    """Like `_below`, for a path that only looks like that of a file; every check is made on the file's real path."""
    if os.path.lexists(path):
        return None
    alike = same_looking(path, lambda folder: _is_allowed(folder, roots))
    return _below(alike, roots) if alike else None


def _is_allowed(folder: Path, roots: Sequence[Path]) -> bool:
    """Whether a folder is an allowed one, or below one."""
    return _below(folder / ".", roots) is not None or any(_same(folder, root) for root in roots)


def _same(folder: Path, root: Path) -> bool:
    try:
        return folder.samefile(root)
    except OSError:
        return False


def _nearest(wanted: Path, roots: Sequence[Path]) -> str:
    """The readable file whose name is closest to the requested one; "" = none is close."""
    paths = [wanted] if wanted.is_absolute() else [root / wanted for root in roots]
    names = (nearest_name(p, lambda f: _is_allowed(f, roots), lambda n: not _SECRET_NAME.fullmatch(n)) for p in paths)
    return next(filter(None, names), "")


def _open(text: str, root: Path, names: tuple[str, ...], rules: _Rules) -> FilePart:
    real = root.joinpath(*names)
    is_kernel = str(real).startswith(tuple(f"{folder}/" for folder in rules.kernel_dirs))
    if is_kernel or any(_SECRET_NAME.fullmatch(name) for name in names):
        raise _secret(text)
    if os.name == "nt" and any(":" in name or _WINDOWS_DEVICE.fullmatch(name) for name in names):  # pragma: no cover
        # Windows only: alternate streams and devices
        raise ArgumentError(f"device names and streams are refused: {_shown(text)}", fix="Give the path of a file.")
    try:
        with ExitStack() as stack:
            handle = _step_down(root, names, stack) if rules.stepwise else _open_checked(real, stack)
            content = _content(text, handle, rules.max_bytes)
    except OSError as exc:
        raise ArgumentError(
            f"{_shown(text)} cannot be read: {exc.strerror or exc}", fix="Give the path of a file that can be read."
        ) from exc
    if _holds_private_key(content):
        raise _secret(text)
    return FilePart(name=names[-1], mime=sniff(content), content=content)


def _holds_private_key(content: bytes) -> bool:
    """Whether a file contains a private key block, in ASCII, UTF-16 or UTF-32."""
    if _PRIVATE_KEY.search(content):
        return True
    return b"\0" in content and _PRIVATE_KEY.search(content.replace(b"\0", b"")) is not None


def _step_down(root: Path, names: tuple[str, ...], stack: ExitStack) -> int:
    folder = _keep(os.open(root, os.O_RDONLY | _DIRECTORY | _NOFOLLOW), stack)
    for name in names[:-1]:
        folder = _keep(os.open(name, os.O_RDONLY | _DIRECTORY | _NOFOLLOW, dir_fd=folder), stack)
    return _keep(os.open(names[-1], _FILE_FLAGS, dir_fd=folder), stack)


def _open_checked(real: Path, stack: ExitStack) -> int:
    """For systems without `openat` (Windows): checks that the opened file is the one that the name resolved to."""
    handle = _keep(os.open(real, _FILE_FLAGS), stack)
    if os.path.realpath(real, strict=True) != str(real) or not os.path.samestat(os.fstat(handle), os.lstat(real)):
        raise OSError("it changed while it was opened")
    return handle


def _keep(handle: int, stack: ExitStack) -> int:
    stack.callback(os.close, handle)
    return handle


def _content(text: str, handle: int, max_bytes: int) -> bytes:
    info = os.fstat(handle)
    if not stat.S_ISREG(info.st_mode):
        raise ArgumentError(
            f"{_shown(text)} is not a regular file", fix="Give the path of a file, not of a folder or device."
        )
    chunks: list[bytes] = []
    left = max_bytes + 1
    while info.st_size <= max_bytes and left > 0 and (chunk := os.read(handle, min(left, 2**20))):
        chunks.append(chunk)  # the size of the start does not bound a file that grows
        left -= len(chunk)
    if info.st_size > max_bytes or left <= 0:
        raise ArgumentError(
            f"{_shown(text)} has {in_mb(max(info.st_size, max_bytes + 1))}; at most {in_mb(max_bytes)} are read",
            fix=_smaller(text),
        )
    return b"".join(chunks)


def _smaller(name: str) -> str:
    base = PurePath(name).name
    if is_sound_name(base):
        return f"Make it smaller: {shrink_line(base)} puts an hour of speech into 14 MB."
    return "Give a smaller file, or a part of it."


def _outside(text: str, allowed_dirs: Sequence[str], near: str) -> ArgumentError:
    hint = f"Did you mean {excerpt(near)!r}? " if near else ""
    return ArgumentError(
        f"no file below an allowed folder: {_shown(text)}",
        fix=f"{hint}Files are read below {', '.join(allowed_dirs)}; files.allowed_dirs (ANYMODEL_FILES_ALLOWED_DIRS) "
        "allows others.",
    )


def _secret(text: str) -> ArgumentError:
    return ArgumentError(
        f"{_shown(text)} is refused: files of this kind usually hold keys or settings",
        fix="If it holds none, copy it under another name.",
    )


def _shown(text: str) -> str:
    return repr(excerpt(text))
