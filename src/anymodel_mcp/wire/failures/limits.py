"""Extracts the limit named in the refusal of a number: "at most N", "<= N", "[1, N]", "8000 > N". Pure.

Each number is classified by the words since the previous number: words of an upper bound, of a lower one, or
neither. Numbers that would not forbid the sent value are not bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from anymodel_mcp.record import positional_record
from anymodel_mcp.wire.patterns import LazyPattern

_MOST_CHARS = 2000
_MOST_WORDS = 80
_NUMBER = LazyPattern(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3}){1,4}|\d{1,15})(?:\.\d{1,15})?(?![\w.]*\w)", re.ASCII)
_STATUS = LazyPattern(r"<\d{3}>")
_BRACKETS = LazyPattern(r"[\[(（]\s*(-?\d{1,15}(?:\.\d{1,15})?)\s*[,，~]\s*(-?\d{1,15}(?:\.\d{1,15})?)\s*[\])）]")
_SPAN = LazyPattern(
    r"(?:between|from|range:?)\s+(-?\d{1,15}(?:\.\d{1,15})?)\s*(?:and|to|\.\.\.?|-)\s*(-?\d{1,15}(?:\.\d{1,15})?)",
    re.IGNORECASE,
)
_HIGH = LazyPattern(
    r"at most|maximum|\bmax\b|(?:less|lower|smaller|fewer) than|(?:not|n't) (?:be )?(?:greater|larger|more|higher) than"
    r"|no (?:more|greater|larger) than|up to|<=|<|≤|\blimit|\bcap\b|supports? only|exceeds|不超过|最大",
    re.IGNORECASE,
)
_LOW = LazyPattern(
    r"at least|minimum|\bmin\b|(?:greater|larger|more|higher) than|(?:not|n't) (?:be )?(?:less|lower|smaller"
    r"|fewer) than"
    r"|>=|≥|不小于|最小",
    re.IGNORECASE,
)
_STRICT = LazyPattern(
    r"(?<!not be )(?<!not )(?<!no )(?:less|lower|smaller|fewer|greater|larger|more|higher) than\W*$", re.IGNORECASE
)


@positional_record
class Bounds:
    """The smallest and the largest allowed value, as far as the text names them."""

    low: float | None = None
    high: float | None = None

    @property
    def nearest(self) -> float | None:
        """The allowed number nearest to the refused one."""
        return self.high if self.high is not None else self.low


def named_bounds(text: str, value: float) -> Bounds:
    """The bounds that a refusal of `value` names.

    Args:
        text: the refusal message.
        value: the number that was sent.
    """
    pairs = list(_bounds(_STATUS.sub(" ", text[:_MOST_CHARS]), value))
    highs = [n for kind, n in pairs if kind == "high" and n < value]
    lows = [n for kind, n in pairs if kind == "low" and n > value]
    return Bounds(low=min(lows, default=None), high=max(highs, default=None))


def _bounds(text: str, value: float) -> Iterator[tuple[str, float]]:
    for pattern in (_BRACKETS, _SPAN):
        for found in pattern.finditer(text):
            yield "low", float(found.group(1))
            yield "high", float(found.group(2))
        text = pattern.sub(" ", text)
    whole = float(value).is_integer()
    end, last = 0, ""
    for found in _NUMBER.finditer(text):
        words = text[max(end, found.start() - _MOST_WORDS) : found.start()]
        number = float(found.group().replace(",", ""))
        kind = _kind(words, last, value)
        if kind:
            step = 1.0 if whole and _STRICT.search(words) else 0.0
            yield kind, number - step if kind == "high" else number + step
        end, last = found.end(), found.group()


def _kind(words: str, last: str, value: float) -> str:
    """The kind of bound by the words before a number: "high", "low" or ""."""
    if words.strip(" `'\")") == ">" and last and float(last.replace(",", "")) == value:
        return "high"  # 8000 > 4096: the sent and the allowed value
    high = max((m.end() for m in _HIGH.finditer(words)), default=0)
    low = max((m.end() for m in _LOW.finditer(words)), default=0)
    if not high and not low:
        return ""
    return "high" if high >= low else "low"


_INPUT_TOKENS = LazyPattern(
    r"(?<!\d)(?:(\d{1,15})\s*\+\s*\d{1,15}\s*>|(\d{1,15})\s+(?:tokens\s+)?(?:input|prompt)\b"
    r"|(\d{1,15})\s+(?:tokens\s+)?(?:in|from)\s+(?:the|your)\s+(?:\w+\s+)?(?:messages|prompt|input))",
    re.IGNORECASE,
)
_SUM = LazyPattern(r"\+\s*\d{1,15}\s*>\s*(\d{1,15})")
_CONTEXT_TOKENS = LazyPattern(r"context (?:length|window|size|limit)\D{1,30}?(\d{1,15})", re.IGNORECASE)


def output_room(text: str, asked: float) -> int | None:
    """How many tokens may be generated, if a refusal names the input and the context in which both must fit.

    Args:
        text: the refusal message.
        asked: the requested number of tokens.
    """
    text = text[:_MOST_CHARS]
    used, context = _INPUT_TOKENS.search(text), _SUM.search(text) or _CONTEXT_TOKENS.search(text)
    if not used or not context:
        return None
    room = int(context.group(1)) - int(used.group(used.lastindex or 0))
    return room if 0 < room < asked else None
