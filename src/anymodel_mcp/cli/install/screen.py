"""What the user sees of a change: a unified diff, or a block to add by hand, without a key in it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from anymodel_mcp.cli.install.formats import find_line
from anymodel_mcp.cli.install.plan import Change, decode
from anymodel_mcp.cli.install.section import put
from anymodel_mcp.hosts.entry import Entry, stored_keys
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.redact import MASK, Redactor, clean_text

_NAMED = re.compile(
    r"""(?ix)
        ( ["']? [\w.-]* (?:key|token|secret|passw(?:or)?d|authorization|cookie|credential) [\w.-]* ["']? \s* [:=] \s* )
        (?: "(?:[^"\\]|\\.)*" | '[^']*' | (?!(?:true|false|null|\d+)\b) [^\s"'\[{,][^,\r\n]* )"""
)
_REFERENCE = re.compile(r"""["']?(?:\$\w+|\$?\{(?:\w+:)?[\w-]+\}|\$\{\{ secrets\.\w+ \}\}|[A-Z][A-Z0-9_]*_KEY)["']?$""")
_RANDOM = re.compile(r"(?<![\w./\\-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{20,}(?![\w./\\-])")


def draw_diff(change: Change, secrets: Iterable[str]) -> list[str]:
    """The lines of the diff, redacted; none when nothing changes."""
    before, after = (_lines(content) for content in (change.before, change.after))
    old = str(change.path) if change.before is not None else "(no file)"
    new = str(change.path) if change.after is not None else "(no file)"
    lines = difflib.unified_diff(before, after, old, new, lineterm="")
    redactor = Redactor(secrets)
    return [line if line.startswith(("---", "+++", "@@")) else hide_keys(redactor.clean(line)) for line in lines]


def draw_block(host: ConfigurableHost, content: bytes, entry: Entry, value: Mapping[str, Any]) -> list[str]:
    """Where in a file an entry and its inputs belong, and the text to put there; "YOUR-KEY" stands for a key."""
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


def may_hold_keys(content: bytes, secrets: Iterable[str]) -> bool:
    """Whether a file holds one of the secrets, or text that looks like a key."""
    redactor = Redactor(secrets)
    return any(hide_keys(redactor.clean(line)) != clean_text(line) for line in _lines(content))


def hide_keys(line: str) -> str:
    """A line without values that have the name of a secret, or look like one; references stay."""
    line = _NAMED.sub(lambda m: m[0] if _REFERENCE.search(m[0][len(m[1]) :]) else f"{m[1]}{MASK}", line)
    return line if "/" in line and ":" not in line else _RANDOM.sub(MASK, line)


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "replace").removeprefix("\ufeff")
    return text.splitlines()
