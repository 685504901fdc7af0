"""Assembles the blocks of `reasoning_details`, which must go back to the provider unchanged."""

from __future__ import annotations

from typing import Any

from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import objects

_TEXTS = ("text", "summary", "data")


class _Block:
    """One block: its fields, and the pieces of its text fields."""

    __slots__ = ("fields", "pieces")

    def __init__(self) -> None:
        self.fields: Json = {}
        self.pieces: dict[str, list[str]] = {}

    def take(self, item: Json) -> None:
        for name, value in item.items():
            if name in _TEXTS and isinstance(value, str):
                self.pieces.setdefault(name, []).append(value)
                self.fields.setdefault(name, "")
            elif value is not None or name not in self.fields:
                self.fields[name] = value

    def whole(self) -> Json:
        return {**self.fields, **{name: "".join(pieces) for name, pieces in self.pieces.items()}}


class _Group:
    """Blocks of one type at one index: distinguished by their ids, where both have one."""

    __slots__ = ("by_id", "last", "nameless")

    def __init__(self) -> None:
        self.by_id: dict[str, _Block] = {}
        self.last: _Block | None = None
        self.nameless: _Block | None = None

    def find(self, id_: str) -> _Block | None:
        """The block to which a piece with this id (or "") belongs."""
        if not id_:
            return self.last
        return self.by_id.get(id_) or self.nameless


class ReasoningDetails:
    """Assembles pieces into whole blocks, in the order in which they began."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._groups: dict[str, _Group] = {}

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def add(self, details: Any) -> None:
        """Takes the value of one `reasoning_details` field."""
        for item in objects(details):
            group = self._groups.setdefault(f"{item.get('type')!r} {item.get('index')!r}", _Group())
            id_ = str(item.get("id") or "")
            block = group.find(id_)
            if block is None:
                block = _Block()
                self._blocks.append(block)
                group.last = block
            if id_:
                group.by_id[id_] = block
                group.nameless = None if group.nameless is block else group.nameless
            elif not block.fields.get("id"):
                group.nameless = block
            block.take(item)

    def whole(self) -> list[Json]:
        """All blocks."""
        return [block.whole() for block in self._blocks]
