"""What a case promises against what came: pure, one sentence for each difference.

The rules are those of `README.md` beside this file and of design.md section 4 (Results, Errors).
"""

from __future__ import annotations

import base64
import json
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tests.cases.requests import MISSING, Json, check_request_count, check_socket, check_waits, check_wire, equal, show
from tests.raw_upstream import Seen

RESULT_KEY = "anymodel/result"
ERROR_KEY = "anymodel/error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that one call did, on both sides.

    Attributes:
        text: the text blocks, joined.
        requests: what the upstream counted, in order.
    """

    text: str
    is_error: bool
    meta: Mapping[str, Any]
    structured: object = None
    requests: Sequence[Seen] = field(default_factory=list[Seen])

    @property
    def record(self) -> Json:
        return self._part(RESULT_KEY)

    @property
    def error(self) -> Json:
        return self._part(ERROR_KEY)

    def _part(self, key: str) -> Json:
        value = self.meta.get(key)
        return cast("Json", value) if isinstance(value, dict) else {}


def compare(case: Json, outcome: Outcome) -> list[str]:
    """Every difference between a case's promise and its outcome; empty = it passes.

    Where the promise has alternatives (`or`), one that is kept is enough; else the differences are those of the first.
    """
    promise: Json = case["expect"]
    problems = _check_promise(promise, outcome)
    if any(not _check_promise(other, outcome) for other in promise.get("or", ())):
        problems = []
    request, seen = case["request"], outcome.requests
    told = len(request.get("wire") or ())
    # of a media job the first requests are told, `request_count` says how many there are
    if "ws" in case:
        problems += check_socket(case["ws"], seen)
    return problems + check_wire(request.get("wire"), seen[:told] if request.get("tool") == "media_task" else seen)


def _check_promise(expect: Json, outcome: Outcome) -> list[str]:
    problems = _check_form(expect, outcome)
    for name, check in _CHECKS.items():
        if name in expect:
            problems += check(expect[name], outcome)
    return problems


def _check_form(expect: Json, outcome: Outcome) -> list[str]:
    problems: list[str] = []
    if outcome.is_error == bool(expect["ok"]):
        problems.append(f"isError is {outcome.is_error}, text {outcome.text[:300]!r}, error {outcome.error}")
    wanted, unwanted = (RESULT_KEY, ERROR_KEY) if expect["ok"] else (ERROR_KEY, RESULT_KEY)
    if wanted not in outcome.meta:
        problems.append(f"_meta has no {wanted}")
    if unwanted in outcome.meta:
        problems.append(f"_meta has {unwanted}")
    if outcome.structured is not None:
        problems.append("structuredContent is set")
    return problems


# --- the answer -----------------------------------------------------------------------------------------------------


def _check_text(wanted: str, outcome: Outcome) -> list[str]:
    got, start = outcome.text, wanted.rstrip()
    rest = got[len(start) :] if got.startswith(start) else None
    if rest is None or (rest.strip() and not _is_addition(rest, at_start=not start)):
        return [f"text is {got[:300]!r}, wanted {wanted!r}"]
    return []


def _check_text_not(unwanted: list[str], outcome: Outcome) -> list[str]:
    return [f"text holds {words!r}: {outcome.text[:300]!r}" for words in unwanted if words in outcome.text]


def _is_addition(rest: str, *, at_start: bool) -> bool:
    """Whether `rest` is white space, an empty line, and a line in brackets."""
    space = rest[: len(rest) - len(rest.lstrip())]
    return rest.lstrip().startswith("[") and (at_start or space.count("\n") >= 2)


def _check_vectors(wanted: list[list[float]], outcome: Outcome) -> list[str]:
    try:
        got, end = json.JSONDecoder().raw_decode(outcome.text)
    except ValueError:
        return [f"text is no JSON array of vectors: {outcome.text[:200]!r}"]
    problems: list[str] = []
    if not _close(got, wanted):
        problems.append(f"vectors are {str(got)[:200]}, wanted {wanted}")
    rest = outcome.text[end:]
    if rest.strip() and not _is_addition(rest, at_start=False):
        problems.append(f"after the vectors stands {rest[:100]!r}")
    told: Json = outcome.record.get("vectors") or {}
    if told.get("count") != len(wanted):
        problems.append(f"record.vectors is {told}, wanted count {len(wanted)}")
    return problems


def _close(got: Any, wanted: Any) -> bool:
    """Equal, numbers within the width of a 32-bit float."""
    if isinstance(wanted, list):
        rows, others = cast("list[Any]", wanted), cast("list[Any]", got)
        return isinstance(got, list) and len(others) == len(rows) and all(map(_close, others, rows))
    return isinstance(got, (int, float)) and abs(got - wanted) <= 1e-6 * max(1.0, abs(wanted))


def _same(field_name: str) -> Callable[[Any, Outcome], list[str]]:
    def check(wanted: Any, outcome: Outcome) -> list[str]:
        got = outcome.record.get(field_name, MISSING)
        if equal(got, wanted) or (wanted in ("", [], False, None) and got in (MISSING, None, wanted)):
            return []
        return [f"{field_name} is {show(got)}, wanted {wanted!r}"]

    return check


def _check_usage(wanted: Json | None, outcome: Outcome) -> list[str]:
    got = outcome.record.get("usage")
    if wanted is None:
        return [] if got is None else [f"usage is {got}, wanted none"]
    told: Json = got or {}
    return [
        f"usage.{name} is {show(told.get(name, MISSING))}, wanted {value!r}"
        for name, value in wanted.items()
        if not (told.get(name) is None if value is None else _close(told.get(name), value))
    ]


def _check_tool_calls(wanted: list[Json], outcome: Outcome) -> list[str]:
    got: list[Json] = outcome.record.get("tool_calls") or []
    alike = len(got) == len(wanted) and all(map(_is_same_call, got, wanted))
    return [] if alike else [f"tool_calls are {got}, wanted {wanted}"]


def _is_same_call(got: Json, wanted: Json) -> bool:
    any_id = wanted.get("id") == "*" and isinstance(got.get("id"), str) and bool(got["id"])
    return all((name == "id" and any_id) or equal(got.get(name), value) for name, value in wanted.items())


def _check_rows(field_name: str) -> Callable[[list[Json], Outcome], list[str]]:
    """As many rows, in this order, each with at least these fields."""

    def check(wanted: list[Json], outcome: Outcome) -> list[str]:
        got: list[Json] = outcome.record.get(field_name) or []
        if len(got) != len(wanted):
            return [f"{field_name} are {got}, wanted {wanted}"]
        return [p for row, want in zip(got, wanted, strict=True) for p in _check_row(field_name, row, want)]

    return check


def _check_row(what: str, got: Json, wanted: Json) -> list[str]:
    problems: list[str] = []
    for name, value in wanted.items():
        if name == "b64":
            problems += _check_file(got.get("path"), base64.b64decode(value))
        elif name == "pcm_b64":
            problems += _check_samples(got.get("path"), base64.b64decode(value))
        elif name == "capabilities":
            missing = set(value) - set(got.get(name) or ())
            problems += [f"{what}.{name} lacks {sorted(missing)}"] if missing else []
        elif name == "price_per_million":
            problems += _check_row(f"{what}.{name}", got.get(name) or {}, value)
        elif not equal(got.get(name, MISSING), value):
            problems.append(f"{what}.{name} is {show(got.get(name, MISSING))}, wanted {value!r}")
    return problems


def _check_file(path: str | None, wanted: bytes) -> list[str]:
    if not path:
        return ["a picture was not saved (no path)"]
    try:
        content = Path(path).read_bytes()
    except OSError as exc:
        return [f"the saved picture cannot be read: {exc}"]
    return [] if content == wanted else [f"{path} holds {content[:40]!r}..., wanted {wanted[:40]!r}..."]


def _check_samples(path: str | None, wanted: bytes) -> list[str]:
    """The samples of a WAV file."""
    if not path:
        return ["a sound was not saved (no path)"]
    with wave.open(path, "rb") as sound:
        got = sound.readframes(sound.getnframes())
    return [] if got == wanted else [f"{path} holds samples {got[:40]!r}..., wanted {wanted[:40]!r}..."]


def _check_ranking(wanted: list[list[float]], outcome: Outcome) -> list[str]:
    rows: list[Json] = outcome.record.get("ranking") or []
    got = [[row.get("index"), row.get("score")] for row in rows]
    return [] if equal(got, wanted) else [f"ranking is {got}, wanted {wanted}"]


def _check_models(wanted: list[Json], outcome: Outcome) -> list[str]:
    got: list[Json] = outcome.record.get("models") or []
    by_id = {row.get("id"): row for row in got}
    if len(got) != len(wanted) or set(by_id) != {row["id"] for row in wanted}:
        return [f"models are {[row.get('id') for row in got]}, wanted {[row['id'] for row in wanted]}"]
    return [p for row in wanted for p in _check_row(f"models[{row['id']}]", by_id[row["id"]], row)]


def _check_warnings(wanted: list[str], outcome: Outcome) -> list[str]:
    got: list[str] = outcome.record.get("warnings") or []
    return [f"no warning says {w!r}: {got}" for w in wanted if not any(w in line for line in got)]


def _check_urls(wanted: list[str], outcome: Outcome) -> list[str]:
    records: list[Json] = outcome.record.get("media") or []
    got = [record.get("url") for record in records]
    return [] if got == wanted else [f"media URLs are {got}, wanted {wanted}"]


def _check_media_file(wanted: Json, outcome: Outcome) -> list[str]:
    records: list[Json] = outcome.record.get("media") or [{}]
    path = records[0].get("path")
    there = bool(path) and Path(str(path)).stat().st_size > 0
    return _check_row("media", records[0], wanted) + ([] if there else ["the file was not saved"])


def _check_status(wanted: str, outcome: Outcome) -> list[str]:
    return _same("status")({"succeeded": "complete"}.get(wanted, wanted), outcome)


def _check_request_id(wanted: str, outcome: Outcome) -> list[str]:
    got = (outcome.error or outcome.record).get("request_id")
    return [] if got == wanted else [f"request_id is {got!r}, wanted {wanted!r}"]


# --- the error ------------------------------------------------------------------------------------------------------


def _check_error(wanted: Json, outcome: Outcome) -> list[str]:
    got, problems = outcome.error, list[str]()
    kinds: Any = wanted.get("kind", got.get("kind"))
    if got.get("kind") not in (kinds if isinstance(kinds, list) else [kinds]):
        problems.append(f"error.kind is {got.get('kind')!r}, wanted {kinds!r}")
    for name in ("status", "retryable"):
        if name in wanted and not equal(got.get(name), wanted[name]):
            problems.append(f"error.{name} is {got.get(name)!r}, wanted {wanted[name]!r}")
    if "retry_after_s" in wanted and not _near(got.get("retry_after_s"), wanted["retry_after_s"], 0.1):
        problems.append(f"error.retry_after_s is {got.get('retry_after_s')!r}, wanted {wanted['retry_after_s']!r}")
    words = wanted.get("message_contains", "")
    problems += [f"error.message lacks {words!r}: {got.get('message')!r}"] * (words not in str(got.get("message", "")))
    problems += [f"the error's text lacks {words!r}: {outcome.text[:300]!r}"] * (words not in outcome.text)
    return problems


def _near(got: Any, wanted: float, within: float) -> bool:
    return isinstance(got, (int, float)) and not isinstance(got, bool) and abs(got - wanted) <= within


def _check_partial_text(wanted: str, outcome: Outcome) -> list[str]:
    got = outcome.error.get("partial_text")
    problems = [] if got == wanted else [f"partial_text is {got!r}, wanted {wanted!r}"]
    if wanted not in outcome.text:
        problems.append(f"the text does not hold the partial text {wanted!r}: {outcome.text[:300]!r}")
    return problems


def _check_param(wanted: str, outcome: Outcome) -> list[str]:
    got = outcome.error.get("param")
    return [] if got == wanted else [f"error.param is {got!r}, wanted {wanted!r}"]


_CHECKS: dict[str, Callable[[Any, Outcome], list[str]]] = {
    "text": _check_text,
    "text_not": _check_text_not,
    "vectors": _check_vectors,
    "usage": _check_usage,
    "tool_calls": _check_tool_calls,
    "invalid_tool_calls": _check_rows("invalid_tool_calls"),
    "citations": _check_rows("citations"),
    "images": _check_rows("images"),
    "audio": _check_rows("audio"),
    "segments": _check_rows("segments"),
    "ranking": _check_ranking,
    "models": _check_models,
    "urls": _check_urls,
    "file": _check_media_file,
    "status": _check_status,
    "warnings": _check_warnings,
    "error": _check_error,
    "partial_text": _check_partial_text,
    "param": _check_param,
    "request_id": _check_request_id,
    "request_count": lambda wanted, outcome: check_request_count(wanted, outcome.requests),
    "waits_s": lambda wanted, outcome: check_waits(wanted, outcome.requests),
    **{
        name: _same(name)
        for name in (
            "reasoning",
            "finish_reason",
            "finish_raw",
            "choices",
            "refusal",
            "truncated",
            "model",
            "texts",
            "task_id",
            "duration_s",
        )
    },
}

READ_BY_ELSE = frozenset({"ok", "plain", "or"})
KNOWN = frozenset(_CHECKS) | READ_BY_ELSE
"""Everything that a case of a served group may promise."""
