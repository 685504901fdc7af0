"""Large files: streamed to disk with their bytes unchanged, resumed after a broken connection.

A download is retried as long as it makes progress, from where it stopped if the server supports that. What
is written is `.NAME.part`, so that half a file is not mistaken for a whole one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import urljoin

import anyio
import anyio.to_thread
import httpx2

from anymodel_mcp.errors import AnyModelError, ArgumentError, ProviderError
from anymodel_mcp.media.fetch import open_public
from anymodel_mcp.media.sizes import in_mb
from anymodel_mcp.wire.audio.formats import ENDINGS
from anymodel_mcp.wire.content.sniff import SNIFFED_BYTES, sniff_media

MAX_MEDIA_BYTES = 2_000_000_000
_BATCH_BYTES = 2**20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_TRIES = 3
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")

Opener = Callable[[str, Mapping[str, str]], AbstractAsyncContextManager[httpx2.Response]]
"""Sends a GET with these headers; follows no redirect."""


class PartFile:
    """A file that is being written.

    Args:
        path: where; made at once, and readable by its owner alone.
        stem: its final name, without an extension.
        reserve: makes room for a number of bytes, or raises.

    Attributes:
        size: bytes written, those of the buffer included.
        head: the first of them.
        validator: what identifies this version of the file at its server; "" = it cannot be continued.
    """

    def __init__(self, path: Path, stem: str, reserve: Callable[[int], None]) -> None:
        self.path = path
        self.stem = stem
        self.size = 0
        self.head = b""
        self.validator = ""
        self._reserve = reserve
        self._reserved = 0
        self._buffer = bytearray()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)

    async def expect(self, total: int) -> None:
        """Checks that a file of this size may be saved.

        Raises:
            ProviderError: it is too large.
            ConfigError: there is no room for it.
        """
        if total > MAX_MEDIA_BYTES:
            raise ProviderError(
                f"the file has {in_mb(total)}; at most {in_mb(MAX_MEDIA_BYTES)} are saved", kind="too_large"
            )
        if total > self._reserved:
            await anyio.to_thread.run_sync(self._reserve, total)
            self._reserved = total

    async def write(self, data: bytes) -> None:
        """Appends.

        Raises:
            ProviderError: the file has become too large.
            ConfigError: there is no room for it, or the disk takes no more.
        """
        self.size += len(data)
        if self.size > self._reserved:
            await self.expect(-(-self.size // _BATCH_BYTES) * _BATCH_BYTES)
        self.head += data[: SNIFFED_BYTES - len(self.head)]
        self._buffer += data
        if len(self._buffer) >= _BATCH_BYTES:
            await anyio.to_thread.run_sync(self._flush)

    async def restart(self) -> None:
        """Discards what was written."""
        self.size, self.head, self.validator = 0, b"", ""
        self._buffer.clear()
        await anyio.to_thread.run_sync(self._truncate)

    def _truncate(self) -> None:
        self._file.seek(0)
        self._file.truncate()

    def _flush(self) -> None:
        rest = memoryview(bytes(self._buffer))
        self._buffer.clear()
        while rest:
            rest = rest[self._file.write(rest) or 0 :]

    def close(self) -> None:
        """Writes the buffer and closes the file."""
        if not self._file.closed:
            self._flush()
            self._file.close()

    def discard(self) -> None:
        """Closes and removes the file."""
        self._buffer.clear()
        self._file.close()
        self.path.unlink(missing_ok=True)


async def download(
    url: str,
    part: PartFile,
    *,
    own: Opener | None = None,
    public: Opener = open_public,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> str:
    """Downloads a URL into `part`; returns its media type.

    Args:
        url: sent as it is.
        part: takes the bytes.
        own: opens a URL at the provider's own address, with the key; `None` = the URL is at another one. After a
            redirect the key is not sent any more.
        public: opens a public https URL.
        sleep: waits between attempts.

    Raises:
        AnyModelError: the URL is refused, the file is too large, or the download failed for good.
    """
    failures = 0
    while True:
        before = part.size
        try:
            return await _receive(url, part, own, public)
        except (httpx2.HTTPError, TimeoutError, ProviderError) as exc:
            error = exc if isinstance(exc, ProviderError) else _broken(exc)
            if not error.failure.retryable:
                raise error from exc
            failures = 0 if part.size > before else failures + 1
            if failures >= _TRIES:
                raise error from exc
            if not part.validator:
                await part.restart()
        except OSError as exc:
            raise AnyModelError(f"the file cannot be written: {exc.strerror or exc}", kind="config") from exc
        await sleep(min(2.0 ** (failures - 1), 8))


def _broken(exc: Exception) -> ProviderError:
    words = str(exc)[:200] or type(exc).__name__
    return ProviderError(f"the download was interrupted: {words}", kind="connection", retryable=True)


async def _receive(url: str, part: PartFile, own: Opener | None, public: Opener) -> str:
    headers = {"accept": "*/*", "accept-encoding": "identity"}
    if part.size and part.validator:
        headers |= {"range": f"bytes={part.size}-", "if-range": part.validator}
    opener = own or public
    for _ in range(_MOST_REDIRECTS + 1):
        async with opener(url, headers) as response:
            if response.status_code not in _REDIRECTS or "location" not in response.headers:
                return await _take(response, part)
            url, opener = urljoin(url, response.headers["location"]), public
    raise ArgumentError(f"more than {_MOST_REDIRECTS} redirects")


async def _take(response: httpx2.Response, part: PartFile) -> str:
    total = await _begin(response, part)
    if total is not None:
        await part.expect(total)
    async for chunk in response.aiter_bytes():
        await part.write(chunk)
    if not part.size:
        raise ProviderError("the download is empty", kind="upstream", retryable=True)
    if total is not None and part.size < total:
        raise ProviderError("the download ended early", kind="connection", retryable=True)
    return _type_of(part.head, response.headers.get("content-type", ""))


async def _begin(response: httpx2.Response, part: PartFile) -> int | None:
    """Decides whether the body continues the file or starts it; returns the total size.

    Raises:
        ProviderError: there is no file in this response.
    """
    encoded = "content-encoding" in response.headers
    if response.status_code == 206 and part.size and not encoded:
        found = _RANGE.fullmatch(response.headers.get("content-range", "").strip())
        if found and int(found[1]) == part.size:
            return None if found[3] == "*" else int(found[3])
    if response.status_code != 200:
        await part.restart()
        status = response.status_code
        again = status in (206, 408, 416, 425, 429) or status >= 500
        raise ProviderError(f"HTTP {status}", kind="upstream", status=status, retryable=again)
    mime = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if mime in ("application/json", "text/html"):
        raise ProviderError(f"the answer is {mime}, not a file", kind="upstream", status=200)
    if part.size:
        await part.restart()
    if encoded:
        return None
    etag = response.headers.get("etag", "")
    ranges = response.headers.get("accept-ranges", "").strip().lower() != "none"
    part.validator = (etag if etag.startswith('"') else response.headers.get("last-modified", "")) if ranges else ""
    length = response.headers.get("content-length", "")
    return int(length[:18]) if length.isdecimal() else None


def _type_of(head: bytes, said: str) -> str:
    """The type by the bytes; else the one in the header, if it is known here."""
    mime = said.partition(";")[0].strip().lower()
    return sniff_media(head) or (mime if mime in ENDINGS else "application/octet-stream")
