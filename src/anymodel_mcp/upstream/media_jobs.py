"""Media jobs over the network: one submit, polls until the end, and the request for the result.

The submit is sent once. If it is unknown whether it was accepted, the error says so and nothing is sent again; a poll
that fails is repeated. The rows are in `dialects/jobs/`, building and reading in `wire/jobs/`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import uuid4

from anymodel_mcp.dialects.jobs.row import JobRow
from anymodel_mcp.errors import ErrorKind, Failure, ProviderError
from anymodel_mcp.record import record
from anymodel_mcp.types import CallStats, Usage
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.jobs import follow
from anymodel_mcp.upstream.sums import joined_stats
from anymodel_mcp.wire.apis import Api
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.jobs.answer import JobState, Submitted, read_nothing, read_poll, read_submit
from anymodel_mcp.wire.jobs.request import Job, build_cancel, build_fetch, build_poll

MAYBE_TAKEN = "maybe_taken"
"""The code of a failed submit that the service may have accepted nevertheless."""
LOOK_FIRST = "Look at the vendor's own list of jobs before you submit it again: it may be running and paid for."
_UNREAD: frozenset[ErrorKind] = frozenset(
    {"connection", "timeout", "server", "protocol", "stream_truncated", "upstream", "too_large"}
)
_TOO_EARLY = re.compile(r"still in progress|not (?:yet )?(?:ready|completed)|in_progress", re.IGNORECASE)

OnJob = Callable[[Job], Awaitable[None]]
OnState = Callable[[Job, JobState], None]


@record
class MediaResult:
    """A finished job.

    Attributes:
        file: the address of its only file, if the service names none in its response.
        usage: the cost, if the service reports it.
        endpoint: the provider that ran it: files at its address need the key.
    """

    job: Job
    row: JobRow
    state: JobState
    endpoint: Endpoint
    file: str = ""
    usage: Usage | None = None


async def submit_media(endpoint: Endpoint, row: JobRow, wire: WireRequest, job: Job) -> tuple[Submitted, CallStats]:
    """Submits a job, once.

    Raises:
        AnyModelError: the service refused it, or it is unknown whether it was accepted (code `MAYBE_TAKEN`).
    """
    base_url = endpoint.client.settings.base_url

    def read(head: ResponseHead, _: WireRequest, options: ReadOptions) -> Reader[Submitted]:
        return read_submit(head, job, row, base_url, options)

    try:
        return await endpoint.send(Api(lambda sent, _: _traced(sent, row), read), wire)
    except ProviderError as error:
        raise _explained(error) from error


def _explained(error: ProviderError) -> ProviderError:
    """The error of a submit; one that may have been accepted is never sent again."""
    failure = error.failure
    unsure = failure.kind in _UNREAD or (failure.status or 0) >= 500
    if failure.code == "not_sent" or not unsure or (failure.status or 0) // 100 == 4:
        return error
    return error.with_fields(retryable=False, code=MAYBE_TAKEN, fix=LOOK_FIRST)


async def follow_media(
    endpoint: Endpoint, row: JobRow, job: Job, on_state: OnState, *, first_pause: bool = True
) -> tuple[MediaResult, list[CallStats]]:
    """Polls a submitted job until its end.

    Raises:
        ProviderError: it failed, cannot be polled, or did not end in time; with `task_id`.
    """

    async def poll() -> tuple[JobState, CallStats]:
        state, stats = await endpoint.send(_state_api(job, row, build_poll), job)
        on_state(job, state)
        return state, stats

    state, stats = await follow(
        poll,
        ended=lambda state: state.status not in ("queued", "running"),
        task_id=job.id,
        pauses_s=row.every_s,
        ends=endpoint.ends,
        sleep=endpoint.sleep,
        first_pause=first_pause,
    )
    result, more = await finish_media(endpoint, row, job, state)
    return result, [*stats, *more]


async def finish_media(
    endpoint: Endpoint, row: JobRow, job: Job, state: JobState
) -> tuple[MediaResult, list[CallStats]]:
    """The result of a job that has ended, fetched with another request if the service needs one.

    Raises:
        ProviderError: it failed.
    """
    if state.failure is not None:
        raise _ended_badly(state.failure, job)
    result = MediaResult(job=job, row=row, state=state, endpoint=endpoint, usage=_usage(state))
    if not state.needs_fetch:
        return result, []
    if row.fetch.startswith("bytes"):
        return replace(result, file=build_fetch(job, row, state.answer).url), []
    fetched, stats = await _fetch(endpoint, row, job, state)
    if fetched.failure is not None:
        raise _ended_badly(fetched.failure, job)
    return replace(result, state=replace(fetched, status="done"), usage=_usage(fetched) or result.usage), stats


def _ended_badly(failure: Failure, job: Job) -> ProviderError:
    error = ProviderError(failure.message, kind=failure.kind)
    error.failure = replace(failure, task_id=job.id or None)
    return error


async def _fetch(endpoint: Endpoint, row: JobRow, job: Job, state: JobState) -> tuple[JobState, list[CallStats]]:
    async def ask() -> tuple[JobState, CallStats]:
        api = _state_api(job, row, lambda job, row: build_fetch(job, row, state.answer))
        try:
            return await endpoint.send(api, job)
        except ProviderError as error:
            if error.kind == "bad_request" and _TOO_EARLY.search(error.failure.message):
                raise error.with_fields(kind="upstream") from error
            if error.kind in ("bad_request", "unsupported_parameter"):
                raise error.with_fields(kind="task_failed") from error
            raise

    return await follow(
        ask,
        ended=lambda _: True,
        task_id=job.id,
        pauses_s=row.every_s,
        ends=endpoint.ends,
        sleep=endpoint.sleep,
        first_pause=False,
    )


async def cancel_media(endpoint: Endpoint, row: JobRow, job: Job) -> bool:
    """Asks the service to stop a job; false = it does not support that.

    Raises:
        AnyModelError: the request failed.
    """
    wire = build_cancel(job, row)
    if wire is None:
        return False
    await endpoint.send(Api(lambda sent, _: _traced(sent, row), lambda _head, _sent, _options: read_nothing()), wire)
    return True


async def make_media(
    endpoint: Endpoint, row: JobRow, wire: WireRequest, job: Job, *, on_job: OnJob, on_state: OnState
) -> tuple[MediaResult, CallStats]:
    """Submits a job and waits for its end.

    Args:
        endpoint: makes it.
        row: the service.
        wire: the submit.
        job: without an id yet.
        on_job: is called with the job as soon as its id is known.
        on_state: is called with each state.

    Raises:
        AnyModelError: it was refused, it failed, or it did not end in time.
    """
    made, stats = await submit_media(endpoint, row, wire, job)
    if made.job.id:
        await on_job(made.job)
    on_state(made.job, made.state)
    if made.state.status in ("queued", "running"):
        result, more = await follow_media(endpoint, row, made.job, on_state)
    else:
        result, more = await finish_media(endpoint, row, made.job, made.state)
    return result, joined_stats([stats, *more])


def _state_api(job: Job, row: JobRow, build: Callable[[Job, JobRow], WireRequest]) -> Api[Job, JobState]:
    def read(head: ResponseHead, _: WireRequest, options: ReadOptions) -> Reader[JobState]:
        return read_poll(head, job, row, options)

    return Api(lambda job, _: _traced(build(job, row), row), read)


def _traced(wire: WireRequest, row: JobRow) -> WireRequest:
    if not row.trace_header:
        return wire
    return replace(wire, headers={**wire.headers, row.trace_header: str(uuid4())})


def _usage(state: JobState) -> Usage | None:
    return None if state.cost is None else Usage(cost=state.cost)
