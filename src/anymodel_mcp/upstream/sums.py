"""Sums over the requests of one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from anymodel_mcp.types import CallStats, Usage


def total_usage(parts: Sequence[Usage | None]) -> Usage | None:
    """The total usage of several requests; a figure that none of them reported is `None`."""
    known = [u for u in parts if u]

    def total(values: list[int | None]) -> int | None:
        return sum(v for v in values if v is not None) if any(v is not None for v in values) else None

    if not known:
        return None
    return Usage(
        input=total([u.input for u in known]),
        output=total([u.output for u in known]),
        total=total([u.total for u in known]),
        reasoning=total([u.reasoning for u in known]),
        cached=total([u.cached for u in known]),
        cost=sum(u.cost or 0 for u in known) if any(u.cost is not None for u in known) else None,
    )


def joined_stats(parts: Sequence[CallStats]) -> CallStats:
    """The joined statistics of several requests of one call; ids and limits are those of the last one."""
    return replace(
        parts[-1],
        attempts=sum(t.attempts for t in parts),
        first_delta_s=None,
        duration_s=round(sum(t.duration_s for t in parts), 3),
        warnings=tuple(dict.fromkeys(w for t in parts for w in t.warnings)),
    )
