"""Decides whether and when a request is sent again.

Statuses, signals and limits from a survey of documentation and recorded responses, 2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.wire.decode.json_values import as_list, as_number, as_object, as_text
from anymodel_mcp.wire.patterns import LazyPattern

RETRY_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
_NEVER: frozenset[ErrorKind] = frozenset(
    {"quota", "auth", "model_not_found", "endpoint_not_found", "invalid_argument", "unsupported_parameter", "config"}
)
_SURELY_REFUSED: frozenset[ErrorKind] = frozenset({"rate_limit", "overloaded"})
_ONCE: frozenset[ErrorKind] = frozenset({"upstream", "protocol"})
_FIRST_S, _MOST_S, _JITTER = 0.5, 8.0, 0.25
_UNIT = r"(milliseconds?|ms|mins?|minutes?|m|seconds?|secs?|s|hours?|hrs?|h|days?|d|毫秒|秒|分钟|小时)(?![a-z])"
_IN_WORDS = LazyPattern(
    r"(?:retry|retrying|try|again|wait(?:ing)?|resets?|available|请)(?: (?:again|in|after|for|at least|about"
    r"|another|only|the request)){0,3}"
    rf"[ :~在等待于约]*((?:\d{{1,12}}(?:\.\d{{1,12}})?\s*{_UNIT}[\s,]*(?:and )?)+|(?<=in )\d{{1,12}}(?:\.\d+)?(?![\d.])"
    rf"|(?<=after )\d{{1,12}}(?:\.\d+)?(?![\d.]))",
    re.IGNORECASE,
)
_PIECE = LazyPattern(rf"(?<![\d.])(\d{{1,12}}(?:\.\d{{1,12}})?)\s*{_UNIT}", re.IGNORECASE)
_DURATION = LazyPattern(r"(\d{1,12}(?:\.\d{1,12})?)\s*(ms|d|h|m|s)")
_UNIT_S = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "毫秒": 0.001,
    "秒": 1.0,
    "分钟": 60.0,
    "小时": 3600.0,
}
_EPOCH_MS = 100_000_000_000
_MAX_DEPTH = 5


def retry_after(headers: Mapping[str, str], body: Any | None, now: float) -> float | None:
    """The wait that the provider asks for, in seconds; `None` = none, or not plausible.

    Args:
        headers: names in lower case.
        body: the JSON body, parsed or not.
        now: seconds since 1970, used only if the response has no `date`.
    """
    sent = _date(headers.get("date", ""))
    now = now if sent is None else sent  # clocks may differ, so only differences of the provider's own times are used
    wait_s = _from_header(headers, now)
    if wait_s is None and body is not None:
        wait_s = _from_body(body, now, 0)
    return wait_s


def _from_header(headers: Mapping[str, str], now: float) -> float | None:
    millis = _positive(headers.get("retry-after-ms"))
    if millis is not None:
        return millis / 1000
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    seconds = _positive(text)
    if seconds is not None:
        return seconds
    spelled = _duration(text)
    if spelled is not None:
        return spelled
    until = _date(text)
    return None if until is None else _positive(until - now)


def _from_body(body: Any, now: float, depth: int) -> float | None:
    """The wait in an error body: `RetryInfo`, a field, a forwarded rate-limit header, or text."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(body, list):
        found = (_from_body(v, now, depth + 1) for v in as_list(body)[:20])
        return next((f for f in found if f is not None), None)
    source = as_object(body)
    for name in ("retryDelay", "retry_after", "retry_after_s", "retryAfter"):
        value = source.get(name)
        wait_s = _positive(value) if not isinstance(value, str) else (_duration(value) or _positive(value))
        if wait_s is not None:
            return wait_s
    passed_on = {k.lower(): v for k, v in as_object(source.get("headers")).items() if isinstance(v, str)}
    if passed_on:
        wait_s = _from_header(passed_on, now) or _reset(passed_on.get("x-ratelimit-reset"), now)
        if wait_s is not None:
            return wait_s
    for name in ("error", "details", "metadata", "errors"):
        wait_s = _from_body(source.get(name), now, depth + 1) if source.get(name) else None
        if wait_s is not None:
            return wait_s
    return _from_words(as_text(source.get("message")) or as_text(source.get("error")))


def _from_words(text: str) -> float | None:
    found = _IN_WORDS.search(text[:2000])
    if not found:
        return None
    said = found.group(1)
    pieces = _PIECE.findall(said)
    return sum(float(number) * _seconds(unit.lower()) for number, unit in pieces) if pieces else float(said)


def _seconds(unit: str) -> float:
    """The seconds of a unit, abbreviated or not."""
    short = "ms" if unit.startswith(("ms", "mil")) else unit[0]
    return _UNIT_S[unit] if unit in _UNIT_S else _UNIT_S[short]


def _reset(value: str | None, now: float) -> float | None:
    """Seconds until a point in time, given in milliseconds since 1970 (OpenRouter's free tier)."""
    number = _positive(value)
    return None if number is None or number < _EPOCH_MS else _positive(number / 1000 - now)


def _positive(value: Any) -> float | None:
    number = as_number(value)
    return number if number is not None and number >= 0 else None


def _duration(text: str) -> float | None:
    """Seconds of "34.4s", "6m0s", "120ms"."""
    parts = _DURATION.findall(text[:60])
    if not parts or _DURATION.sub("", text[:60]).strip():
        return None
    return sum(float(number) * _UNIT_S[unit] for number, unit in parts)


def _date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


def retry_delay(
    error: ProviderError,
    *,
    attempt: int,
    max_attempts: int,
    max_wait_s: float,
    headers: Mapping[str, str],
    got_delta: bool,
    repeatable: bool,
    ambiguous: bool,
    jitter: float,
) -> float | None:
    """Seconds to wait before the request is sent again; `None`: it is not.

    Args:
        error: the failure of the last attempt.
        attempt: the number of attempts so far.
        max_attempts: the most attempts.
        max_wait_s: a longer wait that the provider asks for is reported, not slept.
        headers: of the last answer, names in lower case.
        got_delta: text or reasoning was received: a retry would return a different answer.
        repeatable: sending it twice makes nothing twice and costs nothing.
        ambiguous: it is unknown whether the provider received the request.
        jitter: a number from 0 to 1.
    """
    failure = error.failure
    if attempt >= max_attempts or got_delta or failure.partial_text or failure.kind in _NEVER:
        return None
    if not repeatable and (ambiguous or not (failure.kind in _SURELY_REFUSED or failure.code == "not_sent")):
        return None
    if not _wants_retry(failure.retryable, headers):
        return None
    if failure.kind in _ONCE and attempt >= 2:
        return None  # each attempt was charged in full
    wait_s = failure.retry_after_s
    if wait_s:
        return wait_s if wait_s <= max_wait_s else None
    backoff = min(_FIRST_S * 2.0 ** min(attempt - 1, 10), _MOST_S)
    return min(backoff * (1 - _JITTER * jitter), max_wait_s)


def _wants_retry(retryable: bool, headers: Mapping[str, str]) -> bool:
    said = headers.get("x-should-retry", "").strip().lower()
    return said == "true" if said in ("true", "false") else retryable
