"""Formats sizes for messages."""

from __future__ import annotations

import math


def in_mb(size: int) -> str:
    """Formats bytes as MB (of a million), rounded up, so that a size above a limit never reads as the limit."""
    return f"{math.ceil(size / 100_000) / 10:.1f}".removesuffix(".0") + " MB"
