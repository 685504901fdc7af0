"""Puts one member into a JSON or JSONC text, or takes it out; every other byte stays.

Indentation, line ends, trailing commas and comments of the file are followed, not set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from anymodel_mcp.cli.install.json_read import Member, Node, read_nodes
from anymodel_mcp.cli.install.refusal import RefusedEdit

_LEAD = re.compile(r"[ \t]*")


def read(text: str) -> dict[str, Any]:
    """The values of a text."""
    return read_nodes(text).value()


def put(text: str, path: Sequence[str], value: Any) -> str:
    """The text with `value` at `path`: objects on the way are made, an object already there is changed key by key."""
    node, rest = _walk(text, path)
    if rest:
        for key in reversed(rest[1:]):
            value = {key: value}
        return _insert(text, node, rest[0], value)
    if node.kind == "object" and isinstance(value, dict):
        return _change_object(text, path, node, value)  # pyright: ignore[reportUnknownArgumentType] a JSON object
    return text if node.value() == value else _replace(text, node, value)


def drop(text: str, path: Sequence[str]) -> str:
    """The text without the member at `path`, which must be there; an object that becomes empty stays."""
    owner, _ = _walk(text, path[:-1])
    member = _member(text, owner, path[-1])
    return text if member is None else _cut(text, owner, owner.members.index(member))


def add_item(text: str, path: Sequence[str], item: Mapping[str, Any]) -> str:
    """The text with `item` at the end of the array at `path`, which is made where it is missing."""
    node, rest = _walk(text, path)
    if rest:
        return put(text, path, [item])
    if node.kind != "array":
        raise RefusedEdit.at(f"{'.'.join(path)} is not an array", text, node.start)
    return _insert(text, node, None, item)


def drop_item(text: str, path: Sequence[str], identity: str) -> str:
    """The text without the item of the array at `path` whose "id" is `identity`."""
    node, rest = _walk(text, path)
    for index, member in enumerate([] if rest else node.members):
        item = member.value.value()
        if isinstance(item, dict) and item.get("id") == identity:  # pyright: ignore[reportUnknownMemberType] a JSON object
            return _cut(text, node, index)
    return text


def _walk(text: str, path: Sequence[str]) -> tuple[Node, Sequence[str]]:
    """The deepest node on the path, and the keys that are missing below it."""
    node = read_nodes(text)
    for depth, key in enumerate(path):
        if node.kind != "object":
            raise RefusedEdit.at(f"{'.'.join(path[:depth])} is not an object", text, node.start)
        member = _member(text, node, key)
        if member is None:
            return node, path[depth:]
        node = member.value
    return node, ()


def _member(text: str, node: Node, key: str) -> Member | None:
    found = [m for m in node.members if m.key == key]
    if len(found) > 1:
        raise RefusedEdit.at(f"the key {key!r} stands twice", text, found[1].start)
    return found[0] if found else None


def _change_object(text: str, path: Sequence[str], node: Node, value: dict[str, Any]) -> str:
    for key in [m.key for m in node.members if m.key not in value]:
        text = drop(text, (*path, key))
    for key, part in value.items():
        text = put(text, (*path, key), part)
    return text


# --- text -----------------------------------------------------------------------------------------------------------


def _line_end(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _indent_at(text: str, place: int) -> str:
    """The blanks that begin the line of a place."""
    found = _LEAD.match(text, text.rfind("\n", 0, place) + 1)
    return found.group() if found else ""


def _unit(text: str) -> str:
    """One step of the file's indentation: that of the first member of the root."""
    root = read_nodes(text)
    first = root.members[0].start if root.members else root.start
    lead = _indent_at(text, first)
    return lead if lead and "\n" in text[root.start : first] else "  "


def _is_block(text: str, node: Node) -> bool:
    """Whether members stand on lines of their own: as the node has it, else as the file has it."""
    probe = node if node.members else read_nodes(text)
    return not probe.members or "\n" in text[probe.start : probe.end]


def _render(text: str, value: Any, indent: str, *, block: bool) -> str:
    if not block:
        tight = re.search(r'":[^\s]', text) is not None
        return json.dumps(value, ensure_ascii=False, separators=(",", ":") if tight else (", ", ": "))
    lines = json.dumps(value, ensure_ascii=False, indent=_unit(text)).split("\n")
    return (_line_end(text) + indent).join(lines)


def _content_end(text: str, place: int) -> int:
    """Where the text before `place` ends when the blanks are left out."""
    return len(text[:place].rstrip(" \t\r\n"))


def _replace(text: str, node: Node, value: Any) -> str:
    block = "\n" in text
    return text[: node.start] + _render(text, value, _indent_at(text, node.start), block=block) + text[node.end :]


def _insert(text: str, node: Node, key: str | None, value: Any) -> str:
    block = _is_block(text, node)
    outer = _indent_at(text, node.start)
    inner = outer + _unit(text)
    if node.members and block:
        inner = _indent_at(text, node.members[0].start)
    rendered = _render(text, value, inner, block=block)
    if key is not None:
        colon = ":" if not block and re.search(r'":[^\s]', text) else ": "
        rendered = json.dumps(key, ensure_ascii=False) + colon + rendered
    return _place_last(text, node, rendered, lead=_line_end(text) + inner if block else "", outer=outer)


def _place_last(text: str, node: Node, rendered: str, *, lead: str, outer: str) -> str:
    brace = node.end - 1
    at = max(_content_end(text, brace), node.start + 1)
    if not node.members:
        tail = text[at:brace]
        if lead and "\n" not in tail:
            tail = _line_end(text) + outer
        if at == node.start + 1:
            tail = _line_end(text) + outer if lead else ""
        return text[:at] + lead + rendered + tail + text[brace:]
    last = node.members[-1]
    if last.comma is not None:
        return text[:at] + (lead or " ") + rendered + "," + text[at:]
    gap = lead or ("" if re.search(r"[\]}\"0-9a-z],\S", text) else " ")
    return text[: last.value.end] + "," + text[last.value.end : at] + gap + rendered + text[at:]


def _cut(text: str, node: Node, index: int) -> str:
    member = node.members[index]
    start = max(_content_end(text, member.start), node.start + 1)
    end = member.value.end if member.comma is None else member.comma + 1
    if len(node.members) == 1:
        inside = text[node.start + 1 : start] + text[end : node.end - 1]
        return text[: node.start + 1] + (inside if inside.strip() else "") + text[node.end - 1 :]
    text = text[:start] + text[end:]
    before = node.members[index - 1].comma
    if index == len(node.members) - 1 and member.comma is None and before is not None:
        text = text[:before] + text[before + 1 :]
    return text
