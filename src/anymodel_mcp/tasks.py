"""Task groups whose single failure comes out as itself, and blocks that are not cancelled in the middle."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import anyio
from anyio.abc import TaskGroup


@contextmanager
def uninterrupted() -> Generator[None]:
    """Runs the block to its end, also when the call is cancelled meanwhile: for what follows a paid answer."""
    with anyio.CancelScope(shield=True):
        yield


@asynccontextmanager
async def open_tasks() -> AsyncGenerator[TaskGroup]:
    """A task group that ends with its block: what still runs then is cancelled.

    Raises:
        Exception: the one error of the block or of a task, unwrapped; several stay a group.
    """
    try:
        async with anyio.create_task_group() as group:
            try:
                yield group
            finally:
                group.cancel_scope.cancel()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:
            raise errors.exceptions[0] from None
        raise
