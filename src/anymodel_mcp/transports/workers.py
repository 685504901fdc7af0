"""Runs several processes on one listening socket: starts, watches, replaces and stops them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from types import FrameType

STOP_S = 13.5
"""How long a worker may take to stop while its calls finish."""

HURRY_S = 3.0
"""How long a worker may take to stop at SIGINT, or at a second signal."""

TOO_SOON_S = 5.0


class _Supervisor:
    def __init__(self, work: Callable[[], int], count: int, *, too_soon_s: float, stop_s: float) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._work = work
        self._count = count
        self._too_soon_s = too_soon_s
        self._stop_s = stop_s
        self._workers: dict[SpawnProcess, float] = {}
        self._stopping = False
        self._hurry = False

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        status = 0
        while not self._stopping:
            while len(self._workers) < self._count:
                self._start()
            wait([worker.sentinel for worker in self._workers], timeout=0.5)
            if not self._stopping and not self._collect():
                status = 1
                break
        self._end()
        return status

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._hurry = self._stopping or number == signal.SIGINT
        self._stopping = True

    def _start(self) -> None:
        worker = self._context.Process(target=_run, args=(self._work,))
        worker.start()
        self._workers[worker] = time.monotonic()

    def _collect(self) -> bool:
        """Removes dead workers; `False` = one died so soon that a replacement would die too."""
        for worker, started in list(self._workers.items()):
            if worker.exitcode is None:
                continue
            del self._workers[worker]
            sys.stderr.write(f"anymodel-mcp: worker {worker.pid} ended with status {worker.exitcode}\n")
            if time.monotonic() - started < self._too_soon_s:
                return False
        return True

    def _end(self) -> None:
        self._tell()
        hurried, deadline = (
            self._hurry,
            time.monotonic() + (min(HURRY_S, self._stop_s) if self._hurry else self._stop_s),
        )
        while any(worker.exitcode is None for worker in self._workers) and time.monotonic() < deadline:
            wait([worker.sentinel for worker in self._workers if worker.exitcode is None], timeout=0.1)
            if self._hurry and not hurried:
                hurried, deadline = True, min(deadline, time.monotonic() + HURRY_S)
                self._tell()
        for worker in self._workers:
            if worker.exitcode is None:
                worker.kill()

    def _tell(self) -> None:
        """Forwards the signal that this process received: stop, or stop now."""
        for worker in self._workers:
            if worker.exitcode is None and worker.pid is not None:
                if self._hurry and sys.platform != "win32":
                    os.kill(worker.pid, signal.SIGINT)
                else:
                    worker.terminate()


def _run(work: Callable[[], int]) -> None:
    sys.exit(work())


def supervise(work: Callable[[], int], count: int, *, too_soon_s: float = TOO_SOON_S, stop_s: float = STOP_S) -> int:
    """Runs `work` in `count` processes until SIGTERM or SIGINT; one that dies is replaced.

    Args:
        work: picklable; its result is the exit status of its process.
        count: how many.
        too_soon_s: a worker that dies before this is not replaced, because the replacement would die too.
        stop_s: how long workers may take to stop before they are killed.

    Returns:
        0 after a stop; 1 when a worker died at its start.
    """
    return _Supervisor(work, count, too_soon_s=too_soon_s, stop_s=stop_s).run()
