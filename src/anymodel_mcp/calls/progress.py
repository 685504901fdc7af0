"""The progress line of a call, and the notes that carry it to the client."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio

from anymodel_mcp.redact import Redactor, RunningText
from anymodel_mcp.types import Delta

log = logging.getLogger(__name__)

SendProgress = Callable[[float, str], Awaitable[None]]

FIRST_NOTE_S = 0.2
NOTE_EVERY_S = 0.25
SILENCE_S = 4.5
_NOTES_PER_S = 200
_SLOWEST_NOTE_S = 1.0
_NEWEST_CHARS = 240
_RAW_CHARS = 2000
_SPACES = re.compile(r"\s+")


_PHASES = {"tool_call": "calling a tool", "sound": "receiving sound"}


@dataclass(slots=True)
class ProgressLine:
    """What one model of a call is doing.

    Text is kept only after `watch` was called. The joined text of all lines contains no key.
    """

    label: str
    phase: str = "waiting"
    chars: int = 0
    thought: int = 0
    _raw: str = ""
    _newest: str = ""
    _clean: RunningText | None = None
    _skips: bool = False

    def take(self, deltas: Sequence[Delta]) -> None:
        """Counts received deltas."""
        for delta in deltas:
            if delta.kind == "reasoning":
                self.thought += len(delta.text)
                self.phase = "thinking"
            else:
                self.chars += len(delta.text)
                self.phase = _PHASES.get(delta.kind, "answering")
            if self._clean is not None:
                self._raw += delta.text
                if len(self._raw) > _RAW_CHARS:
                    self._settle()

    def watch(self, redactor: Redactor) -> None:
        """Starts to keep the newest text for the line."""
        if self._clean is None:
            self._clean = RunningText(redactor)
            self._skips = bool(self.chars or self.thought)  # the text may begin in the middle of a key

    def _settle(self) -> None:
        """Cleans the received text and keeps only as much as a line shows."""
        raw, self._raw = self._raw, ""
        if self._skips:
            found = _SPACES.search(raw)
            raw = raw[found.start() :] if found else ""
            self._skips = found is None
        if self._clean is not None:
            self._newest = (self._newest + self._clean.add(raw))[-_RAW_CHARS:]

    def tell(self, phase: str) -> None:
        """Sets what the call waits for."""
        self.phase = phase

    def line(self) -> str:
        """The state in a few words, and the text received since the last line."""
        self._settle()
        words = _SPACES.sub(" ", self._newest)[-_NEWEST_CHARS:]  # spaces at the edges tell words from parts
        self._newest = ""
        count = f", {self.chars or self.thought} characters" if self.chars or self.thought else ""
        return f"{self.label}: {self.phase}{count}" + (f" … {words}" if words else "")


class Watched(Protocol):
    """The source of progress notes."""

    @property
    def received(self) -> int:
        """Counts the deltas received."""
        ...

    def note(self) -> str:
        """The progress line, without keys."""
        ...


def note_interval_s(running: int) -> float:
    """Returns the shortest time between two notes of a call: all running calls share `_NOTES_PER_S`.

    A note costs about as much as six deltas; with many streams the notes would take a third of the time.
    """
    return min(max(NOTE_EVERY_S, running / _NOTES_PER_S), _SLOWEST_NOTE_S)


async def send_notes(
    call: Watched,
    send: SendProgress,
    *,
    first_note_s: float = FIRST_NOTE_S,
    interval_s: Callable[[], float] = lambda: NOTE_EVERY_S,
    silence_s: float = SILENCE_S,
) -> None:
    """Sends progress notes until it is cancelled or a note cannot be sent.

    A client that no longer accepts notes does not end its call.

    Args:
        call: what the notes are about.
        send: sends one note.
        first_note_s: the wait before the first note.
        interval_s: returns the shortest time between two notes.
        silence_s: after this time a note is sent although nothing has arrived.
    """
    value, seen, sent_at = 0.0, -1, float("-inf")
    await anyio.sleep(first_note_s)
    while True:
        now = anyio.current_time()
        if call.received != seen or now - sent_at >= silence_s:
            seen, sent_at = call.received, now
            value = max(value + 1, float(seen))
            if not await send_note(send, value, call.note()):
                return
        await anyio.sleep(interval_s())


async def send_note(send: SendProgress, value: float, message: str) -> bool:
    """Sends one note; false = it could not be sent, and further ones would fail too."""
    try:
        await send(value, message)
    except Exception as error:  # whatever the client's connection raises, the call must not fail because of a note
        log.info("progress cannot be sent: %s", type(error).__name__)
        return False
    return True
