"""Reads answers of media services: the id of a submitted job, and its state.

State words are compared in lower case with blanks and hyphens as `_`. An unknown word means that the job still
runs: a job is never given up because of a new word. Results are read from a finished job only, because running ones
show previews.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field, replace
from typing import Any, Literal, cast
from urllib.parse import urljoin

from anymodel_mcp.dialects.jobs.row import JobRow
from anymodel_mcp.errors import ErrorKind, Failure, ProviderError
from anymodel_mcp.record import record
from anymodel_mcp.types import Delta, Json
from anymodel_mcp.wire.decode.body import BodyReader, Document
from anymodel_mcp.wire.decode.json_values import as_number, as_object
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead
from anymodel_mcp.wire.failures.provider_error import failure_from, tidy
from anymodel_mcp.wire.jobs.fields import MAX_OUTPUTS, find_known, find_outputs, find_progress, find_reason
from anymodel_mcp.wire.jobs.paths import first_at, read_path
from anymodel_mcp.wire.jobs.request import Job
from anymodel_mcp.wire.urls import may_have_key

Status = Literal["queued", "running", "done", "failed", "needs_input"]

_DONE = frozenset(
    ["succeeded", "success", "succeed", "successful", "completed", "complete", "done", "finished", "ready", "true"]
)
_FAILED = frozenset(
    [
        "failed",
        "failure",
        "fail",
        "error",
        "cancelled",
        "canceled",
        "aborted",
        "expired",
        "rejected",
        "timeout",
        "moderated",
        "request_moderated",
        "content_moderated",
        "task_not_found",
        "not_found",
        "nsfw",
        "blocked",
    ]
)
_QUEUED = frozenset(
    [
        "queued",
        "queue",
        "queueing",
        "queuing",
        "in_queue",
        "inqueue",
        "pending",
        "submitted",
        "not_start",
        "created",
        "preparing",
        "waiting",
        "throttled",
        "starting",
        "scheduled",
        "unknown",
    ]
)
_NEEDS_INPUT = frozenset({"modal"})
_FILTERED = re.compile(r"moderat|sensitive|nsfw|banned|policy|inspection|safety", re.IGNORECASE)


@record
class JobState:
    """The state of a job.

    Attributes:
        word: the vendor's own word for it.
        progress: 0 to 100; `None` = not known.
        outputs: result URLs or data URLs, in order, unchanged.
        texts: results that are text.
        next: follow-up actions: {action, options, label}.
        failure: why it failed.
        needs_fetch: it is done, but its output needs another request.
        answer: the JSON of the response.
    """

    status: Status
    word: str = ""
    progress: int | None = None
    outputs: Sequence[str] = ()
    texts: Sequence[str] = ()
    next: Sequence[Json] = ()
    warnings: Sequence[str] = ()
    failure: Failure | None = None
    cost: float | None = None
    needs_fetch: bool = False
    answer: Any = field(default=None, repr=False)


@record
class Submitted:
    """The answer to a submit: the job with its id, and its state."""

    job: Job
    state: JobState


def read_submit(head: ResponseHead, job: Job, row: JobRow, base_url: str, options: ReadOptions) -> Reader[Submitted]:
    """Reads the answer to a submit."""
    return BodyReader(head, _SubmitDocument(head, job, row, base_url), max_event_bytes=options.max_event_bytes)


def read_poll(head: ResponseHead, job: Job, row: JobRow, options: ReadOptions) -> Reader[JobState]:
    """Reads the answer to a poll."""
    return BodyReader(head, _PollDocument(head, job, row), max_event_bytes=options.max_event_bytes)


def read_nothing() -> Reader[None]:
    """Reads the answer to a request whose status says all."""
    return _Ignored()


class _Ignored:
    done = False
    partial_text = ""
    held_bytes = 0

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Takes the next bytes."""
        return ()

    def finish(self, *, broken: str | None = None) -> None:
        """Nothing."""


class _JobDocument(Document[Any]):
    """A JSON answer of a media service: an `error` in it is read by the row, not as a failed request."""

    def __init__(self, head: ResponseHead, job: Job, row: JobRow) -> None:
        super().__init__(head, endpoint="jobs", model=job.model, repeatable=False)
        self._job = job
        self._row = row

    def add(self, event: str, value: Any, *, bare: bool) -> None:
        self._values.append(value)


class _SubmitDocument(_JobDocument):
    def __init__(self, head: ResponseHead, job: Job, row: JobRow, base_url: str) -> None:
        super().__init__(head, job, row)
        self._base_url = base_url

    def read(self, values: list[Any]) -> Submitted:
        """The job with its id; raises `ProviderError` where the service refused it."""
        return submitted(values[0], self._job, self._row, self._base_url, self.head)


class _PollDocument(_JobDocument):
    def read(self, values: list[Any]) -> JobState:
        """The state; raises `ProviderError` where the answer says nothing of a job."""
        return job_state(values[0], self._job, self._row, status=self.head.status)


def submitted(answer: Any, job: Job, row: JobRow, base_url: str, head: ResponseHead) -> Submitted:
    """The job with its id and state.

    Raises:
        ProviderError: the service refused the job, or returned neither an id nor a result.
    """
    refusal = _refusal(answer, row, head.status)
    if refusal is not None:
        raise refusal
    job = replace(job, id=_id_of(answer, row), links=_links(answer, row, base_url))
    state = job_state(answer, job, row, status=head.status)
    if (state.outputs or state.texts) and (not job.id or state.status == "done"):  # the service answers at once
        return Submitted(job=job, state=replace(state, status="done"))
    if not job.id:
        error = failure_from(answer, status=head.status, headers=head.headers, endpoint="jobs", model=job.model)
        raise error or ProviderError(
            f"{row.called} accepted the job but returned no id: {tidy(str(answer), 200)}",
            kind="upstream",
            status=head.status,
            fix="Look at the vendor's own list of jobs before you submit it again: it may be running and paid for.",
        )
    if state.status == "done" and not state.needs_fetch:
        return Submitted(job=job, state=JobState(status="queued", answer=answer))  # "success" of the submit itself
    return Submitted(job=job, state=state)


def _refusal(answer: Any, row: JobRow, status: int) -> ProviderError | None:
    """The refusal in an inner code of a 200."""
    place, good = row.ok
    code = first_at(answer, place)
    if code is None or code in good or str(code) in map(str, good):
        return None
    text = find_reason(answer) or f"code {code}"
    kind: ErrorKind = row.codes.get(str(code)) or ("content_filter" if _FILTERED.search(text) else "bad_request")
    return ProviderError(
        tidy(text),
        kind=kind,
        status=status,
        code=str(code),
        retryable=kind in ("rate_limit", "overloaded"),
        fix=_ADVICE.get(kind, ""),
    )


_ADVICE: dict[ErrorKind, str] = {
    "content_filter": "Change the prompt or the files: the vendor refuses this content.",
    "quota": "Top up the balance at the provider, or use another one.",
    "rate_limit": "Wait until running jobs have ended, then submit again.",
    "task_failed": "Check at the vendor whether the job was charged before you submit it again.",
    "gone": "The vendor no longer knows this job.",
    "bad_request": "Correct the named field; other body fields go into options.",
}


def _id_of(answer: Any, row: JobRow) -> str:
    for place in row.ids:
        found = [str(v) for v in read_path(answer, place) if isinstance(v, str | int) and not isinstance(v, bool)]
        if found and found[0]:
            return ",".join(found[:20])[:500]
    return ""


def _links(answer: Any, row: JobRow, base_url: str) -> dict[str, str]:
    """The URLs that the row's templates name, if the key may be sent to them."""
    found: dict[str, str] = {}
    for template in (row.poll, row.fetch, row.cancel):
        if "@" not in template:
            continue
        key = template.partition("@")[2].partition("|")[0]
        value = first_at(answer, key)
        if isinstance(value, str):
            url = urljoin(base_url, value)
            if may_have_key(url, base_url, row.hosts):
                found[key] = url
    return found


def job_state(answer: Any, job: Job, row: JobRow, *, status: int) -> JobState:
    """Reads the state of a job from the answer to a poll."""
    word, stands = _state(answer, row)
    outputs = find_outputs(answer, row)
    texts = (
        [v for v in read_path(answer, row.texts[job.action]) if isinstance(v, str)] if job.action in row.texts else []
    )
    common = JobState(
        status=stands,
        word=word[:80],
        progress=find_progress(answer),
        cost=_cost(answer, row),
        next=_buttons(answer, row, job),
        warnings=_withheld(answer, row),
        answer=answer,
    )
    if stands == "failed":
        return replace(common, failure=_failed(answer, word, row, job, status))
    if stands == "done" or (stands != "needs_input" and _at_once(row, outputs, answer)):
        if not outputs and not texts and not row.fetch:
            outputs = find_known(answer)
        many = [f"the answer names {len(outputs)} results; the first {MAX_OUTPUTS} are taken"]
        some_failed = ["one of the results failed: " + tidy(find_reason(answer))] if _part_failed(answer) else []
        return replace(
            common,
            status="done",
            outputs=outputs[:MAX_OUTPUTS],
            texts=texts[:MAX_OUTPUTS],
            needs_fetch=bool(row.fetch and not outputs and not texts),
            warnings=[*common.warnings, *some_failed, *(many if len(outputs) > MAX_OUTPUTS else ())],
        )
    return common


def _at_once(row: JobRow, outputs: Sequence[str], answer: Any) -> bool:
    """The state for a service without state words: done as soon as there is a result."""
    return bool(outputs) and not any(read_path(answer, place) for place in row.states)


def _state(answer: Any, row: JobRow) -> tuple[str, Status]:
    for place in row.states:
        found = [v for v in read_path(answer, place) if isinstance(v, str | bool | int)]
        if not found:
            continue
        if all(isinstance(v, bool) for v in found):
            word = "true" if all(found) else "false"
            default = "done" if all(found) else "running"
            return word, cast("Status", row.words.get(word, default))
        word = str(found[0])
        return word, _stands(word, row)
    return "", cast("Status", row.words.get("", "running"))


def _stands(word: str, row: JobRow) -> Status:
    plain = re.sub(r"[\s-]+", "_", word.strip().lower())
    own = row.words.get(plain) or row.words.get(word)
    if own:
        return cast("Status", own)
    for words, status in ((_DONE, "done"), (_FAILED, "failed"), (_QUEUED, "queued"), (_NEEDS_INPUT, "needs_input")):
        if plain in words:
            return cast("Status", status)
    return "running"


def _cost(answer: Any, row: JobRow) -> float | None:
    if row.cost is None:
        return None
    number = as_number(first_at(answer, row.cost[0]))
    return None if number is None else number / row.cost[1]


def _buttons(answer: Any, row: JobRow, job: Job) -> list[Json]:
    if row.buttons is None:
        return []
    place, action, option = row.buttons
    found = [as_object(v) for v in read_path(answer, place)]
    return [
        {"action": action, "options": {"taskId": job.id, option: b[option]}, "label": str(b.get("label") or "")[:80]}
        for b in found[:40]
        if isinstance(b.get(option), str)
    ]


def _withheld(answer: Any, row: JobRow) -> list[str]:
    count = sum(1 for place in row.refused for v in read_path(answer, place) if v is False)
    return [f"{count} image{'s' if count > 1 else ''} withheld by the vendor's filter"] if count else []


def _part_failed(answer: Any) -> bool:
    """The errors of single results of a job."""
    return any(v for v in read_path(answer, "songs[].error_type"))


def _failed(answer: Any, word: str, row: JobRow, job: Job, status: int) -> Failure:
    reason = find_reason(answer)
    text = f"{word}: {reason}" if reason and _FILTERED.search(word) else reason or f"the job ended as {word!r}"
    code = first_at(answer, "error.code", "failureCode", "output.code", "data.err_code", "err_code", row.ok[0])
    kind: ErrorKind = row.codes.get(str(code)) or "task_failed"
    if _FILTERED.search(f"{word} {text} {code}"):
        kind = "content_filter"
    return Failure(
        kind=kind,
        message=tidy(text),
        status=status,
        model=job.model or None,
        retryable=False,
        fix=_ADVICE.get(kind, _ADVICE["task_failed"]),
    )
