"""Finds the awaits of this product while it runs: where each task is suspended, without a list to be kept up to date.

asyncio lets a task factory wrap the coroutine of every task. The wrapper sees each suspension, and follows the chain of
awaited objects from the task's coroutine to the innermost frame. Whatever of the chain lies in `src/anymodel_mcp` is
the name of the suspension: an await that somebody adds tomorrow has one by itself.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 task factories are its own
import gc
import types
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import anymodel_mcp

_SOURCE = str(Path(anymodel_mcp.__file__).parent) + "/"
_AWAITS = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType)

Point = tuple[str, ...]
"""The awaits of one suspension, as `file:line`, from the task's own to the innermost one."""


def _next(awaiting: Any) -> Any:
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        if hasattr(awaiting, name):
            return getattr(awaiting, name)
    if isinstance(awaiting, asyncio.Future):
        return None
    # `asend` of an async generator and the wrapper of a `__await__` show what they hold to the collector only
    held: list[Any] = gc.get_referents(awaiting)
    return next((each for each in held if isinstance(each, _AWAITS)), None)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] of any kind


def _frame(awaiting: Any) -> types.FrameType | None:
    return next(
        (f for n in ("cr_frame", "gi_frame", "ag_frame") if (f := getattr(awaiting, n, None)) is not None), None
    )


def point_of(coro: Any) -> Point:
    """Where a suspended coroutine is; empty where none of it is ours."""
    found: list[str] = []
    awaiting, depth = coro, 0
    while awaiting is not None and depth < 200:
        frame = _frame(awaiting)
        if frame is not None and frame.f_code.co_filename.startswith(_SOURCE):
            found.append(f"{frame.f_code.co_filename.removeprefix(_SOURCE)}:{frame.f_lineno}")
        awaiting, depth = _next(awaiting), depth + 1
    return tuple(found)


class _Watched(Coroutine[Any, Any, Any]):
    """A coroutine whose suspensions are reported."""

    def __init__(self, coro: Coroutine[Any, Any, Any], report: Callable[[Any], None]) -> None:
        self._coro = coro
        self._report = report

    def send(self, value: Any) -> Any:
        given = self._coro.send(value)
        self._report(self._coro)
        return given

    def throw(self, *exc_info: Any) -> Any:
        given = self._coro.throw(*exc_info)
        self._report(self._coro)
        return given

    def close(self) -> None:
        self._coro.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coro.__await__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coro, name)


class Probe:
    """Sees the suspensions of all tasks that are created while it is installed.

    Attributes:
        trace: the points in the order in which they were met, repetitions included.
        on_point: is called at each.
    """

    def __init__(self) -> None:
        self.trace: list[Point] = []
        self.on_point: Callable[[Point], None] | None = None
        self.active = False

    def install(self) -> None:
        """Wraps all tasks of the running loop from now on."""
        asyncio.get_running_loop().set_task_factory(self._make)

    def _make(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
        return asyncio.Task(_Watched(coro, self._seen), loop=loop, **more)

    def _seen(self, coro: Any) -> None:
        if not self.active:
            return
        point = point_of(coro)
        if point:
            self.trace.append(point)
            if self.on_point is not None:
                self.on_point(point)
