"""Tool calls put together from the pieces in which servers send them.

The rule that holds for all servers seen (facts/dialects.md B.2 "Tool calls", read 2026-11-20): a piece belongs to the
open call with its non-empty id; else to the one with its index, if that has no other id; else, with neither, to the
last call if the piece names no function; otherwise it opens a new call. The first non-empty name stays. Arguments that
are strings are appended, objects replace. Nothing is final before the answer ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from anymodel_mcp.types import InvalidToolCall, Json, ToolCall
from anymodel_mcp.wire.decode.json_values import (
    as_count,
    as_object,
    as_text,
    glimpse,
    is_json,
    joined_pairs,
    parse_or_none,
)

_MAX_CALLS = 1024


@dataclass(slots=True)
class _Call:
    id: str
    index: int | None
    name: str = ""
    parts: list[str] = field(default_factory=list[str])
    whole: Any = None  # arguments that came as a JSON value
    extra: Json = field(default_factory=dict[str, Any])

    def raw(self) -> str:
        return "".join(self.parts)

    def is_whole(self) -> bool:
        """Arguments have come, and nothing can be added to them."""
        return self.whole is not None or isinstance(parse_or_none(self.raw()), dict)


class ToolCalls:
    """The calls of one choice."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self.size = 0
        """Characters of arguments so far."""
        self.skipped = 0
        """Pieces that are no calls at all."""

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(self, piece: Any) -> str:
        """Takes one element of `tool_calls`; gives the name of the function if the piece opens a call."""
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
            self._calls.append(call)
            opened = name
        call.id = call.id or as_text(source.get("id"))
        call.name = call.name or name
        call.extra |= as_object(source.get("extra_content"))
        self._append(call, arguments, repeats=bool(name) and not opened)
        return opened

    def _find(self, id_: str, index: int | None, name: str, arguments: Any) -> _Call | None:
        calls = self._calls
        if not calls:
            return None
        if id_:
            same = [c for c in calls if c.id == id_]
            if same:
                fits = [c for c in same if index is None or c.index is None or c.index == index]
                return fits[-1] if fits or not name else None
        if index is not None:
            found = next((c for c in reversed(calls) if c.index == index and not (id_ and c.id)), None)
            return None if found and name and not id_ and _starts_anew(found, arguments) else found
        return calls[-1] if not id_ and not name else None

    def _append(self, call: _Call, arguments: Any, *, repeats: bool) -> None:
        if isinstance(arguments, str):
            if repeats and arguments and call.raw() == arguments and call.is_whole():
                return  # the last frame says everything once more
            self.size += len(arguments)
            call.parts.append(arguments)
        elif arguments is not None:
            call.whole = arguments

    def finish(self, seed: str) -> tuple[list[ToolCall], list[InvalidToolCall]]:
        """The calls, and those whose arguments are no JSON object.

        Args:
            seed: tells this answer from others, for ids of our making.
        """
        good: list[ToolCall] = []
        bad: list[InvalidToolCall] = []
        taken: set[str] = set()
        for number, call in enumerate(self._calls):
            raw = joined_pairs(call.raw())
            id_ = call.id
            if not id_ or id_ in taken:
                id_ = (
                    "call_"
                    + sha256(f"{seed}\n{number}\n{call.name}\n{raw}".encode("utf-8", "replace")).hexdigest()[:16]
                )
            taken.add(id_)
            arguments = _read_arguments(call.whole, raw)
            if arguments is None or not call.name:
                text = raw if call.whole is None else glimpse(call.whole, 10_000_000)
                bad.append(InvalidToolCall(id=id_, name=call.name, arguments_raw=text))
            else:
                good.append(ToolCall(id=id_, name=call.name, arguments=arguments, extra=call.extra))
        return good, bad


def _starts_anew(call: _Call, arguments: Any) -> bool:
    """A named piece without an id begins another call where the one with its index is whole."""
    begins = isinstance(arguments, dict) or as_text(arguments).lstrip().startswith("{")
    return begins and call.is_whole() and call.raw() != arguments


def _read_arguments(whole: Any, raw: str) -> Json | None:
    """The arguments as an object; missing ones are an empty object; `None` if they are anything else."""
    if whole is None and raw.strip() in ("", "null"):
        return {}
    value = parse_or_none(raw) if whole is None else whole
    return as_object(value) if isinstance(value, dict) and is_json(value) else None
