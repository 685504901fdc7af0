"""The reliability figures in their short form: the same code as `scripts/soak`, smaller counts."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from benchmarks.soak import cancels, growth, kills, lines, silence, streams
from benchmarks.soak.figures import Figure, percentile

PARTS: dict[str, Callable[[Path], Awaitable[list[Figure]]]] = {
    "kills": partial(kills.measure, count=60),
    "cancels-stdio": partial(cancels.measure_stdio, count=40),
    "cancels-http": partial(cancels.measure_http, count=40),
    "silence": partial(silence.measure, count=3),
    "malformed": partial(lines.measure_malformed, malformed=800, wrong=160),
    "pipelined": partial(lines.measure_pipelined, count=200),
    # Memory settles after some thousand calls: `scripts/soak` holds 5 MiB over 20,000.
    "growth": partial(growth.measure, count=500, warm_up=300, grown_mib=10.0),
    # Two seconds of forty streams; a shared machine may be busy with other tests, so the bound is wide here.
    "streams": partial(streams.measure, streams=40, seconds=2, later_s=1.0),
}


@pytest.mark.skipif(sys.platform != "linux", reason="memory and descriptors are read from /proc")
@pytest.mark.parametrize("part", PARTS)
async def test_reliability_figures_hold_in_short(part: str, tmp_path: Path) -> None:
    figures = await PARTS[part](tmp_path)
    assert figures
    assert not [str(figure) for figure in figures if not figure.holds]


def test_a_figure_above_its_bound_is_a_miss() -> None:
    kept, broken = Figure(name="a", value=1, bound=1, unit="s"), Figure(name="b", value=2, bound=1, note="why")
    assert (kept.holds, broken.holds) == (True, False)
    assert (str(kept), str(broken)) == ("ok   a: 1 s (bound 1)", "MISS b: 2  (bound 1)  (why)")
    assert (percentile([], 0.99), percentile([3, 1, 2], 0.5)) == (0.0, 2)
