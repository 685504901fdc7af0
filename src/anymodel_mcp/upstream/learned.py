"""Learned repairs across restarts and processes: read from the store every few seconds, written when learned."""

from __future__ import annotations

import time
from contextlib import suppress

import anyio
from anyio.abc import TaskGroup

from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.state import Store
from anymodel_mcp.upstream.call_state import LearnedRepairs
from anymodel_mcp.upstream.shared import SharedWork
from anymodel_mcp.wire.failures.repair_steps import Repair

READ_EVERY_S = 2.0
READ_WAIT_S = 0.2
"""How long a call waits for the store; without the stored repairs, the next refusal teaches them again."""


class StoredRepairs:
    """The learned repairs of all processes that share the store.

    Args:
        group: the task group for reading and writing the store.
        store: stores the repairs.
        read_every_s: the longest age of the repairs in memory.

    Attributes:
        learned: the current repairs.
    """

    def __init__(self, group: TaskGroup, store: Store, *, read_every_s: float = READ_EVERY_S) -> None:
        self.learned = LearnedRepairs(self._save_soon)
        self._group = group
        self._store = store
        self._read_every_s = read_every_s
        self._read_at = float("-inf")
        self._read = SharedWork(group, self._load)

    async def refresh(self) -> None:
        """Loads what other processes have learned, every few seconds."""
        if time.monotonic() - self._read_at < self._read_every_s:
            return
        with anyio.move_on_after(READ_WAIT_S), suppress(AnyModelError):
            await self._read()

    async def _load(self) -> None:
        self._read_at = time.monotonic()
        for (place, model), repairs in (await self._store.load_repairs()).items():
            for repair in repairs:
                self.learned.learn(place, model, Repair.from_json(repair), tell=False)

    def _save_soon(self, place: str, model: str, repair: Repair) -> None:
        self._group.start_soon(self._save, place, model, repair)

    async def _save(self, place: str, model: str, repair: Repair) -> None:
        with suppress(AnyModelError):
            await self._store.save_repair(place, model, repair.to_json())
