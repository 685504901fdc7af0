"""Jobs: work that a provider does in the background, and whose result is polled for.

A job is submitted exactly once. As soon as its id is known any process can continue it: `Job` is
what the store keeps. A poll that fails is repeated; only the job's own end, or the deadline of the call, ends the
polling.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, field
from itertools import chain, repeat
from typing import Any, TypeVar

import anyio

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.record import record
from anymodel_mcp.types import CallStats, ImageRequest, ImagesResult, Json
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.sums import joined_stats
from anymodel_mcp.wire.apis import IMAGES, TASKS

State = TypeVar("State")

PICTURE_PAUSES_S = (1.0, 1.5, 2.25, 3.4, 5.0, 7.5, 10.0)
_UNREADABLE: frozenset[ErrorKind] = frozenset({"timeout", "connection", "protocol", "stream_truncated"})
_PASSING: frozenset[ErrorKind] = frozenset({*_UNREADABLE, "rate_limit", "overloaded", "server", "upstream"})


_OF_THE_WORKER: frozenset[ErrorKind] = frozenset({"upstream", "server", "overloaded"})
"""Kinds of errors inside a 200 that mean that the provider's worker failed, so that the job has ended."""


@record
class Job:
    """A submitted job, as the store keeps it.

    Attributes:
        provider: configured name of the provider.
        model: the provider's id of the model.
        base_url: where it was submitted; it is continued only there.
        task_id: the provider's id; "" = the submit was sent, but its response was never read.
        requested: the model name in the caller's request.
        data: what else its tool needs to continue it.
    """

    provider: str
    model: str
    base_url: str
    task_id: str = ""
    requested: str | None = None
    data: Json = field(default_factory=dict[str, Any])

    def to_json(self) -> Json:
        """Serializes the job for the store."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Json) -> Job:
        """Parses the result of `to_json`; keys of a newer version are ignored."""
        return cls(**{name: value[name] for name in cls.__dataclass_fields__ if name in value})


OnJob = Callable[[Job], None]


async def follow(
    poll: Callable[[], Awaitable[tuple[State, CallStats]]],
    *,
    ended: Callable[[State], bool],
    task_id: str,
    pauses_s: Sequence[float],
    ends: float,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    first_pause: bool = True,
) -> tuple[State, list[CallStats]]:
    """Polls a job until it has ended; returns the last state.

    Args:
        poll: sends one request.
        ended: whether a state is final.
        task_id: the provider's id, for errors.
        pauses_s: between polls, in seconds; the last one repeats.
        ends: when to stop polling, by the event loop's clock; the first poll is always sent.
        sleep: waits.
        first_pause: wait before the first poll, because the job was submitted just now.

    Raises:
        ProviderError: the job cannot be polled, or it has not ended in time; with `task_id`.
    """
    stats: list[CallStats] = []
    failure: ProviderError | None = None
    for number, pause in enumerate(chain(pauses_s, repeat(pauses_s[-1]))):
        wait = max(pause, failure.failure.retry_after_s or 0 if failure else 0)
        if number and anyio.current_time() + wait >= ends:
            raise _unfinished(task_id, failure)
        if number or first_pause:
            await sleep(wait)
        try:
            state, sent = await poll()
        except ProviderError as error:
            if not _says_nothing(error):
                kind = "task_failed" if error.kind in _OF_THE_WORKER else error.kind
                raise error.with_fields(kind=kind, task_id=task_id, retryable=False) from error
            failure = error
            continue
        failure = None
        stats.append(sent)
        if ended(state):
            return state, stats
    raise AssertionError("the pauses never end")  # pragma: no cover


def _says_nothing(error: ProviderError) -> bool:
    """Whether a failed poll leaves the job's state open; an error inside a 200 is the job's own failure."""
    status = error.failure.status
    refused = status is not None and status >= 300
    return error.kind in (_PASSING if refused or status is None else _UNREADABLE)


def _unfinished(task_id: str, failure: ProviderError | None) -> ProviderError:
    reason = f"; the last poll failed: {failure.failure.message}" if failure else ""
    return ProviderError(
        f"the job {task_id!r} has not ended within total_timeout_s{reason}",
        kind="timeout",
        retryable=False,
        task_id=task_id,
        fix="Continue it with get_result; do not submit it again: it is paid for.",
    )


async def make_images(
    endpoint: Endpoint, request: ImageRequest, *, on_job: Callable[[str], None], on_phase: Callable[[str], None]
) -> tuple[ImagesResult, CallStats]:
    """Makes pictures; waits for the job if the provider makes them in one.

    Args:
        endpoint: the model to ask.
        request: sent once.
        on_job: is called with the provider's id as soon as there is one.
        on_phase: is called with what the call waits for.

    Raises:
        ProviderError: none were made, or the job did not end in time.
    """
    result, stats = await endpoint.send(IMAGES, request)
    if not result.task_id or result.images:
        return result, stats
    on_job(result.task_id)
    finished, more = await follow_images(endpoint, result.task_id, on_phase)
    return finished, joined_stats([stats, *more])


async def follow_images(
    endpoint: Endpoint, task_id: str, on_phase: Callable[[str], None], *, first_pause: bool = True
) -> tuple[ImagesResult, list[CallStats]]:
    """Waits for a submitted job and returns its pictures.

    Raises:
        ProviderError: the job failed, cannot be polled, or did not end in time.
    """
    if not endpoint.dialect.task_path:
        raise ProviderError(
            f"the provider accepted the request as job {task_id!r}, and the address for polling jobs is not known",
            kind="upstream",
            task_id=task_id,
            fix="Set quirks.task_path, then continue with get_result; do not submit it again: it is paid for.",
        )
    on_phase(f"in the provider's queue, job {task_id}")

    async def poll() -> tuple[ImagesResult, CallStats]:
        return await endpoint.send(TASKS, task_id)

    return await follow(
        poll,
        ended=lambda state: bool(state.images),
        task_id=task_id,
        pauses_s=PICTURE_PAUSES_S,
        ends=endpoint.ends,
        sleep=endpoint.sleep,
        first_pause=first_pause,
    )
