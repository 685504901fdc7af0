"""Tests that take seconds of the processor: `scripts/test` leaves out what is marked `slow`, `scripts/nightly` runs it.

Where many rows of a table are of one kind, a few stay in `scripts/test` and the others are marked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

slow = pytest.mark.slow


def mostly_slow(rows: Iterable[Any], *, quick: Iterable[Any]) -> list[Any]:
    """The rows as parameters of a test; those that are not named in `quick` are marked.

    Raises:
        ValueError: a name of `quick` is no row.
    """
    rows, quick = list(rows), list(quick)
    if missing := [name for name in quick if name not in rows]:
        raise ValueError(f"no such rows: {missing}")
    return [row if row in quick else pytest.param(row, marks=slow) for row in rows]
