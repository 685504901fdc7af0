"""Sums of the usage ledger: since when, and the total of several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.state.interface import UsageSum

_SPAN = re.compile(r"(\d{1,5})\s*([mhdw])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_since(text: str, now: float, *, name: str = "since") -> float:
    """Returns the time that "30m", "24h", "7d", "4w" (ago) or a date means, in seconds since the epoch.

    Args:
        text: what is given.
        now: seconds since the epoch.
        name: of the argument, for the error.

    Raises:
        ArgumentError: it is not valid.
    """
    text = text.strip().lower()
    if span := _SPAN.fullmatch(text):
        return now - int(span[1]) * _SECONDS[span[2]]
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ArgumentError(
            f"{name} {text!r} is not a duration or date",
            param=name,
            fix="Write 30m, 24h, 7d, 4w or a date such as 2026-11-01.",
        ) from None


def total(sums: Sequence[UsageSum]) -> UsageSum:
    """Returns the sum of sums, with the key "all"."""

    def add(values: list[int | None]) -> int | None:
        known = [v for v in values if v is not None]
        return sum(known) if known else None

    costs = [s.cost for s in sums if s.cost is not None]
    return UsageSum(
        key="all",
        calls=sum(s.calls for s in sums),
        failed=sum(s.failed for s in sums),
        input=add([s.input for s in sums]),
        output=add([s.output for s in sums]),
        cost=sum(costs) if costs else None,
        duration_s=sum(s.duration_s for s in sums),
    )
