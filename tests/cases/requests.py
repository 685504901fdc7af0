"""What a case tells about the requests (`wire`, `request_count`, `waits_s`) against those that arrived."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast
from urllib.parse import urlsplit

from tests.raw_upstream import Seen

Json = dict[str, Any]

MISSING: Any = object()
"""Stands for a field that is not there."""

_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
_EARLY_S = 0.1
"""Timers may fire a little early."""


def equal(got: Any, wanted: Any) -> bool:
    """Whether two values are equal as JSON: `true` is not 1, 1.0 is."""
    if isinstance(got, dict) and isinstance(wanted, dict):
        ours, theirs = cast("Json", got), cast("Json", wanted)
        return ours.keys() == theirs.keys() and all(equal(ours[k], theirs[k]) for k in ours)
    if isinstance(got, list) and isinstance(wanted, list):
        rows, others = cast("list[Any]", got), cast("list[Any]", wanted)
        return len(rows) == len(others) and all(map(equal, rows, others))
    return isinstance(got, bool) == isinstance(wanted, bool) and bool(got == wanted)


def show(value: Any) -> str:
    """A value for a sentence, cut."""
    return "absent" if value is MISSING else repr(value)[:300]


def check_request_count(wanted: int, seen: Sequence[Seen]) -> list[str]:
    """Exactly so many requests were made."""
    got = len(seen)
    return [] if got == wanted else [f"{got} requests were made, wanted {wanted}"]


def check_waits(wanted: list[float], seen: Sequence[Seen]) -> list[str]:
    """Each wait is slept, and not much longer."""
    got = [b.at - (a.answered_at or a.at) for a, b in pairwise(seen)]
    fits = len(got) == len(wanted) and all(
        w - _EARLY_S <= g <= w * 1.25 + 1.5 for g, w in zip(got, wanted, strict=True)
    )
    return [] if fits else [f"waits were {[round(g, 2) for g in got]} s, wanted {wanted}"]


def check_wire(wanted: list[Json] | None, seen: Sequence[Seen]) -> list[str]:
    """One expectation for each request."""
    if wanted is None:
        return []
    if len(seen) != len(wanted):
        return [f"{len(seen)} requests were made, wire tells {len(wanted)}: {[s.target for s in seen]}"]
    return [
        f"request {number}: {problem}"
        for number, (request, want) in enumerate(zip(seen, wanted, strict=True), 1)
        for problem in _check_request(want, request)
    ]


def check_socket(script: Json, seen: Sequence[Seen]) -> list[str]:
    """Checks one connection: the expected handshake, and the expected messages in order."""
    if len(seen) != 1:
        return [f"{len(seen)} connections were made, wanted 1"]
    problems = _check_request({k: v for k, v in script.items() if k in ("url_suffix", "headers_absent")}, seen[0])
    rest = list(seen[0].messages)
    for wanted in script.get("send", ()):
        at = next((i for i, m in enumerate(rest) if m.get("type") == wanted["type"]), None)
        if at is None:
            return [*problems, f"{wanted['type']} was not sent, or not in order: {seen[0].messages}"]
        message, rest = rest[at], rest[at + 1 :]
        problems += [
            f"{wanted['type']}: {path} is {show(value_at(message, path))}, wanted {value!r}"
            for path, value in wanted.items()
            if not equal(value_at(message, path), value)
        ]
    return problems


def _check_request(wanted: Json, seen: Seen) -> list[str]:
    problems: list[str] = []
    if wanted.get("method", seen.method) != seen.method:
        problems.append(f"method is {seen.method}, wanted {wanted['method']}")
    if "url" in wanted and seen.target != _target(wanted["url"]):
        problems.append(f"url is {seen.target}, wanted {_target(wanted['url'])}")
    if not seen.path.endswith(wanted.get("url_suffix", "")) and not seen.target.endswith(wanted.get("url_suffix", "")):
        problems.append(f"url is {seen.target}, wanted to end with {wanted['url_suffix']}")
    problems += _check_headers(wanted, seen) + _check_body(wanted, seen)
    choices: list[Json] = wanted.get("any_of", [])
    if choices and all(_check_request(choice, seen) for choice in choices):
        problems.append(f"none of the alternatives was sent: {choices}")
    return problems


def _target(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _check_headers(wanted: Json, seen: Seen) -> list[str]:
    problems = [
        f"header {name} is {seen.headers.get(name.lower())!r}, wanted {value!r}"
        for name, value in wanted.get("headers", {}).items()
        if seen.headers.get(name.lower()) != value
    ]
    problems += [
        f"header {name} is {seen.headers.get(name.lower())!r}, wanted to begin with {value!r}"
        for name, value in wanted.get("headers_prefix", {}).items()
        if not seen.headers.get(name.lower(), "").startswith(value)
    ]
    absent = [name for name in wanted.get("headers_absent", ()) if name.lower() in seen.headers]
    return problems + [f"header {name} was sent" for name in absent]


def _check_body(wanted: Json, seen: Seen) -> list[str]:
    problems: list[str] = []
    fields: Counter[str] = Counter(wanted.get("form_fields", ()))
    if any(seen.form_fields()[name] != count for name, count in fields.items()):
        problems.append(f"form fields are {dict(seen.form_fields())}, wanted {dict(fields)}")
    if "body_has" not in wanted and "body_not" not in wanted:
        return problems
    try:
        body = seen.json()
    except ValueError:
        return [*problems, f"the body is no JSON: {seen.body[:200]!r}"]
    for path, value in wanted.get("body_has", {}).items():
        if not equal(value_at(body, path), value):
            problems.append(f"body {path} is {show(value_at(body, path))}, wanted {value!r}")
    return problems + [f"body has {path}" for path in wanted.get("body_not", ()) if value_at(body, path) is not MISSING]


def value_at(body: Any, path: str) -> Any:
    """The value at a path such as `messages[1].name`."""
    for step in _STEP.findall(path):
        if step.startswith("["):
            rows = cast("list[Any]", body) if isinstance(body, list) else []
            index = int(step[1:-1])
            body = rows[index] if index < len(rows) else MISSING
        else:
            body = cast("Json", body).get(step, MISSING) if isinstance(body, dict) else MISSING
    return body
