"""Any bytes give a result or a named error, the same for every cut; `fuzz/streams.py` does the same for longer."""

from __future__ import annotations

import random
import signal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anymodel_mcp.wire.exchange import ResponseHead
from fuzz.inputs import TARGETS, swollen
from fuzz.inputs import check as check_input
from fuzz.streams import check, cut, makers, mangled, outcome

_SETTINGS = settings(
    max_examples=500, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], database=None
)


@_SETTINGS
@given(st.integers(min_value=0, max_value=2**63))
def test_mangled_bodies_do_no_harm(seed: int) -> None:
    rng = random.Random(seed)
    problems = [
        p for p in check(rng, mangled(rng)) if "took" not in p
    ]  # time is measured by the script, on a quiet machine
    assert problems == []


@settings(_SETTINGS, max_examples=200)
@given(st.binary(max_size=300), st.integers(min_value=0, max_value=2**32))
def test_any_bytes_do_no_harm(data: bytes, seed: int) -> None:
    rng = random.Random(seed)
    for make in makers(ResponseHead(status=200, headers={}), 100).values():
        assert repr(outcome(make(), cut(rng, data), None)) == repr(outcome(make(), [data], None))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="processor time is limited by a timer of the system")
@pytest.mark.parametrize("target", TARGETS)
def test_swollen_inputs_end_soon(target: str) -> None:
    """The limit is of processor time, and thousands of times what a linear reader takes."""
    problems = [check_input(target, swollen(random.Random(f"{target}-{n}"), most=20_000), 20) for n in range(25)]
    assert [problem for problem in problems if problem] == []
