"""Calls outlive their request: deadline, handle, partial text, cancellation, other processes, restarts."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.runner import Calls
from anymodel_mcp.config import StoreSettings
from anymodel_mcp.errors import AnyModelError, ProviderError
from anymodel_mcp.redact import Redactor
from anymodel_mcp.state import CallRow, open_store
from anymodel_mcp.state.sqlite import SqliteStore
from anymodel_mcp.types import Delta, Outcome
from tests.waiting import HANG_S


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


@asynccontextmanager
async def _opened(folder: Path, limit: int = 8) -> AsyncGenerator[tuple[Calls, SqliteStore]]:
    store = open_store(StoreSettings(), folder)
    async with anyio.create_task_group() as group:
        yield Calls(group, store, Redactor(["sk-secret-value"]), limit), store
        group.cancel_scope.cancel()
    await store.aclose()


class Slow:
    """Work that writes some words, then waits to be told to go on."""

    def __init__(self, first: str = "first ", second: str = "second") -> None:
        self.started, self.go, self.ended = anyio.Event(), anyio.Event(), anyio.Event()
        self._first, self._second = first, second

    async def __call__(self, call: Call) -> Outcome:
        try:
            track = call.track("p/m")
            track.take([Delta(kind="text", text=self._first)])
            call.write(self._first)
            self.started.set()
            await self.go.wait()
            call.write(self._second)
            return Outcome(text=self._first + self._second, record={"model": "m"})
        finally:
            self.ended.set()


async def _detached(calls: Calls) -> tuple[Slow, Call, str]:
    """A call that has written its first words and goes on under a handle."""
    work = Slow()
    call = calls.start("chat", "host", work)
    await work.started.wait()
    return work, call, await calls.detach(call)


async def test_a_call_that_ends_in_time_has_its_outcome(tmp_path: Path) -> None:
    async with _opened(tmp_path) as (calls, store):
        work = Slow()
        work.go.set()
        call = calls.start("chat", "host", work)
        assert await calls.wait(call, for_s=5, progress=None)
        assert call.outcome == Outcome(text="first second", record={"model": "m"})
        assert store.path is None or not (tmp_path / "anymodel.db").exists()  # a short call writes nothing


async def test_a_call_past_its_deadline_goes_on_under_a_handle(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _store):
            work = Slow()
            call = calls.start("chat", "host", work)
            await work.started.wait()
            assert not await calls.wait(call, for_s=0, progress=None)
            handle = await calls.detach(call)
            assert await calls.detach(call) == handle
            running = await calls.fetch(handle, wait_s=0, cancel=False, progress=None)
            assert running is not None
            assert (running.status, running.text, running.result_id) == ("running", "first ", handle)
            work.go.set()
            ended = await calls.fetch(handle, wait_s=5, cancel=False, progress=None)
            assert ended is not None
            assert (ended.status, ended.text, ended.record) == ("complete", "first second", {"model": "m"})


async def test_the_result_is_there_after_a_restart(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _store):
            work, call, handle = await _detached(calls)
            work.go.set()
            await call.done.wait()
        async with _opened(tmp_path) as (calls, _store):
            found = await calls.fetch(handle, wait_s=0, cancel=False, progress=None)
            assert found is not None
            assert found.text == "first second"


async def test_a_stopped_server_keeps_the_partial_text(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _store):
            work, _, handle = await _detached(calls)
        assert work.ended.is_set()
        async with _opened(tmp_path) as (calls, _store):
            found = await calls.fetch(handle, wait_s=0, cancel=False, progress=None)
            assert found is not None
            assert found.error is not None
            assert found.error["kind"] == "cancelled"
            assert found.text == "first "


async def test_a_dead_owner_means_interrupted(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, store):
            _, call, handle = await _detached(calls)
            other = open_store(StoreSettings(), tmp_path)
            other.stale_s = -1
            row = await other.get_call(handle)
            assert row is not None
            assert (row.status, row.text) == ("interrupted", "first ")
            await other.aclose()
            store.stale_s = -1
            calls.results._held.clear()  # pyright: ignore[reportPrivateUsage] as if another process asked
            found = await calls.fetch(handle, wait_s=0, cancel=False, progress=None)
            assert found is not None
            assert found.error is not None
            assert "stopped" in found.error["message"]
            calls.cancel(call)


async def test_heartbeats_keep_a_silent_call_alive(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, store), _opened(tmp_path) as (_, other):
            _, call, handle = await _detached(calls)
            assert store.path is not None
            with closing(sqlite3.connect(store.path)) as file, file:
                file.execute("UPDATE calls SET beat = 1, updated = 1")
            silent = await other.get_call(handle)
            await calls.results.save_all()
            beaten = await other.get_call(handle)
            assert silent is not None
            assert beaten is not None
            assert (silent.status, beaten.status) == ("interrupted", "running")
            calls.cancel(call)


async def test_another_process_can_wait_and_cancel(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _), _opened(tmp_path) as (others, _other_store):
            _, _, handle = await _detached(calls)
            seen = await others.fetch(handle, wait_s=0, cancel=False, progress=None)
            assert seen is not None
            assert seen.status == "running"
            stopped = await others.fetch(handle, wait_s=8, cancel=True, progress=None)
            assert stopped is not None
            assert stopped.error is not None
            assert stopped.error["kind"] == "cancelled"
            assert stopped.text == "first "


async def test_cancel_ends_the_work_at_once(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _):
            work, _, handle = await _detached(calls)
            ended = await calls.fetch(handle, wait_s=0, cancel=True, progress=None)
            assert work.ended.is_set()
            assert ended is not None
            assert ended.error is not None
            assert (ended.error["kind"], ended.text) == ("cancelled", "first ")


async def test_an_unknown_handle_is_nothing(tmp_path: Path) -> None:
    async with _opened(tmp_path) as (calls, _):
        assert await calls.fetch("r-nothing", wait_s=0, cancel=False, progress=None) is None
        assert await calls.fetch("r-nothing", wait_s=0, cancel=True, progress=None) is None


async def test_a_long_answer_is_filed_whole(tmp_path: Path) -> None:
    async with _opened(tmp_path) as (calls, _):
        handle = await calls.store_result(
            Outcome(text="x" * 100_000, record={"model": "m"}, notes=["n"]), "chat", "host"
        )
        found = await calls.fetch(handle, wait_s=0, cancel=False, progress=None)
        assert found is not None
        assert (len(found.text), found.notes, found.result_id) == (100_000, ["n"], handle)


async def test_what_is_stored_holds_no_key(tmp_path: Path) -> None:
    async with _opened(tmp_path) as (calls, _):

        async def work(_: Call) -> Outcome:
            return Outcome(
                text="a sk-secret-value b sk-secret", record={"x": ["sk-secret-value"]}, notes=["sk-secret-value"]
            )

        call = calls.start("chat", "host", work)
        handle = await calls.detach(call)
        found = await calls.fetch(handle, wait_s=5, cancel=False, progress=None)
        assert found is not None
        assert found.text == "a [key removed] b [key removed]"
        assert "sk-secret" not in str(found)


async def test_failures_and_faults_become_outcomes(tmp_path: Path) -> None:
    async def refuse(_: Call) -> Outcome:
        raise ProviderError("no", kind="quota", partial_text="had this")

    async def crash(_: Call) -> Outcome:
        raise KeyError("sk-secret-value")

    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _):
            for work, kind in ((refuse, "quota"), (crash, "server")):
                call = calls.start("chat", "host", work)
                await calls.wait(call, for_s=None, progress=None)
                assert call.outcome is not None
                assert call.outcome.error is not None
                assert call.outcome.error["kind"] == kind
                assert "sk-secret" not in str(call.outcome)


async def test_progress_tells_news_and_never_after_the_end(tmp_path: Path) -> None:
    notes: list[tuple[float, str]] = []
    told = anyio.Event()

    async def progress(value: float, message: str) -> None:
        notes.append((value, message))
        told.set()

    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _):
            work = Slow(first="hello\x1b[31m sk-secret-value\nworld ")
            call = calls.start("chat", "host", work)
            async with anyio.create_task_group() as group:

                async def release() -> None:
                    await told.wait()
                    work.go.set()

                group.start_soon(release)
                assert await calls.wait(call, for_s=None, progress=progress)
            count = len(notes)
            assert count >= 1
            assert "hello [key removed] world" in notes[0][1]
            assert [v for v, _ in notes] == sorted({v for v, _ in notes})


async def test_too_many_waiting_calls_are_refused(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path, limit=1) as (calls, _):
            works = [Slow() for _ in range(17)]
            started = [calls.start("chat", "host", w) for w in works]
            await anyio.wait_all_tasks_blocked()  # which of them got the slot is for the scheduler to say
            with pytest.raises(AnyModelError) as caught:
                calls.start("chat", "host", Slow())
            assert caught.value.kind == "busy"
            for work in works:
                work.go.set()
            for call in started:
                await call.done.wait()


async def test_a_locked_store_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, store):

            async def locked(*_: object) -> None:
                raise AnyModelError("locked", kind="busy")

            with monkeypatch.context() as patch:
                patch.setattr(store, "save_partial", locked)
                patch.setattr(store, "finish_call", locked)
                work = Slow()
                call = calls.start("chat", "host", work)
                await work.started.wait()
                handle = await calls.detach(call)
                work.go.set()
                await call.done.wait()
                found = await calls.fetch(handle, wait_s=0, cancel=False, progress=None)
                assert found is not None
                assert found.text == "first second"
            await calls.results.save_all()  # the next round, now that the lock is gone
            row = await store.get_call(handle)
            assert row is not None
            assert (row.status, row.text) == ("complete", "first second")


async def _no_progress(_value: float, _message: str) -> None:
    raise anyio.ClosedResourceError


async def test_a_note_that_cannot_be_sent_does_not_end_the_call(tmp_path: Path) -> None:
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _):
            work = Slow()

            async def release() -> None:
                await work.started.wait()
                await anyio.sleep(0.5)  # past the first note
                work.go.set()

            async with anyio.create_task_group() as group:
                group.start_soon(release)
                outcome = await calls.run("chat", "host", work, wait_budget_s=None, progress=_no_progress)
                assert outcome.text == "first second"


async def test_a_note_that_hangs_does_not_hold_the_answer_back(tmp_path: Path) -> None:
    hanging = anyio.Event()

    async def progress(_value: float, _message: str) -> None:
        hanging.set()
        await anyio.sleep_forever()

    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _):
            work = Slow()

            async def release() -> None:
                await hanging.wait()
                work.go.set()

            async with anyio.create_task_group() as group:
                group.start_soon(release)
                outcome = await calls.run("chat", "host", work, wait_budget_s=None, progress=progress)
                assert outcome.text == "first second"


async def test_a_request_that_leaves_ends_its_call(tmp_path: Path) -> None:
    """While it waits, and while its handle is being made: it had none to give."""
    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _):
            for budget in (None, 0.0):
                work = Slow()
                async with anyio.create_task_group() as group:

                    async def leave(work: Slow = work, scope: anyio.CancelScope = group.cancel_scope) -> None:
                        await work.started.wait()
                        scope.cancel()

                    group.start_soon(leave)
                    if budget is None:
                        await calls.run("chat", "host", work, wait_budget_s=None, progress=None)
                    else:
                        call = calls.start("chat", "host", work)
                        try:
                            await work.started.wait()
                            await calls.detach(call)
                            await anyio.sleep_forever()
                        finally:
                            calls.abandon(call)
                await work.ended.wait()


async def test_what_is_secured_outlives_faults_and_cancellation(tmp_path: Path) -> None:
    paid = Outcome(text="paid for", record={"model": "m", "warnings": ["w"]})

    async def fail(call: Call) -> Outcome:
        call.secure(paid)
        raise AnyModelError("the disk is full", kind="config")

    async def crash(call: Call) -> Outcome:
        call.secure(paid)
        raise KeyError("x")

    async def hang(call: Call) -> Outcome:
        call.secure(paid)
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, _):
            for work in (fail, crash, hang):
                call = calls.start("chat", "host", work)
                if work is hang:
                    await anyio.wait_all_tasks_blocked()
                    calls.cancel(call)
                await call.done.wait()
                assert call.outcome is not None
                assert call.outcome.error is None
                assert call.outcome.text == "paid for"
                assert call.outcome.record is not None
                assert len(call.outcome.record["warnings"]) == 2
                assert len(call.outcome.notes) == 1


async def test_an_answer_whose_request_is_gone_goes_to_the_store(tmp_path: Path) -> None:
    entered, cancelled = anyio.Event(), anyio.Event()

    async def work(_: Call) -> Outcome:
        with anyio.CancelScope(shield=True):
            entered.set()
            await cancelled.wait()
        return Outcome(text="whole", record={})

    with anyio.fail_after(HANG_S):
        async with _opened(tmp_path) as (calls, store):
            call = calls.start("chat", "host", work)
            await entered.wait()
            calls.abandon(call)
            cancelled.set()
            await call.done.wait()
            handle = await calls.detach(call)  # the one that it has got
            while (stored := await store.get_call(handle)) is None:  # it is written in the background
                pass
            assert stored is not None
            assert (stored.status, stored.text) == ("complete", "whole")


async def test_text_for_progress_is_kept_only_for_who_reads_it(tmp_path: Path) -> None:
    async with _opened(tmp_path) as (calls, _):
        work = Slow(first="x" * 1_000_000)
        call = calls.start("chat", "host", work)
        await work.started.wait()
        (line,) = call.tracks
        assert "x" not in line.line().partition("characters")[2]
        call.watch()
        line.take([Delta(kind="text", text="y" * 1_000_000)])  # may be the end of what began before
        line.take([Delta(kind="text", text=" words " * 100_000)])
        shown = line.line()
        assert "words" in shown
        assert "y" not in shown.partition("characters")[2]
        assert sys.getsizeof(line._raw) + sys.getsizeof(line._newest) < 10_000  # pyright: ignore[reportPrivateUsage] memory has no other seam


async def test_a_result_of_a_newer_version_is_read(tmp_path: Path) -> None:
    """What it does not know is left out."""
    async with _opened(tmp_path) as (calls, store):
        row = CallRow(id="r-newer", worker_id="w", tool="chat")
        record = {
            "record": {"model": "m", "later": 1},
            "notes": ["n"],
            "later": {"x": 1},
            "text": "no",
            "status": "odd",
        }
        await store.finish_call(row, "complete", record, "whole")
        found = await calls.fetch("r-newer", wait_s=0, cancel=False, progress=None)
        assert found == Outcome(text="whole", notes=["n"], record={"model": "m", "later": 1}, result_id="r-newer")


async def test_a_running_call_holds_back_what_may_begin_a_key_and_gives_it_at_the_end(tmp_path: Path) -> None:
    async with _opened(tmp_path) as (calls, _):
        go_on = anyio.Event()

        async def work(call: Call) -> Outcome:
            for piece in ("the key ", "sk-sec", "ret-value", " it is"):
                call.write(piece)
                seen.append(call.text)
            await go_on.wait()
            return Outcome(text=call.whole_text)

        seen: list[str] = []
        call = calls.start("chat", "h", work)
        await anyio.wait_all_tasks_blocked()
        calls.cancel(call)
        await call.done.wait()
    assert seen == ["the key ", "the key ", "the key [key removed]", "the key [key removed] it i"]
    assert call.outcome is not None
    assert call.outcome.text == "the key [key removed] it is"
    assert call.text == "the key [key removed] it is"


async def test_a_long_answer_is_cleaned_while_other_calls_go_on(tmp_path: Path) -> None:
    async with _opened(tmp_path) as (calls, _):

        async def work(call: Call) -> Outcome:
            return Outcome(text="sk-secret-value " * 20_000, record={"a": 1})

        call = calls.start("chat", "h", work)
        await call.done.wait()
    assert call.outcome is not None
    assert "sk-secret" not in call.outcome.text
    assert call.outcome.text.count("[key removed]") == 20_000
