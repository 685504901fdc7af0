"""Answers that are large in memory, through a real server: an error in plain words, a ping answered meanwhile."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterator

import anyio
import anyio.lowlevel
import pytest

from tests.hostile.scene import Scene, error_of
from tests.raw_upstream import Line, PeerGoneError, Reply, Seen, serve
from tests.rawclient import Json
from tests.slow import mostly_slow, slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")

MOST_GROWTH_MIB = 200
SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}


def event(choices: list[Json]) -> bytes:
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": choices}).encode() + b"\n\n"


def many_choices(count: int) -> Iterator[bytes]:
    """Choices that grow side by side, each below the limit."""
    piece = "x" * 100_000
    for _ in range(400 // count + 1):
        for index in range(count):
            yield event([{"index": index, "delta": {"content": piece}}])


def many_messages() -> Iterator[bytes]:
    """Whole messages instead of deltas."""
    for index in range(16):
        yield event([{"index": index, "message": {"role": "assistant", "content": "x" * 3_000_000}}])


def body(filler: bytes, count: int) -> bytes:
    """An answer with something beside it that is small as text and large in memory."""
    answer = b'{"choices":[{"index":0,"message":{"content":"fine"},"finish_reason":"stop"}],"extra":['
    return answer + filler * count + b"0]}"


REPLIES: dict[str, tuple[Callable[[], Reply], str]] = {
    "seventeen-choices": (lambda: Reply(headers=SSE, frames=list(many_choices(17))), "16 choices"),
    "hundreds-of-choices": (
        lambda: Reply(headers=SSE, frames=[event([{"index": i, "delta": {"content": "a"}} for i in range(300)])]),
        "16 choices",
    ),
    "sixteen-long-choices": (lambda: Reply(headers=SSE, frames=list(many_choices(16))), "all choices together"),
    "long-messages": (lambda: Reply(headers=SSE, frames=list(many_messages())), "all choices together"),
    "empty-objects": (lambda: Reply(headers=JSON, frames=[body(b"{},", 10_000_000)]), "JSON values"),
    "empty-lists": (lambda: Reply(headers=JSON, frames=[body(b"[],", 10_000_000)]), "JSON values"),
    "small-objects": (lambda: Reply(headers=JSON, frames=[body(b'{"a":1},', 4_000_000)]), "JSON values"),
    "numbers": (lambda: Reply(headers=JSON, frames=[body(b"1,", 15_000_000)]), "JSON values"),
    "objects-in-an-event": (
        lambda: Reply(headers=SSE, frames=[b"data: " + body(b"{},", 10_000_000) + b"\n\n"]),
        "JSON values",
    ),
    "objects-in-lines": (lambda: Reply(headers=JSON, frames=[body(b"{},\n", 8_000_000)]), "JSON values"),
    "deep": (lambda: Reply(headers=JSON, frames=[body(b'{"a":' * 300 + b"1" + b"}" * 300 + b",", 1)]), "100 levels"),
    "compressed": (
        lambda: Reply(headers=JSON | {"content-encoding": "gzip"}, frames=[gzip.compress(body(b"{},", 100_000_000))]),
        "longer than",
    ),
    "compressed-line-ends": (
        lambda: Reply(headers=SSE | {"content-encoding": "gzip"}, frames=[gzip.compress(b"\n" * 20_000_000)]),
        "",
    ),
    "compressed-twice": (
        lambda: Reply(
            headers=JSON | {"content-encoding": "gzip, gzip"},
            frames=[gzip.compress(gzip.compress(b"x" * 100_000_000))],
        ),
        "compression",
    ),
}


QUICK = ["hundreds-of-choices", "seventeen-choices", "numbers", "objects-in-an-event", "deep", "compressed-twice"]


@pytest.mark.parametrize("name", mostly_slow(REPLIES, quick=QUICK))
async def test_a_large_answer_is_an_error_and_takes_little_memory(name: str, scene: Scene) -> None:
    make, words = REPLIES[name]
    scene.answer = serve([make()])
    async with scene.watch_memory() as memory:
        result, order = await scene.call_then_ping("chat", {"prompt": "x"})
    assert order == ["ping", "call"]
    error = error_of(result)
    assert words in error["message"]
    assert error["kind"] in ("protocol", "too_large") or not words
    assert not error["retryable"] or not words
    assert memory.growth_mib < MOST_GROWTH_MIB


async def test_headers_without_end_are_an_error(scene: Scene) -> None:
    async def answer(seen: Seen, line: Line) -> None:
        await line.send(b"HTTP/1.1 200 OK\r\n")
        try:
            while True:
                await line.send(b"x-more: " + b"a" * 1000 + b"\r\n")
                await anyio.lowlevel.checkpoint()
        except PeerGoneError:
            return

    scene.answer = answer
    async with scene.watch_memory() as memory:
        result, order = await scene.call_then_ping("chat", {"prompt": "x"})
    assert order == ["ping", "call"]
    assert error_of(result)["kind"] in ("connection", "protocol")
    assert memory.growth_mib < MOST_GROWTH_MIB


@slow
async def test_a_long_list_of_models_is_cut(scene: Scene) -> None:
    entries = ",".join(f'{{"id":"model-{i}"}}' for i in range(60_000))
    scene.answer = serve([Reply(headers=JSON, frames=[f'{{"data":[{entries}]}}'.encode()])])
    async with scene.watch_memory() as memory:
        result, order = await scene.call_then_ping("list_models", {"refresh": True, "query": "model-19999"})
    assert order == ["ping", "call"]
    assert "60000 entries" in json.dumps(result)
    assert memory.growth_mib < MOST_GROWTH_MIB
