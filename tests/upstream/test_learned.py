"""Learned repairs reach the other processes that share the store."""

from __future__ import annotations

from pathlib import Path

import anyio

from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state import open_store
from anymodel_mcp.upstream.learned import StoredRepairs
from anymodel_mcp.wire.failures.repair_steps import Repair
from tests.waiting import HANG_S

DROP = Repair(endpoint="chat", action="drop", field="seed")


async def test_a_repair_of_another_process_is_used_without_a_restart(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with (
            open_store(StoreSettings(), tmp_path) as store,
            open_store(StoreSettings(), tmp_path) as others,
            anyio.create_task_group() as group,
        ):
            ours, theirs = [StoredRepairs(group, each, read_every_s=0) for each in (store, others)]
            await ours.refresh()
            assert ours.learned.known("p", "m") == ()
            theirs.learned.learn("p", "m", DROP)
            while ours.learned.known("p", "m") != (DROP,):
                await ours.refresh()


async def test_what_is_known_is_not_read_for_every_call(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with open_store(StoreSettings(), tmp_path) as store, anyio.create_task_group() as group:
            repairs = StoredRepairs(group, store, read_every_s=3600)
            await repairs.refresh()
            await store.save_repair("p", "m", DROP.to_json())
            await repairs.refresh()
            assert repairs.learned.known("p", "m") == ()
