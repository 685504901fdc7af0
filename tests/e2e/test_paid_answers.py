"""Paid answers against real neighbours: a second process that holds the store, and a server that is killed."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import Process

from tests.raw_upstream import Line, Reply, Seen, open_upstream, play
from tests.rawclient import StdioPipe, open_pipe, text_of_result
from tests.waiting import HANG_S

CONFIG = """
default_model = "p/m"
[providers.p]
base_url = "{origin}/v1"
api_key = "sk-fault-0123456789"
max_attempts = 1
[limits]
max_output_bytes = 2000
soft_deadline_s = 600
"""
LONG = "word " * 2000

_HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def _database(folder: Path) -> Path:
    return folder / "data" / "anymodel" / "anymodel.db"


@asynccontextmanager
async def _held(path: Path) -> AsyncGenerator[Process]:
    """Another process holds the store until the block ends."""
    command = [sys.executable, "-c", _HOLDER, str(path)]
    process = await anyio.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None)
    try:
        assert process.stdout is not None
        assert (await process.stdout.receive()).startswith(b"held")
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            process.kill()
            await process.aclose()


class Upstream:
    """Answers chats; may do something first, and may wait for ever."""

    def __init__(self) -> None:
        self.text = "paid for"
        self.arrived = anyio.Event()
        self.go = anyio.Event()
        self.go.set()
        self.requests = 0

    async def __call__(self, seen: Seen, line: Line) -> None:
        if seen.method == "GET":
            await play(Reply(status=404), line)
            return
        self.requests += 1
        self.arrived.set()
        await self.go.wait()
        message = {"role": "assistant", "content": self.text}
        body = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        await play(Reply(headers={"content-type": "application/json"}, frames=[json.dumps(body).encode()]), line)


@asynccontextmanager
async def _served(folder: Path, answer: Upstream) -> AsyncGenerator[StdioPipe]:
    async with open_upstream(answer) as upstream, open_pipe(CONFIG.format(origin=upstream.origin), folder) as pipe:
        yield pipe


async def _chat(pipe: StdioPipe, **more: Any) -> Any:
    return await pipe.call("chat", {"prompt": "x", "stream": False, **more})


async def test_a_store_that_another_process_holds_costs_no_answer(tmp_path: Path) -> None:
    """The lock comes while the upstream answers: after the price is due, before the turn is stored."""
    answer, results = Upstream(), list[Any]()
    with anyio.fail_after(HANG_S):
        async with _served(tmp_path, answer) as pipe:
            first = await _chat(pipe, conversation="new")
            thread = first["_meta"]["anymodel/result"]["conversation"]
            answer.arrived, answer.go = anyio.Event(), anyio.Event()

            async def ask() -> None:
                results.append(await _chat(pipe, conversation=thread))

            async with anyio.create_task_group() as group:
                group.start_soon(ask)
                await answer.arrived.wait()
                async with _held(_database(tmp_path)):
                    answer.go.set()
                    while not results:  # noqa: ASYNC110 whether the answer waits for the lock is what is tested
                        await anyio.sleep(0.05)
            (result,) = results
            assert "isError" not in result or not result["isError"]
            assert text_of_result(result).startswith("paid for")
            assert any(f"not in conversation {thread}" in w for w in result["_meta"]["anymodel/result"]["warnings"])
            again = await _chat(pipe, conversation=thread)  # the hold that could not be given back does not block
            assert text_of_result(again).startswith("paid for")
            assert answer.requests == 3


async def test_a_long_answer_is_read_on_while_another_process_holds_the_store(tmp_path: Path) -> None:
    answer = Upstream()
    answer.text = LONG
    with anyio.fail_after(HANG_S):
        async with _served(tmp_path, answer) as pipe:
            await _chat(pipe)
            async with _held(_database(tmp_path)):
                first = await _chat(pipe)
                handle = first["_meta"]["anymodel/result"]["result_id"]
                part = await pipe.call("get_result", {"id": handle, "offset": 9000})
                assert "word" in text_of_result(part)
            while not _rows(tmp_path, f"SELECT 1 FROM calls WHERE id = '{handle}' AND status = 'complete'"):  # noqa: ASYNC110 another process
                await anyio.sleep(0.05)


def _rows(folder: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(_database(folder))) as connection:
        return connection.execute(sql).fetchall()


async def test_calls_of_a_killed_server_are_in_the_ledger(tmp_path: Path) -> None:
    answer = Upstream()
    answer.go = anyio.Event()
    with anyio.fail_after(HANG_S):
        async with _served(tmp_path, answer) as pipe, anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(_chat, pipe)
            await answer.arrived.wait()
            while len(_ledger(tmp_path)) < 3:  # noqa: ASYNC110 another process writes it
                await anyio.sleep(0.1)
            pipe.process.send_signal(signal.SIGKILL)
            await pipe.process.wait()
            group.cancel_scope.cancel()
    assert _ledger(tmp_path) == [("chat", "p", "m", "soak")] * 3
    usage = await _usage(tmp_path)
    assert [(entry["calls"]) for entry in usage] == [3]


async def test_cancelled_calls_are_in_the_ledger(tmp_path: Path) -> None:
    answer = Upstream()
    answer.go = anyio.Event()
    with anyio.fail_after(HANG_S):
        async with _served(tmp_path, answer) as pipe, anyio.create_task_group() as group:
            for number in range(100, 112):

                async def call(number: int = number) -> None:
                    await pipe.call("chat", {"prompt": "x"}, number=number)

                group.start_soon(call)
            while answer.requests < 12:  # noqa: ASYNC110 the upstream counts, and tells of the first only
                await anyio.sleep(0.02)
            for number in range(100, 112):
                await pipe.notify("notifications/cancelled", {"requestId": number})
            while len(_rows(tmp_path, "SELECT 1 FROM ledger WHERE outcome = 'cancelled'")) < 12:  # noqa: ASYNC110 another process
                await anyio.sleep(0.1)
            group.cancel_scope.cancel()
    assert _ledger(tmp_path) == []


def _ledger(folder: Path) -> list[Any]:
    """Calls that are written as running."""
    try:
        return _rows(folder, "SELECT tool, provider, model, host FROM running_calls WHERE NOT ended")
    except sqlite3.OperationalError:  # nobody has made the tables yet
        return []


async def _usage(folder: Path) -> list[Any]:
    from anymodel_mcp.config import StoreSettings
    from anymodel_mcp.state import open_store

    async with open_store(StoreSettings(path=str(_database(folder))), folder) as store:
        return [{"key": s.key, "calls": s.calls} for s in await store.usage()]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
