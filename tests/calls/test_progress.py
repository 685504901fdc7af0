"""When progress notes are sent: for what is new, and now and then in silence; no clock decides here."""

from __future__ import annotations

import math

import anyio
import pytest

from anymodel_mcp.calls.progress import note_interval_s, send_notes
from tests.waiting import HANG_S

LOOKS = 20


class Watched:
    """A call that counts how often it is looked at."""

    def __init__(self) -> None:
        self.arrived = 0
        self.looks = 0
        self.looked_at_often = anyio.Event()

    @property
    def received(self) -> int:
        self.looks += 1
        if self.looks >= LOOKS:
            self.looked_at_often.set()
        return self.arrived

    def note(self) -> str:
        return f"{self.arrived} characters"


class Notes:
    """The notes that were sent; `reached[n]` is set with the n-th."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, str]] = []
        self.reached = [anyio.Event() for _ in range(4)]

    async def send(self, value: float, message: str) -> None:
        self.sent.append((value, message))
        if len(self.sent) < len(self.reached):
            self.reached[len(self.sent)].set()


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_note_is_sent_when_something_is_new_and_only_then(anyio_backend: str) -> None:
    call, notes = Watched(), Notes()

    async def run() -> None:
        await send_notes(call, notes.send, first_note_s=0, interval_s=lambda: 0, silence_s=math.inf)

    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await call.looked_at_often.wait()
            assert notes.sent == [(1, "0 characters")]
            call.arrived = 7
            await notes.reached[2].wait()
            call.arrived = 8
            await notes.reached[3].wait()
            tasks.cancel_scope.cancel()
    assert notes.sent == [(1, "0 characters"), (7, "7 characters"), (8, "8 characters")]


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_silence_is_reported_too_with_rising_numbers(anyio_backend: str) -> None:
    call, notes = Watched(), Notes()

    async def run() -> None:
        await send_notes(call, notes.send, first_note_s=0, interval_s=lambda: 0, silence_s=0)

    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await notes.reached[3].wait()
            tasks.cancel_scope.cancel()
    assert notes.sent[:3] == [(1, "0 characters"), (2, "0 characters"), (3, "0 characters")]


async def test_a_client_that_takes_no_notes_gets_one() -> None:
    tried: list[float] = []

    async def refuse(value: float, message: str) -> None:
        tried.append(value)
        raise anyio.BrokenResourceError

    with anyio.fail_after(HANG_S):
        await send_notes(Watched(), refuse, first_note_s=0, interval_s=lambda: 0, silence_s=0)
    assert tried == [1]


@pytest.mark.parametrize(("running", "interval_s"), [(1, 0.25), (50, 0.25), (100, 0.5), (200, 1), (5000, 1)])
def test_many_running_calls_send_fewer_notes_each(running: int, interval_s: float) -> None:
    assert note_interval_s(running) == interval_s
