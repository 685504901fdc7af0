"""Sizes in messages."""

from __future__ import annotations

import math


def in_mb(size: int) -> str:
    """A number of bytes in MB of a million, rounded up: what is above a limit never reads as the limit itself."""
    return f"{math.ceil(size / 100_000) / 10:.1f}".removesuffix(".0") + " MB"
