"""The product in both loops with a provider that never ends: whoever leaves or cancels closes the paid connection."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from anyio.abc import TaskGroup

from anymodel_mcp.app import build_server
from anymodel_mcp.config import HttpSettings, Limits, ProviderSettings, Settings
from anymodel_mcp.transports.http import open_socket, serve_http
from anymodel_mcp.transports.pipes import ByteReader
from anymodel_mcp.transports.stdio import serve_stdio
from tests.conformance.provider import config
from tests.raw_upstream import Line, Reply, Seen, Upstream, open_upstream, play
from tests.rawclient import post_call, text_of_result
from tests.serving import HttpServer, child_environment, open_http_server, write_config
from tests.transports.test_http import ACCEPT, LEGACY, call, modern_headers
from tests.waiting import HANG_S

Json = dict[str, Any]

_EVENT = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"word "}}]}\n\n'
ENDLESS = Reply(headers={"content-type": "text/event-stream"}, frames=[_EVENT], framing="chunked", end="stall")
CANCEL: Json = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
HELLO: Json = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


class Provider:
    """An upstream whose answers never end, and the moments that matter."""

    def __init__(self) -> None:
        self.called = anyio.Event()
        self.upstream: Upstream | None = None

    async def answer(self, seen: Seen, line: Line) -> None:
        self.called.set()
        await play(ENDLESS, line)

    async def wait_until_left(self) -> None:
        """Returns when no connection to it is open."""
        assert self.upstream is not None
        with anyio.fail_after(HANG_S):
            while self.upstream.open_connections:
                await self.upstream.idle.wait()

    def settings(self) -> Settings:
        assert self.upstream is not None
        fake = ProviderSettings(name="fake", base_url=f"{self.upstream.origin}/v1", auth="none")
        return Settings(providers={"fake": fake}, default_model="fake/m")


@asynccontextmanager
async def provider() -> AsyncGenerator[Provider]:
    it = Provider()
    async with open_upstream(it.answer) as it.upstream:
        yield it


# stdio, in this process


@asynccontextmanager
async def wired(it: Provider, data: Path) -> AsyncGenerator[tuple[int, ByteReader]]:
    server_in, host_out = os.pipe()
    host_in, server_out = os.pipe()
    server = build_server(it.settings(), data_dir=data)
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:

            async def serve() -> None:
                await serve_stdio(server, Limits(), stdin=server_in, stdout=server_out)
                os.close(server_out)

            tasks.start_soon(serve)
            yield host_out, ByteReader(host_in)
    os.close(server_in)
    os.close(host_in)


def send(fd: int, message: Json) -> None:
    os.write(fd, json.dumps(message).encode() + b"\n")


async def start_chat(fd: int, it: Provider, *, modern: bool) -> None:
    if not modern:
        send(fd, {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO})
        send(fd, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    send(fd, call(1, "chat", {"prompt": "hi"}, modern=modern))
    await it.called.wait()


@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
async def test_on_stdio_a_cancel_closes_the_upstream_and_is_never_answered(modern: bool, tmp_path: Path) -> None:
    async with provider() as it, wired(it, tmp_path) as (fd, reader):
        await start_chat(fd, it, modern=modern)
        send(fd, CANCEL)
        await it.wait_until_left()
        send(fd, CANCEL)
        os.close(fd)
        said = b""
        while piece := await reader.read():
            said += piece
        assert b'"id":1' not in said


async def test_on_stdio_the_end_of_the_pipe_closes_the_upstream(tmp_path: Path) -> None:
    async with provider() as it, wired(it, tmp_path) as (fd, _):
        await start_chat(fd, it, modern=True)
        os.close(fd)
        await it.wait_until_left()


# HTTP, in this process


@asynccontextmanager
async def site(it: Provider, data: Path, *, stateless: bool = False) -> AsyncGenerator[httpx2.AsyncClient]:
    stop = anyio.Event()
    server = build_server(it.settings(), data_dir=data)
    with open_socket("127.0.0.1", 0) as listener, anyio.fail_after(HANG_S):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        headers = {"accept": ACCEPT, "content-type": "application/json"}
        async with (
            httpx2.AsyncClient(base_url=url, timeout=HANG_S, headers=headers, trust_env=False) as client,
            anyio.create_task_group() as tasks,
        ):

            async def serve() -> None:
                await serve_http(server, HttpSettings(stateless=stateless), listener=listener, stop=stop)

            tasks.start_soon(serve)
            yield client
            stop.set()


async def open_session(client: httpx2.AsyncClient) -> dict[str, str]:
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
    answer = await client.post("/mcp", json=hello)
    session = {"mcp-session-id": answer.headers["mcp-session-id"], "mcp-protocol-version": LEGACY}
    await client.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=session)
    return session


def chat_in(
    tasks: TaskGroup, client: httpx2.AsyncClient, headers: dict[str, str], *, modern: bool, token: str | None = None
) -> None:
    async def ask() -> None:
        message = call(1, "chat", {"prompt": "hi"}, modern=modern, token=token)
        await client.post("/mcp", json=message, headers=headers)

    tasks.start_soon(ask)


@pytest.mark.parametrize("token", [None, "t"], ids=["silent", "with progress"])
async def test_a_modern_client_that_leaves_closes_the_upstream(token: str | None, tmp_path: Path) -> None:
    async with provider() as it, site(it, tmp_path) as client:
        async with anyio.create_task_group() as tasks:
            chat_in(tasks, client, modern_headers("chat"), modern=True, token=token)
            await it.called.wait()
            tasks.cancel_scope.cancel()
        await it.wait_until_left()


async def test_a_stateless_legacy_client_that_leaves_closes_the_upstream(tmp_path: Path) -> None:
    async with provider() as it, site(it, tmp_path, stateless=True) as client:
        async with anyio.create_task_group() as tasks:
            chat_in(tasks, client, {"mcp-protocol-version": LEGACY}, modern=False)
            await it.called.wait()
            tasks.cancel_scope.cancel()
        await it.wait_until_left()


async def test_a_session_that_cancels_closes_the_upstream(tmp_path: Path) -> None:
    async with provider() as it, site(it, tmp_path) as client:
        session = await open_session(client)
        async with anyio.create_task_group() as tasks:
            chat_in(tasks, client, session, modern=False)
            await it.called.wait()
            await client.post("/mcp", json=CANCEL, headers=session)
            await it.wait_until_left()
            await client.post("/mcp", json=CANCEL, headers=session)


async def test_the_end_of_the_server_closes_the_upstream(tmp_path: Path) -> None:
    async with provider() as it:
        async with site(it, tmp_path) as client, anyio.create_task_group() as tasks:

            async def ask() -> None:
                message = call(1, "chat", {"prompt": "hi"}, modern=True, token="t")
                answer = await client.post("/mcp", json=message, headers=modern_headers("chat"))
                assert "result" not in answer.text.splitlines()[-1]

            tasks.start_soon(ask)
            await it.called.wait()
            tasks.cancel_scope.cancel()
        await it.wait_until_left()


# as a process: what the user's host does


def start(upstream: Upstream, folder: Path) -> subprocess.Popen[bytes]:
    environ = child_environment(write_config(config(upstream.origin), folder), folder)
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "anymodel_mcp"]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environ, cwd=folder)


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "EOF"])
async def test_the_command_on_stdio_ends_with_a_call_open(end: str, tmp_path: Path) -> None:
    async with provider() as it:
        assert it.upstream is not None
        process = start(it.upstream, tmp_path)
        assert process.stdin is not None
        await start_chat(process.stdin.fileno(), it, modern=True)
        if end == "EOF":
            process.stdin.close()
        else:
            process.send_signal(signal.Signals[end])
        assert await anyio.to_thread.run_sync(process.wait, HANG_S) == 0
        await it.wait_until_left()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()


async def test_the_command_over_http_ends_with_a_call_open(tmp_path: Path) -> None:
    async with provider() as it:
        assert it.upstream is not None
        environ = child_environment(write_config(config(it.upstream.origin), tmp_path), tmp_path)
        async with open_http_server(environ, tmp_path) as server:
            headers = {"accept": ACCEPT, "content-type": "application/json"}
            async with (
                httpx2.AsyncClient(base_url=server.origin, timeout=HANG_S, headers=headers, trust_env=False) as client,
                anyio.create_task_group() as tasks,
            ):
                chat_in(tasks, client, modern_headers("chat"), modern=True, token="t")
                await it.called.wait()
                server.process.send_signal(signal.SIGINT)  # at SIGTERM the call would have its grace
                with anyio.fail_after(HANG_S):
                    assert await server.process.wait() == 0
                tasks.cancel_scope.cancel()
        await it.wait_until_left()
        said = (tmp_path / "stderr.txt").read_text(encoding="utf-8")
        assert said.count("\n") == 1, said


async def _stream_half(seen: Seen, line: Line) -> None:
    """The beginning of an answer, then silence."""
    half = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "half of it"}}]}
    frames = [b"data: " + json.dumps(half).encode() + b"\n\n"]
    await play(
        Reply(headers={"content-type": "text/event-stream"}, frames=frames, framing="chunked", end="stall"), line
    )


@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM, signal.SIGTERM)], ids=["SIGINT", "twice"])
@pytest.mark.parametrize("modern", [False, True], ids=["stateless", "modern"])
async def test_a_server_that_must_end_hands_its_calls_back(
    tmp_path: Path, numbers: Sequence[signal.Signals], modern: bool
) -> None:
    """With what has arrived, and a handle behind which it still is after the next start."""
    async with open_upstream(_stream_half) as upstream:
        environ = child_environment(write_config(config(upstream.origin), tmp_path), tmp_path)
        if not modern:
            environ["ANYMODEL_HTTP_STATELESS"] = "true"
        headers = {"accept": ACCEPT, **(modern_headers("chat") if modern else {"mcp-protocol-version": LEGACY})}
        message = call(1, "chat", {"prompt": "hi"}, modern=modern, token="t")
        async with (
            open_http_server(environ, tmp_path) as server,
            httpx2.AsyncClient(base_url=server.origin, timeout=HANG_S, trust_env=False) as client,
            client.stream("POST", "/mcp", json=message, headers=headers) as response,
        ):
            lines = response.aiter_lines()
            async for line in lines:
                if "half of it" in line:  # as progress
                    break
            for number in numbers:
                server.process.send_signal(number)
                await anyio.sleep(0.1)
            last = [line async for line in lines if line.startswith("data:") and '"result"' in line][-1]
            with anyio.fail_after(HANG_S):
                assert await server.process.wait() == 0
        result = json.loads(last[5:])["result"]
        record = result["_meta"]["anymodel/result"]
        assert "half of it" in result["content"][0]["text"]
        assert record["status"] == "running"
        async with (
            open_http_server(environ, tmp_path) as server,
            httpx2.AsyncClient(base_url=server.origin, timeout=HANG_S, trust_env=False) as client,
        ):
            kept = await post_call(client, server.url, "get_result", {"id": record["result_id"]}, number=1)
        assert "half of it" in text_of_result(kept)


async def test_a_call_may_finish_after_sigterm(tmp_path: Path) -> None:
    go_on, called = anyio.Event(), anyio.Event()

    async def answer(seen: Seen, line: Line) -> None:
        called.set()
        await go_on.wait()
        body = {
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "whole"}, "finish_reason": "stop"}]
        }
        reply = Reply(headers={"content-type": "application/json"}, frames=[json.dumps(body).encode()])
        await play(reply, line)

    async with open_upstream(answer) as upstream:
        environ = child_environment(write_config(config(upstream.origin), tmp_path), tmp_path)
        results: list[Any] = []

        async def ask(server: HttpServer) -> None:
            async with httpx2.AsyncClient(timeout=HANG_S, trust_env=False) as client:
                results.append(await post_call(client, server.url, "chat", {"prompt": "hi"}, number=1))

        async with open_http_server(environ, tmp_path) as server, anyio.create_task_group() as tasks:
            tasks.start_soon(ask, server)
            await called.wait()
            server.process.terminate()
            while await _listens(server):  # noqa: ASYNC110 another process has no event to wait for
                await anyio.sleep(0.02)
            go_on.set()
            with anyio.fail_after(HANG_S):
                assert await server.process.wait() == 0
        assert text_of_result(results[0]) == "whole"


async def _listens(server: HttpServer) -> bool:
    try:
        async with await anyio.connect_tcp("127.0.0.1", int(server.origin.rpartition(":")[2])):
            return True
    except OSError:
        return False
