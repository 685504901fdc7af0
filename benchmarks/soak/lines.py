"""Lines that are no JSON-RPC, and many that are: the server stays, and each call is answered once."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import anyio

from benchmarks.soak.figures import Figure, first, percentile, rss_mib, times
from benchmarks.soak.setup import to_config
from tests.faults import answer
from tests.raw_upstream import open_upstream
from tests.rawclient import StdioPipe, open_pipe, text_of_result
from tests.waiting import HANG_S

SLOWER = 20.0
"""A call after the flood, against the same call before it."""

CALLS = 9
BATCH = 100
_WRONG: tuple[object, ...] = (
    {"jsonrpc": "1.0", "id": "w", "method": "ping"},
    {"jsonrpc": "2.0", "id": "w"},
    {"jsonrpc": "2.0", "id": "w", "method": 5},
    {"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"},
    {"jsonrpc": "2.0", "id": "w", "method": "no/such"},
    {"jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": [1]},
    {"jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": {"name": 7}},
    {"jsonrpc": "2.0", "id": "w", "result": {}},
    {"jsonrpc": "2.0", "id": "w", "error": "x"},
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": []}},
    {"jsonrpc": "2.0", "method": "notifications/no_such"},
    [],
    [{"jsonrpc": "2.0", "id": "w", "method": "ping"}],
    "text",
    17,
    None,
)


def malformed_lines(count: int, seed: int = 3) -> Iterator[bytes]:
    """Lines that are no JSON: noise, cut messages, broken UTF-8, NULs, empty and long ones."""
    dice = random.Random(seed)
    good = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"x": "é" * 9}}).encode()
    makers = (
        lambda: dice.randbytes(dice.randint(1, 200)).replace(b"\n", b" ").replace(b"\r", b" "),
        lambda: good[: dice.randint(1, len(good) - 1)],
        lambda: good[:-1] + b"\xff\xfe}",
        lambda: b"\x00" * dice.randint(1, 50),
        lambda: b"{" * dice.randint(1, 5000),
        lambda: b'{"jsonrpc":"2.0","id":1,"method":"ping"',
        lambda: b"[" * 300,
        lambda: b'{"a":' + b"1" * 5000 + b"x}",
    )
    for number in range(count):
        yield makers[number % len(makers)]() + b"\n"


def wrong_lines(count: int) -> Iterator[bytes]:
    """Lines that are JSON but no message, or a message that nobody can do anything with."""
    for number in range(count):
        yield json.dumps(_WRONG[number % len(_WRONG)]).encode() + b"\n"


async def measure_malformed(folder: Path, *, malformed: int = 10_000, wrong: int = 1_000) -> list[Figure]:
    """A flood of them, then one call."""
    async with open_upstream(answer) as upstream, open_pipe(to_config(upstream.origin), folder) as pipe:
        await _ask(pipe)
        before_mib = rss_mib(pipe.pid)
        call_s = percentile(await times(CALLS, lambda: _ask(pipe)), 0.5)
        list_s = percentile(await times(CALLS, lambda: pipe.request("tools/list")), 0.5)
        between: list[float] = []
        lines = [*malformed_lines(malformed), *wrong_lines(wrong)]
        with anyio.fail_after(2 * HANG_S):
            for start in range(0, len(lines), BATCH):
                await pipe.send(b"".join(lines[start : start + BATCH]))
                await pipe.request("tools/list")  # waits until the batch is through
                between += await times(1, lambda: pipe.request("tools/list"))
            after = await times(CALLS, lambda: _ask(pipe))
        alive = pipe.process.returncode is None
        name = f"{malformed} malformed and {wrong} wrong lines"
        return [
            Figure(name=f"{name}: server gone", value=0 if alive else 1, bound=0),
            Figure(
                name=f"{name}: lines left without an error",
                value=max(0, malformed - pipe.nameless),
                bound=malformed / 100,
            ),
            Figure(name=f"{name}: memory grown", value=rss_mib(pipe.pid) - before_mib, bound=20, unit="MiB"),
            _slower(f"{name}: a call after them", percentile(after, 0.5), call_s),
            _slower(f"{name}: a list between batches, p99", percentile(between, 0.99), list_s),
        ]


async def _ask(pipe: StdioPipe) -> None:
    result = await pipe.call("chat", {"model": "f/ok", "prompt": "x"})
    if text_of_result(result).strip() != "0.0":
        raise RuntimeError(f"not the answer: {text_of_result(result)!r}")


def _slower(name: str, seconds: float, before_s: float) -> Figure:
    note = f"{seconds:.3f} s, before {before_s:.3f} s"
    return Figure(name=name, value=seconds / before_s, bound=SLOWER, unit="times slower", note=note, timed=True)


async def measure_pipelined(folder: Path, *, count: int = 1_000, at_once: int = 64) -> list[Figure]:
    """`count` calls on one pipe, `at_once` of them under way."""
    problems: list[str] = []
    took: list[float] = []
    async with open_upstream(answer) as upstream, open_pipe(to_config(upstream.origin), folder) as pipe:
        await _ask(pipe)
        alone_s = percentile(await times(CALLS, lambda: _ask(pipe)), 0.5)
        limit = anyio.CapacityLimiter(at_once)

        async def one(number: int) -> None:
            async with limit:
                begun = anyio.current_time()
                stream = number % 2 == 0
                result = await pipe.call("chat", {"model": "f/ok", "prompt": "x", "stream": stream}, number=number)
                took.append(anyio.current_time() - begun)
            text = text_of_result(result).strip()
            if text != ("0.0" if stream else "pong"):
                problems.append(f"call {number}: {text!r}")

        with anyio.fail_after(2 * HANG_S):
            async with anyio.create_task_group() as tasks:
                for number in range(10_000, 10_000 + count):
                    tasks.start_soon(one, number)
        often = [n for n in range(10_000, 10_000 + count) if pipe.answers[n] != 1]
    name = f"{count} pipelined calls, {at_once} at once"
    turn_s = at_once * alone_s
    return [
        Figure(name=f"{name}: not answered exactly once", value=len(often), bound=0),
        Figure(name=f"{name}: wrong answers", value=len(problems), bound=0, note=first(problems)),
        Figure(
            name=f"{name}: p99 against as many calls one after another",
            value=percentile(took, 0.99) / turn_s,
            bound=3,
            unit="times",
            note=f"{percentile(took, 0.99):.3f} s, one alone {alone_s:.4f} s",
            timed=True,
        ),
    ]
