"""Calls cancelled at random moments: the upstream hears of it at once, and nothing is answered."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import httpx2

from benchmarks.soak.figures import Figure, Pulse, descriptors, first, open_pulse
from benchmarks.soak.setup import to_config
from tests.faults import answer
from tests.raw_upstream import Line, Seen, Upstream, open_upstream
from tests.rawclient import open_pipe, post_call, request_line
from tests.serving import child_environment, open_http_server, write_config
from tests.waiting import HANG_S

AT_ONCE = 25
LONGEST_S = 0.6
LATE_PINGS = 30
"""From the cancel to the upstream's closed connection."""

Cancelled = Callable[[int, Callable[[], Awaitable[None]]], Awaitable[float]]
"""Makes call `number`, cancels it after a wait; gives the moment of the cancel."""


class Arrivals:
    """Which calls the upstream has got, by their `user`."""

    def __init__(self) -> None:
        self._events: dict[str, anyio.Event] = {}

    def event(self, user: str) -> anyio.Event:
        """Set when the call is there."""
        return self._events.setdefault(user, anyio.Event())

    async def answer(self, seen: Seen, line: Line) -> None:
        """What the model's name says, once the arrival is noted."""
        self.event(str(seen.json().get("user"))).set()
        await answer(seen, line)


async def measure_stdio(folder: Path, *, count: int = 500) -> list[Figure]:
    """By `notifications/cancelled` on a pipe."""
    arrivals = Arrivals()
    limits = f"max_concurrent_calls = {2 * AT_ONCE}"
    async with (
        open_upstream(arrivals.answer) as upstream,
        open_pipe(to_config(upstream.origin, limits=limits), folder) as pipe,
    ):

        async def cancelled(number: int, wait: Callable[[], Awaitable[None]]) -> float:
            params = {"name": "chat", "arguments": _arguments(number)}
            await pipe.send(request_line(number, "tools/call", params))
            await wait()
            moment = anyio.current_time()
            await pipe.notify("notifications/cancelled", {"requestId": number})
            return moment

        await pipe.call("chat", {"model": "f/ok", "prompt": "x"})
        upstream.seen.clear()
        async with open_pulse(lambda: pipe.request("ping")) as pulse:
            figures = await _measure("stdio", cancelled, arrivals, upstream, pulse, pipe.pid, count)
        # A cancel for a call that is over must be ignored, and the server must still answer.
        await pipe.notify("notifications/cancelled", {"requestId": 10_000})
        with anyio.fail_after(HANG_S):
            await pipe.call("chat", {"model": "f/ok", "prompt": "x"})
        answered = sum(pipe.answers[10_000 + n] for n in range(count))
        return [*figures, Figure(name="cancels, stdio: answers after a cancel", value=answered, bound=0)]


async def measure_http(folder: Path, *, count: int = 500) -> list[Figure]:
    """By closing the response."""
    arrivals = Arrivals()
    async with open_upstream(arrivals.answer) as upstream:
        config = to_config(upstream.origin, limits=f"max_concurrent_calls = {2 * AT_ONCE}")
        environment = child_environment(write_config(config, folder), folder)
        limits = httpx2.Limits(max_connections=None)
        async with (
            open_http_server(environment, folder) as server,
            httpx2.AsyncClient(trust_env=False, timeout=HANG_S, limits=limits) as client,
        ):

            async def cancelled(number: int, wait: Callable[[], Awaitable[None]]) -> float:
                async def ask() -> None:
                    await post_call(client, server.url, "chat", _arguments(number), number=number)
                    raise RuntimeError("the call was answered before its cancel")

                moment = 0.0
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(ask)
                    await wait()
                    moment = anyio.current_time()
                    tasks.cancel_scope.cancel()
                return moment

            await post_call(client, server.url, "chat", {"model": "f/ok", "prompt": "x"}, number=1)
            upstream.seen.clear()
            async with open_pulse(lambda: client.get(f"{server.origin}/healthz")) as pulse:
                figures = await _measure("http", cancelled, arrivals, upstream, pulse, server.process.pid, count)
            with anyio.fail_after(HANG_S):
                await post_call(client, server.url, "chat", {"model": "f/ok", "prompt": "x"}, number=1)
            return figures


def _arguments(number: int) -> dict[str, object]:
    """A stream that outlives every cancel; some are silent, some have not even a head."""
    model = ("f/stream-0-6000-10", "f/silent", "f/role")[number % 3]
    return {"model": model, "prompt": "x", "options": {"user": str(number)}}


async def _measure(
    transport: str,
    cancelled: Cancelled,
    arrivals: Arrivals,
    upstream: Upstream,
    pulse: Pulse,
    pid: int,
    count: int,
) -> list[Figure]:
    dice = random.Random(2)
    cancels: dict[str, float] = {}
    limit = anyio.CapacityLimiter(AT_ONCE)
    before = descriptors(pid)

    async def one(number: int, after_s: float) -> None:
        async def wait() -> None:
            if number % 2:  # the others may be cancelled before their request is sent
                await arrivals.event(str(number)).wait()
            await anyio.sleep(after_s)

        async with limit:
            cancels[str(number)] = await cancelled(number, wait)

    with anyio.fail_after(HANG_S + count):
        async with anyio.create_task_group() as tasks:
            for number in range(count):
                tasks.start_soon(one, 10_000 + number, dice.uniform(0, LONGEST_S))
    with anyio.move_on_after(HANG_S):
        while upstream.open_connections:
            await upstream.idle.wait()
    seen = {str(s.json()["user"]): s for s in upstream.seen}
    late = [(s.gone_at or float("inf")) - cancels[user] for user, s in seen.items()]
    open_still = [f"call {user} is still read" for user, s in seen.items() if s.gone_at is None]
    name = f"cancels, {transport}"
    return [
        Figure(
            name=f"{name}: calls that did not reach the upstream, of {count}", value=count - len(seen), bound=count / 2
        ),
        Figure(name=f"{name}: upstream connections left", value=len(open_still), bound=0, note=first(open_still)),
        Figure(name=f"{name}: descriptors grown", value=descriptors(pid) - before, bound=3),
        *(pulse.figure(f"{name}: cancel to closed", late, share, most=LATE_PINGS) for share in (0.5, 0.99)),
    ]
