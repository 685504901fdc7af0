"""Long calls for real: a handle before the deadline, the rest from any worker, after a reconnect, after a restart."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.types import CallToolResult

from tests.fakes import error_of, record_of, text_of
from tests.faults import SSE, answer, stream_events
from tests.faults import text_of as words_of
from tests.raw_upstream import Line, Reply, Seen, open_upstream
from tests.rawclient import post_call, text_of_result
from tests.serving import child_environment, open_client, open_http_server, write_config
from tests.waiting import HANG_S

FIRST, COUNT = 5, 30
"""The words that come at once, and all of them."""

WHOLE = words_of(7, COUNT)


class Held:
    """An upstream whose stream stops after the first words until `go_on` is set."""

    def __init__(self) -> None:
        self.go_on = anyio.Event()

    async def answer(self, seen: Seen, line: Line) -> None:
        """`held` as said above; every other model is a fault's name."""
        if seen.json()["model"] != "held":
            await answer(seen, line)
            return
        role, *words = stream_events(7, COUNT)
        await line.send(Reply(headers=SSE, framing="close").head() + role + b"".join(words[:FIRST]))
        await self.go_on.wait()
        await line.send(b"".join(words[FIRST:]))


def _config(origin: str) -> str:
    return f"""
[providers.f]
base_url = "{origin}/v1"
api_key = "sk-test-0123456789"
[limits]
soft_deadline_s = 1
"""


async def _collect(client: Client, handle: str, offset: int) -> tuple[str, CallToolResult]:
    """The rest of a call, from `offset` on, however many answers it takes."""
    got = ""
    while True:
        result = await client.call_tool("get_result", {"id": handle, "offset": offset + len(got), "wait_s": 0.8})
        piece, _, note = text_of(result).partition("\n\n[still running")
        if record_of(result)["status"] == "complete":
            return got + text_of(result), result
        got += "" if text_of(result).startswith("[still running") else piece
        assert f"offset={offset + len(got)}" in text_of(result), note


async def _begin(client: Client) -> tuple[str, str]:
    """A call that goes on: what has come, and its handle."""
    running = await client.call_tool("chat", {"model": "f/held", "prompt": "x"})
    record = record_of(running)
    assert record["status"] == "running"
    assert f"id='{record['result_id']}'" in text_of(running)
    return text_of(running).partition("\n\n[still running")[0], record["result_id"]


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_the_rest_comes_by_the_handle(tmp_path: Path, transport: Any) -> None:
    held = Held()
    with anyio.fail_after(HANG_S):
        async with (
            open_upstream(held.answer) as upstream,
            open_client(_config(upstream.origin), tmp_path, transport=transport) as client,
        ):
            first, handle = await _begin(client)
            held.go_on.set()
            rest, _ = await _collect(client, handle, len(first))
            assert first + rest == WHOLE
            again = await client.call_tool("get_result", {"id": handle})
            assert text_of(again) == WHOLE


async def test_the_rest_comes_over_another_connection_and_after_a_restart(tmp_path: Path) -> None:
    held = Held()
    with anyio.fail_after(2 * HANG_S):
        async with open_upstream(held.answer) as upstream:
            environment = child_environment(write_config(_config(upstream.origin), tmp_path), tmp_path)
            async with open_http_server(environment, tmp_path) as server:
                async with Client(server.url) as client:
                    first, handle = await _begin(client)
                held.go_on.set()
                async with Client(server.url) as client:
                    rest, _ = await _collect(client, handle, len(first))
                    assert first + rest == WHOLE
                    held.go_on = anyio.Event()
                    _, cut_off = await _begin(client)
            async with open_client(_config(upstream.origin), tmp_path, transport="stdio") as client:
                kept = await client.call_tool("get_result", {"id": handle})
                assert text_of(kept) == WHOLE
                stopped = await client.call_tool("get_result", {"id": cut_off})
                assert error_of(stopped)["kind"] == "cancelled"
                assert WHOLE.startswith(error_of(stopped)["partial_text"])


async def test_any_worker_gives_the_rest_and_can_cancel(tmp_path: Path) -> None:
    held = Held()
    with anyio.fail_after(2 * HANG_S):
        async with open_upstream(held.answer) as upstream:
            environment = child_environment(write_config(_config(upstream.origin), tmp_path), tmp_path)
            async with open_http_server(environment, tmp_path, arguments=("--workers", "2")) as server:
                numbers = count(1)

                async def call(tool: str, **arguments: Any) -> Any:
                    # a connection of its own: any worker
                    async with httpx2.AsyncClient(timeout=HANG_S, trust_env=False) as fresh:
                        return await post_call(fresh, server.url, tool, arguments, number=next(numbers))

                running = await call("chat", model="f/held", prompt="x")
                handle = running["_meta"]["anymodel/result"]["result_id"]
                endless = await call("chat", model="f/stream-8-90000-10", prompt="x")
                held.go_on.set()
                result: Any = running
                while result["_meta"]["anymodel/result"]["status"] != "complete":
                    result = await call("get_result", id=handle, wait_s=0.3)
                assert text_of_result(result) == WHOLE
                ticking = endless["_meta"]["anymodel/result"]["result_id"]
                while text_of_result(endless).startswith("[still running"):  # until a word has arrived
                    endless = await call("get_result", id=ticking, wait_s=0.3)
                stopped = await call("get_result", id=ticking, cancel=True)
                assert not stopped.get("isError")
                assert stopped["_meta"]["anymodel/result"]["cancelled"] is True
                assert "\n\n[stopped on request; the text received before that is above]" in text_of_result(stopped)
