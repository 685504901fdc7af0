"""Many calls one after another: memory and descriptors stay where they were after warm-up."""

from __future__ import annotations

from pathlib import Path

import anyio

from benchmarks.soak.figures import Figure, descriptors, first, rss_mib
from benchmarks.soak.setup import open_faults, to_config
from tests.rawclient import StdioPipe, open_pipe, text_of_result
from tests.waiting import HANG_S

AT_ONCE = 16
MODELS = ("ok", "ok", "ok", "status-500", "split-2", "html", "kill-400-3")
"""Mostly good calls; failing ones must not leave anything behind either."""


async def measure(folder: Path, *, count: int = 20_000, warm_up: int = 2_000, grown_mib: float = 5.0) -> list[Figure]:
    """`count` calls after `warm_up` others."""
    problems: list[str] = []
    async with open_faults() as origin, open_pipe(to_config(origin), folder) as pipe:
        with anyio.fail_after(HANG_S + (warm_up + count) / 10):
            await _calls(pipe, warm_up, problems)
            before, open_before = rss_mib(pipe.pid), descriptors(pipe.pid)
            await _calls(pipe, count, problems)
        grown, opened = rss_mib(pipe.pid) - before, descriptors(pipe.pid) - open_before
    name = f"{count} calls"
    return [
        Figure(name=f"{name}: wrong answers", value=len(problems), bound=0, note=first(problems)),
        Figure(name=f"{name}: memory grown", value=grown, bound=grown_mib, unit="MiB", note=f"from {before:.1f} MiB"),
        Figure(name=f"{name}: descriptors grown", value=opened, bound=AT_ONCE / 4),
    ]


async def _calls(pipe: StdioPipe, count: int, problems: list[str]) -> None:
    turns = iter(range(count))

    async def worker() -> None:
        for number in turns:
            model = MODELS[number % len(MODELS)]
            result = await pipe.call("chat", {"model": f"f/{model}", "prompt": "x", "stream": number % 2 == 0})
            if bool(result.get("isError")) == (model in ("ok", "split-2")):
                problems.append(f"{model}: {text_of_result(result)[:200]}")

    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE):
            tasks.start_soon(worker)
