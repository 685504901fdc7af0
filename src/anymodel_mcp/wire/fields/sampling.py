"""Sampling arguments within the bounds of a dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anymodel_mcp.dialects.fields import Dialect


def set_sampling(body: dict[str, Any], temperature: float | None, top_p: float | None, dialect: Dialect) -> list[str]:
    """Sets temperature and top_p; returns a warning if a bound changed one."""
    warnings: list[str] = []
    if temperature is not None:
        low, high = dialect.min_temperature, dialect.max_temperature
        bound = (
            low if low is not None and temperature < low else high if high is not None and temperature > high else None
        )
        body["temperature"] = temperature if bound is None else bound
        if bound is not None:
            warnings.append(
                f"temperature {temperature:g} was sent as {bound:g}, the nearest that this provider accepts"
            )
    if top_p is not None:
        body["top_p"] = top_p
    return warnings


def set_stop(body: dict[str, Any], stop: Sequence[str] | None, dialect: Dialect) -> list[str]:
    """Sets the stop sequences as an array, the form that every provider accepts."""
    if not stop:
        return []
    limit = dialect.stop_limit or len(stop)
    body["stop"] = list(stop[:limit])
    left = len(stop) - limit
    return [f"{left} of {len(stop)} stop sequences were left out: this provider takes {limit}"] if left > 0 else []
