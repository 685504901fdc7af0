from __future__ import annotations

import gzip
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from anymodel_mcp.config import StoreSettings
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.state import CallRow, UsageRow, open_store
from anymodel_mcp.state.sqlite import SqliteStore
from anymodel_mcp.state.sqlite.database import Database
from anymodel_mcp.state.sqlite.schema import VERSION
from tests.waiting import HANG_S

ROW = CallRow(id="r-1", worker_id="me", tool="chat")


USAGE = UsageRow(time=1.0, tool="chat", provider="p", model="m", outcome="complete", duration_s=1)


def opened(folder: Path) -> SqliteStore:
    return open_store(StoreSettings(), folder)


async def fill(folder: Path, count: int = 1) -> Path:
    async with opened(folder) as store:
        for number in range(1, count + 1):
            await store.finish_call(replace(ROW, id=f"r-{number}"), "complete", None, f"text {number} " + "x" * 5000)
    return folder / "anymodel.db"


async def text_of(store: SqliteStore, id: str = "r-1") -> str | None:
    found = await store.get_call(id)
    return found.text.rstrip("x") if found else None


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
async def test_file_and_folder_are_the_users_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with opened(folder) as store:
        await store.save_partial(ROW, "")
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
        assert await store.get_call("r-1") is None
        await store.save_partial(ROW, "")
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


@asynccontextmanager
async def _small_files(bytes_: int) -> AsyncGenerator[None]:
    """No file grows past `bytes_`: what a full disk does, without one."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(os.name == "nt", reason="limits are POSIX")
async def test_store_comes_back_when_the_disk_does(tmp_path: Path) -> None:
    path = await fill(tmp_path, 3)
    async with opened(tmp_path) as store:
        thread = await store.create_thread("be brief", holder="h", for_s=60)
        await store.append_turn(thread, [{"role": "user", "content": "before"}], holder="h")
        await store.add_usage([USAGE])
        async with opened(tmp_path) as other, _small_files(4096):
            assert await store.get_call("r-3") is not None
            await store.finish_call(replace(ROW, id="during"), "complete", {"a": 1}, "while the disk was full")
            assert "full" in store.warnings[0] or "I/O" in store.warnings[0]
            assert await text_of(store, "r-3") == "text 3 "
            assert await store.append_turn(thread, [{"role": "user", "content": "during"}], holder="h")
            await store.add_usage([USAGE])
            assert other.path == path
        store.retry_now()
        await store.finish_call(replace(ROW, id="after"), "complete", None, "after")
        assert (store.path, store.warnings) == (path, ())
    async with opened(tmp_path) as store:
        assert [await text_of(store, id) for id in ("r-1", "during", "after")] == [
            "text 1 ",
            "while the disk was full",
            "after",
        ]
        found = await store.get_thread(thread)
        assert found is not None
        assert [m["content"] for m in found.messages] == ["before", "during"]
        assert [s.calls for s in await store.usage()] == [2]


@pytest.mark.skipif(os.name == "nt", reason="limits are POSIX")
async def test_what_is_only_in_memory_is_written_when_the_store_closes(tmp_path: Path) -> None:
    await fill(tmp_path)
    async with opened(tmp_path) as store:
        async with _small_files(4096):
            await store.finish_call(replace(ROW, id="during"), "complete", None, "kept")
        assert store.path is None
    async with opened(tmp_path) as store:
        assert await text_of(store, "during") == "kept"


async def test_what_another_process_wrote_meanwhile_stays(tmp_path: Path) -> None:
    await fill(tmp_path)
    database = Database(tmp_path / "anymodel.db", retry_s=0)
    await database.read(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
    insert = "INSERT INTO ledger VALUES (1, 'local', '', ?, '', '', 1, 1, 0, 'complete', 1)"
    database._retry_s = 3600  # pyright: ignore[reportPrivateUsage] the file cannot be written for a while
    await database.write(lambda c: c.execute(insert, ("ours",)))
    assert database.path is None
    async with opened(tmp_path) as other:
        await other.add_usage([USAGE])
        await other.finish_call(replace(ROW, id="theirs"), "complete", None, "theirs")
    await database.aclose()
    async with opened(tmp_path) as store:
        assert {s.key for s in await store.usage(by="tool")} == {"ours", "chat"}
        assert await text_of(store, "theirs") == "theirs"


async def test_disk_that_stays_full_leaves_the_store_in_memory(tmp_path: Path) -> None:
    database = Database(await fill(tmp_path, 3), retry_s=0)
    # the file may not grow: what a full disk answers
    await database.read(lambda c: c.execute("PRAGMA max_page_count = 1").fetchall())
    await database.write(lambda c: c.execute("CREATE TABLE large AS SELECT zeroblob(1000000)"))
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()) == (3,)
    await database.aclose()


async def test_read_only_file_leads_to_memory_with_what_was_there(tmp_path: Path) -> None:
    database = Database(await fill(tmp_path))
    await database.read(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
    await database.write(lambda c: c.execute("UPDATE calls SET owner = 'x'"))
    assert "readonly" in database.warnings[0]
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()) == (1,)
    await database.aclose()
    async with opened(tmp_path) as store:
        assert await text_of(store) == "text 1 "


async def test_file_deleted_under_us_is_made_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await store.save_partial(ROW, "")
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


async def test_statement_that_the_file_refuses_is_an_error_of_ours(tmp_path: Path) -> None:
    """Also a table that somebody has dropped: who calls the store catches one kind of error."""
    database = Database(tmp_path / "x.db")
    with pytest.raises(AnyModelError, match="syntax"):
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
            row = CallRow(id=f"{sys.argv[2]}-{number}", worker_id=sys.argv[2], tool="chat")
            await store.save_partial(row, "")
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
    row = CallRow(id="r-1", worker_id="gone", tool="chat")
    await store.save_partial(row, "")
    await store.save_partial(row, "so far")
    os._exit(9)

anyio.run(main)
"""


async def test_text_of_a_killed_process_is_read_by_another(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(tmp_path)]
    with subprocess.Popen(command) as killed:  # noqa: ASYNC220 waited for at once
        assert killed.wait(60) == 9
    async with opened(tmp_path) as store:
        store.stale_s = -1
        found = await store.get_call("r-1")
    assert found is not None
    assert (found.status, found.text) == ("interrupted", "so far")


async def test_several_processes_write_one_new_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, str(n)], stderr=subprocess.PIPE) for n in range(3)]  # noqa: ASYNC220 waited for below
    for writer in writers:
        assert writer.communicate(timeout=HANG_S)[1] == b""
    async with opened(tmp_path) as store:
        found = [await store.get_call(f"{writer}-{number}") for writer in range(3) for number in range(25)]
    assert [c.status for c in found if c] == ["complete"] * 75


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
    await database.write(lambda c: c.execute("UPDATE calls SET owner = 'x'"))
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM calls").fetchone()) == (0,)
    await database.aclose()


_FIRST_RELEASE = Path(__file__).parent.parent / "fixtures" / "stores" / "first-release.db.gz"
"""Written by the code of commit 57c60f0 (schema 1) on 2026-11-28."""


async def test_store_of_the_first_release_opens_with_everything_in_it(tmp_path: Path) -> None:
    (tmp_path / "anymodel.db").write_bytes(gzip.decompress(_FIRST_RELEASE.read_bytes()))
    for _ in range(2):  # while it is brought up to date, and again
        async with opened(tmp_path) as store:
            done, failed, killed = [await store.get_call(f"r-{name}") for name in ("done", "failed", "killed")]
            assert done is not None
            assert failed is not None
            assert killed is not None
            assert (done.status, done.text) == ("complete", "the whole answer é\U0001d11e \ud800")
            assert done.record is not None
            assert (done.record["notes"], done.record["record"]["model"]) == (["n"], "m")
            assert (failed.status, failed.record and failed.record["error"]["kind"]) == ("failed", "timeout")
            assert (killed.status, killed.text, killed.worker_id) == ("interrupted", "half an answer", "w-2")
            (listed,) = await store.list_threads()
            thread = await store.get_thread(listed.id)
            assert thread is not None
            assert (thread.system, thread.title, list(thread.models)) == ("be brief", "what is this", ["p/m"])
            assert [m["content"] for m in thread.messages] == ["what is this", "a cat"]
            assert await store.hold_thread(listed.id, "call", 0)
            models = await store.load_models("p http://p.test/v1")
            assert models is not None
            assert models[1]["models"][0]["id"] == "m"
            assert list(await store.load_repairs()) == [("p http://p.test/v1", "m")]
            assert [(s.key, s.calls, s.cost) for s in await store.usage()] == [("p/e", 1, None), ("p/m", 1, 0.5)]
            assert store.warnings == ()


async def test_process_of_the_first_release_goes_on_writing(tmp_path: Path) -> None:
    """It has the file open while this version brings it up to date."""
    path = tmp_path / "anymodel.db"
    path.write_bytes(gzip.decompress(_FIRST_RELEASE.read_bytes()))
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute("SELECT count(*) FROM calls").fetchone()
        async with opened(tmp_path) as store:
            await store.get_call("r-done")
            old.execute("INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (1, "", "", "", "", 1, 1, 0, "x", 1))
            old.execute(
                "INSERT INTO calls (id, owner, host, tool, provider, model, conversation, status, created, updated, "
                "text, length) VALUES ('r-old', 'w', '', 'chat', '', '', NULL, 'running', ?, ?, x'', 0)",
                (time.time(), time.time()),
            )
            found = await store.get_call("r-old")
            assert found is not None
            assert found.status == "running"


async def test_every_table_comes_back_from_memory(tmp_path: Path) -> None:
    """A table that somebody adds is part of the way back, or this fails."""
    path = await fill(tmp_path)
    database = Database(path, retry_s=3600)
    tables = await database.read(
        lambda c: [row[0] for row in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    )
    kept = [table for table in tables if table not in ("meta", "sqlite_sequence", "usage")]  # usage is read only

    def insert(connection: sqlite3.Connection) -> None:
        for table in kept:
            columns = list(connection.execute(f"PRAGMA table_info({table})"))
            names = ", ".join(column[1] for column in columns if column[1] != "number")
            values = [
                f"'{'new' if column[1] in ('id', 'thread') else 7}'" for column in columns if column[1] != "number"
            ]
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(values)})")

    await database.read(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
    await database.write(insert)
    assert database.path is None
    await database.aclose()
    with closing(sqlite3.connect(path)) as connection:
        counts = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in kept}
    assert counts == dict.fromkeys(kept, 1) | {"calls": 2}


async def test_a_job_that_ended_in_memory_does_not_come_back(tmp_path: Path) -> None:
    path = await fill(tmp_path)
    insert = "INSERT INTO jobs (id, content, updated) VALUES (?, '{}', 1)"
    database = Database(path, retry_s=3600)
    await database.write(lambda c: c.executemany(insert, [("ended",), ("goes on",)]))
    await database.read(lambda c: c.execute("PRAGMA query_only = ON").fetchall())
    await database.write(lambda c: c.execute("DELETE FROM jobs WHERE id = 'ended'"))
    assert database.path is None
    await database.aclose()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM jobs").fetchall() == [("goes on",)]
