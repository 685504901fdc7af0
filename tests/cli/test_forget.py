"""`forget`: what is removed is gone from the file, what runs stays, and nobody is asked who is not there."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.forget import forget
from anymodel_mcp.config import Settings, StoreSettings
from anymodel_mcp.state import CallRow, UsageRow, open_store
from tests.cli.terminals import make_desk

DAY_S = 86_400
SECRET_WORD = "zanzibar"
OLD, NEW = "20260101-old-0123456789abcdef.png", "20260201-new-0123456789abcdef.png"


async def _fill(folder: Path) -> dict[str, str]:
    """An old and a new call, conversation, ledger row and file; a running call."""
    data = folder / "data"
    (data / "files").mkdir(parents=True)
    ids: dict[str, str] = {}
    for age, name, file in ((10, "old", OLD), (0, "new", NEW)):
        moment = time.time() - age * DAY_S
        async with open_store(StoreSettings(), data, clock=lambda moment=moment: moment) as store:
            ids[f"{name} call"] = f"r-{name * 7}"[:22]
            row = CallRow(id=ids[f"{name} call"], worker_id="w", tool="chat")
            await store.finish_call(row, "complete", {"pictures": [file]}, f"{SECRET_WORD} {name}")
            thread = ids[f"{name} conversation"] = await store.create_thread(f"{SECRET_WORD} system")
            image = {"type": "image_url", "image_url": {"url": f"anymodel-file:{file}"}}
            await store.append_turn(thread, [{"role": "user", "content": [image]}])
            usage = UsageRow(time=moment, tool="chat", provider="p", model="m", outcome="complete", duration_s=1)
            await store.add_usage([usage])
        (data / "files" / file).write_bytes(b"x")
        os.utime(data / "files" / file, (moment, moment))
    (data / "files" / "mine.png").write_bytes(b"x")
    async with open_store(StoreSettings(), data) as store:
        await store.save_partial(CallRow(id="r-running", worker_id="w", tool="chat"), "so far")
    return ids


async def _left(folder: Path) -> dict[str, Any]:
    async with open_store(StoreSettings(), folder / "data") as store:
        return {
            "calls": {call.id for call in await store.list_calls(20)},
            "conversations": {thread.id for thread in await store.list_threads()},
            "usage": sum(entry.calls for entry in await store.usage(0, "all")),
            "files": {path.name for path in (folder / "data" / "files").iterdir()},
        }


async def _forget(folder: Path, *, agree: bool = True, **what: Any) -> tuple[int, str, str, list[str]]:
    asked: list[str] = []
    desk = make_desk(folder)

    def confirm(question: str) -> bool:
        asked.append(question)
        return agree

    given: dict[str, Any] = {"id": None, "before": None, "everything": False, **what}
    status = await forget(desk.terminal, Settings(), given["id"], given["before"], given["everything"], confirm)
    return status, desk.said, desk.remarked, asked


async def test_everything_is_removed_but_what_runs(tmp_path: Path) -> None:
    await _fill(tmp_path)
    (tmp_path / "data" / "last-conversation").write_text("t-x", encoding="utf-8")
    status, said, remarked, asked = await _forget(tmp_path, everything=True)
    assert status == 0
    assert asked == ["Remove 2 calls, 2 conversations, 2 usage entries, 2 files?"]
    assert said == "Removed 2 calls, 2 conversations, 2 usage entries, 2 files.\n"
    assert "1 in use" in remarked
    assert not (tmp_path / "data" / "last-conversation").exists()
    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("anymodel.db*"))
    assert SECRET_WORD.encode() not in stored
    left = await _left(tmp_path)
    assert left == {"calls": {"r-running"}, "conversations": set(), "usage": 0, "files": {"mine.png"}}


async def test_what_is_older_than_a_date_is_removed(tmp_path: Path) -> None:
    ids = await _fill(tmp_path)
    status, *_ = await _forget(tmp_path, before="7d")
    left = await _left(tmp_path)
    assert status == 0
    assert left["calls"] == {ids["new call"], "r-running"}
    assert left["conversations"] == {ids["new conversation"]}
    assert (left["usage"], left["files"]) == (1, {NEW, "mine.png"})


@pytest.mark.parametrize("kind", ["call", "conversation"])
async def test_one_id_is_removed_with_its_files(kind: str, tmp_path: Path) -> None:
    ids = await _fill(tmp_path)
    before = await _left(tmp_path)
    status, said, *_ = await _forget(tmp_path, id=ids[f"old {kind}"])
    left = await _left(tmp_path)
    assert (status, said) == (0, f"Removed 1 {kind}, 1 file.\n")
    assert before[f"{kind}s"] - left[f"{kind}s"] == {ids[f"old {kind}"]}
    assert before["files"] - left["files"] == {OLD}
    assert before["usage"] == left["usage"]


async def test_a_no_removes_nothing(tmp_path: Path) -> None:
    await _fill(tmp_path)
    before = await _left(tmp_path)
    status, said, *_ = await _forget(tmp_path, everything=True, agree=False)
    assert (status, said, await _left(tmp_path)) == (1, "", before)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "name what to remove"),
        (["--all", "--before", "7d"], "name what to remove"),
        (["r-unknown", "--yes"], "nothing is stored under 'r-unknown'"),
        (["r-running", "--yes"], "is running"),
        (["--before", "soon", "--yes"], "--before 'soon'"),
        (["--all"], "there is no terminal to ask on"),
    ],
)
async def test_what_cannot_be_removed_is_refused(argv: list[str], words: str, tmp_path: Path) -> None:
    import anyio.to_thread

    await _fill(tmp_path)
    before = await _left(tmp_path)
    desk = make_desk(tmp_path)
    assert await anyio.to_thread.run_sync(run_command, ["forget", *argv], desk.terminal) == 2
    assert words in desk.remarked
    assert await _left(tmp_path) == before


def test_a_program_gets_the_counts(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    assert run_command(["forget", "--all", "--yes", "--json"], desk.terminal) == 0
    counts = {"calls": 0, "conversations": 0, "jobs": 0, "usage": 0, "files": 0}
    assert json.loads(desk.said) == {"removed": counts, "running": 0}
