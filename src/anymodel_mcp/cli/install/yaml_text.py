"""Puts one entry into a YAML text, or takes it out; every other byte stays.

PyYAML only tells where things stand; the text itself is cut and joined here, because no YAML library gives a file back
byte for byte. A new entry becomes the first of its collection: there its place and indentation are certain, whatever
block scalars and comments follow. What is not certain is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import yaml

from anymodel_mcp.cli.install.refusal import RefusedEdit

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
_MARKED = re.compile(r"\s*:\s*[&*!]")  # behind a key: an anchor, an alias, a tag
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")  # YAML wants them escaped
Nodes = list[tuple[yaml.Node, yaml.Node]]


def read(text: str) -> dict[str, Any]:
    """The values of a text; an empty one has none.

    Raises:
        RefusedEdit: it is no YAML mapping; line and column say where.
    """
    _root(text)
    try:
        values: Any = yaml.safe_load(text)
    except yaml.YAMLError as exc:  # a value that only the constructor refuses: a tag, a date
        raise RefusedEdit(f"a value cannot be read: {str(exc).splitlines()[0]}") from exc
    return cast("dict[str, Any]", values or {})


def put(text: str, path: Sequence[str], value: Mapping[str, Any]) -> str:
    """The text with the entry `path[1]` of the mapping `path[0]`."""
    return _put(text, path[0], path[1], value, listed=False)


def drop(text: str, path: Sequence[str]) -> str:
    """The text without the entry `path[1]` of the mapping `path[0]`."""
    return _drop(text, path[0], path[1], listed=False)


def put_listed(text: str, path: Sequence[str], value: Mapping[str, Any]) -> str:
    """The text with the entry whose "name" is `path[1]` in the list `path[0]`."""
    return _put(text, path[0], path[1], value, listed=True)


def drop_listed(text: str, path: Sequence[str]) -> str:
    """The text without the entry whose "name" is `path[1]` in the list `path[0]`."""
    return _drop(text, path[0], path[1], listed=True)


# --- reading --------------------------------------------------------------------------------------------------------


def _root(text: str) -> yaml.MappingNode | None:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise RefusedEdit(exc.problem or "it cannot be read", line=line, column=column) from exc
    except yaml.YAMLError as exc:
        raise RefusedEdit(str(exc).splitlines()[0]) from exc
    if node is None:
        return None
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        raise RefusedEdit("the file is not a block of `key: value` lines", line=node.start_mark.line + 1, column=1)
    return node


def _pairs(node: yaml.Node | None) -> Nodes:
    return cast("Nodes", node.value) if isinstance(node, yaml.MappingNode) else []


def _collection(text: str, key: str, *, listed: bool) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the collection behind it; `None` = there is no such key."""
    found = [pair for pair in _pairs(_root(text)) if pair[0].value == key]
    if not found:
        return None
    owner, node = found[-1]
    line = node.start_mark.line + 1
    if len(found) > 1:
        raise RefusedEdit(f"the key {key!r} stands twice", line=line, column=1)
    is_empty = isinstance(node, yaml.ScalarNode) and node.value in ("", "null", "~")
    kind = yaml.SequenceNode if listed else yaml.MappingNode
    if not isinstance(node, kind) and not is_empty:
        raise RefusedEdit(f"{key} is not a {'list' if listed else 'mapping'}", line=line, column=1)
    if _MARKED.match(text, owner.end_mark.index):
        raise RefusedEdit(f"{key} has an anchor, an alias or a tag", line=line, column=1)
    return owner, node


def _entries(node: yaml.Node, *, listed: bool) -> list[tuple[str, yaml.Node, yaml.Node]]:
    """Name, first node and last node of each entry of a collection."""
    if not listed:
        return [(str(k.value), k, v) for k, v in _pairs(node)]
    items = cast("list[yaml.Node]", node.value) if isinstance(node, yaml.SequenceNode) else []
    return [(next((str(v.value) for k, v in _pairs(item) if k.value == "name"), ""), item, item) for item in items]


def _line_start(text: str, place: int) -> int:
    return text.rfind("\n", 0, place) + 1


def _content_end(node: yaml.Node) -> int:
    """Where the last scalar of a node ends: the mark of a block collection lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = cast("list[Any]", node.value)[-1]
        return _content_end(cast("yaml.Node", last[1] if isinstance(last, tuple) else last))
    return node.end_mark.index


def _span(text: str, first: yaml.Node, last: yaml.Node) -> tuple[int, int]:
    """The whole lines of an entry."""
    end = _content_end(last)
    if end == 0 or text[end - 1] != "\n":
        line_end = text.find("\n", end)
        end = len(text) if line_end < 0 else line_end + 1
    return _line_start(text, first.start_mark.index), end


# --- writing --------------------------------------------------------------------------------------------------------


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return _UNPRINTABLE.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(value, ensure_ascii=False))


def _lines(value: Mapping[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for key, part in value.items():
        if isinstance(part, dict) and part:
            lines += [f"{indent}{_scalar(key)}:", *_lines(cast("dict[str, Any]", part), indent + "  ")]
        elif isinstance(part, list) and part:
            lines += [f"{indent}{_scalar(key)}:", *(f"{indent}  - {_scalar(v)}" for v in cast("list[Any]", part))]
        else:
            lines.append(f"{indent}{_scalar(key)}: {_scalar(part)}")
    return lines


def _render(name: str, value: Mapping[str, Any], indent: str, *, listed: bool) -> str:
    if not listed:
        return "\n".join([f"{indent}{_scalar(name)}:", *_lines(value, indent + "  ")]) + "\n"
    lines = _lines(value, indent + "  ")
    return "\n".join([f"{indent}- {lines[0].lstrip()}", *lines[1:]]) + "\n"


def _eol(text: str, added: str) -> str:
    return added.replace("\n", "\r\n") if "\r\n" in text else added


def _put(text: str, key: str, name: str, value: Mapping[str, Any], *, listed: bool) -> str:
    found = _collection(text, key, listed=listed)
    if found is None:
        lead = "" if not text or text.endswith("\n") else "\n"
        return text + _eol(text, f"{lead}{key}:\n" + _render(name, value, "  ", listed=listed))
    owner, node = found
    if isinstance(node, yaml.ScalarNode) or not node.value:
        return _fill(text, owner, node, _render(name, value, "  ", listed=listed))
    if cast("yaml.CollectionNode", node).flow_style:
        raise RefusedEdit(f"{key} stands on one line", line=node.start_mark.line + 1, column=node.start_mark.column + 1)
    start = _line_start(text, node.start_mark.index)
    added = _eol(text, _render(name, value, " " * node.start_mark.column, listed=listed))
    for other, first, last in _entries(node, listed=listed):
        if other == name:
            begin, end = _span(text, first, last)
            return text[:begin] + (added if text[:end].endswith("\n") else added.rstrip("\r\n")) + text[end:]
    return text[:start] + added + text[start:]


def _fill(text: str, owner: yaml.Node, node: yaml.Node, added: str) -> str:
    """The text with an entry in a collection that is written `{}`, `[]`, `null` or not at all."""
    end = max(node.end_mark.index, owner.end_mark.index + 1)
    colon = text.index(":", owner.end_mark.index) + 1
    line_end = text.find("\n", end)
    rest = text[end : len(text) if line_end < 0 else line_end].rstrip("\r")
    head = text[:colon] + (rest.rstrip() if rest.strip() else "")
    if line_end < 0:
        return head + _eol(text, "\n" + added).rstrip("\r\n")
    return head + _eol(text, "\n" + added) + text[line_end + 1 :]


def _drop(text: str, key: str, name: str, *, listed: bool) -> str:
    found = _collection(text, key, listed=listed)
    entries = _entries(found[1], listed=listed) if found else []
    for other, first, last in entries:
        if found and other == name:
            if cast("yaml.CollectionNode", found[1]).flow_style:
                raise RefusedEdit(f"{key} stands on one line", line=found[1].start_mark.line + 1, column=1)
            begin, end = _span(text, first, last)
            if len(entries) > 1:
                return text[:begin] + text[end:]
            colon = text.index(":", found[0].end_mark.index) + 1
            return text[:colon] + (" []" if listed else " {}") + text[colon:begin] + text[end:]
    return text
