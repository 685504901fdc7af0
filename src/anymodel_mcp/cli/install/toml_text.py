"""Puts one table into a TOML text, or takes it out; every other byte stays.

A new table is appended as text. An existing one is changed through tomlkit, which keeps comments and order, and only
where tomlkit first proves that it gives this very text back unchanged.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, cast

import tomlkit

from anymodel_mcp.cli.install.refusal import RefusedEdit

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read(text: str) -> dict[str, Any]:
    """The values of a text.

    Raises:
        RefusedEdit: it is no TOML; line and column say where.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        message = str(exc)
        found = _WHERE.search(message)
        line, column = (int(found[1]), int(found[2])) if found and found[1] else (text.count("\n") + 1, 1)
        reason = _WHERE.sub("", message)
        raise RefusedEdit(reason[:1].lower() + reason[1:], line=line, column=column) from exc


def put(text: str, path: Sequence[str], value: Mapping[str, Any]) -> str:
    """The text with the table `value` at `path`."""
    present = _find(read(text), path)
    if present is None:
        return text + _tail(text, path, value)
    if present == value:
        return text
    document, owner = _open(text, path)
    table = owner[path[-1]]
    for key in [k for k in table if k not in value]:
        del table[key]
    for key, part in value.items():
        if table.get(key) != part:
            table[key] = part
    return _close(text, document)


def drop(text: str, path: Sequence[str]) -> str:
    """The text without the table at `path`, which must be there."""
    value = _find(read(text), path)
    if value is None:
        return text
    for lead in ("\n", "\n\n", ""):  # what `put` may have set before its table
        ending = lead + _render(path, value)
        for tail in (ending, ending.replace("\n", "\r\n")):
            kept = text.removesuffix(tail)
            if kept != text and (not lead or kept.endswith("\n") or lead == "\n\n"):
                return kept
    document, owner = _open(text, path)
    del owner[path[-1]]
    return _close(text, document)


def _find(values: Any, path: Sequence[str]) -> dict[str, Any] | None:
    for depth, key in enumerate(path):
        if not isinstance(values, dict):
            raise RefusedEdit(f"{'.'.join(path[:depth])} is not a table")
        values = cast("dict[str, Any]", values).get(key)
        if values is None:
            return None
    if not isinstance(values, dict):
        raise RefusedEdit(f"{'.'.join(path)} is not a table")
    return cast("dict[str, Any]", values)


def _is_crlf(text: str) -> bool:
    return "\n" in text and text.count("\r\n") == text.count("\n")


def _tail(text: str, path: Sequence[str], value: Mapping[str, Any]) -> str:
    lead = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    added = lead + _render(path, value)
    return added.replace("\n", "\r\n") if _is_crlf(text) else added


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _item(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_item(v) for v in cast("list[Any]", value)) + "]"
    return json.dumps(value)  # numbers and truth values are written alike in both


def _render(path: Sequence[str], value: Mapping[str, Any]) -> str:
    lines = ["[" + ".".join(_key(p) for p in path) + "]"]
    lines += [f"{_key(k)} = {_item(v)}" for k, v in value.items() if not isinstance(v, dict)]
    text = "\n".join(lines) + "\n"
    for key, part in value.items():
        if isinstance(part, dict):
            text += "\n" + _render((*path, key), cast("dict[str, Any]", part))
    return text


def _open(text: str, path: Sequence[str]) -> tuple[tomlkit.TOMLDocument, Any]:
    document = tomlkit.parse(text)
    # no text is known that the standard reader takes and that does not come back whole; such a one is left alone
    if tomlkit.dumps(document) != text:  # pragma: no cover
        raise RefusedEdit("it cannot be changed without touching the rest")
    owner: Any = document
    for key in path[:-1]:
        owner = owner[key]
    return document, owner


def _close(text: str, document: tomlkit.TOMLDocument) -> str:
    changed = tomlkit.dumps(document)
    return re.sub(r"\r?\n", "\r\n", changed) if _is_crlf(text) else changed
