from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.wire.failures.retry import retry_after, retry_delay

NOW = 1_789_000_000.0


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "86400"}, 86400),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "6m0s"}, 360),
        ({"retry-after": "120ms"}, 0.12),
        ({"retry-after": "60", "retry-after-ms": "59870"}, 59.87),
        ({"retry-after": "60", "retry-after-ms": "-5"}, 60),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:05 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 5),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:05 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, None),
        ({"retry-after": "Thu, 10 Sep 2026 00:26:50 GMT"}, 10),
        ({"retry-after": "Thu, 10 Sep 2026 00:26:50"}, 10),
        ({"retry-after": "Thu, 10 Sep 2026 00:26:50 GMT", "date": "yesterday"}, 10),
    ],
)
def test_the_wish_in_headers_is_read(headers: dict[str, str], wanted: float | None) -> None:
    found = retry_after(headers, None, NOW)
    assert found == (None if wanted is None else pytest.approx(wanted))  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ([{"error": {"details": [{"@type": "x/QuotaFailure"}, {"retryDelay": "34.4s"}]}}], 34.4),
        ({"error": {"message": "Please retry in 26.66s."}}, 26.66),
        ({"error": {"message": "Please try again in 120ms."}}, 0.12),
        ({"error": {"message": "try again after 2 minutes"}}, 120),
        ({"error": {"message": "Please try again in 6m0s."}}, 360),
        ({"error": {"message": "Please try again in 1m2.5s. Visit us."}}, 62.5),
        ({"error": {"message": "try again in 1 hour, 2 minutes and more"}}, 3720),
        ({"error": {"message": "try again in 30 seconds, 5 models wait"}}, 30),
        ({"error": {"message": "try again in 10 milliseconds"}}, 0.01),
        ({"error": {"message": "Try again in 3"}}, 3),
        ({"error": "retry after 7s"}, 7),
        ({"retry_after": 3}, 3),
        ({"retryDelay": "x"}, None),
        ({"error": {"metadata": {"headers": {"X-RateLimit-Reset": "1789000060000"}}}}, 60),
        ({"error": {"metadata": {"headers": {"Retry-After": "9"}}}}, 9),
        ({"error": {"metadata": {"headers": {"X-RateLimit-Reset": "17"}}}}, None),
        ({"error": {"error": {"error": {"error": {"error": {"error": {"retry_after": 3}}}}}}}, None),
        ({"message": "no"}, None),
        ("text", None),
    ],
)
def test_the_wish_in_a_body_is_read(body: Any, wanted: float | None) -> None:
    found = retry_after({}, body, NOW)
    assert found == (None if wanted is None else pytest.approx(wanted))  # pyright: ignore[reportUnknownMemberType]


def test_the_header_wins_over_the_body() -> None:
    assert retry_after({"retry-after": "1"}, {"retry_after": 3}, NOW) == 1


def delay(kind: ErrorKind = "server", **given: Any) -> float | None:
    fields = {k: given.pop(k) for k in ("retryable", "retry_after_s", "code", "partial_text") if k in given}
    error = ProviderError("x", kind=kind, **{"retryable": True, **fields})
    options: dict[str, Any] = {
        "attempt": 1,
        "max_attempts": 3,
        "max_wait_s": 20,
        "headers": {},
        "got_delta": False,
        "repeatable": True,
        "ambiguous": False,
        "jitter": 0.0,
    }
    return retry_delay(error, **{**options, **given})


def test_waits_grow_and_end() -> None:
    assert [delay(attempt=n, max_attempts=9) for n in range(1, 9)] == [0.5, 1, 2, 4, 8, 8, 8, 8]
    assert delay(jitter=1.0) == 0.375
    assert delay(max_wait_s=0.1) == 0.1
    assert delay(attempt=3) is None


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"retryable": False}, None),
        ({"got_delta": True}, None),
        ({"partial_text": "Half"}, None),
        ({"kind": "quota"}, None),
        ({"kind": "quota", "headers": {"x-should-retry": "true"}}, None),
        ({"headers": {"x-should-retry": "false"}}, None),
        ({"retryable": False, "headers": {"x-should-retry": "true"}}, 0.5),
        ({"kind": "rate_limit", "retry_after_s": 7}, 7),
        ({"kind": "rate_limit", "retry_after_s": 20}, 20),
        ({"kind": "rate_limit", "retry_after_s": 21}, None),
        ({"kind": "rate_limit", "retry_after_s": 0}, 0.5),
        ({"kind": "upstream", "attempt": 1}, 0.5),
        ({"kind": "upstream", "attempt": 2}, None),
        ({"kind": "protocol", "attempt": 2}, None),
        ({"repeatable": False}, None),
        ({"repeatable": False, "kind": "timeout"}, None),
        ({"repeatable": False, "kind": "rate_limit"}, 0.5),
        ({"repeatable": False, "kind": "overloaded"}, 0.5),
        ({"repeatable": False, "kind": "overloaded", "ambiguous": True}, None),
        ({"repeatable": False, "kind": "connection", "code": "not_sent"}, 0.5),
        ({"repeatable": False, "kind": "connection", "ambiguous": True}, None),
        ({"kind": "connection", "ambiguous": True}, 0.5),
    ],
)
def test_another_try_only_where_it_does_no_harm(given: dict[str, Any], wanted: float | None) -> None:
    assert delay(**given) == wanted
