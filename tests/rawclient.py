"""MCP spoken by hand: lines on a pipe, posts over HTTP. For what the official client cannot do or would hide."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
from anyio.abc import Process

from tests.serving import child_environment, end_process, write_config

Json = dict[str, Any]

LEGACY = "2025-11-25"
MODERN = "2026-07-28"
CLIENT = {"name": "soak", "version": "1"}


def request_line(number: int | str, method: str, params: Json | None = None) -> bytes:
    """One request as a line."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
    return json.dumps(message).encode() + b"\n"


class StdioPipe:
    """This server as a child; requests are lines, answers are given to whoever asked.

    Attributes:
        answers: how many answers each id had.
        nameless: answers without an id (to what nobody could read).
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.pid = process.pid
        self.answers: Counter[int | str] = Counter()
        self.nameless = 0
        self.notes = 0
        self._waiting: dict[int | str, tuple[anyio.Event, list[Json]]] = {}
        self._number = 0

    async def read_all(self) -> None:
        """Gives out what the server says until it ends."""
        assert self.process.stdout is not None
        rest = b""
        async for piece in self.process.stdout:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.strip():
                    self._give(json.loads(line))

    def _give(self, message: Json) -> None:
        if "method" in message:
            self.notes += 1
        elif message.get("id") is None:
            self.nameless += 1
        else:
            self.answers[message["id"]] += 1
            if message["id"] in self._waiting:
                event, box = self._waiting.pop(message["id"])
                box.append(message)
                event.set()

    async def send(self, line: bytes) -> None:
        """Writes raw bytes."""
        assert self.process.stdin is not None
        await self.process.stdin.send(line)

    def next_number(self) -> int:
        """An id that was not used yet."""
        self._number += 1
        return self._number

    async def request(self, method: str, params: Json | None = None, *, number: int | None = None) -> Json:
        """The whole answer to one request: `result` or `error`."""
        number = self.next_number() if number is None else number
        event, box = anyio.Event(), list[Json]()
        self._waiting[number] = (event, box)
        await self.send(request_line(number, method, params))
        await event.wait()
        return box[0]

    async def call(self, tool: str, arguments: Json, *, number: int | None = None) -> Json:
        """A tool call's result."""
        answer = await self.request("tools/call", {"name": tool, "arguments": arguments}, number=number)
        return answer["result"]

    async def notify(self, method: str, params: Json) -> None:
        """One notification."""
        await self.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode() + b"\n")

    async def initialize(self) -> None:
        """The handshake of the versions before 2026."""
        await self.request("initialize", {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": CLIENT})
        await self.notify("notifications/initialized", {})


@asynccontextmanager
async def open_pipe(config: str, folder: Path, env: Mapping[str, str] | None = None) -> AsyncGenerator[StdioPipe, None]:
    """The server on pipes, greeted; leaving it ends the server."""
    environment = child_environment(write_config(config, folder), folder, env)
    with (folder / "stderr.txt").open("ab") as log:
        process = await anyio.open_process(
            [sys.executable, "-m", "anymodel_mcp"], env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log
        )
    try:
        async with anyio.create_task_group() as tasks:
            pipe = StdioPipe(process)
            tasks.start_soon(pipe.read_all)
            await pipe.initialize()
            yield pipe
            tasks.cancel_scope.cancel()
    finally:
        await end_process(process)


async def post_call(
    client: httpx2.AsyncClient, url: str, tool: str, arguments: Json, *, number: int, progress: bool = False
) -> Json:
    """A tool call's result over HTTP, without a session; leaving it early closes the response: that is the cancel."""
    meta: Json = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": CLIENT,
    }
    if progress:
        meta["progressToken"] = number
    headers = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": MODERN,
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }
    body = request_line(number, "tools/call", {"name": tool, "arguments": arguments, "_meta": meta})
    async with client.stream("POST", url, content=body, headers=headers) as response:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            return _result(json.loads(await response.aread()), number)
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                message: Json = json.loads(line[5:])
                if "method" not in message:
                    return _result(message, number)
    raise RuntimeError("the stream ended without an answer")


def _result(message: Json, number: int) -> Json:
    if message.get("id") != number or "result" not in message:
        raise RuntimeError(f"not the answer to {number}: {str(message)[:300]}")
    return message["result"]


def text_of_result(result: Json) -> str:
    """The text blocks of a result, joined."""
    return "".join(block["text"] for block in result["content"] if block["type"] == "text")
