"""Calls cancelled at random moments: the upstream hears of it at once, and nothing is answered."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import httpx2

from benchmarks.soak.figures import Figure, descriptors, first, percentile
from benchmarks.soak.setup import to_config
from tests.faults import answer
from tests.raw_upstream import Upstream, open_upstream
from tests.rawclient import open_pipe, post_call, request_line
from tests.serving import child_environment, open_http_server, write_config

AT_ONCE = 25
LATE_S = 1.0
"""From the cancel to the upstream's closed connection."""

LONGEST_S = 0.6
PATIENCE_S = 3.0

Cancelled = Callable[[int, float], Awaitable[float]]
"""Makes call `number`, cancels it after so many seconds; gives the moment of the cancel."""


async def measure_stdio(folder: Path, *, count: int = 500) -> list[Figure]:
    """By `notifications/cancelled` on a pipe."""
    config_limits = f"max_concurrent_calls = {2 * AT_ONCE}"
    async with (
        open_upstream(answer) as upstream,
        open_pipe(to_config(upstream.origin, limits=config_limits), folder) as pipe,
    ):

        async def cancelled(number: int, after_s: float) -> float:
            params = {"name": "chat", "arguments": _arguments(number)}
            await pipe.send(request_line(number, "tools/call", params))
            await anyio.sleep(after_s)
            moment = anyio.current_time()
            await pipe.notify("notifications/cancelled", {"requestId": number})
            return moment

        await pipe.call("chat", {"model": "f/ok", "prompt": "x"})
        upstream.seen.clear()
        figures = await _measure("stdio", cancelled, upstream, pipe.pid, count)
        # A cancel for a call that is over must be ignored, and the server must still answer.
        await pipe.notify("notifications/cancelled", {"requestId": 10_000})
        with anyio.fail_after(5):
            await pipe.call("chat", {"model": "f/ok", "prompt": "x"})
        answered = sum(pipe.answers[10_000 + n] for n in range(count))
        return [*figures, Figure(name="cancels, stdio: answers after a cancel", value=answered, bound=0)]


async def measure_http(folder: Path, *, count: int = 500) -> list[Figure]:
    """By closing the response."""
    async with open_upstream(answer) as upstream:
        config = to_config(upstream.origin, limits=f"max_concurrent_calls = {2 * AT_ONCE}")
        environment = child_environment(write_config(config, folder), folder)
        limits = httpx2.Limits(max_connections=None)
        async with (
            open_http_server(environment, folder) as server,
            httpx2.AsyncClient(trust_env=False, timeout=30, limits=limits) as client,
        ):

            async def cancelled(number: int, after_s: float) -> float:
                with anyio.move_on_after(after_s):
                    await post_call(client, server.url, "chat", _arguments(number), number=number)
                    raise RuntimeError("the call was answered before its cancel")
                return anyio.current_time()

            await post_call(client, server.url, "chat", {"model": "f/ok", "prompt": "x"}, number=1)
            upstream.seen.clear()
            figures = await _measure("http", cancelled, upstream, server.process.pid, count)
            with anyio.fail_after(5):
                await post_call(client, server.url, "chat", {"model": "f/ok", "prompt": "x"}, number=1)
            return figures


def _arguments(number: int) -> dict[str, object]:
    """A stream that outlives every cancel; some are silent, some have not even a head."""
    model = ("f/stream-0-600-10", "f/silent", "f/role")[number % 3]
    return {"model": model, "prompt": "x", "options": {"user": str(number)}}


async def _measure(transport: str, cancelled: Cancelled, upstream: Upstream, pid: int, count: int) -> list[Figure]:
    dice = random.Random(2)
    cancels: dict[str, float] = {}
    limit = anyio.CapacityLimiter(AT_ONCE)
    before = descriptors(pid)

    async def one(number: int, after_s: float) -> None:
        async with limit:
            cancels[str(number)] = await cancelled(number, after_s)

    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(one, 10_000 + number, dice.uniform(0, LONGEST_S))
    with anyio.move_on_after(PATIENCE_S):
        while upstream.open_connections:
            await upstream.idle.wait()
    seen = {str(s.json()["user"]): s for s in upstream.seen}
    late = [(s.gone_at or float("inf")) - cancels[user] for user, s in seen.items()]
    open_still = [f"call {user} is still read" for user, s in seen.items() if s.gone_at is None]
    name = f"cancels, {transport}"
    return [
        Figure(
            name=f"{name}: calls that reached the upstream, of {count} (missing)",
            value=count - len(seen),
            bound=count / 2,
        ),
        Figure(name=f"{name}: cancel to closed, slowest", value=max(late, default=0.0), bound=LATE_S, unit="s"),
        Figure(name=f"{name}: cancel to closed, p99", value=percentile(late, 0.99), bound=LATE_S, unit="s"),
        Figure(name=f"{name}: upstream connections left", value=len(open_still), bound=0, note=first(open_still)),
        Figure(name=f"{name}: descriptors grown", value=descriptors(pid) - before, bound=3),
    ]
