"""The text to add by hand where a file cannot be changed safely."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from anymodel_mcp.hosts.entry import Entry, stored_keys
from anymodel_mcp.hosts.formats import decode, find_line
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.section import put


def draw_block(host: ConfigurableHost, content: bytes, entry: Entry, value: Mapping[str, Any]) -> list[str]:
    """Where in a file an entry and its inputs belong, and the text to add; keys are replaced by "YOUR-KEY"."""
    text, name = decode(content)[1], entry.name
    env = {**value.get(host.env_key, {}), **dict.fromkeys(stored_keys(host, value), "YOUR-KEY")}
    value = {**value, host.env_key: env} if host.env_key in value else value
    if host.format != "json":
        return ["Add this to the file:", *_indented(put(host, "", name, value))]
    present, section, inputs = (find_line(text, path) for path in ((host.section, name), (host.section,), ("inputs",)))
    whole = _member(host.section, {name: value})
    blocks = [(present or section, host.section, _member(name, value) if section else whole)]
    if entry.inputs:
        items = ",\n".join(map(_json, entry.inputs)) if inputs else _member("inputs", entry.inputs)
        blocks.append((inputs, "inputs", items))
    shown: list[str] = []
    for line, key, block in sorted(blocks, reverse=True):  # from below, so that the numbers of lines stay right
        place = f"inside {key!r} in line {line}" if line else "inside the outermost braces"
        is_replaced = line and line == present
        shown.append(f"Replace {name!r} in line {line} with:" if is_replaced else f"Add this {place}:")
        shown += _indented(block)
    return shown


def _indented(block: str) -> list[str]:
    return [f"  {line}" for line in block.splitlines()]


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _member(key: str, value: object) -> str:
    return f"{json.dumps(key)}: {_json(value)}"
