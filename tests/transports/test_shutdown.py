from __future__ import annotations

import threading

import anyio
import pytest

from anymodel_mcp.transports import shutdown
from anymodel_mcp.transports.shutdown import ExitGuard, watch_signals
from tests.waiting import HANG_S


def test_a_stop_that_takes_too_long_ends_the_process() -> None:
    ended = threading.Event()
    statuses: list[int] = []

    def end(status: int) -> None:
        statuses.append(status)
        ended.set()

    guard = ExitGuard(0.01, end)
    guard.arm()
    guard.arm()
    assert ended.wait(HANG_S)
    assert statuses == [0]


async def test_without_signals_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown.sys, "platform", "win32")
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:
            await tasks.start(watch_signals, lambda: None)
