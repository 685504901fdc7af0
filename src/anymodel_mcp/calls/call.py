"""One running call, shared by the task that runs it and the request that waits for it."""

from __future__ import annotations

import anyio

from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.redact import Redactor, RunningText
from anymodel_mcp.state import CallRow
from anymodel_mcp.types import Json, Outcome


class Call:
    """One running call: what has arrived, what it is doing, and its outcome when `done` is set.

    Attributes:
        row: its row in the store, once it has a handle.
        secured: the outcome to end with if the call fails or is cancelled from now on.
        abandoned: its request ended without a handle.
        saved: how much had arrived when its text was last stored.
        job: what continues it after a restart; `None` = nothing can.
        saved_job: the job as it was last stored.
        job_over: nothing continues the job any more.
        facts: what the record of an unfinished call says.
        stopped: its caller asked to stop it, including the work at the provider.
    """

    def __init__(self, tool: str, host: str, redactor: Redactor | None = None) -> None:
        self.row: CallRow | None = None
        self.tool = tool
        self.host = host
        self.started = anyio.current_time()
        self.done = anyio.Event()
        self.outcome: Outcome | None = None
        self.secured: Outcome | None = None
        self.abandoned = False
        self.scope = anyio.CancelScope()
        self.tracks: list[ProgressLine] = []
        self.conversation: str | None = None
        self.saved = -1
        self._redactor = redactor or Redactor()
        self._running = RunningText(self._redactor)
        self._new: list[str] = []
        self._shown: list[str] = []
        self.job: Json | None = None
        self.saved_job: Json | None = None
        self.job_over = False
        self.facts: Json = {}
        self.stopped = False
        self._watched = False

    @property
    def text(self) -> str:
        """The answer received so far, without keys; of a running call without an end that may begin a key."""
        if self._new:
            self._shown = ["".join((*self._shown, self._running.add("".join(self._new))))]  # each part is read once
            self._new.clear()
        shown = self._shown[0] if self._shown else ""
        return shown + self._running.waiting if self.done.is_set() else shown

    @property
    def whole_text(self) -> str:
        """The complete text of a call that has ended, without keys."""
        return self.text if self.done.is_set() else self.text + self._running.waiting

    @property
    def models(self) -> str:
        """The models it asks."""
        return ", ".join(dict.fromkeys(line.label for line in self.tracks))

    @property
    def elapsed_s(self) -> float:
        """Seconds since the call began."""
        return anyio.current_time() - self.started

    def track(self, label: str) -> ProgressLine:
        """Adds a progress line for one model."""
        track = ProgressLine(label)
        if self._watched:
            track.watch(self._redactor)
        self.tracks.append(track)
        return track

    def watch(self) -> None:
        """Starts to keep the newest text for the progress lines."""
        self._watched = True
        for track in self.tracks:
            track.watch(self._redactor)

    def write(self, text: str) -> None:
        """Appends to the text that is returned while the call is unfinished."""
        self._new.append(text)

    def reset(self) -> None:
        """Discards the text: the next model starts over."""
        self._new.clear()
        self._shown.clear()
        self._running = RunningText(self._redactor)

    def secure(self, outcome: Outcome) -> None:
        """Sets what the call ends with if it fails or is cancelled from now on: what has been paid for."""
        self.secured = outcome

    def stop(self) -> None:
        """Stops the call on request of its caller."""
        self.stopped = True
        self.scope.cancel()

    def note(self) -> str:
        """The progress line: time, what each model is doing, the newest text; without keys."""
        state = " | ".join(t.line() for t in self.tracks) or f"{self.tool}: working"
        return self._redactor.text(f"{self.elapsed_s:.0f} s, {state}")

    @property
    def received(self) -> int:
        """Counts the deltas received."""
        return sum(t.chars + t.thought for t in self.tracks)

    @classmethod
    def ended(cls, outcome: Outcome, tool: str, host: str) -> Call:
        """A call that has ended already."""
        call = cls(tool, host)
        call.outcome = outcome
        call.done.set()
        return call
