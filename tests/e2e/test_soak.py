"""The parts of `scripts/soak` in their short form: what must come out, whatever the speed of the machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.soak.figures import Figure, Pulse, percentile
from benchmarks.soak.parts import PARTS, Measure
from tests.slow import slow

SHORT = {name: part.short for name, part in PARTS.items() if part.short is not None}


@slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory and descriptors are read from /proc")
@pytest.mark.parametrize("measure", SHORT.values(), ids=SHORT)
async def test_reliability_holds_in_short(measure: Measure, tmp_path: Path) -> None:
    outcomes = [figure for figure in await measure(tmp_path) if not figure.timed]
    assert outcomes
    assert not [str(figure) for figure in outcomes if not figure.holds]


def test_a_figure_above_its_bound_is_a_miss() -> None:
    kept, broken = Figure(name="a", value=1, bound=1, unit="s"), Figure(name="b", value=2, bound=1, note="why")
    assert (kept.holds, broken.holds) == (True, False)
    assert (str(kept), str(broken)) == ("ok   a: 1 s (bound 1)", "MISS b: 2  (bound 1)  (why)")
    assert (percentile([], 0.99), percentile([3, 1, 2], 0.5)) == (0.0, 2)


def test_a_wait_is_given_in_round_trips_of_the_same_run() -> None:
    pulse, waits = Pulse([0.5, 0.25, 9.0]), [1.0, 2.0, 90.0]
    half, most = (pulse.figure("wait", waits, share, most=5) for share in (0.5, 1))
    assert (half.name, half.value, half.holds, half.timed) == ("wait, median", 4.0, True, True)
    assert (most.name, most.value, most.holds, most.timed) == ("wait, slowest", 10.0, False, True)
