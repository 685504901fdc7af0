"""A call is a task of the app; the request only waits for it.

So a call can outlive its request: before the host gives up, the request answers with what has arrived and a handle, and
the call goes on in the background until it ends or is cancelled. A request that leaves without a handle, for
whatever reason, ends its call.

    run() -> start(), wait() -> the call has ended: its outcome
                             -> deadline:           detach() gives a handle; `results.py` keeps the rest

Paid results are never lost to a later failure: a call that fails or is cancelled after
`secure()` ends with the secured outcome, and an answer whose request has ended is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.outcomes import CANCELLED, failed, with_job, with_warnings
from anymodel_mcp.calls.progress import SendProgress, note_interval_s, send_notes
from anymodel_mcp.calls.results import Results
from anymodel_mcp.errors import AnyModelError, Failure
from anymodel_mcp.redact import Redactor
from anymodel_mcp.state import Store, UsageKey, UsageSum
from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.types import Json, Outcome

log = logging.getLogger(__name__)

Work = Callable[[Call], Awaitable[Outcome]]

CANCEL_WAIT_S = 2.0
_LONG_CHARS = 200_000
STOP_S = 10.0
"""How long a provider may take to stop a job."""


class Calls:
    """The calls of one process.

    Args:
        group: the app's task group, in which calls run.
        store: what outlives them.
        redactor: cleans progress and what is stored.
        limit: calls at once; more wait in line.

    Attributes:
        on_resume: continues a stored job.
        on_stop: stops a job at its provider; gives what the call ends with.
        usage: sums the usage ledger since a moment; calls that are not in the store yet may be missing.
    """

    def __init__(self, group: TaskGroup, store: Store, redactor: Redactor, limit: int) -> None:
        self._group = group
        self._redactor = redactor
        self._slots = anyio.CapacityLimiter(limit)
        self._most_waiting = limit * 16
        self._waits: set[anyio.CancelScope] = set()
        self._handing_back = False
        self.results = Results(group, store)
        self.on_resume: Callable[[Call, Json], Awaitable[Outcome]] | None = None
        self.on_stop: Callable[[Call, Json], Awaitable[Failure]] | None = None
        self.usage: Callable[[float, UsageKey], Awaitable[Sequence[UsageSum]]] = store.usage

    async def run(
        self, tool: str, host: str, work: Work, *, wait_budget_s: float | None, progress: SendProgress | None
    ) -> Outcome:
        """Runs a call; returns its outcome, or after `wait_budget_s` seconds a handle and the partial text.

        Args:
            tool: which tool.
            host: who calls.
            work: what the call does.
            wait_budget_s: how long the host waits; `None` = without limit.
            progress: sends one progress note.

        Raises:
            AnyModelError: kind "busy": too many calls wait in line already.
        """
        call = self.start(tool, host, work)
        answered = False
        try:
            if await self.wait(call, for_s=wait_budget_s, progress=progress) and call.outcome is not None:
                answered = True
                return call.outcome
            handle = await self.detach(call)
            answered = True
            return self._running(call, handle)
        finally:
            if not answered:
                self.abandon(call)

    def _running(self, call: Call, handle: str) -> Outcome:
        """The outcome of a call that continues without its request."""
        task_id = (call.job or {}).get("task_id")
        known = {**call.facts, "conversation": call.conversation, "task_id": task_id}
        notes = [f"job {task_id}"] if task_id else []
        record = {k: v for k, v in known.items() if v} or None
        return Outcome(
            text=call.text,
            status="running",
            result_id=handle,
            record=record,
            notes=notes,
            running_s=call.elapsed_s,
            running_model=call.models,
        )

    def start(self, tool: str, host: str, work: Work) -> Call:
        """Starts a call; `outcome` is valid once `done` is set.

        Raises:
            AnyModelError: kind "busy": too many calls wait in line already.
        """
        if self._slots.statistics().tasks_waiting >= self._most_waiting:
            raise AnyModelError(
                "too many calls at once",
                kind="busy",
                retryable=True,
                retry_after_s=5,
                fix="Try again in a few seconds, or raise limits.max_concurrent_calls.",
            )
        call = Call(tool, host, self._redactor)
        self._group.start_soon(self._run, call, work)
        return call

    async def _run(self, call: Call, work: Work) -> None:
        try:
            with call.scope:
                call.outcome = await self._clean(await self._guarded(call, work))
            if call.outcome is None:
                call.outcome = self._early(call, await self._stopped(call))
        finally:
            if call.outcome is None:
                failure = Failure(kind="cancelled", message="the server was stopped")
                going_on = call.job is not None and not call.job_over  # the next process continues the job
                call.outcome = failed(failure, call.text) if going_on else self._early(call, failure)
            if call.row is not None and call.job is not None and not call.job_over:
                call.outcome = with_job(call.outcome, call.row.id, str(call.job.get("task_id", "")))
            call.done.set()
            if call.row is None and call.abandoned and call.outcome.error is None:
                self.results.keep_soon(call)  # paid for, but the request has ended
            elif call.row is not None:
                await self.results.finish(call)

    async def _stopped(self, call: Call) -> Failure:
        """The outcome of a cancelled call; if its caller asked for it, its job is stopped at the provider too."""
        failure = Failure(kind="cancelled", message=CANCELLED)
        if not call.stopped or call.job is None or self.on_stop is None:
            return failure
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + STOP_S):
            try:
                return await self.on_stop(call, call.job)
            except AnyModelError as error:
                return replace(failure, message=f"{CANCELLED}; its job was not: {error.failure.message}")
        return replace(failure, message=f"{CANCELLED}; its provider did not answer within {STOP_S:g} s")

    async def _guarded(self, call: Call, work: Work) -> Outcome:
        try:
            async with self._slots:
                return await work(call)
        except AnyModelError as error:
            return self._early(call, error.failure, error.failure.partial_text or "")
        except anyio.get_cancelled_exc_class():
            if call.scope.cancel_called or anyio.current_effective_deadline() == float("-inf"):
                raise
            log.warning("%s: ignored a cancellation that nobody requested", call.tool)
            return self._early(call, Failure(kind="server", message="the call was cut off inside the server"))
        except Exception as error:
            # catches everything: a bug in one call must not end the others
            log.error("%s failed: %s", call.tool, self._redactor.clean(f"{type(error).__name__}: {error}"))  # noqa: TRY400 no traceback: it may hold keys
            message = f"a fault of this server ({type(error).__name__}), not of your call"
            return self._early(call, Failure(kind="server", message=message, fix="Please report it."))

    def _early(self, call: Call, failure: Failure, partial_text: str | None = None) -> Outcome:
        """The outcome of a call that was interrupted: what was secured, else a failure."""
        if call.secured is not None:
            return self._cleaned(with_warnings(call.secured, f"incomplete: {failure.message}"))
        return failed(failure, call.whole_text if partial_text is None else partial_text)

    async def wait(self, call: Call, *, for_s: float | None, progress: SendProgress | None) -> bool:
        """Waits for a call and sends progress; true if it ended within `for_s` seconds (`None` = no limit)."""
        ends = float("inf") if for_s is None else anyio.current_time() + for_s
        if self._handing_back:
            ends = anyio.current_time()
        with anyio.CancelScope(deadline=ends) as scope:
            self._waits.add(scope)
            try:
                await self._wait_for_end(call, progress)
            finally:
                self._waits.discard(scope)
        return call.done.is_set()

    async def _wait_for_end(self, call: Call, progress: SendProgress | None) -> None:
        if progress is None:
            await call.done.wait()
            return
        call.watch()
        async with anyio.create_task_group() as group:
            group.start_soon(partial(send_notes, call, progress, interval_s=self._note_interval_s))
            await call.done.wait()
            group.cancel_scope.cancel()

    def _note_interval_s(self) -> float:
        return note_interval_s(len(self._waits))

    def hand_back(self) -> None:
        """Answers all waiting and later requests with partial text and a handle: the process is about to end."""
        self._handing_back = True
        for scope in list(self._waits):
            scope.cancel()

    def cancel(self, call: Call) -> None:
        """Cancels a call: its upstream connection closes at once, and its job is stopped at the provider."""
        call.stop()

    def abandon(self, call: Call) -> None:
        """Cancels a call whose request has ended; an answer that has already arrived is stored."""
        call.abandoned = True
        call.scope.cancel()
        if call.done.is_set() and call.outcome is not None and call.outcome.error is None:
            self.results.keep_soon(call)

    def keep_job(self, call: Call, job: Json) -> None:
        """Gives a call that submitted a job a handle at once: from now on any process can continue it."""
        self.results.keep_job(call, job)

    async def save_job(self, call: Call, job: Json) -> None:
        """Like `keep_job`, but waits briefly for the store; used before a paid submit."""
        await self.results.save_job(call, job)

    async def find_job(self, handle: str) -> Json | None:
        """The `provider`, `service` and `task_id` of a call's job; `None` = it has none."""
        return await self.results.find_job(handle)

    async def detach(self, call: Call) -> str:
        """Gives a running call a handle and lets it continue without its request."""
        return await self.results.keep(call)

    async def store_result(self, outcome: Outcome, tool: str, host: str) -> str:
        """Stores a finished outcome under a handle, for the parts that do not fit into one response."""
        return await self.results.keep(Call.ended(outcome, tool, host))

    def store_undelivered(self, outcome: Outcome, tool: str, host: str) -> None:
        """Stores a paid answer whose request has ended."""
        if outcome.error is None and outcome.result_id is None:
            self.results.keep_soon(Call.ended(outcome, tool, host))

    async def _clean(self, outcome: Outcome) -> Outcome:
        """Runs `_cleaned`, in a worker thread if the text is long. Cannot be cancelled."""
        if len(outcome.text) + sum(map(len, outcome.notes)) <= _LONG_CHARS:
            return self._cleaned(outcome)
        with uninterrupted():
            return await anyio.to_thread.run_sync(self._cleaned, outcome)

    def _cleaned(self, outcome: Outcome) -> Outcome:
        """Removes keys before the text is cut, paged or stored: half a key would not be found any more."""
        return replace(
            outcome,
            text=self._redactor.text(outcome.text),
            notes=tuple(self._redactor.value(outcome.notes)),
            record=self._redactor.value(outcome.record),
            error=self._redactor.value(outcome.error),
            advice=self._redactor.clean(outcome.advice),
        )

    async def _resume(self, handle: str) -> Call | None:
        """Continues a stored job that no process runs."""
        resume = self.on_resume
        call = await self.results.adopt(handle, self._redactor) if resume is not None else None
        if call is not None and resume is not None:
            job = call.job or {}
            self._group.start_soon(self._run, call, partial(_resumed, resume, job))
        return call

    async def fetch(self, handle: str, *, wait_s: float, cancel: bool, progress: SendProgress | None) -> Outcome | None:
        """Returns what is stored under a handle, waiting up to `wait_s` for its end; `None` = no such handle."""
        call = self.results.held(handle) or await self._resume(handle)
        if call is None:
            outcome = await self.results.fetch_stored(handle, wait_s=wait_s, cancel=cancel, send=progress)
            # its worker may have died meanwhile: then the job is continued here
            call = await self._resume(handle) if outcome and outcome.error and not cancel else None
            if call is None:
                return outcome
        if cancel:
            self.cancel(call)
            wait_s = max(wait_s, CANCEL_WAIT_S if call.job is None else CANCEL_WAIT_S + STOP_S)
        if not await self.wait(call, for_s=wait_s, progress=progress):
            return self._running(call, handle)
        return replace(call.outcome or Outcome(), result_id=handle)


async def _resumed(resume: Callable[[Call, Json], Awaitable[Outcome]], job: Json, call: Call) -> Outcome:
    return await resume(call, job)
