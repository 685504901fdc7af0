"""A pytest plugin for `mutants.py`: the running test is coverage's context, and its duration is recorded."""

from __future__ import annotations

import json
from pathlib import Path

import coverage
import pytest

SECONDS = Path(__file__).resolve().parents[2] / "mutants.json"
_seconds: dict[str, float] = {}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Counts what runs from now on for this test."""
    running = coverage.Coverage.current()
    if running is not None:
        running.switch_context(item.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Adds up set-up, test and clean-up."""
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0) + report.duration


def pytest_sessionfinish() -> None:
    """Writes the seconds for `mutants.py`."""
    SECONDS.write_text(json.dumps(_seconds), "utf-8")
