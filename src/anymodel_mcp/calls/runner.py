"""A call is a task of the app; the request only waits on it.

So a call can outlive its request: before the host would give up, the request answers with what has come and a handle,
and the call goes on in the background until it ends, is cancelled, or meets the cap. A call that was given a handle has
a row in the store, kept alive by heartbeats; any process that shares the store can read it, wait on it or cancel it.

    start() -> Call, wait() -> done:     its `outcome` is there
                            -> deadline: keep() gives a handle and a row in the store, saved every few seconds
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import anyio
from anyio.abc import TaskGroup

from anymodel_mcp.errors import AnyModelError, Failure
from anymodel_mcp.redact import Redactor, RunningText
from anymodel_mcp.state import CallRow, Ended, Store, StoredCall, new_id
from anymodel_mcp.types import Delta, Json, Outcome

log = logging.getLogger(__name__)

SendProgress = Callable[[float, str], Awaitable[None]]
Work = Callable[["Call"], Awaitable[Outcome]]

FIRST_NOTE_S = 0.2
NOTE_EVERY_S = 0.25
SILENCE_S = 4.5
SAVE_EVERY_S = 2.0
CAP_S = 1800.0
POLL_S = 0.5
_NEWEST_CHARS = 240
_SPACES = re.compile(r"\s+")


@dataclass(slots=True)
class ProgressLine:
    """What one model of a call is doing, for the progress line."""

    label: str
    phase: str = "waiting"
    chars: int = 0
    thought: int = 0
    newest: list[str] = field(default_factory=list[str])
    _shown: RunningText | None = None

    def take(self, deltas: Sequence[Delta]) -> None:
        """Counts what came."""
        for delta in deltas:
            if delta.kind == "reasoning":
                self.thought += len(delta.text)
                self.phase = "thinking"
            else:
                self.chars += len(delta.text)
                self.phase = "calling a tool" if delta.kind == "tool_call" else "answering"
            self.newest.append(delta.text)

    def tell(self, phase: str) -> None:
        """What is being waited for."""
        self.phase = phase

    def line(self, redactor: Redactor) -> str:
        """The state in a few words, with the words that came since the last line.

        The words of all lines, joined, hold no key either: what may be the beginning of one waits for the next line.
        """
        if self._shown is None:
            self._shown = RunningText(redactor)
        newest = self._shown.add("".join(self.newest))
        words = _SPACES.sub(" ", newest)[-_NEWEST_CHARS:]  # spaces at the edges tell words from parts
        self.newest.clear()
        count = f", {self.chars or self.thought} characters" if self.chars or self.thought else ""
        return f"{self.label}: {self.phase}{count}" + (f" … {words}" if words else "")


class Call:
    """One running call: what has come, what it is doing, and its outcome when `done` is set."""

    def __init__(self, tool: str, host: str) -> None:
        self.row: CallRow | None = None
        self.tool = tool
        self.host = host
        self.started = anyio.current_time()
        self.done = anyio.Event()
        self.outcome: Outcome | None = None
        self.scope = anyio.CancelScope()
        self.tracks: list[ProgressLine] = []
        self.conversation: str | None = None
        self._text: list[str] = []
        self.saved = -1

    @property
    def text(self) -> str:
        """The answer as far as it has come."""
        if len(self._text) > 1:
            self._text = ["".join(self._text)]
        return self._text[0] if self._text else ""

    @property
    def elapsed_s(self) -> float:
        """Seconds since the call began."""
        return anyio.current_time() - self.started

    def track(self, label: str) -> ProgressLine:
        """A new line of progress."""
        track = ProgressLine(label)
        self.tracks.append(track)
        return track

    def write(self, text: str) -> None:
        """Appends to the text that a reader of an unfinished call gets."""
        self._text.append(text)

    def reset(self) -> None:
        """Forgets the text: another model starts over."""
        self._text.clear()

    def note(self, redactor: Redactor) -> str:
        """The progress line: time, what each model is doing, the newest words; without keys."""
        state = " | ".join(t.line(redactor) for t in self.tracks) or f"{self.tool}: working"
        return redactor.text(f"{self.elapsed_s:.0f} s, {state}")

    @property
    def news(self) -> int:
        """Grows with everything that comes."""
        return sum(t.chars + t.thought for t in self.tracks)


class Calls:
    """The calls of one process.

    Args:
        group: the app's task group, in which calls run.
        store: what outlives them.
        redactor: cleans progress and what is stored.
        limit: calls at once; more wait in line.
    """

    def __init__(self, group: TaskGroup, store: Store, redactor: Redactor, limit: int) -> None:
        self._group = group
        self._store = store
        self._redactor = redactor
        self._slots = anyio.CapacityLimiter(limit)
        self._most_waiting = limit * 16
        self._kept: dict[str, Call] = {}
        self._keeping = False
        self.owner = new_id("w")

    def start(self, tool: str, host: str, work: Work) -> Call:
        """Begins a call; its outcome is there when `done` is set.

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
        call = Call(tool, host)
        self._group.start_soon(self._run, call, work)
        return call

    async def _run(self, call: Call, work: Work) -> None:
        try:
            with call.scope, anyio.move_on_after(CAP_S) as cap:
                call.outcome = self._cleaned(await self._guarded(call, work))
            if call.scope.cancelled_caught:
                call.outcome = failed(Failure(kind="cancelled", message="the call was cancelled"), self.text_of(call))
            elif cap.cancelled_caught:
                message = f"the call took longer than {CAP_S / 60:.0f} minutes"
                call.outcome = failed(Failure(kind="timeout", message=message), self.text_of(call))
        finally:
            if call.outcome is None:
                call.outcome = failed(Failure(kind="cancelled", message="the server was stopped"), self.text_of(call))
            if call.row:
                with anyio.CancelScope(shield=True):
                    await self._finish(call)
            call.done.set()

    async def _guarded(self, call: Call, work: Work) -> Outcome:
        try:
            async with self._slots:
                return await work(call)
        except AnyModelError as error:
            return failed(error.failure, error.failure.partial_text or "")
        except anyio.get_cancelled_exc_class():
            if call.scope.cancel_called or anyio.current_effective_deadline() == float("-inf"):
                raise
            log.warning("%s: a stray cancellation was contained", call.tool)
            return failed(Failure(kind="server", message="the call was cut off inside the server"), call.text)
        except Exception as error:
            # the one net under every tool: a bug in one call must not end the others
            log.error("%s failed: %s", call.tool, self._redactor.clean(f"{type(error).__name__}: {error}"))  # noqa: TRY400 no traceback: it may hold keys
            message = f"a fault of this server ({type(error).__name__}), not of your call"
            return failed(Failure(kind="server", message=message, fix="Please report it."), call.text)

    async def wait(self, call: Call, *, for_s: float | None, progress: SendProgress | None) -> bool:
        """True when the call ended within `for_s` seconds (`None`: however long it takes), telling of it meanwhile."""
        ends = float("inf") if for_s is None else anyio.current_time() + for_s
        with anyio.CancelScope(deadline=ends):
            if progress is None:
                await call.done.wait()
            else:
                await self._watch(call, progress)
        return call.done.is_set()

    async def _watch(self, call: Call, progress: SendProgress) -> None:
        value, seen, told_at, pause = 0.0, -1, float("-inf"), FIRST_NOTE_S
        while True:
            with anyio.move_on_after(pause):
                await call.done.wait()
            if call.done.is_set():
                return
            pause, now = NOTE_EVERY_S, anyio.current_time()
            if call.news != seen or now - told_at >= SILENCE_S:
                seen, told_at = call.news, now
                value = max(value + 1, float(seen))
                await progress(value, call.note(self._redactor))

    def cancel(self, call: Call) -> None:
        """Ends a call: its upstream connection closes at once."""
        call.scope.cancel()

    # --- what outlives the request ----------------------------------------------------------------------------------

    async def keep(self, call: Call) -> str:
        """Gives a running call a handle and lets it go on without its request."""
        if call.row is None:
            row = call.row = CallRow(id=new_id("r"), owner=self.owner, tool=call.tool, host=call.host)
            self._kept[row.id] = call
            if not self._keeping:
                self._keeping = True
                self._group.start_soon(self._keep_alive)
            try:
                await self._store.save_partial(row, self.text_of(call))
            except AnyModelError as error:
                log.warning("call %s could not be saved yet: %s", row.id, error.failure.message)
            if call.done.is_set():
                await self._finish(call)
        return call.row.id

    async def file(self, outcome: Outcome, tool: str, host: str) -> str:
        """Gives a finished outcome a handle, for the parts of it that do not fit into one answer."""
        row = CallRow(id=new_id("r"), owner=self.owner, tool=tool, host=host)
        await self._store.finish_call(row, _status(outcome), _dump(outcome), outcome.text)
        return row.id

    async def _keep_alive(self) -> None:
        try:
            while self._kept:
                await anyio.sleep(SAVE_EVERY_S)
                try:
                    await self._save_all()
                except AnyModelError as error:  # a locked file: the next round saves what this one could not
                    log.warning("running calls could not be saved: %s", error.failure.message)
        finally:
            self._keeping = False

    async def _save_all(self) -> None:
        await self._store.beat(self.owner, list(self._kept))
        for call in list(self._kept.values()):
            if call.done.is_set():
                await self._finish(call)
            elif call.row and call.news != call.saved:
                await self._store.save_partial(call.row, self.text_of(call))
                call.saved = call.news
        for handle in await self._store.cancels_asked(self.owner):
            if handle in self._kept:
                self.cancel(self._kept[handle])

    async def _finish(self, call: Call) -> None:
        """Moves an ended call to the store; as long as that fails it stays in memory, and is tried again."""
        outcome, row = call.outcome, call.row
        if outcome and row:
            try:
                await self._store.finish_call(row, _status(outcome), _dump(outcome), outcome.text)
            except AnyModelError as error:
                log.warning("result %s could not be saved yet: %s", row.id, error.failure.message)
            else:
                self._kept.pop(row.id, None)

    def text_of(self, call: Call) -> str:
        """What has come of a call, without keys; of a running one without an end that may be the beginning of a key."""
        if call.done.is_set():
            return self._redactor.text(call.text)
        return self._redactor.split(call.text)[0]

    def _cleaned(self, outcome: Outcome) -> Outcome:
        """Without keys, before anything is cut, paged or kept: a key cut in two would not be found any more."""
        return replace(
            outcome,
            text=self._redactor.text(outcome.text),
            notes=tuple(self._redactor.value(outcome.notes)),
            record=self._redactor.value(outcome.record),
            error=self._redactor.value(outcome.error),
            advice=self._redactor.clean(outcome.advice),
        )

    async def collect(
        self, handle: str, *, wait_s: float, cancel: bool, progress: SendProgress | None
    ) -> Outcome | None:
        """What is behind a handle, waiting up to `wait_s` for its end; `None` when there is no such handle."""
        call = self._kept.get(handle)
        if call is not None:
            if cancel:
                self.cancel(call)
                wait_s = max(wait_s, 2)
            if not await self.wait(call, for_s=wait_s, progress=progress):
                return Outcome(text=self.text_of(call), status="running", result_id=handle)
            return replace(call.outcome or Outcome(), result_id=handle)
        if cancel:
            await self._store.ask_cancel(handle)
            wait_s = max(wait_s, SAVE_EVERY_S + 2)
        return await self._collect_stored(handle, wait_s, progress)

    async def _collect_stored(self, handle: str, wait_s: float, progress: SendProgress | None) -> Outcome | None:
        ends, value, told_at = anyio.current_time() + wait_s, 0.0, anyio.current_time()
        while True:
            row = await self._store.get_call(handle)
            if row is None:
                return None
            now = anyio.current_time()
            if row.status != "running" or now >= ends:
                return _load(row)
            if progress is not None and now - told_at >= SILENCE_S:
                value, told_at = value + 1, now
                await progress(value, f"{row.tool}: still running, {len(row.text)} characters so far")
            await anyio.sleep(min(POLL_S, ends - now))


def failed(failure: Failure, partial_text: str) -> Outcome:
    """The outcome of a failure; the text that had come is kept."""
    record = {k: v for k, v in asdict(failure).items() if v not in (None, "") and k not in ("fix", "code")}
    record["retryable"] = failure.retryable
    if partial_text:
        record["partial_text"] = partial_text
    else:
        record.pop("partial_text", None)
    return Outcome(text=partial_text, error=record, advice=failure.advice)


def _status(outcome: Outcome) -> Ended:
    if outcome.error is None:
        return "complete"
    return "cancelled" if outcome.error.get("kind") == "cancelled" else "failed"


def _dump(outcome: Outcome) -> Json:
    return {k: v for k, v in asdict(outcome).items() if k not in ("text", "status", "result_id", "offset")}


def _load(row: StoredCall) -> Outcome:
    if row.status == "running":
        return Outcome(text=row.text, status="running", result_id=row.id)
    if row.status == "interrupted":
        message = "the server that ran this call was stopped before it ended"
        failure = Failure(kind="cancelled", message=message, fix="Call again; what had come stands below.")
        return replace(failed(failure, row.text), result_id=row.id)
    return Outcome(text=row.text, result_id=row.id, **(row.record or {}))
