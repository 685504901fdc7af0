"""Transports run in server processes: here, and only here, these record which lines run."""

from __future__ import annotations

import pytest

from tests.serving import MEASURE_CHILDREN


@pytest.fixture(autouse=True)
def measured_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MEASURE_CHILDREN, "1")
