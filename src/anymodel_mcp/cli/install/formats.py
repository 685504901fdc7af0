"""What `install` needs of a file format: read it, put one entry, take one out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Format:
    """One format's editor; each function takes a text and gives a value or a text.

    Attributes:
        put: (text, path, entry) -> text.
        drop: (text, path) -> text.
        listed: entries are items of a list, known by their "name".
    """

    title: str
    read: Callable[[str], dict[str, Any]]
    put: Callable[[str, Sequence[str], Mapping[str, Any]], str]
    drop: Callable[[str, Sequence[str]], str]
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """The text of a file without its byte order mark."""

    text: str
    mark: bytes = b""

    def encoded(self, text: str) -> bytes:
        """Another text as the bytes of this file."""
        return self.mark + text.encode()


def lookup(values: Mapping[str, Any], section: str, name: str, *, listed: bool) -> dict[str, Any] | None:
    """The entry of a name in the values of a file; `None` = there is none, or what stands there is no entry."""
    holder: Any = values.get(section)
    if listed and isinstance(holder, list):
        items: list[Any] = holder  # pyright: ignore[reportUnknownVariableType] a YAML list
        mappings = [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]
        return next((item for item in mappings if item.get("name") == name), None)
    found: Any = holder.get(name) if isinstance(holder, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] a JSON object
    return found if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType] a JSON object


def without(values: Mapping[str, Any], section: str, name: str, *, listed: bool) -> dict[str, Any]:
    """The values of a file without one entry (of two of one name the first), or its section if that held no more."""
    rest = dict(values)
    holder: Any = rest.get(section)
    if listed and isinstance(holder, list):
        found = lookup(values, section, name, listed=True)
        rest[section] = [item for item in cast("list[Any]", holder) if item is not found]
    elif isinstance(holder, dict):
        rest[section] = {k: v for k, v in holder.items() if k != name}  # pyright: ignore[reportUnknownVariableType] a JSON object
    return rest if rest.get(section) else {k: v for k, v in rest.items() if k != section}
