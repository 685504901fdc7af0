"""Outcomes of calls: failures, warnings added later, and the form in which the store keeps them."""

from __future__ import annotations

from dataclasses import asdict, fields, replace

from anymodel_mcp.errors import ADVICE, Failure
from anymodel_mcp.redact import one_line, shorten
from anymodel_mcp.state import Ended, StoredCall
from anymodel_mcp.types import Json, Outcome

_APART = frozenset({"text", "status", "result_id", "offset", "running_s", "running_model"})
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


_MAX_NAME_CHARS = 200
_FINAL_KINDS = frozenset({"task_failed", "content_filter", "gone", "bad_request", "invalid_argument"})
"""Failures after which a job cannot be continued."""


def job_ended(outcome: Outcome) -> bool:
    """Whether the outcome of a call that submitted a job is that job's end."""
    return outcome.error is None or outcome.error.get("kind") in _FINAL_KINDS


def with_job(outcome: Outcome, handle: str, task_id: str) -> Outcome:
    """Adds to the outcome of a call whose job still runs how to continue that job."""
    if outcome.error is None or job_ended(outcome):
        return outcome
    if not task_id:
        return _submitted_blindly(outcome) if outcome.error.get("kind") == "cancelled" else outcome
    error = {**outcome.error, "task_id": task_id, "retryable": False}
    advice = f"get_result(id={handle!r}) continues job {task_id!r}; do not submit it again: it may be paid for."
    return replace(outcome, error=error, advice=advice, result_id=handle)


CANCELLED = "the call was cancelled"
"""The failure of a cancelled call that submitted no job."""
LOOK_FIRST = (
    "Look at the vendor's own list of jobs before you submit it again: it may be running and paid for; its id was "
    "never read here."
)
"""What to do about a submit whose answer was never read."""


def _submitted_blindly(outcome: Outcome) -> Outcome:
    """The outcome of a call that was stopped while it submitted a job."""
    message = f"{(outcome.error or {}).get('message', '')}; the submit may have been sent, and its answer was not read"
    return replace(outcome, error={**(outcome.error or {}), "message": message, "retryable": False}, advice=LOOK_FIRST)


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


def load(row: StoredCall, now: float) -> Outcome:
    """Loads the outcome of a stored call; fields added by a newer version are ignored."""
    if row.status == "running":
        return Outcome(
            text=row.text,
            status="running",
            result_id=row.id,
            running_s=max(now - row.created, 0),
            running_model=row.model,
        )
    if row.status == "interrupted":
        message = "the server that ran this call stopped before the call ended"
        failure = Failure(kind="cancelled", message=message, fix="Call again; the text received so far is below.")
        return replace(failed(failure, row.text), result_id=row.id)
    known = {k: v for k, v in (row.record or {}).items() if k in _STORED}
    return Outcome(text=row.text, result_id=row.id, **known)


def _span(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 7200 else f"{seconds / 3600:.0f} hours"


def notes_text(outcome: Outcome) -> str:
    """The notes after the answer: an empty line, then each note, in brackets unless it already has some."""
    if not outcome.notes:
        return ""
    return "\n\n" + "\n\n".join(n if n.startswith("[") else f"[{n}]" for n in outcome.notes)


def error_text(outcome: Outcome) -> str:
    """A failure in three parts: what failed, why, what to do."""
    error = outcome.error or {}
    who = shorten(one_line("/".join(str(error[k]) for k in ("provider", "model") if error.get(k))), _MAX_NAME_CHARS)
    status = f", HTTP {error['status']}" if error.get("status") else ""
    tries = f", after {error['attempts']} requests" if (error.get("attempts") or 0) > 1 else ""
    lines = [f"Failed: {who + ': ' if who else ''}{error.get('kind', 'server')}{status}{tries}."]
    lines.append(f"Why: {error.get('message', '')}")
    advice = outcome.advice or ADVICE[error.get("kind", "server")]
    if error.get("retry_after_s") is not None:
        advice = f"{advice} Try again in {_span(error['retry_after_s'])}.".strip()
    lines.append(f"Do: {advice}")
    return "\n".join(lines)


def body_of(outcome: Outcome) -> str:
    """The text that offsets refer to: the answer and its notes, because the calling model acts on both."""
    return (
        outcome.text + notes_text(outcome) if outcome.error is None and outcome.status == "complete" else outcome.text
    )
