"""Reads JSON, TOML and YAML as values, and applies a change of the values to the text.

Libraries do the work: `json`, tomlkit, ruamel.yaml. A JSON text with comments or trailing commas is read, but never
changed, because `json` would lose them.
"""

from __future__ import annotations

import codecs
import io
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

import tomlkit
import tomlkit.exceptions
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from anymodel_mcp.record import positional_record

Values = dict[str, Any]
Edit = Callable[[Values], None]


_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class UnreadableFile(Exception):
    """The text is not valid; the message says why and where."""

    def __init__(self, reason: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(f"{reason} (line {line}, column {column})" if line else reason)


class UnsafeEdit(Exception):
    """The text can be read, but not be changed without losing something; the message says what."""


@positional_record
class Format:
    """One format.

    Attributes:
        read: the values of a text that is not blank.
        edit: the text with a change applied to its values.
        noun: what the format calls a mapping.
        styled: converts a new value for this format.
        has_comments: the format has comments, none of which may be lost.
    """

    read: Callable[[str], Values]
    edit: Callable[[str, Edit], str]
    noun: str
    styled: Callable[[Any], Any] = dict
    has_comments: bool = True


def decode(content: bytes | None) -> tuple[bytes, str]:
    """Splits the bytes of a file into byte order mark and text.

    Raises:
        UnreadableFile: it is not UTF-8.
    """
    content = content or b""
    if content.startswith(_UTF16):
        raise UnreadableFile("it is saved as UTF-16; save it as UTF-8 first")
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        return mark, content[len(mark) :].decode()
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise UnreadableFile("it contains bytes that are not UTF-8", line=line, column=1) from exc


# --- JSON -----------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)|[{}\[\]:,]|[^\s{}\[\]:,"/]+', re.DOTALL)


def has_comments(text: str) -> bool:
    """Whether a JSON text has comments or trailing commas."""
    return _plain(text) != text


def find_line(text: str, path: Sequence[str]) -> int:
    """The line of the key at `path` in a JSON text, counted from 1; 0 = there is no such key."""
    keys: list[str] = []
    last, start = "", 0
    for token in _TOKEN.finditer(text):
        if token[0].startswith('"'):
            last, start = token[0].strip('"'), token.start()
        elif token[0] == ":" and keys:
            keys[-1] = last
            if keys == list(path):
                return text.count("\n", 0, start) + 1
        elif token[0] in "{[":
            keys.append("")
        elif token[0] in "}]" and keys:
            keys.pop()
    return 0


def _plain(text: str) -> str:
    """Replaces comments and trailing commas by spaces, so that positions stay the same."""
    blank: list[tuple[int, int]] = []
    comma: tuple[int, int] | None = None
    for token in _TOKEN.finditer(text):
        if token[0].startswith("/"):
            blank.append(token.span())
            continue
        if comma and token[0] in "}]":
            blank.append(comma)
        comma = token.span() if token[0] == "," else None
    pieces: list[str] = []
    end = 0
    for start, stop in sorted(blank):
        pieces += [text[end:start], re.sub(r"[^\r\n]", " ", text[start:stop])]
        end = stop
    return "".join([*pieces, text[end:]])


def _read_json(text: str) -> Values:
    try:
        values: Any = json.loads(_plain(text))
    except json.JSONDecodeError as exc:
        raise UnreadableFile(
            exc.msg[:1].lower() + exc.msg[1:].removesuffix(" at"), line=exc.lineno, column=exc.colno
        ) from exc
    except (ValueError, RecursionError) as exc:
        reason = "it is nested too deeply" if isinstance(exc, RecursionError) else f"a value cannot be read: {exc}"
        raise UnreadableFile(reason) from exc
    if not isinstance(values, dict):
        raise UnreadableFile("it is not an object")
    return cast("Values", values)


def _edit_json(text: str, edit: Edit) -> str:
    repeated: list[str] = []

    def checked(pairs: list[tuple[str, Any]]) -> Values:
        values = dict(pairs)
        if len(values) < len(pairs):
            repeated.extend(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return values

    if has_comments(text):
        raise UnsafeEdit("it has comments or trailing commas, which rewriting would lose")
    values = json.loads(text, object_pairs_hook=checked)
    if repeated:
        raise UnsafeEdit(f"the key {repeated[0]!r} appears twice, and rewriting would lose one of them")
    edit(values)
    indent = re.search(r"\n([ \t]+)\S", text)
    changed = json.dumps(values, indent=indent[1] if indent else 2, ensure_ascii="\\u" in text)
    return _with_line_ends(text, changed + ("\n" if text.endswith("\n") else ""))


def _with_line_ends(text: str, changed: str) -> str:
    is_crlf = "\n" in text and text.count("\r\n") == text.count("\n")
    return re.sub(r"\r?\n", "\r\n", changed) if is_crlf else changed


# --- TOML -----------------------------------------------------------------------------------------------------------


_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _read_toml(text: str) -> Values:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        found, reason = _WHERE.search(str(exc)), _WHERE.sub("", str(exc))
        line, column = (int(found[1]), int(found[2])) if found and found[1] else (text.count("\n") + 1, 1)
        raise UnreadableFile(reason[:1].lower() + reason[1:], line=line, column=column) from exc
    except RecursionError as exc:
        raise UnreadableFile("it is nested too deeply") from exc


def _edit_toml(text: str, edit: Edit) -> str:
    try:
        document = tomlkit.parse(text if not text or text.endswith("\n") else f"{text}\n")
        edit(cast("Values", document))
    except tomlkit.exceptions.TOMLKitError as exc:
        raise UnsafeEdit(f"tomlkit cannot change it ({exc})") from exc
    return _with_line_ends(text, tomlkit.dumps(document))  # pyright: ignore[reportUnknownMemberType] tomlkit


# --- YAML -----------------------------------------------------------------------------------------------------------

_PLAIN_SCALAR = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
_NESTED = re.compile(r"^[^\s#-][^\n]*:[ \t]*\r?\n( +)[^\s#-]", re.MULTILINE)
_LISTED = re.compile(r"^[^\s#-][^\n]*:[ \t]*\r?\n( *)- ", re.MULTILINE)


def _read_yaml(text: str) -> Values:
    try:
        values: Any = cast("Any", YAML(typ="safe", pure=True)).load(text)
    except (YAMLError, ValueError, RecursionError) as exc:
        error: Any = exc
        mark: Any = getattr(error, "problem_mark", None)
        reason = str(getattr(error, "problem", None) or error or "it cannot be read").splitlines()[0]
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise UnreadableFile(reason, line=line, column=column) from exc
    if values is not None and not isinstance(values, dict):
        raise UnreadableFile("it is not a mapping", line=1, column=1)
    return cast("Values", values or {})


def _edit_yaml(text: str, edit: Edit) -> str:
    yaml: Any = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.explicit_start = re.search(r"^---", text, re.MULTILINE) is not None
    nested, listed = _NESTED.search(text), _LISTED.search(text)
    offset = len(listed[1]) if listed else 2
    yaml.indent(mapping=len(nested[1]) if nested else 2, sequence=offset + 2, offset=offset)
    document: Values | None = yaml.load(text)
    values: Values = {} if document is None else document
    edit(values)
    target = io.StringIO()
    yaml.dump(values, target)
    # a text with only comments has no document that could hold them
    head = (text if text.endswith("\n") else f"{text}\n") if document is None and text.strip() else ""
    return _with_line_ends(text, head + target.getvalue())


def _quoted(value: Any) -> Any:
    """Quotes the strings that a YAML 1.1 reader would read as another type."""
    if isinstance(value, dict):
        return {key: _quoted(part) for key, part in cast("Values", value).items()}
    if isinstance(value, list):
        return [_quoted(part) for part in cast("list[Any]", value)]
    is_plain = not isinstance(value, str) or (_PLAIN_SCALAR.fullmatch(value) and value.lower() not in _WORDS)
    return value if is_plain else DoubleQuotedScalarString(value)


FORMATS = {
    "json": Format(_read_json, _edit_json, "an object", has_comments=False),
    "toml": Format(_read_toml, _edit_toml, "a table"),
    "yaml": Format(_read_yaml, _edit_yaml, "a mapping", _quoted),
}
