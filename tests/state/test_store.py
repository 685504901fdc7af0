from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state import CallRow, Ended, RunningRow, UsageKey, UsageRow, new_id, open_store
from anymodel_mcp.state.sqlite import SqliteStore

NOW = 1_795_000_000.0
DAY = 86_400
TURN = [{"role": "user", "content": "x"}]
ROW = CallRow(id="r-1", worker_id="me", tool="chat", model="p/m", host="zed")


class ResponseDeadline:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def clock() -> ResponseDeadline:
    return ResponseDeadline()


DRIVERS: dict[str, StoreSettings] = {"file": StoreSettings(), "memory": StoreSettings(enabled=False)}
"""What every test of a `store` is run with: a new driver is one more line."""


@pytest.fixture(params=DRIVERS)
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ResponseDeadline) -> AsyncGenerator[SqliteStore]:
    async with open_store(DRIVERS[request.param], tmp_path, clock=clock) as opened:
        yield opened


async def test_opening_touches_no_file(tmp_path: Path) -> None:
    async with open_store(StoreSettings(), tmp_path / "sub") as opened:
        assert list(tmp_path.iterdir()) == []
        assert opened.path == tmp_path / "sub" / "anymodel.db"


async def test_configured_path_is_used(tmp_path: Path) -> None:
    async with open_store(StoreSettings(path=str(tmp_path / "mine.db")), tmp_path / "other") as opened:
        await opened.save_partial(ROW, "")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.db"]


async def test_ids_have_their_prefix_and_do_not_repeat() -> None:
    ids = {new_id("r") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(i.startswith("r-") and len(i) == 22 for i in ids)


async def test_call_runs_then_is_complete_with_its_record(store: SqliteStore) -> None:
    await store.save_partial(ROW, "")
    await store.save_partial(ROW, "")
    running = await store.get_call("r-1")
    assert running is not None
    assert (running.status, running.text, running.record, running.model) == ("running", "", None, "p/m")
    await store.save_partial(ROW, "half")
    await store.finish_call(ROW, "complete", {"usage": {"input": 1}}, "the whole")
    ended = await store.get_call("r-1")
    assert ended is not None
    assert (ended.status, ended.text) == ("complete", "the whole")
    assert ended.record == {"usage": {"input": 1}}


@pytest.mark.parametrize("status", ["complete", "failed", "cancelled"])
async def test_first_end_of_a_call_stands(store: SqliteStore, status: Ended) -> None:
    await store.finish_call(ROW, status, None, "first")
    await store.finish_call(ROW, "failed", {"late": True}, "second")
    await store.save_partial(ROW, "third")
    found = await store.get_call("r-1")
    assert found is not None
    assert (found.status, found.text, found.record) == (status, "first", None)


async def test_end_without_text_keeps_the_partial_text(store: SqliteStore) -> None:
    await store.save_partial(ROW, "")
    await store.save_partial(ROW, "so far")
    await store.finish_call(ROW, "failed", {"kind": "timeout"})
    found = await store.get_call("r-1")
    assert found is not None
    assert (found.status, found.text) == ("failed", "so far")


@pytest.mark.parametrize(
    "text",
    ["", "plain", "a\0b", "lone \ud800 surrogate", "𝄞 astral 🎼", "x" * 10_000_000],
    ids=["empty", "plain", "nul", "surrogate", "astral", "10 MB"],
)
async def test_text_comes_back_as_it_was(store: SqliteStore, text: str) -> None:
    await store.finish_call(ROW, "complete", None, text)
    found = await store.get_call("r-1")
    assert found is not None
    assert found.text == text


@pytest.mark.parametrize("id", ["", "r-2", "\ud800", "a\0", "' OR 1=1 --", "x" * 100_000])
async def test_unknown_ids_are_unknown(store: SqliteStore, id: str) -> None:
    await store.save_partial(ROW, "")
    assert await store.get_call(id) is None
    assert await store.get_thread(id) is None
    assert not await store.ask_cancel(id)
    assert not await store.append_turn(id, [{"role": "user", "content": "x"}])
    assert not await store.hold_thread(id, "o", 5)


async def _age(store: SqliteStore, seconds: float) -> None:
    """Moves heartbeats and leases into the past, as time does."""
    for table, column in (("calls", "beat"), ("threads", "held_until"), ("running_calls", "beat")):
        sql = f"UPDATE {table} SET {column} = {column} - ?"
        await store._db.write(lambda c, sql=sql: c.execute(sql, (seconds,)))  # pyright: ignore[reportPrivateUsage] nothing else can make time pass


async def test_silent_worker_means_interrupted_and_keeps_the_text(store: SqliteStore) -> None:
    await store.save_partial(ROW, "half")
    await _age(store, store.stale_s - 5)
    await store.beat("me", ["r-1"])
    await store.beat("me", [])
    await store.beat("another", ["r-1"])
    await _age(store, store.stale_s - 5)
    alive = await store.get_call("r-1")
    await _age(store, 6)
    dead = await store.get_call("r-1")
    assert alive is not None
    assert dead is not None
    assert (alive.status, dead.status, dead.text) == ("running", "interrupted", "half")
    assert not await store.ask_cancel("r-1")


async def test_cancel_reaches_the_owner_of_a_running_call_only(store: SqliteStore) -> None:
    await store.save_partial(ROW, "")
    await store.save_partial(replace(ROW, id="r-2", worker_id="other"), "")
    assert await store.ask_cancel("r-1")
    assert await store.cancels_asked("me") == {"r-1"}
    assert await store.cancels_asked("other") == set()
    await store.finish_call(ROW, "cancelled", None)
    assert await store.cancels_asked("me") == set()
    assert not await store.ask_cancel("r-1")


async def test_thread_keeps_messages_as_they_came(store: SqliteStore, clock: ResponseDeadline) -> None:
    id = await store.create_thread("be brief \ud800")
    turn = [
        {"role": "user", "content": [{"type": "text", "text": "what \n is  this"}, {"type": "image_url"}, "odd"]},
        {"role": "assistant", "content": "a cat", "reasoning_details": [{"signature": "x\0\ud800"}]},
    ]
    assert await store.append_turn(id, turn, model="a/one")
    clock.now += 5
    assert await store.append_turn(id, [{"role": "user", "content": None}, {"role": "assistant"}], model="b/two")
    assert await store.append_turn(id, [{"role": "assistant"}], model="a/one")
    found = await store.get_thread(id)
    assert found is not None
    assert found.messages == [*turn, {"role": "user", "content": None}, {"role": "assistant"}, {"role": "assistant"}]
    assert (found.system, found.title, list(found.models)) == ("be brief \ud800", "what is this", ["a/one", "b/two"])
    assert (found.created, found.updated, found.count) == (NOW, NOW + 5, 5)


async def test_long_title_is_cut_and_the_first_one_stays(store: SqliteStore) -> None:
    id = await store.create_thread()
    await store.append_turn(id, [{"role": "user", "content": "word " * 50}])
    await store.append_turn(id, [{"role": "user", "content": "second"}])
    found = await store.get_thread(id)
    assert found is not None
    assert found.title.endswith("word…")
    assert len(found.title) <= 60
    assert found.system is None


async def test_message_that_is_no_json_leaves_the_thread_as_it_was(store: SqliteStore) -> None:
    id = await store.create_thread()
    with pytest.raises(TypeError):
        await store.append_turn(id, [{"role": "user", "content": "x"}, {"role": "user", "content": object()}])
    found = await store.get_thread(id)
    assert found is not None
    assert found.count == 0


async def test_threads_are_listed_by_last_use(store: SqliteStore, clock: ResponseDeadline) -> None:
    first = await store.create_thread()
    clock.now += 1
    second = await store.create_thread()
    clock.now += 1
    await store.append_turn(first, [{"role": "user", "content": "hi"}])
    assert [t.id for t in await store.list_threads()] == [first, second]
    assert [(t.id, t.count, list(t.messages)) for t in await store.list_threads(1)] == [(first, 1, [])]


async def test_thread_is_held_by_one_holder_at_a_time(store: SqliteStore) -> None:
    id = await store.create_thread()
    assert await store.hold_thread(id, "call-1", 60)
    assert await store.hold_thread(id, "call-1", 60)
    assert not await store.hold_thread(id, "call-2", 60)
    await store.release_thread(id, "call-2")
    assert not await store.hold_thread(id, "call-2", 60)
    await store.release_thread(id, "call-1")
    assert await store.hold_thread(id, "call-2", 60)
    await _age(store, 61)
    assert await store.hold_thread(id, "call-3", 60)


async def test_new_thread_is_held_from_its_first_moment(store: SqliteStore) -> None:
    id = await store.create_thread(holder="call-1", for_s=60)
    assert not await store.hold_thread(id, "call-2", 60)
    assert await store.append_turn(id, TURN, holder="call-1")
    await store.release_thread(id, "call-1")
    assert await store.hold_thread(id, "call-2", 60)


async def test_only_its_holder_adds_a_turn(store: SqliteStore) -> None:
    """A turn that was written on an older history than the thread has by now would tear it."""
    id = await store.create_thread(holder="call-1", for_s=60)
    await _age(store, 61)
    assert await store.append_turn(id, TURN, holder="call-1")  # the hold ran out, and nobody has taken the thread
    assert await store.hold_thread(id, "call-2", 60)
    assert not await store.append_turn(id, TURN, holder="call-1")
    await store.release_thread(id, "call-2")
    assert not await store.append_turn(id, TURN, holder="call-1")
    found = await store.get_thread(id)
    assert found is not None
    assert found.count == 1


@pytest.mark.parametrize("ahead_s", [-86_400.0, 86_400.0])
async def test_leases_and_heartbeats_go_by_the_clock_of_the_database(tmp_path: Path, ahead_s: float) -> None:
    """Two processes whose clocks differ by a day hold and watch the same calls."""
    wrong = ResponseDeadline()
    wrong.now = time.time() + ahead_s
    async with (
        open_store(StoreSettings(), tmp_path) as one,
        open_store(StoreSettings(), tmp_path, clock=wrong) as other,
    ):
        held = await other.create_thread(holder="call-1", for_s=60)
        assert not await one.hold_thread(held, "call-2", 60)
        held = await one.create_thread(holder="call-1", for_s=60)
        assert not await other.hold_thread(held, "call-2", 60)
        for writer, reader in ((one, other), (other, one)):
            row = replace(ROW, id=new_id("r"))
            await writer.save_partial(row, "half")
            await writer.beat(row.worker_id, [row.id])
            seen = await reader.get_call(row.id)
            assert seen is not None
            assert seen.status == "running"


async def test_model_lists_are_replaced(store: SqliteStore) -> None:
    assert await store.load_models("p") is None
    await store.save_models("p", 1.0, ["a"])
    await store.save_models("p", 2.0, {"data": [{"id": "b"}]})
    assert await store.load_models("p") == (2.0, {"data": [{"id": "b"}]})


async def test_repairs_come_back_by_model_in_order(store: SqliteStore, clock: ResponseDeadline) -> None:
    for repair in ({"drop": "seed"}, {"drop": "top_p"}, {"drop": "seed"}):
        clock.now += 1
        await store.save_repair("p", "m", repair)
    await store.save_repair("p", "n", {"rename": "x"})
    assert await store.load_repairs() == {
        ("p", "m"): [{"drop": "top_p"}, {"drop": "seed"}],
        ("p", "n"): [{"rename": "x"}],
    }


USAGE = UsageRow(
    time=NOW,
    tool="chat",
    provider="p",
    model="m",
    outcome="complete",
    duration_s=2,
    host="zed",
    input=10,
    output=5,
    cost=0.5,
)


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("model", ["p/m", "n"]),
        ("provider", ["p", ""]),
        ("tool", ["chat", "embed"]),
        ("host", ["zed", ""]),
        ("outcome", ["complete", "timeout"]),
        ("day", ["2026-11-19", "2026-11-23"]),
        ("all", ["all"]),
    ],
)
async def test_usage_is_summed_by(store: SqliteStore, by: UsageKey, keys: list[str]) -> None:
    late = UsageRow(time=NOW + 4 * DAY, tool="embed", provider="", model="n", outcome="timeout", duration_s=1)
    await store.add_usage([USAGE, USAGE, late])
    await store.add_usage([])
    sums = await store.usage(by=by)
    assert len(sums) == len(keys)
    if by != "day":  # days are those of the user's clock
        assert [s.key for s in sums] == keys
    assert sum(s.calls for s in sums) == 3
    assert sum(s.failed for s in sums) == 1
    assert sums[0].input == 20
    assert sums[0].cost == 1.0


RUNNING = RunningRow(id="u-1", worker_id="w", time=NOW, tool="chat", provider="p", model="m", host="zed")


async def test_running_calls_are_in_the_ledger_once(store: SqliteStore) -> None:
    await store.add_usage([], running=[RUNNING, replace(RUNNING, id="u-2", model="n")])
    await store.add_usage([], running=[RUNNING])
    assert {s.key: (s.calls, s.failed) for s in await store.usage(by="outcome")} == {"running": (2, 0)}
    await store.add_usage([USAGE], announced=[RUNNING])
    await store.add_usage([], running=[RUNNING])  # a late heartbeat
    assert {s.key: (s.calls, s.failed) for s in await store.usage(by="outcome")} == {
        "complete": (1, 0),
        "running": (1, 0),
    }
    await store.tidy()
    await _age(store, 31)
    assert {s.key: (s.calls, s.failed) for s in await store.usage(by="outcome")} == {
        "complete": (1, 0),
        "interrupted": (1, 1),
    }


async def test_usage_starts_at_the_moment_asked_for(store: SqliteStore) -> None:
    await store.add_usage([USAGE, replace(USAGE, time=NOW + 10, input=None, output=None, cost=None)])
    (found,) = await store.usage(since=NOW + 1)
    assert (found.calls, found.input, found.output, found.cost) == (1, None, None, None)


async def test_absurd_figures_do_not_break_the_ledger(store: SqliteStore) -> None:
    await store.add_usage([replace(USAGE, input=10**40, model="\ud800", cost=float("nan"))] * 3)
    (found,) = await store.usage()
    assert found.input == 3 * 2**53


async def test_old_rows_end(tmp_path: Path, clock: ResponseDeadline) -> None:
    async with open_store(StoreSettings(keep_days=30), tmp_path, clock=clock) as store:
        await store.finish_call(ROW, "complete", None, "old")
        old = await store.create_thread()
        await store.append_turn(old, [{"role": "user", "content": "x"}])
        await store.add_usage([USAGE])
        await store.save_models("p", NOW, [])
        await store.save_repair("p", "m", {})
        clock.now += 31 * DAY
        new = await store.create_thread()
        assert await store.get_call("r-1") is None
        assert [t.id for t in await store.list_threads()] == [new]
        assert await store.usage() == []
        assert await store.load_models("p") is None
        assert await store.load_repairs() == {}


async def test_too_large_a_file_loses_its_oldest_calls_and_shrinks(tmp_path: Path, clock: ResponseDeadline) -> None:
    async with open_store(StoreSettings(max_mb=2), tmp_path, clock=clock) as store:
        for number in range(10):
            await store.finish_call(replace(ROW, id=f"r-{number}"), "complete", None, "x" * 500_000)
            clock.now += 1
        running = await store.create_thread()
        clock.now += 7200
        await store.save_partial(replace(ROW, id="fresh"), "")
        kept = [id for id in ("fresh", *(f"r-{n}" for n in range(10))) if await store.get_call(id)]
        assert "fresh" in kept
        assert "r-9" in kept
        assert "r-0" not in kept
        assert await store.get_thread(running) is None or len(kept) > 1
    assert (tmp_path / "anymodel.db").stat().st_size <= 2.5 * 2**20


async def test_nothing_young_is_removed_however_large(tmp_path: Path, clock: ResponseDeadline) -> None:
    async with open_store(StoreSettings(max_mb=0), tmp_path, clock=clock) as store:
        await store.finish_call(ROW, "complete", None, "x" * 500_000)
        await store.tidy()
        assert await store.get_call("r-1") is not None


async def test_cancelled_call_still_leaves_its_text_behind(store: SqliteStore) -> None:
    await store.save_partial(ROW, "")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await store.save_partial(ROW, "written all the same")
    found = await store.get_call("r-1")
    assert found is not None
    assert found.text == "written all the same"


async def test_many_tasks_share_one_store(store: SqliteStore) -> None:
    async def one(number: int) -> None:
        row = replace(ROW, id=f"r-{number}")
        await store.save_partial(row, "")
        await store.finish_call(row, "complete", {"n": number}, str(number))

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(one, number)
    found = [await store.get_call(f"r-{n}") for n in range(100)]
    assert [c.text for c in found if c] == [str(n) for n in range(100)]


async def test_a_job_is_kept_until_it_ends_and_is_adopted_once(store: SqliteStore) -> None:
    await store.save_partial(ROW, "")
    await store.save_job("r-1", {"task_id": "t"})
    await store.save_job("r-1", {"task_id": "t", "progress": 1})
    assert await store.load_job("r-1") == {"task_id": "t", "progress": 1}
    assert not await store.adopt_job("r-1", "other", silent_s=30)  # its worker is alive
    assert await store.adopt_job("r-1", "other", silent_s=-1)
    await store.finish_call(replace(ROW, worker_id="other"), "failed", None)
    assert await store.adopt_job("r-1", "third", silent_s=30)  # ended without its result
    await store.end_job("r-1")
    assert await store.load_job("r-1") is None
    assert not await store.adopt_job("r-1", "other", silent_s=-1)
    assert not await store.adopt_job("unknown", "other", silent_s=-1)


async def test_every_row_that_belongs_to_somebody_has_a_principal(tmp_path: Path) -> None:
    async with open_store(StoreSettings(), tmp_path) as opened:
        await opened.save_partial(ROW, "")
        assert opened.path
        with closing(sqlite3.connect(opened.path)) as connection:
            for table in ("calls", "threads", "jobs", "ledger", "running_calls"):
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
                assert "principal" in columns, table
