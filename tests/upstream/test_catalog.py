"""Model lists: the last good one stays, and one request at a time asks for a newer one."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import anyio
import httpx2
import pytest

from anymodel_mcp.app import open_services
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.server.services import Services
from tests.fakes import connect, provider, record_of, settings, text_of
from tests.waiting import HANG_S

BOTH = settings(provider("b", max_attempts=1), provider("a", max_attempts=1))
"""`b` is the default: a name that is not known to be of `a` goes there."""


class Lists:
    """Two providers' lists; counts the requests."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.broken = False
        self.silent = anyio.Event()
        self.go = anyio.Event()
        self.go.set()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.host.partition(".")[0]
        if not request.url.path.endswith("/models"):
            raise AssertionError(f"{name} was sent a prompt")
        self.asked[name] += 1
        await self.go.wait()
        if self.broken:
            return httpx2.Response(500, json={"error": {"message": "down"}})
        return httpx2.Response(200, json={"data": [{"id": f"{name}-model"}]})


def _opened(lists: Lists, folder: Path):
    return open_services(BOTH, transport=httpx2.MockTransport(lists), data_dir=folder)


async def _leads_to(app: Services, name: str) -> str:
    return (await app.directory.targets(name, "chat"))[0].name


async def test_many_calls_ask_each_provider_once(tmp_path: Path) -> None:
    lists, led = Lists(), list[str]()
    lists.go = anyio.Event()
    with anyio.fail_after(HANG_S):
        async with _opened(lists, tmp_path) as app, anyio.create_task_group() as group:

            async def call() -> None:
                led.append(await _leads_to(app, "a-model"))

            for _ in range(20):
                group.start_soon(call)
            while set(lists.asked) != {"a", "b"}:  # noqa: ASYNC110 the handler tells nobody
                await anyio.sleep(0.01)
            lists.go.set()
    assert led == ["a/a-model"] * 20
    assert lists.asked == {"a": 1, "b": 1}


async def test_a_failed_refresh_does_not_change_where_a_name_goes(tmp_path: Path) -> None:
    lists = Lists()
    with anyio.fail_after(HANG_S):
        async with _opened(lists, tmp_path) as app:
            assert await _leads_to(app, "a-model") == "a/a-model"
            lists.broken = True
            known = await app.catalog.all(refresh=True)
            assert [m.id for m in known["a"].models] == ["a-model"]
            assert await _leads_to(app, "a-model") == "a/a-model"


@pytest.mark.parametrize("fault", ["broken", "silent"])
async def test_an_old_list_of_another_process_is_better_than_none(tmp_path: Path, fault: str) -> None:
    lists = Lists()
    with anyio.fail_after(HANG_S):
        async with _opened(lists, tmp_path) as app:
            await app.catalog.all()
        with closing(sqlite3.connect(tmp_path / "anymodel.db", isolation_level=None)) as connection:
            while connection.execute("SELECT count(*) FROM model_lists").fetchone() != (2,):
                pass
            connection.execute("UPDATE model_lists SET fetched = fetched - 100000")
        lists.asked.clear()
        lists.broken = fault == "broken"
        if fault == "silent":
            lists.go = anyio.Event()
        async with _opened(lists, tmp_path) as app:
            assert await _leads_to(app, "a-model") == "a/a-model"
            assert await _leads_to(app, "a-model") == "a/a-model"
            lists.go.set()
        assert lists.asked == {"a": 1, "b": 1}  # who fails or is slow is left alone for a while


async def test_a_caller_that_leaves_does_not_stop_the_request_for_the_others(tmp_path: Path) -> None:
    lists = Lists()
    lists.go = anyio.Event()
    with anyio.fail_after(HANG_S):
        async with _opened(lists, tmp_path) as app:
            with anyio.move_on_after(0.05):
                await app.catalog.models("a")
            lists.go.set()
            assert [m.id for m in (await app.catalog.models("a")).models] == ["a-model"]
        assert lists.asked["a"] == 1


async def test_a_list_that_was_never_seen_is_a_failure(tmp_path: Path) -> None:
    lists = Lists()
    lists.broken = True
    with anyio.fail_after(HANG_S):
        async with _opened(lists, tmp_path) as app:
            assert await app.catalog.soon("a") is None
            with pytest.raises(AnyModelError):
                await app.catalog.models("a", refresh=True)


async def test_list_models_shows_the_last_good_list_and_says_how_old_it_is(tmp_path: Path) -> None:
    lists = Lists()
    with anyio.fail_after(HANG_S):
        async with connect(lists, tmp_path, settings(provider("a"))) as client:
            await client.call_tool("list_models", {})
            lists.broken = True
            result = await client.call_tool("list_models", {"refresh": True})
    assert [m["id"] for m in record_of(result)["models"]] == ["a-model"]
    assert "could not be refreshed" in text_of(result)
    assert "minutes old" in text_of(result)


async def test_a_list_of_a_newer_version_is_read(tmp_path: Path) -> None:
    lists = Lists()
    with anyio.fail_after(HANG_S):
        async with _opened(lists, tmp_path) as app:
            place = f"a {BOTH.providers['a'].base_url}"
            entry = {"id": "m9", "provider": "a", "later": 1, "price_per_million": {"input": 1.0, "later": 2}}
            await app.store.save_models(place, 4e9, {"models": [entry]})
            (model,) = (await app.catalog.models("a")).models
            assert (model.id, model.price_per_million and model.price_per_million.input) == ("m9", 1.0)
    assert lists.asked == {}
