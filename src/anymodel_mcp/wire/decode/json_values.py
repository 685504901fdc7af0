"""Reads untrusted JSON: returns a value of the wanted type or an empty one, and never raises.

All readers in `wire/` use these functions, so that a wrong type loses one field and not the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json import decoder
from typing import Any, Final, cast

from anymodel_mcp.redact import shorten
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.extent import ExcessError, check_extent

_DECODER = json.JSONDecoder(strict=False)
_ENCODER = json.JSONEncoder(ensure_ascii=False)
BAD_JSON: tuple[type[Exception], ...] = (ValueError, RecursionError)
"""The exceptions of parsing: malformed text, numbers that are too long, nesting that is too deep."""
scan_once: Final = cast("Callable[[str, int], tuple[Any, int]]", _DECODER.scan_once)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] there since Python 2.6, not in the stubs
"""As `scan_json`, for the hottest loop: raises `StopIteration` where nothing begins."""
scan_string: Final = cast("Callable[[str, int, bool], tuple[str, int]]", decoder.scanstring)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] as above
"""Parses the string whose opening quote precedes an index; returns it and its end; raises `ValueError`."""


def parse_json(text: str) -> Any:
    """Parses a JSON text; accepts raw control characters inside strings.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it nests too deeply.
    """
    return _DECODER.decode(text)


def scan_json(text: str, start: int) -> tuple[Any, int]:
    """Parses the JSON value that begins at `start`; returns it and its end.

    Raises:
        ValueError: there is none.
        RecursionError: it nests too deeply.
    """
    return _DECODER.raw_decode(text, start)


def parse_or_none(text: str) -> Any:
    """Parses a JSON text; `None` if it is invalid or exceeds the limits."""
    try:
        check_extent(text)
        return _DECODER.decode(text)
    except (ExcessError, *BAD_JSON):
        return None


def is_json(value: Any) -> bool:
    """Whether a parsed value is valid JSON: the parser accepts NaN and infinities (`NaN`, `1e999`), JSON does not."""
    try:
        json.dumps(value, allow_nan=False)
    except BAD_JSON:
        return False
    return True


def glimpse(value: Any, limit: int = 600) -> str:
    """The beginning of a JSON value as text."""
    try:
        text = ""
        for piece in _ENCODER.iterencode(value):
            text += piece
            if len(text) > limit:
                break
        return shorten(text, limit)
    except BAD_JSON:
        return "…"


def as_object(value: Any) -> Json:
    """A JSON object, or an empty one."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A JSON array, or an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def objects(value: Any) -> list[Json]:
    """The objects among the elements of an array."""
    return [cast("Json", v) for v in as_list(value) if isinstance(v, dict)]


def as_text(value: Any) -> str:
    """A string, or ""."""
    return value if isinstance(value, str) else ""


def first_text(source: Json, *names: str) -> str:
    """The first of these fields that holds a non-empty string."""
    for name in names:
        value = source.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def as_number(value: Any) -> float | None:
    """A finite number that is not a bool; also one written as text."""
    if isinstance(value, str) and len(value) < 40:
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if number - number == 0 else None


def as_count(value: Any) -> int | None:
    """A count: an integer, not negative."""
    number = as_number(value)
    return int(number) if number is not None and number >= 0 else None


def joined_pairs(text: str) -> str:
    """Joins surrogate pairs that arrived as two halves (for example in two deltas)."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text
