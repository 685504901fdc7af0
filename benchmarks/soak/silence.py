"""An upstream that says nothing, or stops, or only keeps the line warm: the right timeout fires, and never early."""

from __future__ import annotations

from pathlib import Path

import anyio

from benchmarks.soak.figures import Figure, first, open_pulse
from benchmarks.soak.setup import to_config
from tests.faults import answer, word
from tests.raw_upstream import open_upstream
from tests.rawclient import open_pipe, text_of_result
from tests.waiting import HANG_S

FIRST_BYTE_S, IDLE_S, TOTAL_S = 2.0, 3.0, 5.0
LATE_PINGS = 30

# model -> the timeout that must fire, and the text that must be kept
_CASES = {
    "silent": ("first-byte", FIRST_BYTE_S, ""),
    "role": ("first-byte", FIRST_BYTE_S, ""),
    "word": ("idle", IDLE_S, word(0, 0)),
    "comments": ("total", TOTAL_S, word(0, 0)),
}


async def measure(folder: Path, *, count: int = 25) -> list[Figure]:
    """`count` calls of each sort, all at once."""
    provider = f"first_byte_timeout_s = {FIRST_BYTE_S}\nidle_timeout_s = {IDLE_S}\ntotal_timeout_s = {TOTAL_S}"
    limits = f"max_concurrent_calls = {count * len(_CASES)}"
    late: dict[str, list[float]] = {model: [] for model in _CASES}
    problems: list[str] = []
    async with open_upstream(answer) as upstream:
        config = to_config(upstream.origin, provider=provider, limits=limits)
        async with open_pipe(config, folder) as pipe:

            async def one(model: str) -> None:
                _, setting_s, kept = _CASES[model]
                begun = anyio.current_time()
                result = await pipe.call("chat", {"model": f"f/{model}", "prompt": "x", "stream": True})
                late[model].append(anyio.current_time() - begun - setting_s)
                error = result.get("_meta", {}).get("anymodel/error", {})
                if error.get("kind") != "timeout" or (error.get("partial_text") or "") != kept:
                    problems.append(f"{model}: {error or text_of_result(result)}")

            with anyio.fail_after(2 * HANG_S):
                async with open_pulse(lambda: pipe.request("ping")) as pulse, anyio.create_task_group() as tasks:
                    for model in list(_CASES) * count:
                        tasks.start_soon(one, model)
    early = [f"{model}: {-gap:.3f} s" for model, gaps in late.items() for gap in gaps if gap < 0]
    return [
        Figure(name="silence: no timeout or lost text", value=len(problems), bound=0, note=first(problems)),
        Figure(name="silence: timeouts that fired early", value=len(early), bound=0, note=first(early)),
        *(
            pulse.figure(f"silence: {_CASES[model][0]} timeout ({model}) to answer", gaps, 1, most=LATE_PINGS)
            for model, gaps in late.items()
        ),
    ]
