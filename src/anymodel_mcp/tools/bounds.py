"""Bounds on arguments: depth, number of values and size, checked before any request.

Values come from JSON that a host wrote, or from JSON text inside it. What cannot be written as JSON again (NaN, lone
surrogates, integers of thousands of digits) is refused here instead of by a provider.
"""

from __future__ import annotations

import math
from typing import Any, cast

from anymodel_mcp.errors import ArgumentError, excerpt
from anymodel_mcp.record import record

_INTEGER_BITS = 1024


@record
class Bounds:
    """The most that one argument may hold; `chars` counts all strings and names in it together."""

    depth: int = 64
    values: int = 100_000
    chars: int = 100_000_000


DEFAULT_BOUNDS = Bounds()
SCHEMA_BOUNDS = Bounds(values=10_000, chars=262_144)


def check_values(name: str, value: Any, bounds: Bounds) -> None:
    """Refuses a value that is too deep, too large, or that JSON cannot hold.

    Raises:
        ArgumentError: names the place and the bound.
    """
    left, room = bounds.values, bounds.chars
    stack: list[tuple[Any, _Place]] = [(value, _Place(name))]
    while stack:
        node, place = stack.pop()
        left -= 1
        room -= _check_scalar(node, place)
        if left < 0:
            raise _too_much(name, f"more than {bounds.values} values")
        if room < 0:
            raise _too_much(name, f"more than {_size(bounds.chars)} of text")
        if isinstance(node, dict | list):
            if place.depth >= bounds.depth:
                raise _too_much(name, f"values nested deeper than {bounds.depth} levels")
            if len(cast("list[Any]", node)) > left:
                raise _too_much(name, f"more than {bounds.values} values")
            room -= _push(cast("dict[str, Any] | list[Any]", node), place, stack)


class _Place:
    """The path to a value, formatted only when needed."""

    __slots__ = ("_key", "_outer", "argument", "depth")

    def __init__(self, key: str | int, outer: _Place | None = None) -> None:
        self._key = key
        self._outer = outer
        self.depth: int = outer.depth + 1 if outer else 0
        self.argument: str = outer.argument if outer else str(key)

    def __str__(self) -> str:
        if self._outer is None:
            return str(self._key)
        return f"{self._outer}[{self._key}]" if isinstance(self._key, int) else f"{self._outer}.{self._key}"


def _push(node: dict[str, Any] | list[Any], place: _Place, stack: list[tuple[Any, _Place]]) -> int:
    """Pushes the parts of a container; returns the number of characters in its names."""
    if isinstance(node, list):
        stack += [(part, _Place(index, place)) for index, part in enumerate(node)]
        return 0
    stack += [(part, _Place(name, place)) for name, part in node.items()]
    for name in node:
        _check_text(name, place)
    return sum(map(len, node))


def _check_scalar(value: Any, place: _Place) -> int:
    """Refuses what JSON cannot hold; returns the length of a string."""
    if isinstance(value, str):
        _check_text(value, place)
        return len(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ArgumentError(
            f"{excerpt(str(place))} must be a number that JSON can hold, not {value}", param=place.argument
        )
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
        raise ArgumentError(f"{excerpt(str(place))} is a whole number of more than 300 digits", param=place.argument)
    return 0


def _check_text(text: str, place: _Place) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentError(
            f"{excerpt(str(place))} holds half of a surrogate pair, which is no character", param=place.argument
        ) from None


def _too_much(name: str, what: str) -> ArgumentError:
    return ArgumentError(f"{name} holds {what}", param=name, fix="Send less at once.")


def _size(chars: int) -> str:
    return f"{chars // 1_000_000} MB" if chars >= 1_000_000 else f"{chars // 1024} kB"
