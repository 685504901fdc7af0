"""Measures how much a JSON text holds before it is parsed: a few megabytes can stand for a gigabyte of objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MAX_VALUES = 1_000_000
MAX_DEPTH = 100
_FEW = 100_000
"""A text with no more characters cannot hold too many values."""
_BRACKETS = re.compile(r"[\[\]{}]")
_NO_BACKSLASH = re.compile(r"[^\\]")
_WINDOW = 262_144


class ExcessError(Exception):
    """A JSON text exceeds a limit, which the message names."""


def check_extent(text: str, max_values: int = MAX_VALUES) -> None:
    """Refuses a text that holds too many values, or values nested too deeply.

    Raises:
        ExcessError: names the bound.
    """
    opened = text.count("[") + text.count("{")
    if opened <= MAX_DEPTH and (len(text) <= _FEW or opened + text.count(",") < max_values):
        return
    values = depth = 0
    for outside in _outside_strings(text):
        values += outside.count(",") + outside.count("[") + outside.count("{")
        if values > max_values:
            raise ExcessError(f"more than {max_values:,} JSON values")
        for sign in _BRACKETS.findall(outside):
            depth += 1 if sign in "[{" else -1
            if depth > MAX_DEPTH:
                raise ExcessError(f"values nested deeper than {MAX_DEPTH} levels")


def _outside_strings(text: str) -> Iterator[str]:
    """Yields the text outside of strings in windows, without copying the whole text."""
    inside = start = 0
    while start < len(text):
        last = _NO_BACKSLASH.search(text, start + _WINDOW)  # an escape must not be split
        end = last.end() if last else len(text)
        parts = text[start:end].replace("\\\\", "").replace('\\"', "").split('"')
        yield "".join(parts[inside::2])
        inside ^= (len(parts) - 1) & 1
        start = end


def weight(value: Any) -> int:
    """Roughly how many bytes a JSON value takes in memory."""
    total = 0
    stack = [value]
    while stack:
        node = stack.pop()
        total += 64 + (len(node) if isinstance(node, str) else 0)
        if isinstance(node, dict):
            stack += node.values()  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType] a JSON object
        elif isinstance(node, list):
            stack += node  # pyright: ignore[reportUnknownArgumentType] a JSON array
    return total
