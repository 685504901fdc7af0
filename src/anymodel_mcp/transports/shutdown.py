"""Graceful shutdown: signals start one orderly stop, which has a time limit."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import anyio
from anyio.abc import TaskStatus


@runtime_checkable
class HandsBack(Protocol):
    """A server that can answer its open calls before they end."""

    def hand_back_calls(self) -> None:
        """Answers all open calls with partial text and a handle."""


def _ignore() -> None:
    """Does nothing: for servers that stop at once anyway."""


async def watch_signals(
    stop: Callable[[], None],
    hurry: Callable[[], None] = _ignore,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Calls `stop` at SIGTERM or SIGINT, and `hurry` as well at SIGINT or at a second signal.

    On Windows SIGINT comes as KeyboardInterrupt and there is no SIGTERM.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        task_status.started()
        return
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        stopping = False
        async for number in signals:
            stop()
            if stopping or number == signal.SIGINT:
                hurry()
            stopping = True


class ExitGuard:
    """Ends the process when a clean stop takes too long.

    A thread in a name lookup, or a clean-up that hangs, must not keep the process: hosts kill it then, or leave it
    behind.

    Args:
        limit_s: seconds from `arm` to the end.
        end: what ends the process with a status.
    """

    def __init__(self, limit_s: float, end: Callable[[int], object] = os._exit) -> None:
        self._timer = threading.Timer(limit_s, end, args=(0,))
        self._timer.daemon = True

    def arm(self) -> None:
        """Starts the time limit, once."""
        if not self._timer.is_alive() and not self._timer.finished.is_set():
            self._timer.start()
