"""Work that is done once for all who want it at the same time."""

from __future__ import annotations

import anyio
import pytest

from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.upstream.shared import SharedWork
from tests.waiting import HANG_S


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return request.param


class Work:
    """Counts its runs; waits until it is released."""

    def __init__(self, failure: AnyModelError | None = None) -> None:
        self.runs = 0
        self.go, self.ended = anyio.Event(), anyio.Event()
        self._failure = failure

    async def __call__(self) -> int:
        self.runs += 1
        try:
            await self.go.wait()
            if self._failure is not None:
                raise self._failure
            return self.runs
        finally:
            self.ended.set()


async def test_all_who_ask_at_once_share_one_run() -> None:
    results: list[int] = []
    work = Work()
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as app:
            shared = SharedWork(app, work)

            async def ask() -> None:
                results.append(await shared())

            for _ in range(20):
                app.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            work.go.set()
        assert (work.runs, results) == (1, [1] * 20)


async def test_the_next_one_to_ask_starts_a_new_run() -> None:
    work = Work()
    work.go.set()
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as app:
            shared = SharedWork(app, work)
            assert [await shared(), await shared()] == [1, 2]


@pytest.mark.parametrize("stops", [False, True])
async def test_a_caller_that_is_cancelled_leaves_the_run_to_the_others(*, stops: bool) -> None:
    results: list[int] = []
    work = Work()
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as app:
            shared = SharedWork(app, work, stop_when_unwanted=stops)

            async def ask() -> None:
                results.append(await shared())

            async with anyio.create_task_group() as leaving:
                leaving.start_soon(shared)
                app.start_soon(ask)
                await anyio.wait_all_tasks_blocked()
                leaving.cancel_scope.cancel()
            work.go.set()
        assert (work.runs, results) == (1, [1])


@pytest.mark.parametrize(("stops", "runs"), [(False, 1), (True, 2)])
async def test_a_run_that_nobody_waits_for_ends_only_where_that_is_wanted(*, stops: bool, runs: int) -> None:
    work = Work()
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as app:
            shared = SharedWork(app, work, stop_when_unwanted=stops)
            async with anyio.create_task_group() as leaving:
                leaving.start_soon(shared)
                await anyio.wait_all_tasks_blocked()
                leaving.cancel_scope.cancel()
            await anyio.wait_all_tasks_blocked()
            assert work.ended.is_set() == stops
            work.go.set()
            assert await shared() == runs


async def test_each_caller_gets_a_failure_of_its_own() -> None:
    """Callers add the names that they know to the error that they got."""
    failures: list[AnyModelError] = []
    work = Work(AnyModelError("no", kind="auth", fix="x"))
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as app:
            shared = SharedWork(app, work)

            async def ask(name: str) -> None:
                try:
                    await shared()
                except AnyModelError as error:
                    failures.append(error.with_fields(model=name))

            app.start_soon(ask, "a")
            app.start_soon(ask, "b")
            await anyio.wait_all_tasks_blocked()
            work.go.set()
        assert sorted(str(f.failure.model) for f in failures) == ["a", "b"]
        assert {(f.kind, f.failure.message, f.failure.fix) for f in failures} == {("auth", "no", "x")}
