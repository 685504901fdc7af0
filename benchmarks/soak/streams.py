"""Many streams at once over HTTP: no delta lost, doubled or out of order, little later than a bare reader gets them.

The bare reader is httpx2 on the same streams in the same run; upstream, server and readers are three processes.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2

from benchmarks.soak.figures import Figure, cpu_s, first, percentile, rss_mib
from benchmarks.soak.setup import open_faults, to_config
from tests.faults import text_of
from tests.rawclient import post_call, text_of_result
from tests.serving import child_environment, open_http_server, write_config
from tests.waiting import HANG_S

PER_S = 10
START_S = 5.0
BARE_BASE = 100_000
"""Bare streams have numbers of their own, so that no text could be taken for another's."""


async def measure(folder: Path, *, streams: int = 200, seconds: int = 60, longer: float = 1.01) -> list[Figure]:
    """`streams` calls and as many bare readers, `seconds` long each, started over five seconds."""
    name, deltas = f"{streams} streams", seconds * PER_S
    through: list[float] = []
    bare: list[float] = []
    problems: list[str] = []
    async with open_faults() as origin:
        config = to_config(origin, limits=f"max_concurrent_calls = {streams}\nmax_output_bytes = 1000000")
        environment = child_environment(write_config(config, folder), folder)
        async with open_http_server(environment, folder) as server, _open_readers(streams) as (ours, theirs):

            async def call(number: int) -> None:
                await anyio.sleep(START_S * number / streams)
                begun = anyio.current_time()
                text = await _call(ours, server.url, number, deltas)
                through.append(anyio.current_time() - begun)
                problems.extend(_check(text, number, deltas))

            async def read(number: int) -> None:
                await anyio.sleep(START_S * number / streams)
                begun = anyio.current_time()
                text = await _read(theirs, origin, BARE_BASE + number, deltas)
                bare.append(anyio.current_time() - begun)
                problems.extend(f"bare reader: {p}" for p in _check(text, BARE_BASE + number, deltas))

            before, spent, begun = rss_mib(server.process.pid), cpu_s(server.process.pid), time.monotonic()
            with anyio.fail_after(START_S + seconds + 2 * HANG_S):
                async with anyio.create_task_group() as tasks:
                    for number in range(streams):
                        tasks.start_soon(call, number)
                        tasks.start_soon(read, number)
            grown = rss_mib(server.process.pid) - before
            busy = (cpu_s(server.process.pid) - spent) / (time.monotonic() - begun)
    note = (
        f"ours {percentile(through, 0.99):.3f} s, bare {percentile(bare, 0.99):.3f} s, server busy {busy:.0%} of a core"
    )
    return [
        Figure(name=f"{name}: texts that differ, or errors", value=len(problems), bound=0, note=first(problems)),
        Figure(name=f"{name}: memory for each stream", value=grown / streams, bound=1.0, unit="MiB"),
        Figure(
            name=f"{name}: p99 against a bare reader",
            value=percentile(through, 0.99) / percentile(bare, 0.99),
            bound=longer,
            unit="times as long",
            note=note,
            timed=True,
        ),
    ]


@asynccontextmanager
async def _open_readers(streams: int) -> AsyncGenerator[tuple[httpx2.AsyncClient, httpx2.AsyncClient], None]:
    """Two HTTP clients without a limit of connections."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=streams)
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=2 * HANG_S, limits=limits) as ours,
        httpx2.AsyncClient(trust_env=False, timeout=2 * HANG_S, limits=limits) as theirs,
    ):
        yield ours, theirs


async def _call(client: httpx2.AsyncClient, url: str, number: int, deltas: int) -> str:
    arguments = {"model": f"f/stream-{number}-{deltas}-{PER_S}", "prompt": "x", "stream": True}
    result = await post_call(client, url, "chat", arguments, number=number, progress=True)
    return f"isError: {text_of_result(result)}" if result.get("isError") else text_of_result(result)


async def _read(client: httpx2.AsyncClient, origin: str, number: int, deltas: int) -> str:
    body = {"model": f"stream-{number}-{deltas}-{PER_S}", "stream": True}
    words: list[str] = []
    async with client.stream("POST", f"{origin}/v1/chat/completions", json=body) as response:
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                chunk: dict[str, Any] = json.loads(line[6:])
                words.append(chunk["choices"][0]["delta"].get("content") or "")
    return "".join(words)


def _check(text: str, number: int, deltas: int) -> list[str]:
    wanted = text_of(number, deltas).strip()
    if _hash(text.strip()) == _hash(wanted):
        return []
    return [f"stream {number}: {len(text)} characters instead of {len(wanted)}, ending {text[-120:]!r}"]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
