"""The upstream's connection is reset at a random byte: nothing that came is lost, and the answer says why."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import anyio

from benchmarks.soak.figures import Figure, descriptors, first, open_pulse
from benchmarks.soak.setup import to_config
from tests.faults import answer, killed_body, text_of, word
from tests.raw_upstream import Line, Seen, open_upstream
from tests.rawclient import StdioPipe, open_pipe, text_of_result

DELTAS = 40
AT_ONCE = 20
LATE_PINGS = 30
"""From the reset to the answer."""

_KINDS = frozenset({"stream_truncated", "connection", "upstream", "protocol"})


async def measure(folder: Path, *, count: int = 500, seed: int = 1) -> list[Figure]:
    """`count` calls, each reset at another byte of head or body."""
    cuts = random.Random(seed).choices(range(len(killed_body(DELTAS))), k=count)
    problems: list[str] = []
    waits: list[float] = []
    resets: dict[str, float] = {}

    async def noting(seen: Seen, line: Line) -> None:
        await answer(seen, line)
        resets[seen.json()["user"]] = anyio.current_time()

    async with open_upstream(noting) as upstream, open_pipe(to_config(upstream.origin), folder) as pipe:
        await _call(pipe, "kill-0-1", "warm-up")
        before = descriptors(pipe.pid)
        limit = anyio.CapacityLimiter(AT_ONCE)

        async def kill(number: int, cut: int) -> None:
            async with limit:
                result = await _call(pipe, f"kill-{cut}-{DELTAS}", str(number))
            waits.append(anyio.current_time() - resets.get(str(number), 0.0))
            problems.extend(f"cut at {cut}: {problem}" for problem in _check(result, cut))

        async with open_pulse(lambda: pipe.request("ping")) as pulse, anyio.create_task_group() as tasks:
            for number, cut in enumerate(cuts):
                tasks.start_soon(kill, number, cut)
        left = upstream.open_connections
        grown = descriptors(pipe.pid) - before
    return [
        Figure(
            name="kills: calls that lost text or named no cause", value=len(problems), bound=0, note=first(problems)
        ),
        Figure(name="kills: upstream connections left", value=left, bound=0),
        Figure(name="kills: descriptors grown", value=grown, bound=0),
        *(pulse.figure("kills: reset to answer", waits, share, most=LATE_PINGS) for share in (0.5, 0.99)),
    ]


async def _call(pipe: StdioPipe, model: str, user: str) -> dict[str, Any]:
    options = {"user": user}
    return await pipe.call("chat", {"model": f"f/{model}", "prompt": "x", "stream": True, "options": options})


def _check(result: dict[str, Any], cut: int) -> list[str]:
    """What came before the cut is in the answer: with a finish reason the answer is whole, else it is an error."""
    body = killed_body(DELTAS)[:cut]
    whole = b'"finish_reason": "stop"}]}\n\n' in body
    kept = sum(f'"{word(0, n)}"'.encode() in body for n in range(DELTAS))
    text, sure = text_of(0, kept), text_of(0, max(0, kept - 1))
    said = text_of_result(result)
    if not result.get("isError"):
        return [] if said == text_of(0, DELTAS) and b'"finish_reason": "stop"' in body else [f"a cut passes: {said!r}"]
    if whole:
        return ["a whole answer became an error"]
    error = result["_meta"]["anymodel/error"]
    problems = [] if error["kind"] in _KINDS else [f"kind is {error['kind']}"]
    # The last delta's event may be cut after its text: then it was never whole.
    if (error.get("partial_text") or "") not in (text, sure):
        problems.append(f"partial text is {error.get('partial_text')!r}, wanted {text!r}")
    if sure.strip() not in said or len(said) < len(sure) + 40:
        problems.append(f"the text names no cause and fix, or lost words: {said[:200]!r}")
    return problems
