"""Large downloads: continued where they broke, bounded, with the key only where it belongs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from anymodel_mcp.config import Files
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.media.downloads import Opener, download

VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 4000
URL = "https://cdn.example/v.mp4"


class _Cut(httpx2.AsyncByteStream):
    """A body whose connection breaks after its bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content
        raise httpx2.ReadError("reset")


def _opener(answer: Callable[[str, Mapping[str, str]], httpx2.Response]) -> Opener:
    @asynccontextmanager
    async def open_url(url: str, headers: Mapping[str, str]) -> AsyncGenerator[httpx2.Response]:
        yield answer(url, headers)

    return open_url


async def _no_sleep(_: float) -> None:
    return


def _artifacts(folder: Path, *, keep_mb: int = 5000) -> Artifacts:
    return Artifacts(Files(output_dir=str(folder), keep_mb=keep_mb), folder)


async def _save(folder: Path, answer: Callable[[str, Mapping[str, str]], httpx2.Response], **more: Opener) -> bytes:
    artifacts = _artifacts(folder)
    part = await artifacts.begin("a fox")
    try:
        mime = await download(URL, part, public=_opener(answer), sleep=_no_sleep, **more)
    except BaseException:
        part.discard()
        assert not list(folder.iterdir())
        raise
    file = await artifacts.complete(part, mime)
    assert (file.mime, file.bytes) == ("video/mp4", file.path.stat().st_size)
    assert [path.name for path in folder.iterdir()] == [file.name]
    return file.path.read_bytes()


@pytest.mark.parametrize("changed", [False, True])
async def test_a_broken_download_is_continued_unless_the_file_changed(changed: bool, tmp_path: Path) -> None:
    asked: list[tuple[str | None, str | None]] = []

    def answer(_: str, headers: Mapping[str, str]) -> httpx2.Response:
        asked.append((headers.get("range"), headers.get("if-range")))
        whole = {"etag": '"1"', "content-length": str(len(VIDEO))}
        if len(asked) == 1:
            return httpx2.Response(200, headers=whole, stream=_Cut(VIDEO[:300_000]))
        if changed:
            return httpx2.Response(200, content=VIDEO)
        ranged = {"content-range": f"bytes 300000-{len(VIDEO) - 1}/{len(VIDEO)}"}
        return httpx2.Response(206, headers=ranged, content=VIDEO[300_000:])

    assert await _save(tmp_path, answer) == VIDEO
    assert asked == [(None, None), ("bytes=300000-", '"1"')]


async def test_without_an_identity_a_broken_download_begins_again(tmp_path: Path) -> None:
    ranges: list[str | None] = []

    def answer(_: str, headers: Mapping[str, str]) -> httpx2.Response:
        ranges.append(headers.get("range"))
        return httpx2.Response(200, stream=_Cut(VIDEO[:9])) if len(ranges) == 1 else httpx2.Response(200, content=VIDEO)

    assert await _save(tmp_path, answer) == VIDEO
    assert ranges == [None, None]


@pytest.mark.parametrize(
    ("response", "kind", "requests"),
    [
        (lambda: httpx2.Response(200, headers={"content-length": str(10 * 10**9)}, content=VIDEO), "too_large", 1),
        (lambda: httpx2.Response(200, json={"error": "no"}), "upstream", 1),
        (lambda: httpx2.Response(403, content=b"expired"), "upstream", 1),
        (lambda: httpx2.Response(503), "upstream", 3),
        (lambda: httpx2.Response(200, stream=_Cut(b"")), "connection", 3),
        (lambda: httpx2.Response(302, headers={"location": URL}), "invalid_argument", 6),
    ],
    ids=["10 GB", "JSON", "403", "503", "always cut", "circle"],
)
async def test_a_download_that_cannot_be_ends_and_leaves_nothing(
    response: Callable[[], httpx2.Response], kind: str, requests: int, tmp_path: Path
) -> None:
    seen: list[str] = []

    def answer(url: str, _: Mapping[str, str]) -> httpx2.Response:
        seen.append(url)
        return response()

    with pytest.raises(AnyModelError) as caught:
        await _save(tmp_path, answer)
    assert caught.value.kind == kind
    assert len(seen) == requests


async def test_a_redirect_leaves_the_key_behind(tmp_path: Path) -> None:
    """Even back to the own address: a foreign host must not choose what is asked with the key."""
    public: list[str] = []

    def keyed(_: str, __: Mapping[str, str]) -> httpx2.Response:
        return httpx2.Response(302, headers={"location": "https://cdn.example/real"})

    def open_to_all(url: str, _: Mapping[str, str]) -> httpx2.Response:
        public.append(url)
        if url.endswith("/real"):
            return httpx2.Response(302, headers={"location": URL})
        return httpx2.Response(200, content=VIDEO)

    assert await _save(tmp_path, open_to_all, own=_opener(keyed)) == VIDEO
    assert public == ["https://cdn.example/real", URL]


async def test_young_files_are_not_removed_for_a_large_one(tmp_path: Path) -> None:
    artifacts = _artifacts(tmp_path, keep_mb=2)
    first = await artifacts.begin("first")
    await first.write(VIDEO)
    kept = await artifacts.complete(first, "video/mp4")
    second = await artifacts.begin("second")
    with pytest.raises(AnyModelError, match="keep_mb"):
        await second.expect(1_500_000)
    second.discard()
    assert kept.path.exists()
    later = Artifacts(
        Files(output_dir=str(tmp_path), keep_mb=2), tmp_path, now=lambda: datetime(2099, 1, 1, tzinfo=UTC)
    )
    third = await later.begin("third")
    await third.expect(1_500_000)
    third.discard()
    assert not kept.path.exists()
