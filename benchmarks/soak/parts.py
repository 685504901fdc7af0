"""The parts of the soak. To add one: a module whose `measure(folder, ...)` gives figures, and its line here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.soak import cancels, growth, hostile, kills, lines, silence, streams
from benchmarks.soak.figures import Figure

Measure = Callable[[Path], Awaitable[list[Figure]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part in two sizes; its argument is an empty folder.

    Attributes:
        full: as `scripts/soak` and `scripts/nightly` run it.
        short: some seconds, as `scripts/soak --short`, CI and the tests run it; `None` where a short run says nothing.
    """

    full: Measure
    short: Measure | None


PARTS: dict[str, Part] = {
    "kills": Part(full=kills.measure, short=partial(kills.measure, count=30)),
    "cancels-stdio": Part(full=cancels.measure_stdio, short=partial(cancels.measure_stdio, count=30)),
    "cancels-http": Part(full=cancels.measure_http, short=partial(cancels.measure_http, count=30)),
    "silence": Part(full=silence.measure, short=partial(silence.measure, count=2)),
    "malformed": Part(full=lines.measure_malformed, short=partial(lines.measure_malformed, malformed=240, wrong=64)),
    "pipelined": Part(full=lines.measure_pipelined, short=partial(lines.measure_pipelined, count=64)),
    "hostile": Part(full=hostile.measure, short=partial(hostile.measure, objects=2_000_000, choices=350, slow=False)),
    # Memory settles after some thousand calls: a short run says nothing about it.
    "growth": Part(full=growth.measure, short=None),
    "streams-200": Part(full=streams.measure, short=partial(streams.measure, streams=20, seconds=2, longer=3)),
    "streams-500": Part(full=partial(streams.measure, streams=500, seconds=20, longer=1.25), short=None),
}
