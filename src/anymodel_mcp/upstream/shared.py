"""Work that is shared by concurrent callers: done once for all of them."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from anymodel_mcp.errors import AnyModelError

T = TypeVar("T")


@dataclass(slots=True)
class _Run(Generic[T]):
    """One run: its outcome and the number of callers waiting for it."""

    done: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    result: list[T] = field(default_factory=list[T])
    error: AnyModelError | None = None
    waiting: int = 0


class SharedWork(Generic[T]):
    """Runs `work` in the app's task group, one run at a time; concurrent callers wait for the same result.

    A cancelled caller does not cancel the run for the others.

    Args:
        group: the task group of the work.
        work: the function to run.
        stop_when_unwanted: cancel a run when its last caller has left; otherwise it continues.
    """

    def __init__(self, group: TaskGroup, work: Callable[[], Awaitable[T]], *, stop_when_unwanted: bool = False) -> None:
        self._group = group
        self._work = work
        self._stop_when_unwanted = stop_when_unwanted
        self._run: _Run[T] | None = None

    async def __call__(self) -> T:
        """Returns the result of the current run, or of a new one.

        Raises:
            AnyModelError: the failure of that run.
        """
        run = self._run
        if run is None:
            run = self._run = _Run()
            self._group.start_soon(self._finish, run)
        run.waiting += 1
        try:
            await run.done.wait()
        finally:
            run.waiting -= 1
            if self._stop_when_unwanted and not run.waiting and not run.done.is_set():
                run.scope.cancel()
                self._forget(run)
        if run.error is not None:
            raise copy.copy(run.error)  # each caller modifies its own copy of the error
        return run.result[0]

    async def _finish(self, run: _Run[T]) -> None:
        run.error = AnyModelError("the server was stopped", kind="cancelled")
        try:
            with run.scope:
                run.result.append(await self._work())
                run.error = None
        except AnyModelError as error:
            run.error = error
        finally:
            self._forget(run)
            run.done.set()

    def _forget(self, run: _Run[T]) -> None:
        if self._run is run:
            self._run = None
