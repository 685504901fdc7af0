from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from anymodel_mcp.config import StoreSettings
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.state import CallRow, Store, open_store
from anymodel_mcp.state.sqlite.database import Database
from anymodel_mcp.state.sqlite.schema import VERSION
from tests.waiting import HANG_S

ROW = CallRow(id="r-1", owner="me", tool="chat")


def opened(folder: Path) -> Store:
    return open_store(StoreSettings(), folder)


async def fill(folder: Path, count: int = 1) -> Path:
    async with opened(folder) as store:
        for number in range(1, count + 1):
            await store.finish_call(replace(ROW, id=f"r-{number}"), "complete", None, f"text {number} " + "x" * 5000)
    return folder / "anymodel.db"


async def text_of(store: Store, id: str = "r-1") -> str | None:
    found = await store.get_call(id)
    return found.text.rstrip("x") if found else None


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
async def test_file_and_folder_are_the_users_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with opened(folder) as store:
        await store.begin_call(ROW)
        assert {p.name for p in folder.iterdir()} == {"anymodel.db", "anymodel.db-wal", "anymodel.db-shm"}
        assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
async def test_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = await fill(tmp_path)
    path.chmod(0o644)
    async with opened(tmp_path) as store:
        assert await text_of(store) == "text 1 "
    assert path.stat().st_mode & 0o777 == 0o600


async def test_results_survive_a_restart(tmp_path: Path) -> None:
    await fill(tmp_path)
    async with opened(tmp_path) as store:
        assert await text_of(store) == "text 1 "
        await store.aclose()
        assert await text_of(store) == "text 1 "


def _garbage(path: Path) -> None:
    path.write_bytes(b"this is no database " * 500)


def _torn(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)


def _foreign(path: Path) -> None:
    path.write_bytes(os.urandom(8192))


@pytest.mark.parametrize("spoil", [_garbage, _torn, _foreign])
async def test_damaged_file_is_moved_aside_and_a_new_one_begun(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = await fill(tmp_path, 20)
    spoil(path)
    spoiled = path.read_bytes()
    async with opened(tmp_path) as store:
        await store.finish_call(replace(ROW, id="new"), "complete", None, "fresh")
        await store.get_call("r-1")
        assert await text_of(store, "new") == "fresh"
        assert [w for w in store.warnings if "is damaged" in w]
    (aside,) = tmp_path.glob("anymodel.db.broken-*[0-9]")
    assert aside.read_bytes()[4096:] == spoiled[4096:]  # the counters of the first page are SQLite's own
    async with opened(tmp_path) as store:
        assert await text_of(store, "new") == "fresh"
        assert store.warnings == ()


async def test_damage_that_shows_later_is_moved_aside_too(tmp_path: Path) -> None:
    path = await fill(tmp_path, 200)
    async with opened(tmp_path) as store:
        await store.get_call("r-1")
        _torn(path)
        await store.aclose()
        assert await store.list_calls(500) == []
        await store.begin_call(ROW)
        assert len(store.warnings) == 1


async def test_damaged_file_that_cannot_be_moved_leads_to_memory(tmp_path: Path) -> None:
    path = await fill(tmp_path)
    _garbage(path)

    class Stuck(type(path)):
        def rename(self, target: object) -> Path:
            raise PermissionError(13, "Permission denied")

    database = Database(Stuck(path))
    assert await database.write(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()) == (0,)
    assert database.path is None
    assert "cannot be written" in database.warnings[0]
    await database.aclose()


async def test_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = await fill(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    async with opened(tmp_path) as store:
        await store.finish_call(replace(ROW, id="r-2"), "complete", None, "in memory")
        assert await text_of(store, "r-2") == "in memory"
        assert store.path is None
        assert "newer version" in store.warnings[0]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (1,)
    connection.close()


def _folder_is_a_file(folder: Path) -> None:
    folder.write_text("", encoding="utf-8")


def _database_is_a_folder(folder: Path) -> None:
    (folder / "anymodel.db").mkdir(parents=True)


@pytest.mark.parametrize("obstacle", [_folder_is_a_file, _database_is_a_folder])
async def test_store_that_cannot_be_opened_works_in_memory(tmp_path: Path, obstacle: Callable[[Path], None]) -> None:
    obstacle(tmp_path / "data")
    async with opened(tmp_path / "data") as store:
        await store.finish_call(ROW, "complete", None, "kept")
        assert await text_of(store) == "kept"
        assert len(store.warnings) == 1
        assert "store.path" in store.warnings[0]
        assert store.path is None


async def test_full_disk_leads_to_memory_with_what_was_there(tmp_path: Path) -> None:
    await fill(tmp_path, 3)
    async with opened(tmp_path) as store:
        database = Database(tmp_path / "anymodel.db")
        # the file may not grow: what a full disk answers
        await database.read(lambda c: c.execute("PRAGMA max_page_count = 1").fetchall())
        await database.write(lambda c: c.execute("INSERT INTO meta VALUES ('x', zeroblob(1000000))"))
        assert await database.read(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()) == (3,)
        assert "full" in database.warnings[0]
        assert database.path is None
        await database.aclose()
        assert await text_of(store, "r-3") == "text 3 "


async def test_read_only_file_leads_to_memory_with_what_was_there(tmp_path: Path) -> None:
    database = Database(await fill(tmp_path))
    await database.read(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
    await database.write(lambda c: c.execute("DELETE FROM calls"))
    assert "readonly" in database.warnings[0]
    await database.aclose()
    async with opened(tmp_path) as store:
        assert await text_of(store) == "text 1 "


async def test_file_deleted_under_us_is_made_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.begin_call(ROW)
        for path in tmp_path.iterdir():
            path.unlink()
        await store.finish_call(ROW, "complete", None, "kept")
    async with opened(tmp_path) as store:
        assert await text_of(store) == "kept"


async def test_file_held_by_another_process_is_busy_and_retryable(tmp_path: Path) -> None:
    path = await fill(tmp_path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    database = Database(path, busy_s=0.05)
    with pytest.raises(AnyModelError) as caught:
        await database.write(lambda c: c.execute("DELETE FROM calls"))
    assert (caught.value.kind, caught.value.failure.retryable) == ("busy", True)
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()) == (1,)
    holder.close()
    await database.aclose()


async def test_file_held_while_it_is_opened_is_busy(tmp_path: Path) -> None:
    path = tmp_path / "anymodel.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    database = Database(path, busy_s=0.05)
    with pytest.raises(AnyModelError, match="held by another process"):
        await database.write(lambda c: c.execute("DELETE FROM calls"))
    holder.close()
    assert await database.write(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()) == (0,)
    await database.aclose()


async def test_mistake_in_a_statement_is_not_hidden(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        await database.write(lambda c: c.execute("NONSENSE"))
    assert database.warnings == []
    await database.aclose()


async def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES ('a', 1)")
        raise KeyError("own mistake")

    with pytest.raises(KeyError):
        await database.write(work)
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM meta").fetchone()) == (0,)
    await database.aclose()


_WRITER = """
import sys, anyio
from pathlib import Path
from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state import CallRow, open_store

async def main():
    async with open_store(StoreSettings(), Path(sys.argv[1])) as store:
        for number in range(25):
            row = CallRow(id=f"{sys.argv[2]}-{number}", owner=sys.argv[2], tool="chat")
            await store.begin_call(row)
            await store.finish_call(row, "complete", None, "done")
        assert store.warnings == (), store.warnings

anyio.run(main)
"""


_KILLED = """
import os, sys, anyio
from pathlib import Path
from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state import CallRow, open_store

async def main():
    store = open_store(StoreSettings(), Path(sys.argv[1]))
    row = CallRow(id="r-1", owner="gone", tool="chat")
    await store.begin_call(row)
    await store.save_partial(row, "so far")
    os._exit(9)

anyio.run(main)
"""


async def test_text_of_a_killed_process_is_read_by_another(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path)]
    with subprocess.Popen(command) as killed:  # noqa: ASYNC220 waited for at once
        assert killed.wait(60) == 9
    now = time.time()
    async with open_store(StoreSettings(), tmp_path, clock=lambda: now + 31) as store:
        found = await store.get_call("r-1")
    assert found is not None
    assert (found.status, found.text) == ("interrupted", "so far")


async def test_several_processes_write_one_new_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, str(n)], stderr=subprocess.PIPE) for n in range(3)]  # noqa: ASYNC220 waited for below
    for writer in writers:
        assert writer.communicate(timeout=HANG_S)[1] == b""
    async with opened(tmp_path) as store:
        listed = await store.list_calls(1000)
    assert len(listed) == 75
    assert {c.status for c in listed} == {"complete"}


def _damage() -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


async def test_file_that_another_process_has_moved_aside_is_not_moved_again(tmp_path: Path) -> None:
    path = await fill(tmp_path)
    database = Database(path)
    runs: list[int] = []

    def work(connection: sqlite3.Connection) -> int:
        runs.append(1)
        if len(runs) == 1:
            path.rename(tmp_path / "moved-by-another")
            path.touch()
            raise _damage()
        return connection.execute("SELECT count(*) FROM calls").fetchone()[0]

    assert await database.write(work) == 0
    assert database.warnings == []
    assert not list(tmp_path.glob("*.broken-*"))
    await database.aclose()


async def test_disk_that_damages_every_file_leads_to_memory(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")

    def work(connection: sqlite3.Connection) -> str:
        if database.path is not None:
            raise _damage()
        return "in memory"

    assert await database.write(work) == "in memory"
    assert len(database.warnings) == 2
    assert len(list(tmp_path.glob("x.db.broken-*"))) == 1
    await database.aclose()


async def test_large_file_is_not_copied_to_memory(tmp_path: Path) -> None:
    database = Database(await fill(tmp_path), rescue_bytes=1)
    await database.read(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
    await database.write(lambda c: c.execute("DELETE FROM calls"))
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()) == (0,)
    await database.aclose()
