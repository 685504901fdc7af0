"""Reads JSON and JSONC (comments, trailing commas) into nodes that know where they stand in the text.

The standard parser forgets positions, and a file that is written back from values loses its comments and its spacing.
So this reader keeps the place of every key, value and comma, and `json_text.py` changes only what lies between.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal

from anymodel_mcp.cli.install.refusal import RefusedEdit

# no possessive groups: Python 3.11.2 of Debian 12 matches them wrongly (github.com/python/cpython/issues/106052)
_SPACE = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null")
_MAX_DEPTH = 100


@dataclass(slots=True)
class Member:
    """One `"key": value` of an object; `comma` is the place of the comma behind it, if there is one."""

    key: str
    start: int
    value: Node
    comma: int | None = None


@dataclass(slots=True)
class Node:
    """A value and its place: `text[start:end]`."""

    kind: Literal["object", "array", "scalar"]
    start: int
    end: int = 0
    scalar: Any = None
    members: list[Member] = field(default_factory=list["Member"])
    """Of an object its members, of an array its items (with an empty key)."""

    def value(self) -> Any:
        """The plain value; of a key that stands twice, the last."""
        if self.kind == "object":
            return {m.key: m.value.value() for m in self.members}
        return [m.value.value() for m in self.members] if self.kind == "array" else self.scalar


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def refuse(self, reason: str) -> RefusedEdit:
        return RefusedEdit.at(reason, self.text, self.place)

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.place)
        self.place = found.end() if found else self.place
        if self.text.startswith("/*", self.place):
            raise self.refuse("a comment is never closed")

    def peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def node(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise self.refuse("values are nested too deeply")
        mark = self.peek()
        if mark in ("{", "["):
            return self.container(mark, depth)
        found = (_STRING if mark == '"' else _SCALAR).match(self.text, self.place)
        if not found:
            raise self.refuse("a string is not closed or not valid" if mark == '"' else "a value is expected here")
        start, self.place = self.place, found.end()
        return Node("scalar", start, self.place, json.loads(found.group()))

    def container(self, mark: str, depth: int) -> Node:
        node = Node("object" if mark == "{" else "array", self.place)
        closing = "}" if mark == "{" else "]"
        self.place += 1
        self.skip()
        while self.peek() != closing:
            if node.members and node.members[-1].comma is None:
                raise self.refuse(f'"," or "{closing}" is expected here')
            node.members.append(self.member(depth) if mark == "{" else Member("", self.place, self.node(depth + 1)))
            self.skip()
            if self.peek() == ",":
                node.members[-1].comma = self.place
                self.place += 1
                self.skip()
        self.place += 1
        node.end = self.place
        return node

    def member(self, depth: int) -> Member:
        start = self.place
        found = _STRING.match(self.text, start)
        if not found:
            raise self.refuse("a key in double quotes is expected here")
        self.place = found.end()
        self.skip()
        if self.peek() != ":":
            raise self.refuse('":" is expected here')
        self.place += 1
        self.skip()
        return Member(json.loads(found.group()), start, self.node(depth + 1))


@functools.lru_cache(maxsize=2)  # an edit asks for the same text several times, and some hosts keep megabytes there
def read_nodes(text: str) -> Node:
    """The root of a JSON or JSONC text, which must be an object.

    Raises:
        RefusedEdit: it is not; line and column say where.
    """
    reader = _Reader(text)
    reader.skip()
    root = reader.node(0)
    reader.skip()
    if reader.place != len(text):
        raise reader.refuse("text follows after the end of the value")
    if root.kind != "object":
        raise RefusedEdit.at("the file holds no object", text, root.start)
    return root


def is_strict(text: str) -> bool:
    """Whether a host that reads plain JSON only can read it: no comments, no trailing commas."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
