"""Runs a function on hostile input in a child process that can be killed, with limits on its time and memory.

For work that hostile input can make endless and that Python cannot interrupt, such as a backtracking regular expression
or picture decoding. The child belongs to `anyio.to_process`; it is killed on a timeout and on cancellation, and ends by
itself when it is idle.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

import anyio
from anyio.lowlevel import RunVar

from anymodel_mcp.record import record

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

IDLE_S = 5.0
"""An unused child ends after this time."""
_MIB = 2**20


class IsolationError(Exception):
    """The child exceeded a limit or crashed; the message says which, in a few words."""


@record
class Limits:
    """What one run may use.

    Attributes:
        seconds: of wall-clock time, the start of the child included.
        memory_mb: of address space beyond what an idle child has. Enforced on Linux only.
    """

    seconds: float
    memory_mb: int


_turns: RunVar[dict[str, anyio.CapacityLimiter]] = RunVar("anymodel_isolated_turns")


async def run_isolated(function: Callable[[Unpack[Ts]], T], *args: *Ts, limits: Limits, queue: str) -> T:
    """The function's result, computed in a child process.

    Args:
        function: a module-level function; it, its arguments and its result are pickled.
        args: its arguments.
        limits: what the run may use.
        queue: runs of the same queue take place one at a time.

    Raises:
        IsolationError: the run exceeded its limits, or its process died.
    """
    async with _turn(queue):
        try:
            with anyio.fail_after(limits.seconds):
                return await _run(function, args, limits)
        except TimeoutError as error:
            raise IsolationError(f"it takes longer than {limits.seconds:g} s") from error
        except MemoryError as error:
            raise IsolationError(f"it takes more than {limits.memory_mb} MB of memory") from error
        except anyio.BrokenWorkerProcess as error:
            raise IsolationError("its process died") from error


def _turn(queue: str) -> anyio.CapacityLimiter:
    limiters = _turns.get(None)
    if limiters is None:
        limiters = dict[str, anyio.CapacityLimiter]()
        _turns.set(limiters)
    return limiters.setdefault(queue, anyio.CapacityLimiter(1))


async def _run(function: Callable[..., T], args: tuple[Any, ...], limits: Limits) -> T:
    from anyio import to_process  # not while the server starts

    command = (function, args, limits)
    try:
        return await to_process.run_sync(_limited, *command, cancellable=True)
    except anyio.BrokenWorkerProcess:
        # an idle child may end just when it is given work
        return await to_process.run_sync(_limited, *command, cancellable=True)


# --- in the child -----------------------------------------------------------------------------------------------------

_idle_timer: threading.Timer | None = None


def _limited(function: Callable[..., T], args: tuple[Any, ...], limits: Limits) -> T:
    global _idle_timer  # state of the child, which runs one function at a time
    if _idle_timer is not None:
        _idle_timer.cancel()
    _set_limits(limits)
    try:
        return function(*args)
    finally:
        _idle_timer = threading.Timer(IDLE_S, os._exit, (0,))
        _idle_timer.daemon = True
        _idle_timer.start()


def _set_limits(limits: Limits) -> None:
    """Limits processor time too: a child whose parent was killed must end."""
    if sys.platform == "win32":  # pragma: no cover - Windows has no such limits
        return
    import resource

    _lower(resource.RLIMIT_CPU, int(time.process_time() + limits.seconds) + 2)
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + limits.memory_mb * _MIB)


def _lower(what: int, most: int) -> None:
    import resource

    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
