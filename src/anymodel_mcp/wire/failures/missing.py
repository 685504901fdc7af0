"""Finds the required field that a request lacks, and a known value for it. Pure."""

from __future__ import annotations

import re

from anymodel_mcp.wire.patterns import LazyPattern

_MOST_CHARS = 2000
_NAME = r"['\"`]?(?:body\.)?([A-Za-z_][\w.\[\]]{0,60})['\"`]?"
_MISSING = (
    LazyPattern(
        rf"{_NAME}(?: parameter| field| property)?\s*(?::|is|are)\s*(?:a )?(?:field )?(?:required|missing)\b", re.I
    ),
    LazyPattern(
        rf"(?:missing|absent)(?: (?:a|the|required|mandatory|request))*(?: (?:field|parameter|argument|property"
        rf"|key))?s?:?\s+{_NAME}",
        re.I,
    ),
    LazyPattern(
        rf"required (?:field|parameter|argument|property|key)s?(?: (?:is|are) missing| missing)?:?\s+{_NAME}", re.I
    ),
    LazyPattern(
        r"must (?:provide|specify|set|include)(?: an?| the)?(?: value for)? ['\"`]([\w.\[\]]{2,60})['\"`]", re.I
    ),
    LazyPattern(r"must (?:provide|specify|set|include)(?: an?| the)? ([a-z]+(?:_[a-z]+)+)\b", re.I),
    LazyPattern(
        r"\b([A-Za-z]+(?:_[a-z]+)+)['\"`]?(?: parameter| field)? (?:must be (?:provided|specified|set\b(?! to))"
        r"|(?:must not|can ?not) be (?:null|empty))",
        re.I,
    ),
    LazyPattern(rf"(?:缺少|缺失)(?:必[需要填])?(?:参数|字段)?[:：]?\s*{_NAME}"),
)
_NO_NAMES = frozenset(
    {"field", "fields", "parameter", "parameters", "value", "argument", "property", "key", "keys", "it", "this", "that"}
    | {"authentication", "authorization", "api_key", "apikey", "header", "required", "or", "in", "the", "a", "payment"}
    | {"request", "body"}
)


def missing_field(text: str) -> str | None:
    """The name of the missing field, as the provider writes it."""
    text = text[:_MOST_CHARS]
    for pattern in _MISSING:
        for found in pattern.finditer(text):
            name = found.group(1).strip(".")
            if name.lower() not in _NO_NAMES:
                return name
    return None
