"""Paths into JSON (`a.b`, `a[].b`, `a[0].b`): reading every value at one, and writing one."""

from __future__ import annotations

import re
from typing import Any, cast

from anymodel_mcp.types import Json

_STEP = re.compile(r"([^\[\]]+)?(\[\d*\])?")


def read_path(value: Any, path: str) -> list[Any]:
    """All values at `path`, in order; `None` is no value."""
    found = [value]
    for step in path.split("."):
        match = _STEP.fullmatch(step)
        name, index = (match[1], match[2]) if match else (step, None)
        if name:
            found = [cast("Json", v)[name] for v in found if isinstance(v, dict) and name in v]
        if index:
            lists = [cast("list[Any]", v) for v in found if isinstance(v, list)]
            found = [item for items in lists for item in _picked(items, index[1:-1])]
    return [v for v in found if v is not None]


def _picked(items: list[Any], index: str) -> list[Any]:
    return items if not index else items[int(index) : int(index) + 1]


def first_at(value: Any, *paths: str) -> Any:
    """The first value at any of these paths, or `None`."""
    for path in paths:
        found = read_path(value, path)
        if found:
            return found[0]
    return None


def write_path(body: Json, path: str, value: Any) -> None:
    """Sets `value` at `path`; `a[]` appends it; missing objects are created."""
    *outer, last = path.split(".")
    place = body
    for step in outer:
        place = _entered(place, step)
    match = _STEP.fullmatch(last)
    name, index = (match[1] or "", match[2]) if match else (last, None)
    if index == "[]":
        items = place.setdefault(name, [])
        if isinstance(items, list):
            cast("list[Any]", items).append(value)
    else:
        place[name] = value


def _entered(place: Json, step: str) -> Json:
    """The object at `step`, created if missing; the first element of a list."""
    match = _STEP.fullmatch(step)
    name, index = (match[1] or "", match[2]) if match else (step, None)
    if not index:
        inner = place.setdefault(name, {})
        if not isinstance(inner, dict):
            inner = place[name] = {}
        return cast("Json", inner)
    items = place.setdefault(name, [])
    if not isinstance(items, list):
        items = place[name] = []
    entries = cast("list[Any]", items)
    if not entries or not isinstance(entries[0], dict):
        entries.insert(0, {})
    return cast("Json", entries[0])
