"""Explains why a file is not valid TOML: the line, the cause and the fix. Pure.

The parser names a position and a grammar rule. Most mistakes are one of about a dozen, each with its message here.
The value of a secret is never quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from anymodel_mcp.record import record

_POSITION = re.compile(r"line (\d+), column \d+")
_CURLY = re.compile("[\u2018-\u201f\u00ab\u00bb\u2039\u203a\u300c\u300d\uff02\uff07]")
_ODD_SPACE = re.compile("[\u00a0\u1680\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff]")
_PAIR = re.compile(r"\s*(?P<key>[\w.\"'-]+)\s*(?P<sign>[=:])\s*(?P<value>.*?)\s*\Z")
_SECTION = re.compile(r"\s*\[+\s*([^\[\]#]+?)\s*\]+\s*(?:#.*)?\Z")
_WRONG_WORDS = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false", "off": "false"}
_NO_VALUE = re.compile(r"(?:null|none|nil|undefined)\b", re.IGNORECASE)
_BARE = re.compile(r"[^\s\"'\[{#][^\"'#]*")
_SECRET_KEY = re.compile(r"key|token|secret|passw|auth|cookie|headers", re.IGNORECASE)
_SHOWN = 120


@record
class _Place:
    """Where the parser stopped."""

    text: str
    number: int
    line: str
    words: str

    @property
    def pair(self) -> re.Match[str] | None:
        """`key = value` or `key: value`, if the line is that."""
        return _PAIR.match(self.line)

    def shown(self, key: str, value: str) -> str:
        """`key = value`, without the value if it may be a secret."""
        value = value if len(value) <= _SHOWN and not _SECRET_KEY.search(key) else value[0] + "…" + value[0]
        return f"{key} = {value}"


def explain_toml(text: str, error: ValueError) -> str:
    """Explains the mistake in one sentence with its line; falls back to the parser's own message."""
    words = str(error)
    lines = text.splitlines() or [""]
    found = _POSITION.search(words)
    number = int(found.group(1)) if found else max((i for i, line in enumerate(lines, 1) if line.strip()), default=1)
    line = lines[number - 1] if number <= len(lines) else ""
    place = _Place(text=text, number=number, line=line, words=words)
    for look in _MISTAKES:
        if sentence := look(place):
            return sentence
    return words


def _json(at: _Place) -> str | None:
    if not at.text.lstrip().startswith("{"):
        return None
    return (
        "it is JSON, but the file must be TOML: write a section as [providers.work] on its own line, and below it "
        'lines such as base_url = "https://HOST/v1"'
    )


def _curly(at: _Place) -> str | None:
    found = _CURLY.search(at.line)
    return f"line {at.number}: {found.group()!r} is a curly quote: use straight quotes" if found else None


def _odd_space(at: _Place) -> str | None:
    found = _ODD_SPACE.search(at.line)
    return (
        f"line {at.number} contains U+{ord(found.group()):04X}, an invisible character: type the line again"
        if found
        else None
    )


def _backslash(at: _Place) -> str | None:
    escape = "hex value" in at.words or "Unescaped '\\'" in at.words or "not a Unicode scalar" in at.words
    found = re.search(r'"((?:[^"\\]|\\.)*\\(?:[^"\\]|\\.)*)"', at.line)
    if not escape or not found:
        return None
    pair = at.pair
    value = found.group(1)
    hidden = pair is not None and _SECRET_KEY.search(pair.group("key"))
    shown = "the value" if hidden or len(value) > _SHOWN or "'" in value else f"'{value}'"
    return f"line {at.number}: a backslash in double quotes is an escape: write {shown} in single quotes, or use /"


def _twice(at: _Place) -> str | None:
    if "Cannot declare" not in at.words and "Cannot overwrite" not in at.words:
        return None
    seen: dict[str, int] = {}
    section = ""
    for number, line in enumerate(at.text.splitlines(), 1):
        if head := _SECTION.match(line):
            section = head.group(1)
            name, label = section, f"[{section}]"
        elif (pair := _PAIR.match(line)) and pair.group("sign") == "=":
            name, label = f"{section}\0{pair.group('key')}", pair.group("key")
        else:
            continue
        if (first := seen.setdefault(name, number)) != number:
            return f"line {number}: {label} is already in line {first}: keep one of them, with all its lines"
    return f"line {at.number}: this line sets something that is already set: keep one of them"


def _colon(at: _Place) -> str | None:
    pair = at.pair
    if "Expected '='" not in at.words or pair is None or pair.group("sign") != ":":
        return None
    return f"line {at.number}: TOML uses an equals sign instead of a colon: write {pair.group('key')} = …"


def _comment(at: _Place) -> str | None:
    start = at.line.lstrip()
    sign = next((s for s in ("//", ";", "/*", "--", "<!--") if start.startswith(s)), None)
    return f"line {at.number}: {sign} does not start a comment in TOML: use #" if sign else None


def _export(at: _Place) -> str | None:
    start = at.line.lstrip()
    word = next((w for w in ("export ", "set ", "$env:") if start.lower().startswith(w)), None)
    return f"line {at.number}: {word.strip()} is shell syntax: remove it, and put the value in quotes" if word else None


def _word(at: _Place) -> str | None:
    pair = at.pair
    if "Invalid value" not in at.words or pair is None:
        return None
    key, value = pair.group("key", "value")
    bare = value.split("#")[0].strip()
    if not bare:
        return f'line {at.number}: {key} has no value: write one, such as {key} = "…", or remove the line'
    if bare.lower() in _WRONG_WORDS:
        return f"line {at.number}: write {key} = {_WRONG_WORDS[bare.lower()]}"
    if _NO_VALUE.fullmatch(bare):
        return f"line {at.number}: TOML has no {bare}: remove the line"
    if _BARE.fullmatch(bare):
        return f"line {at.number}: a string needs quotes: write {at.shown(key, quoted(bare))}"
    return None


def quoted(text: str) -> str:
    """Quotes a string for TOML."""
    return f"'{text}'" if "\\" in text and "'" not in text else f'"{text}"'


def _open_quote(at: _Place) -> str | None:
    if not re.search(r"Unterminated string|Illegal character '\\n'|Expected \"'+\"", at.words):
        return None
    number = at.number if at.line.count('"') % 2 or at.line.count("'") % 2 else max(at.number - 1, 1)
    return f"line {number}: a quote is not closed"


def _apostrophe(at: _Place) -> str | None:
    if "Expected newline or end of document" not in at.words or at.line.count("'") % 2 == 0:
        return None
    return f"line {at.number}: a string with an apostrophe needs double quotes"


def _rest(at: _Place) -> str | None:
    if "Expected newline or end of document" not in at.words:
        return None
    if at.line.rstrip().endswith(","):
        return f"line {at.number}: remove the comma at the end of the line"
    if re.search(r"=\s*0\d", at.line):
        return f"line {at.number}: a number cannot start with 0: remove it, or put the value in quotes"
    return f"line {at.number}: there is text after the value: write one value per line, and a list in [ ]"


def _brackets(at: _Place) -> str | None:
    if "at the end of a table declaration" in at.words or "at the end of an array declaration" in at.words:
        return f"line {at.number}: the section name has no closing bracket: write [name]"
    if "Unclosed array" in at.words or (at.pair and at.pair.group("value").startswith("[")):
        return f'line {at.number}: the list is not closed, or a comma is missing in it: write ["a", "b"]'
    if "nclosed inline table" in at.words or "{" in at.line:
        return f"line {at.number}: a table in braces must be on one line, without a trailing comma: {{ a = 1, b = 2 }}"
    return None


def _no_pair(at: _Place) -> str | None:
    if "Expected '='" not in at.words and "Invalid statement" not in at.words:
        return None
    return f'line {at.number} is neither a section ([name]) nor a setting (name = "value"), nor a comment (#)'


_MISTAKES: tuple[Callable[[_Place], str | None], ...] = (
    _json, _curly, _odd_space, _backslash, _twice, _comment, _export, _colon, _word, _open_quote, _apostrophe, _rest,
    _brackets, _no_pair,
)  # fmt: skip
