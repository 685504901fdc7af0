"""Nothing that was paid for is lost, whatever fails or is cancelled at whichever await."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.injected_faults.breaking import protections
from tests.injected_faults.scenarios import SCENARIOS

_ROOT = Path(__file__).parent.parent.parent
_SOURCE = _ROOT / "src" / "anymodel_mcp"
_LONGEST_S = 200
"""Below the limit of one test, so that the child ends with it."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a full disk is made by a POSIX limit")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.injected_faults", *arguments]
    # without coverage: it would triple the time, and the other tests cover the same lines
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    return subprocess.run(
        command, cwd=_ROOT, env=env, capture_output=True, encoding="utf-8", timeout=_LONGEST_S, check=False
    )


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_fault_at_any_await_loses_what_was_paid_for(scenario: str) -> None:
    """Prints every await that was found, and the faults that hit it: `pytest -s` shows them."""
    done = _run(scenario)
    print(done.stdout)  # noqa: T201 the report
    assert (done.returncode, [line for line in done.stdout.splitlines() if line.startswith("PROBLEM")]) == (0, [])
    assert done.stderr == ""
    awaits = [line for line in done.stdout.splitlines() if ".py:" in line]
    assert len(awaits) > 5  # the probe sees something
    assert [line for line in awaits if "cancelled, disk full, folder not writable, store busy" not in line] == []


def _place(file: str) -> str:
    return [place for place in protections(_SOURCE) if place.startswith(f"{file}:")][-1]


@pytest.mark.parametrize(
    ("file", "scenario"),
    [
        ("tasks.py", "chat"),  # `uninterrupted` itself
        ("upstream/pricing.py", "chat"),
        ("tools/chat.py", "conversation with a picture"),
        ("state/sqlite/database.py", "new conversation"),
    ],
)
def test_a_protection_that_is_taken_away_is_missed(file: str, scenario: str) -> None:
    done = _run(scenario, "--fault", "cancelled", "--break", _place(file))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "PROBLEM" in done.stdout, done.stdout + done.stderr
