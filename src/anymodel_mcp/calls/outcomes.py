"""Outcomes of calls: failures, warnings added later, and the form in which the store keeps them."""

from __future__ import annotations

from dataclasses import asdict, fields, replace

from anymodel_mcp.errors import Failure
from anymodel_mcp.state import Ended, StoredCall
from anymodel_mcp.types import Json, Outcome

_APART = frozenset({"text", "status", "result_id", "offset"})
_STORED = frozenset(f.name for f in fields(Outcome)) - _APART


def failed(failure: Failure, partial_text: str) -> Outcome:
    """The outcome of a failure, with the text that arrived before it."""
    record = {k: v for k, v in asdict(failure).items() if v not in (None, "") and k not in ("fix", "code")}
    record["retryable"] = failure.retryable
    if partial_text:
        record["partial_text"] = partial_text
    else:
        record.pop("partial_text", None)
    return Outcome(text=partial_text, error=record, advice=failure.advice)


def with_warnings(outcome: Outcome, *warnings: str) -> Outcome:
    """The same outcome with more warnings, as notes and in its record."""
    if not warnings:
        return outcome
    record = outcome.record
    if record is not None:
        record = {**record, "warnings": [*record.get("warnings", ()), *warnings]}
    return replace(outcome, notes=(*outcome.notes, *warnings), record=record)


def status_of(outcome: Outcome) -> Ended:
    """The status under which the store keeps an outcome."""
    if outcome.error is None:
        return "complete"
    return "cancelled" if outcome.error.get("kind") == "cancelled" else "failed"


def dump(outcome: Outcome) -> Json:
    """The outcome as JSON, without its text, which is stored apart."""
    return {k: v for k, v in asdict(outcome).items() if k in _STORED}


def load(row: StoredCall) -> Outcome:
    """The outcome of a stored call; what a newer version added to it is left out."""
    if row.status == "running":
        return Outcome(text=row.text, status="running", result_id=row.id)
    if row.status == "interrupted":
        message = "the server that ran this call stopped before the call ended"
        failure = Failure(kind="cancelled", message=message, fix="Call again; the text received so far is below.")
        return replace(failed(failure, row.text), result_id=row.id)
    known = {k: v for k, v in (row.record or {}).items() if k in _STORED}
    return Outcome(text=row.text, result_id=row.id, **known)
