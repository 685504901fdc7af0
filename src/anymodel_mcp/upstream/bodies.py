"""Reads response bodies in pieces of bounded size, large ones in a worker thread.

Decompression is done here, a bounded piece at a time: 64 kB of gzip can stand for 66 MB, and a coding applied twice for
gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx2
from anyio.lowlevel import RunVar

from anymodel_mcp.errors import ProviderError
from anymodel_mcp.types import Delta
from anymodel_mcp.upstream.call_state import CallState, ResponseDeadline
from anymodel_mcp.wire.exchange import Reader

T = TypeVar("T")

ACCEPT_ENCODING = "gzip, deflate"
_PIECE_BYTES = 65_536
_UNINTERRUPTED = 8
_DRAIN_S = 0.02
MAX_BODY_BYTES = 1_000_000_000
"""The most bytes of one response, including comments and repetitions of a stream."""
_LARGE_BYTES = 262_144
"""Larger parts are parsed in a worker thread."""
_AT_ONCE = 2
"""How many large bodies are read at the same time, because each takes memory."""
_readers: RunVar[anyio.CapacityLimiter] = RunVar("anymodel_large_bodies")


async def body_pieces(response: httpx2.Response) -> AsyncGenerator[bytes, None]:
    """Yields the decompressed body in pieces of at most 64 kB.

    Raises:
        ProviderError: its compression is unknown or broken.
    """
    if response.is_stream_consumed:  # a response made in memory, without a network
        for piece in _slices(response.content):
            yield piece
        return
    coding = (response.headers.get("content-encoding") or "identity").strip().lower()
    undo = _decoder(coding)
    async with aclosing(response.aiter_raw()) as chunks:
        async for chunk in chunks:
            for number, piece in enumerate(undo(chunk), 1):
                yield piece
                if not number % _UNINTERRUPTED:
                    await anyio.lowlevel.checkpoint()  # one chunk of the network may decompress to a thousand pieces


def _slices(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE_BYTES):
        yield data[start : start + _PIECE_BYTES]


async def read_some(response: httpx2.Response, limit: int) -> bytes:
    """Reads the beginning of the body."""
    body = bytearray()
    async with aclosing(body_pieces(response)) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) >= limit:
                break
    return bytes(body[:limit])


class _Inflater:
    """Decompresses gzip or deflate, a bounded piece at a time."""

    def __init__(self) -> None:
        self._stream: Any = None

    def __call__(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._stream is None:
                self._stream = zlib.decompressobj(_window(data))
            try:
                piece = self._stream.decompress(data, _PIECE_BYTES)
            except zlib.error as error:
                raise ProviderError(f"the answer cannot be decompressed: {error}", kind="protocol") from error
            if piece:
                yield piece
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                data, self._stream = self._stream.unused_data, None  # another member may follow


def _window(data: bytes) -> int:
    """Detects the format by the first bytes: gzip, zlib, or deflate without a header, which some servers send."""
    if data[:2] == b"\x1f\x8b":
        return 31
    return 15 if data[0] & 0x0F == 8 and len(data) > 1 and int.from_bytes(data[:2]) % 31 == 0 else -15


def _decoder(coding: str) -> Callable[[bytes], Iterator[bytes]]:
    if coding in ("identity", ""):
        return _slices
    if coding in ("gzip", "x-gzip", "deflate"):
        return _Inflater()
    raise ProviderError(
        f"the answer's compression {coding[:40]!r} was not asked for and cannot be undone",
        kind="protocol",
        fix="Only gzip and deflate were offered: check the proxies between this server and the provider.",
    )


async def pump_body(
    response: httpx2.Response, reader: Reader[Any], clock: ResponseDeadline, state: CallState
) -> str | None:
    """Feeds the reader until the answer is complete or the body ends; returns how it broke, as `converse` does."""
    heard = False
    events = (response.headers.get("content-type") or "").lower().startswith("text/event-stream")
    async with aclosing(body_pieces(response)) as pieces:
        async for piece in pieces:
            state.body_bytes += len(piece)
            if state.body_bytes > MAX_BODY_BYTES:
                raise ProviderError(
                    f"the answer is longer than {MAX_BODY_BYTES // 1_000_000} MB",
                    kind="protocol",
                    partial_text=reader.partial_text or None,
                )
            progressed = state.deliver(await feed(reader, piece))
            heard = heard or progressed or not events
            if heard:
                clock.heard()
            if reader.done:
                with anyio.move_on_after(_DRAIN_S):  # a peer that ends its body now gets its connection reused
                    async for _ in pieces:
                        break
                return None
    return None


async def feed(reader: Reader[Any], piece: bytes) -> Sequence[Delta]:
    """Feeds a reader; in a worker thread if the piece may complete a large value."""
    if reader.held_bytes + len(piece) <= _LARGE_BYTES:
        return reader.feed(piece)
    return await anyio.to_thread.run_sync(reader.feed, piece, limiter=_limiter())


async def finish(reader: Reader[T], fed_bytes: int, *, broken: str | None) -> T:
    """Returns a reader's result; finishes a large body in a worker thread."""
    if fed_bytes <= _LARGE_BYTES:
        return reader.finish(broken=broken)
    return await anyio.to_thread.run_sync(lambda: reader.finish(broken=broken), limiter=_limiter())


def _limiter() -> anyio.CapacityLimiter:
    found = _readers.get(None)
    if found is None:
        found = anyio.CapacityLimiter(_AT_ONCE)
        _readers.set(found)
    return found
