"""Results that outlive their request: under a handle, in memory until the store has them.

A call with a handle has a row in the store, kept alive by heartbeats; any process that shares the store can read it,
wait for it or cancel it. What cannot be written yet stays in memory and is retried.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import anyio
from anyio.abc import TaskGroup

from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.outcomes import dump, job_ended, load, status_of
from anymodel_mcp.calls.progress import SILENCE_S, SendProgress, send_note
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.redact import Redactor
from anymodel_mcp.state import CallRow, Store, StoredCall, new_id
from anymodel_mcp.types import Json, Outcome
from anymodel_mcp.wire.decode.json_values import as_object

log = logging.getLogger(__name__)

SAVE_EVERY_S = 2.0
SAVE_WAIT_S = 1.0
"""How long an answer waits until its handle is in the store; the store keeps trying after that."""
POLL_S = 0.5
_MOST_UNSAVED_CHARS = 64 * 2**20


class Results:
    """The handles of one process.

    Args:
        group: in which results are saved.
        store: where they are kept.
        clock: seconds since the epoch.
    """

    def __init__(self, group: TaskGroup, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._group = group
        self._store = store
        self._held: dict[str, Call] = {}
        self._saving = False
        self.worker_id = new_id("w")

    def held(self, handle: str) -> Call | None:
        """A call of this process that runs, or whose result is not in the store yet."""
        return self._held.get(handle)

    async def keep(self, call: Call) -> str:
        """Gives a call a handle and stores what it has; waits briefly for the store."""
        if call.row is None:
            saved = anyio.Event()
            row = self._hold(call)
            self._group.start_soon(self._save_first, call, saved)
            with anyio.move_on_after(SAVE_WAIT_S):
                await saved.wait()
            return row.id
        return call.row.id

    def keep_soon(self, call: Call) -> None:
        """Gives a call a handle and stores it in the background."""
        if call.row is None:
            self._hold(call)
            self._group.start_soon(self._save_first, call, anyio.Event())

    def keep_job(self, call: Call, job: Json) -> None:
        """Gives a call a handle, and stores in the background what is needed to continue its job."""
        call.job = job
        if call.row is None:
            self._hold(call)
        self._group.start_soon(self._save_first, call, anyio.Event())

    async def save_job(self, call: Call, job: Json) -> None:
        """Like `keep_job`, but waits briefly for the store."""
        call.job = job
        if call.row is None:
            self._hold(call)
        saved = anyio.Event()
        self._group.start_soon(self._save_first, call, saved)
        with anyio.move_on_after(SAVE_WAIT_S):
            await saved.wait()

    async def find_job(self, handle: str) -> Json | None:
        """Provider, service and task id of a call's job, running or ended; `None` = there is none."""
        held = self._held.get(handle)
        if held is not None and held.job is not None:
            return {**held.facts, "provider": held.job.get("provider"), "task_id": held.job.get("task_id")}
        job = await self._store.load_job(handle)
        if job is not None:
            return {"provider": job.get("provider"), "task_id": job.get("task_id"), **job.get("data", {})}
        stored = await self._store.get_call(handle)
        return as_object((stored.record or {}).get("record")) or None if stored else None

    async def adopt(self, handle: str, redactor: Redactor) -> Call | None:
        """Makes this process continue a stored job; `None` = there is none, or another process runs it."""
        job = await self._store.load_job(handle)
        if job is None or not await self._store.adopt_job(handle, self.worker_id, silent_s=self._store.stale_s):
            return None
        stored = await self._store.get_call(handle)
        if stored is None:
            return None
        call = Call(stored.tool, stored.host, redactor)
        call.job = call.saved_job = job
        call.row = CallRow(id=handle, worker_id=self.worker_id, tool=stored.tool, host=stored.host, model=stored.model)
        self._held[handle] = call
        self._keep_alive_soon()
        return call

    def _hold(self, call: Call) -> CallRow:
        models = call.models or _answered_by(call.outcome)
        row = call.row = CallRow(
            id=new_id("r"), worker_id=self.worker_id, tool=call.tool, host=call.host, model=models[:500]
        )
        self._held[row.id] = call
        return row

    async def _save_first(self, call: Call, saved: anyio.Event) -> None:
        await self._save(call)
        saved.set()
        if call.row and call.row.id in self._held:
            self._keep_alive_soon()

    def _keep_alive_soon(self) -> None:
        if not self._saving:
            self._saving = True
            self._group.start_soon(self._keep_alive)

    async def _save(self, call: Call) -> None:
        """Stores the outcome, or the text so far; as long as that fails the call stays in memory."""
        row = call.row
        if row is None:
            return
        received = call.received
        try:
            if call.job is not None and call.job is not call.saved_job:
                await self._store.save_partial(row, call.text)
                await self._store.save_job(row.id, call.job)
                call.saved_job = call.job
            if call.outcome is not None:
                if call.job is not None and (call.job_over or job_ended(call.outcome) or not call.job.get("task_id")):
                    await self._store.end_job(row.id)
                await self._store.finish_call(row, status_of(call.outcome), dump(call.outcome), call.outcome.text)
                self._held.pop(row.id, None)
            elif received != call.saved:
                await self._store.save_partial(row, call.text)
                call.saved = received
        except AnyModelError as error:
            log.warning("result %s could not be saved yet: %s", row.id, error.failure.message)

    async def finish(self, call: Call) -> None:
        """Stores the end of a call that has a handle."""
        await self._save(call)

    async def _keep_alive(self) -> None:
        try:
            while self._held:
                await anyio.sleep(SAVE_EVERY_S)
                await self.save_all()
        finally:
            self._saving = False

    async def save_all(self) -> None:
        """Sends heartbeats, stores what changed, and cancels what another process wants cancelled."""
        try:
            await self._store.beat(self.worker_id, list(self._held))
            for handle in await self._store.cancels_asked(self.worker_id):
                if handle in self._held:
                    self._held[handle].stop()
        except AnyModelError as error:  # a locked file: the next round saves what this one could not
            log.warning("running calls could not be saved: %s", error.failure.message)
            self._drop_excess()
            return
        for call in list(self._held.values()):
            await self._save(call)

    def _drop_excess(self) -> None:
        """Bounds the memory used by unsaved results; drops the oldest first."""
        ended = [(handle, len(call.outcome.text)) for handle, call in self._held.items() if call.outcome is not None]
        total = sum(chars for _, chars in ended)
        for handle, chars in ended:
            if total <= _MOST_UNSAVED_CHARS:
                return
            del self._held[handle]
            total -= chars

    async def newest(self, limit: int) -> Sequence[tuple[StoredCall, float]]:
        """The newest calls that have a handle, newest first, without their texts; each with its age in seconds."""
        now = self._clock()
        return [(row, max(now - row.created, 0)) for row in await self._store.list_calls(limit)]

    async def _with_task(self, outcome: Outcome) -> Outcome:
        """The outcome of a call that another process runs, with the id of its job."""
        job = await self._store.load_job(outcome.result_id or "") if outcome.status == "running" else None
        task_id = (job or {}).get("task_id")
        return replace(outcome, record={"task_id": task_id}, notes=[f"job {task_id}"]) if task_id else outcome

    async def fetch_stored(
        self, handle: str, *, wait_s: float, cancel: bool, send: SendProgress | None
    ) -> Outcome | None:
        """Returns what the store has under a handle, waiting up to `wait_s` for its end; `None` = no such handle."""
        if cancel:
            await self._store.ask_cancel(handle)
            wait_s = max(wait_s, SAVE_EVERY_S + 2)
        ends, value, sent_at = anyio.current_time() + wait_s, 0.0, anyio.current_time()
        while True:
            row = await self._store.get_call(handle)
            if row is None:
                return None
            now = anyio.current_time()
            if row.status != "running" or now >= ends:
                return await self._with_task(load(row, self._clock()))
            if send is not None and now - sent_at >= SILENCE_S:
                value, sent_at = value + 1, now
                if not await send_note(send, value, f"{row.tool}: still running, {len(row.text)} characters so far"):
                    send = None
            await anyio.sleep(min(POLL_S, ends - now))


def _answered_by(outcome: Outcome | None) -> str:
    """The model that answered an ended call, from its record."""
    record = (outcome.record or outcome.error or {}) if outcome else {}
    return "/".join(str(record[key]) for key in ("provider", "model") if record.get(key))
