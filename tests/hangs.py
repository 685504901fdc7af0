"""A pytest plugin: no test hangs for ever, and each one that would shows where it stands.

pytest-timeout fails a test at its limit and prints the stacks of all threads. This adds the awaits of all tasks, which
no thread's stack shows. Where no signal helps, `faulthandler_timeout` prints the stacks and ends the process.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 anyio does not give the coroutines of its tasks
import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Generator
from types import FrameType
from typing import Any, TextIO

import pytest

os.environ.setdefault("PYTEST_TIMEOUT", "240")
"""The limit of one test with its fixtures, in seconds; read by pytest-timeout."""

_STDERR = pytest.StashKey[TextIO]()


def pytest_configure(config: pytest.Config) -> None:
    assert sys.__stderr__ is not None
    config.stash[_STDERR] = os.fdopen(os.dup(sys.__stderr__.fileno()), "w", encoding="utf-8")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Starts the last resort again, which pytest cancels when a test fails: a teardown can hang too."""
    limit_s = float(str(item.config.getini("faulthandler_timeout")))
    faulthandler.dump_traceback_later(limit_s, exit=True, file=item.config.stash[_STDERR])


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_timeout_set_timer() -> Generator[None, Any, Any]:
    """Prints the tasks before pytest-timeout interrupts the test."""
    done = yield
    if hasattr(signal, "SIGALRM") and callable(interrupt := signal.getsignal(signal.SIGALRM)):

        def print_and_interrupt(number: int, frame: FrameType | None) -> None:
            print_tasks()
            interrupt(number, frame)

        signal.signal(signal.SIGALRM, print_and_interrupt)
    return done


def print_tasks() -> None:
    """Writes the awaits of each task of the running asyncio loop to stderr; nothing where none runs."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    for task in asyncio.all_tasks(loop):
        lines = traceback.StackSummary.from_list(_awaits(task.get_coro())).format()
        sys.stderr.write(f"Task {task.get_name()}:\n{''.join(lines)}")


def _awaits(awaited: Any) -> list[traceback.FrameSummary]:
    frames: list[traceback.FrameSummary] = []
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        frames += traceback.extract_stack(frame, limit=1)
        awaited = awaited.cr_await
    return frames
