"""Assembles tool calls from pieces.

A piece belongs to the open call with its non-empty id; else to the call with its index, if that has no other id or the
piece only continues it; else, with neither, to the last call if the piece names no function; otherwise it opens a new
call. A piece without a name never opens a second call at the same index, whatever its id. Arguments that are strings
are appended, objects replace. Nothing is final before the answer ends: then the name is the first piece of it, or the
pieces joined if only that is the name of an offered tool, and a call that holds nothing at all is dropped.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from anymodel_mcp.types import InvalidToolCall, Json, ToolCall
from anymodel_mcp.wire.decode.json_values import (
    as_count,
    as_object,
    as_text,
    glimpse,
    is_json,
    joined_pairs,
    objects,
    parse_or_none,
)

_MAX_CALLS = 1024
_MAX_PIECES = 64
"""Pieces of one name that are kept."""


@dataclass(slots=True)
class _Call:
    id: str
    index: int | None
    names: list[str] = field(default_factory=list[str])  # pieces of the name, unchanged
    parts: list[str] = field(default_factory=list[str])
    whole: Any = None  # arguments that came as a JSON value
    extra: Json = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """The first piece of the name: the whole name for nearly every server."""
        return self.names[0] if self.names else ""

    def raw(self) -> str:
        return "".join(self.parts)

    def is_empty(self) -> bool:
        """Whether it has no id, no name and no arguments: a relay's zero values, not a call."""
        return not (self.id or self.names or self.whole or self.raw().strip() not in ("", "null"))

    def is_whole(self) -> bool:
        """Whether the arguments are complete, so that nothing can be added."""
        return self.whole is not None or isinstance(parse_or_none(self.raw()), dict)


def offered_names(tools: Any) -> frozenset[str]:
    """The names of the functions among tool definitions, in the form of chat or of the Responses API."""
    functions = (as_object(tool.get("function")) or tool for tool in objects(tools))
    return frozenset(name for function in functions if (name := as_text(function.get("name"))))


class ToolCalls:
    """The calls of one choice.

    Args:
        offered: names of the tools that the request offers.
    """

    def __init__(self, offered: Collection[str] = ()) -> None:
        self._offered: Final = frozenset(offered)
        self._calls: list[_Call] = []
        self._by_id: dict[str, list[_Call]] = {}
        self._by_index: dict[int, _Call] = {}  # the newest call at each index
        self.size = 0
        """Characters of arguments so far."""
        self.skipped = 0
        """How many pieces were not calls."""

    def __bool__(self) -> bool:
        return any(not call.is_empty() for call in self._calls)

    def add(self, piece: Any) -> str:
        """Adds one element of `tool_calls`; returns the function's name if the piece opens a call."""
        if piece is None or piece == {}:
            return ""
        source = as_object(piece)
        if not source:
            self.skipped += 1
            return ""
        function = as_object(source.get("function")) or as_object(source.get("custom"))
        name = as_text(function.get("name")) or as_text(source.get("name"))
        arguments = function.get("arguments", function.get("input", source.get("arguments")))
        call = self._find(as_text(source.get("id")), as_count(source.get("index")), name, arguments)
        opened = ""
        if call is None:
            if len(self._calls) >= _MAX_CALLS:
                self.skipped += 1
                return ""
            call = _Call(as_text(source.get("id")), as_count(source.get("index")))
            self._open(call)
            opened = name
        if not call.id and (id_ := as_text(source.get("id"))):
            call.id = id_
            self._by_id.setdefault(id_, []).append(call)
        call.extra |= as_object(source.get("extra_content"))
        self._append(call, arguments, repeats=bool(name) and not opened)
        if name and len(call.names) < _MAX_PIECES:
            call.names.append(name)
        return opened

    def _open(self, call: _Call) -> None:
        self._calls.append(call)
        if call.id:
            self._by_id.setdefault(call.id, []).append(call)
        if call.index is not None:
            self._by_index[call.index] = call

    def _find(self, id_: str, index: int | None, name: str, arguments: Any) -> _Call | None:
        calls = self._calls
        if not calls:
            return None
        same = self._by_id.get(id_)
        if same:
            fits = [c for c in same if index is None or c.index is None or c.index == index]
            return fits[-1] if fits or not name else None
        if index is not None:
            found = self._by_index.get(index)
            return found if found and self._continues(found, id_, name, arguments) else None
        return calls[-1] if self._continues_last(calls[-1], id_, name) else None

    def _continues(self, call: _Call, id_: str, name: str, arguments: Any) -> bool:
        """Whether a piece with the call's index, and another id or none, belongs to it."""
        if not name:
            return True
        if id_ and call.id:
            return name == call.name and not call.is_whole() and not _begins(arguments)
        return not (_begins(arguments) and call.is_whole() and call.raw() != arguments)

    def _continues_last(self, call: _Call, id_: str, name: str) -> bool:
        """Whether a piece without an index, and without an id that is known, belongs to the last call."""
        if name:
            joined = "".join((*call.names, name))
            return not id_ and not call.parts and call.whole is None and self._may_become(call.name, joined)
        return not id_ or (bool(call.names) and not call.is_whole())

    def _may_become(self, first: str, joined: str) -> bool:
        return first not in self._offered and any(tool.startswith(joined) for tool in self._offered)

    def _whole_name(self, call: _Call) -> str:
        """The name of the call: its first piece, unless only the joined pieces, or the last one, name a tool."""
        joined = "".join(call.names)
        candidates = (call.name, joined, call.names[-1] if call.names else "")
        return next((name for name in candidates if name in self._offered), call.name)

    def _append(self, call: _Call, arguments: Any, *, repeats: bool) -> None:
        if isinstance(arguments, str):
            if repeats and arguments and call.raw() == arguments and call.is_whole():
                return  # the last frame repeats everything
            self.size += len(arguments)
            call.parts.append(arguments)
        elif arguments is not None:
            call.whole = arguments

    def finish(self, seed: str) -> tuple[list[ToolCall], list[InvalidToolCall]]:
        """Returns the calls, and those whose arguments are not a JSON object.

        Args:
            seed: makes generated ids unique to this answer.
        """
        good: list[ToolCall] = []
        bad: list[InvalidToolCall] = []
        taken: set[str] = set()
        for number, call in enumerate(call for call in self._calls if not call.is_empty()):
            raw = joined_pairs(call.raw())
            name, id_ = self._whole_name(call), call.id
            if not id_ or id_ in taken:
                id_ = "call_" + sha256(f"{seed}\n{number}\n{name}\n{raw}".encode("utf-8", "replace")).hexdigest()[:16]
            taken.add(id_)
            arguments = _read_arguments(call.whole, raw)
            if arguments is None or not name:
                text = raw if call.whole is None else glimpse(call.whole, 10_000_000)
                bad.append(InvalidToolCall(id=id_, name=name, arguments_raw=text))
            else:
                good.append(ToolCall(id=id_, name=name, arguments=arguments, extra=call.extra))
        return good, bad


def _begins(arguments: Any) -> bool:
    """Whether the arguments begin with a JSON object."""
    return isinstance(arguments, dict) or as_text(arguments).lstrip().startswith("{")


def _read_arguments(whole: Any, raw: str) -> Json | None:
    """The arguments as an object; missing ones are an empty object; `None` if they are anything else."""
    if whole is None and raw.strip() in ("", "null"):
        return {}
    value = parse_or_none(raw) if whole is None else whole
    return as_object(value) if isinstance(value, dict) and is_json(value) else None
