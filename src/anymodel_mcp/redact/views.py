"""Decoded views of a text, with a mapping from each match back to the source characters.

A view is built in two steps. The plain decoded string is cheap and rarely holds a secret; only if it does,
the positions are worked out. Every pattern here is linear: no quantifier inside another.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence

from anymodel_mcp.record import positional_record
from anymodel_mcp.redact.cleaning import UNSAFE

Span = tuple[int, int]

_ESCAPES = re.compile(
    r"%(?:25)*([0-9A-Fa-f]{2})"  # percent, also of percent
    r"|(?<!\\)\\++(?:u|U0000)\{?(?:00)?([0-9A-Fa-f]{2})\}?"  # JSON, JavaScript, Python
    r"|(?<!\\)\\++x([0-9A-Fa-f]{2})"
    r"|&(?:amp;)*#0{0,8}([0-9]{2,3});?"  # HTML, XML
    r"|&(?:amp;)*#[xX]0{0,8}([0-9A-Fa-f]{2});?"
    r"|&(?:amp;)*([A-Za-z]{2,8});"
    r"|(?<!\\)\\++([0-7]{3})"  # C
    r"|(?<!\\)\\++([/\"'])"
)
_NAMED = {
    "amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "excl": "!", "num": "#", "dollar": "$", "percnt": "%",
    "lpar": "(", "rpar": ")", "ast": "*", "plus": "+", "comma": ",", "period": ".", "sol": "/", "colon": ":",
    "semi": ";", "equals": "=", "quest": "?", "commat": "@", "lsqb": "[", "lbrack": "[", "bsol": "\\",
    "rsqb": "]", "rbrack": "]",
    "hat": "^", "lowbar": "_", "grave": "`", "lcub": "{", "lbrace": "{", "verbar": "|", "vert": "|",
    "rcub": "}", "rbrace": "}", "tilde": "~", "hyphen": "-", "dash": "-", "nbsp": " ", "shy": "",
}  # fmt: skip
_LINE_ENDS = re.compile("[\r\n\t\x85\u2028\u2029][\\s\x85]*")
_HEX_SET = "0123456789abcdefABCDEFxX \t\r\n:,;.|_-"
_HEX_RUN = re.compile(f"[{re.escape(_HEX_SET)}]{{12,}}")
_NO_HEX_DIGIT = re.compile(r"0[xX]|[^0-9A-Fa-f]+")
_ESCAPE_AT_END = re.compile(
    r"(?:%(?:25){0,9}[0-9A-Fa-f]?|\\+(?:[uUxX][0-9A-Fa-f{]{0,8}|[0-7]{0,2})|&(?:amp;){0,9}[#\w]{0,12})\Z"
)
_AT_END_WINDOW = 120


@positional_record
class View:
    """A decoded text and its positions in the source.

    Attributes:
        starts: positions in `text` of the decoded pieces, rising.
        pieces: of each: start and end in the source, length in `text` (0 or 1).
    """

    text: str
    starts: list[int]
    pieces: list[tuple[int, int, int]]

    def _source(self, position: int) -> tuple[int, int]:
        """Start and end in the source of one character of `text`."""
        index = bisect_right(self.starts, position) - 1
        if index < 0:
            return position, position + 1
        start, end, length = self.pieces[index]
        if length and self.starts[index] == position:
            return start, end
        at = end + position - self.starts[index] - length
        return at, at + 1

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Maps a span of `text` to a span of the source."""
        return self._source(start)[0], self._source(end - 1)[1]


@positional_record
class Encoding:
    """One encoding of characters in a text.

    Attributes:
        pattern: matches an encoded character, or an ignored sequence.
        decode: the character of a match ("" = nothing), or `None` where it is no escape.
    """

    pattern: re.Pattern[str]
    decode: Callable[[re.Match[str]], str | None]

    def read(self, text: str) -> str:
        """The decoded text; the same object if nothing is encoded."""

        def replaced(match: re.Match[str]) -> str:
            char = self.decode(match)
            return match.group() if char is None else char

        return self.pattern.sub(replaced, text)

    def view(self, text: str) -> View:
        """The decoded text with positions."""
        out: list[str] = []
        starts: list[int] = []
        pieces: list[tuple[int, int, int]] = []
        done = length = 0
        for match in self.pattern.finditer(text):
            char = self.decode(match)
            if char is None:
                continue
            out += (text[done : match.start()], char)
            length += match.start() - done
            starts.append(length)
            pieces.append((match.start(), match.end(), len(char)))
            length += len(char)
            done = match.end()
        return View("".join((*out, text[done:])), starts, pieces)


def _unescape(match: re.Match[str]) -> str | None:
    index, value = match.lastindex or 0, match.group(match.lastindex or 0)
    if index == 4:
        code = int(value)
    elif index == 6:
        return _NAMED.get(value.lower())
    elif index == 7:
        code = int(value, 8)
    elif index == 8:
        return value
    else:
        code = int(value, 16)
    return chr(code) if 0x20 <= code < 0x7F else None


ESCAPES = Encoding(_ESCAPES, _unescape)
VISIBLE = Encoding(UNSAFE, lambda _: "")
WRAPPED = Encoding(_LINE_ENDS, lambda _: "")
HEX = Encoding(_NO_HEX_DIGIT, lambda _: "")


NESTED = 3
"""How many nested encodings are decoded."""


def readings(text: str) -> Iterator[tuple[tuple[Encoding, ...], str]]:
    """All decoded forms of a text, each with the encodings that were decoded; the text itself first."""
    way: tuple[Encoding, ...] = ()
    if "\x1b" in text:  # an escape sequence may swallow characters of a key
        yield (VISIBLE,), VISIBLE.read(text)
    for depth in range(NESTED + 1):
        yield way, text
        if _LINE_ENDS.search(text):
            yield (*way, WRAPPED), WRAPPED.read(text)
        if depth == NESTED or not ("%" in text or "\\" in text or "&" in text):
            return
        decoded = ESCAPES.read(text)
        if decoded == text:
            return
        way, text = (*way, ESCAPES), decoded


def to_source(way: Iterable[Encoding], text: str, spans: Sequence[Span]) -> list[Span]:
    """Maps spans of a decoded text to spans of the source text."""
    views: list[View] = []
    for encoding in way:
        views.append(encoding.view(text))
        text = views[-1].text
    found = list(spans)
    for view in reversed(views):
        found = [view.span(start, end) for start, end in found]
    return found


def hex_runs(text: str) -> Iterator[Span]:
    """Spans of hex digits and their separators."""
    return (match.span() for match in _HEX_RUN.finditer(text))


def hex_at_end(text: str) -> int:
    """The start of the hex digits at the end of the text."""
    return len(text.rstrip(_HEX_SET))


def escape_at_end(text: str) -> int:
    """The start of an escape that the end of the text cuts off."""
    window = text[-_AT_END_WINDOW:]
    found = _ESCAPE_AT_END.search(window)
    return len(text) - len(window) + found.start() if found else len(text)
