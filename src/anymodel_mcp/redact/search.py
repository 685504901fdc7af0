"""Finds secrets in a text: whole ones, and one that the end of the text cuts off."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from anymodel_mcp.redact.forms import ENDING, Forms
from anymodel_mcp.redact.views import HEX, Span, escape_at_end, hex_at_end, hex_runs, readings, to_source

_BLOCK = 1_000_000
_OVERLAP = 64_000
"""The overlap of blocks, longer than any form of a key; long texts are searched in blocks to bound memory."""

_ZERO_AT_END = re.compile("(?<![0-9A-Fa-f])0[xX]?\\Z")


def complete(forms: Forms, text: str) -> list[Span]:
    """The spans of whole secrets, in any encoding."""
    if len(text) <= _BLOCK + _OVERLAP:
        return list(_in_block(forms, text))
    return [
        (offset + start, offset + end)
        for offset in range(0, len(text), _BLOCK)
        for start, end in _in_block(forms, text[offset : offset + _BLOCK + _OVERLAP])
    ]


def _in_block(forms: Forms, text: str) -> Iterator[Span]:
    for word, pattern in forms.words.items():
        if word in text:
            yield from (match.span(1) for match in pattern.finditer(text))
    for way, reading in readings(text):
        if spans := [*_occurrences(reading, forms.texts), *_in_hex(forms, reading)]:
            yield from to_source(way, text, spans)


def _occurrences(text: str, forms: Iterable[str]) -> Iterator[Span]:
    for form in forms:
        at = text.find(form)
        while at >= 0:
            yield at, at + len(form)
            at = text.find(form, at + len(form))


def _in_hex(forms: Forms, text: str) -> Iterator[Span]:
    for start, end in hex_runs(text):
        run = text[start:end]
        if spans := list(_occurrences(HEX.read(run).lower(), forms.hexes)):
            yield from _shifted(to_source((HEX,), run, spans), start)


def _shifted(spans: Sequence[Span], by: int) -> Iterator[Span]:
    return ((start + by, end + by) for start, end in spans)


def cut_off(forms: Forms, text: str, *, least: int) -> int:
    """The start of a secret that the end of the text cuts off; the text's length if there is none.

    Args:
        forms: what is searched for.
        text: cleaned.
        least: characters of a secret that count as its beginning.
    """
    offset = max(0, len(text) - _OVERLAP)
    window = text[offset:]
    whole = escape_at_end(window)
    found = [whole] if least == 1 else [len(window)]
    for way, reading in readings(window[:whole]):
        for start in (
            _text_cut_off(forms, reading, least),
            _hex_cut_off(forms, reading, 2 * least if least > 1 else 1),
        ):
            if start < len(reading):
                found += [at for at, _ in to_source(way, window, [(start, start + 1)])]
    return offset + min(found)


def _text_cut_off(forms: Forms, text: str, least: int) -> int:
    if least >= ENDING and text[-ENDING:] not in forms.endings:
        return len(text)
    return _longest_end(text, forms.beginnings, forms.longest, least)


def _hex_cut_off(forms: Forms, text: str, least: int) -> int:
    start = max(hex_at_end(text), len(text) - 16 * forms.longest)
    run = text[start:]
    if len(run) < least:
        return len(text)
    found = [len(text)]
    for part in (run, _ZERO_AT_END.sub("", run)):  # a last zero may be that of 0x
        digits = HEX.read(part).lower()
        at = _longest_end(digits, forms.hex_beginnings, forms.longest, least)
        if at < len(digits):
            found += [start + place for place, _ in to_source((HEX,), part, [(at, at + 1)])]
    return min(found)


def _longest_end(text: str, beginnings: set[str], longest: int, least: int) -> int:
    for length in range(min(longest, len(text)), least - 1, -1):
        if text[-length:] in beginnings:
            return len(text) - length
    return len(text)
