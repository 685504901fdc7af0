"""Task groups that unwrap a single error, and blocks that are shielded from cancellation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

import anyio
from anyio.abc import TaskGroup


@contextmanager
def uninterrupted() -> Generator[None]:
    """Shields the block from cancellation: for work that follows a paid answer."""
    with anyio.CancelScope(shield=True):
        yield


@asynccontextmanager
async def open_tasks() -> AsyncGenerator[TaskGroup]:
    """A task group whose remaining tasks are cancelled at the end of its block.

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
