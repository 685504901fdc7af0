from __future__ import annotations

import json
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import httpx2
import pytest
from anyio.abc import TaskGroup
from mcp.server import _streamable_http_modern
from sse_starlette import EventSourceResponse

from anymodel_mcp.config import HttpSettings, Secret
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.transports import bodies
from anymodel_mcp.transports.connections import ConnectionTable
from anymodel_mcp.transports.http import open_socket, serve_http, url_of
from tests.transports.servers import Events, build
from tests.waiting import HANG_S

Json = dict[str, Any]

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
ACCEPT = "application/json, text/event-stream"
META: Json = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Site:
    """A running server and a client of it."""

    def __init__(self, client: httpx2.AsyncClient, port: int, events: Events, stop: anyio.Event) -> None:
        self.client = client
        self.port = port
        self.events = events
        self.stop = stop
        self.ended = anyio.Event()

    def post(self, message: Json | bytes, **headers: str) -> Any:
        """A stream context of one POST."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        base = {"accept": ACCEPT, "content-type": "application/json"}
        return self.client.stream("POST", "/mcp", content=body, headers=base | headers)

    async def ask(self, message: Json | bytes, **headers: str) -> tuple[int, Any]:
        async with self.post(message, **headers) as response:
            await response.aread()
            return response.status_code, _answer(response)

    async def open_session(self, version: str = LEGACY) -> dict[str, str]:
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        async with self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}) as response:
            await response.aread()
        session = {"mcp-session-id": response.headers["mcp-session-id"], "mcp-protocol-version": version}
        assert (await self.ask({"jsonrpc": "2.0", "method": "notifications/initialized"}, **session))[0] == 202
        return session


def _answer(response: httpx2.Response) -> Any:
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        data = [line[5:] for line in response.text.splitlines() if line.startswith("data:") and line != "data: "]
        return json.loads(data[-1])
    return response.json() if response.content else None


def call(number: int, tool: str, arguments: Json | None = None, *, modern: bool, token: str | None = None) -> Json:
    meta = dict(META) if modern else {}
    if token:
        meta["progressToken"] = token
    return {
        "jsonrpc": "2.0",
        "id": number,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments or {}, "_meta": meta},
    }


def modern_headers(tool: str, method: str = "tools/call") -> dict[str, str]:
    return {"mcp-protocol-version": MODERN, "mcp-method": method, "mcp-name": tool}


@asynccontextmanager
async def site(
    *,
    connections: ConnectionTable | None = None,
    max_sessions: int | None = None,
    grace_s: float = 0.5,
    times: bodies.ClientTimes = bodies.TIMES,
    **settings: Any,
) -> AsyncGenerator[Site]:
    chosen = HttpSettings(**settings)
    listener = open_socket("127.0.0.1", 0)
    port: int = listener.getsockname()[1]
    events, stop = Events(), anyio.Event()
    client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=HANG_S, trust_env=False)
    running = Site(client, port, events, stop)

    async def serve() -> None:
        serve = partial(
            serve_http,
            build(events),
            chosen,
            listener=listener,
            stop=stop,
            table=connections,
            grace_s=grace_s,
            times=times,
        )
        assert await (serve() if max_sessions is None else serve(max_sessions=max_sessions)) == 0
        running.ended.set()

    with anyio.fail_after(HANG_S):
        async with client, anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            yield running
            stop.set()
    assert (events.opened, events.closed) == (1, 1)


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_every_older_version_gets_a_session(version: str) -> None:
    async with site() as running:
        session = await running.open_session(version)
        status, answer = await running.ask(call(1, "echo", {"text": "hi"}, modern=False), **session)
        assert status == 200
        assert answer["result"]["content"][0]["text"] == "hi"


async def test_the_newest_version_needs_no_session() -> None:
    async with site() as running:
        status, answer = await running.ask(call(1, "echo", {"text": "hi"}, modern=True), **modern_headers("echo"))
        assert status == 200
        assert answer["result"]["content"][0]["text"] == "hi"


async def test_stateless_serves_older_versions_without_sessions() -> None:
    async with site(stateless=True) as running:
        status, answer = await running.ask(
            call(1, "echo", {"text": "hi"}, modern=False), **{"mcp-protocol-version": LEGACY}
        )
        assert status == 200
        assert answer["result"]["content"][0]["text"] == "hi"


async def test_streams_are_not_buffered_by_proxies() -> None:
    async with site() as running:
        session = await running.open_session()
        async with running.post(call(1, "echo", {"text": "hi"}, modern=False), **session) as response:
            await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"


@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
async def test_lone_surrogates_are_replaced_in_and_out(modern: bool) -> None:
    async with site() as running:
        headers = modern_headers if modern else None
        session = {} if modern else await running.open_session()

        async def ask(tool: str, arguments: Json) -> Json:
            return (
                await running.ask(call(1, tool, arguments, modern=modern), **(headers(tool) if headers else session))
            )[1]

        assert (await ask("echo", {"text": "<\udfff>"}))["result"]["content"][0]["text"] == "<\ufffd>"
        assert (await ask("lone", {}))["result"]["content"][0]["text"] == "a\U0001f600b\ufffdc"
        assert (await ask("refuse", {}))["error"] == {"code": -32602, "message": "no \ufffd", "data": {"why": "\ufffd"}}
        assert (await ask("leak", {}))["error"]["message"] == "Internal server error"
        assert (await ask("echo", {"text": "on"}))["result"]["content"][0]["text"] == "on"


@pytest.mark.parametrize("headers", [{}, modern_headers("echo")], ids=["legacy", "modern"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"nonsense", -32700),
        (b"[]", -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"x"}', -32600),
    ],
    ids=["syntax", "batch", "null id", "version"],
)
async def test_a_body_that_is_no_message_is_refused(headers: dict[str, str], body: bytes, code: int) -> None:
    async with site() as running:
        status, answer = await running.ask(body, **headers)
        assert status == 400
        assert answer["error"]["code"] == code


async def test_an_empty_body_is_refused() -> None:
    async with site() as running:
        assert (await running.ask(b""))[0] == 400


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_that_is_too_large_is_refused_in_json(declared: bool) -> None:
    async with site(max_body_bytes=100_000) as running:

        async def pieces() -> AsyncGenerator[bytes]:
            for _ in range(10):
                yield b"x" * 50_000

        content = b"x" * 500_000 if declared else pieces()
        response = await running.client.post(
            "/mcp", content=content, headers={"content-type": "application/json", "accept": ACCEPT}
        )
        assert response.status_code == 413
        assert "http.max_body_bytes" in response.json()["error"]["message"]
        assert (await running.client.get("/healthz")).status_code == 200


async def test_a_body_that_stands_still_is_given_up() -> None:
    async with (
        site(times=bodies.ClientTimes(silence_s=0.05)) as running,
        await anyio.connect_tcp("127.0.0.1", running.port) as stream,
    ):
        await stream.send(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{")
        assert b" 408 " in await stream.receive()


async def test_a_client_that_leaves_within_its_body_is_forgotten() -> None:
    async with site() as running:
        async with await anyio.connect_tcp("127.0.0.1", running.port) as stream:
            await stream.send(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{")
        assert (await running.client.get("/healthz")).status_code == 200


async def test_a_head_that_does_not_come_ends_the_connection() -> None:
    async with site(times=bodies.ClientTimes(head_s=0.1)) as running:
        for start in (b"", b"POST /mcp HTTP/1.1\r\nhost: lo"):
            async with await anyio.connect_tcp("127.0.0.1", running.port) as stream:
                if start:
                    await stream.send(start)
                with pytest.raises(anyio.EndOfStream):
                    await stream.receive()
        assert (await running.client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"host": "localhost"}, 400),
        ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://localhost:5173"}, 400),
    ],
    ids=["localhost without a port", "foreign host", "foreign origin", "local origin"],
)
async def test_host_and_origin_are_checked_before_anything_else(headers: dict[str, str], expected: int) -> None:
    async with site() as running:
        assert (await running.ask(b"nonsense", **headers))[0] == expected


async def test_pages_of_listed_origins_may_ask_and_read() -> None:
    listed = {"origin": "https://app.example"}
    async with site(token=Secret("secret-token"), allowed_origins=("https://app.example",)) as running:
        asked = await running.client.options("/mcp", headers=listed | {"access-control-request-headers": "mcp-name"})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-headers"] == "mcp-name"
        for answer in (asked, await running.client.post("/mcp", content=b"{}", headers=listed)):
            assert answer.headers["access-control-allow-origin"] == "https://app.example"
            assert "mcp-session-id" in answer.headers["access-control-expose-headers"]
        assert answer.status_code == 401


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://evil.example"])
async def test_pages_of_other_origins_read_nothing(origin: str) -> None:
    async with site() as running:
        for method in ("OPTIONS", "POST"):
            answer = await running.client.request(method, "/mcp", content=b"{}", headers={"origin": origin})
            assert answer.status_code >= 400
            assert "access-control-allow-origin" not in answer.headers


async def test_the_token_is_asked_for_everywhere_but_on_the_probes() -> None:
    async with site(token=Secret("secret-token")) as running:
        status, _ = await running.ask(b"nonsense")
        assert status == 401
        assert (await running.ask(b"nonsense", authorization="Bearer secret-token"))[0] == 400
        for probe in ("/healthz", "/readyz"):
            response = await running.client.get(probe)
            assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_other_paths_name_the_endpoint_and_a_trailing_slash_is_the_same() -> None:
    async with site(path="/some/where") as running:
        answer = await running.client.get("/mcp")
        assert answer.status_code == 404
        assert "/some/where" in answer.json()["error"]["message"]
        for path in ("/some/where", "/some/where/"):
            assert (await running.client.post(path, content=b"nonsense")).status_code == 400


@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
async def test_a_silent_call_is_kept_alive_by_comments(modern: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_streamable_http_modern, "_SSE_PING_INTERVAL", 0.05)
    monkeypatch.setattr(EventSourceResponse, "DEFAULT_PING_INTERVAL", 0.05)
    async with site() as running:
        headers = modern_headers("wait") if modern else await running.open_session()
        async with running.post(call(1, "wait", modern=modern), **headers) as response:
            seen = b""
            async for piece in response.aiter_bytes():
                seen += piece
                if seen.count(b": ping") == 2:
                    break


# cancellation: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation and facts of 2025


@pytest.mark.parametrize("notes", [0, 1], ids=["before the stream opens", "within the stream"])
async def test_a_modern_client_that_leaves_cancels_its_call(notes: int) -> None:
    async with site() as running:
        message = call(1, "wait", {"notes": notes}, modern=True, token="t")
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                await running.ask(message, **modern_headers("wait"))

            tasks.start_soon(ask)
            await running.events.started.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(HANG_S):
            await running.events.cancelled.wait()


async def test_a_stateless_legacy_client_that_leaves_cancels_its_call() -> None:
    async with site(stateless=True) as running:
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                await running.ask(call(1, "wait", modern=False), **{"mcp-protocol-version": LEGACY})

            tasks.start_soon(ask)
            await running.events.started.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(HANG_S):
            await running.events.cancelled.wait()


async def test_a_session_cancels_by_notification_and_not_by_leaving() -> None:
    async with site() as running:
        session = await running.open_session()
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                await running.ask(call(1, "wait", modern=False), **session)

            tasks.start_soon(ask)
            await running.events.started.wait()
            tasks.cancel_scope.cancel()
        assert (await running.ask(call(2, "echo", {"text": "x"}, modern=False), **session))[0] == 200
        assert not running.events.cancelled.is_set()
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
        assert (await running.ask(cancel, **session))[0] == 202
        with anyio.fail_after(HANG_S):
            await running.events.cancelled.wait()


# the end


async def open_streams(running: Site, tasks: Any) -> None:
    """A GET stream and a legacy call in one session, a modern call, a listen stream."""
    session = await running.open_session()
    ready: list[anyio.Event] = []

    def hold(start: Callable[[], Any]) -> None:
        opened = anyio.Event()
        ready.append(opened)

        async def keep() -> None:
            async with start() as response:
                opened.set()
                async for _ in response.aiter_bytes():
                    pass

        tasks.start_soon(keep)

    hold(lambda: running.client.stream("GET", "/mcp", headers={"accept": "text/event-stream", **session}))
    hold(lambda: running.post(call(1, "wait", modern=False), **session))
    hold(lambda: running.post(call(2, "wait", {"notes": 1}, modern=True, token="t"), **modern_headers("wait")))
    listen = {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "subscriptions/listen",
        "params": {"_meta": META, "notifications": {"toolsListChanged": True}},
    }
    hold(lambda: running.post(listen, **{"mcp-protocol-version": MODERN, "mcp-method": "subscriptions/listen"}))
    for opened in ready:
        await opened.wait()


async def test_a_stop_with_streams_and_calls_open_ends_in_silence(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with site() as running, anyio.create_task_group() as tasks:
        await open_streams(running, tasks)
        running.stop.set()
        with anyio.fail_after(HANG_S):
            await running.ended.wait()


async def test_a_call_may_finish_while_the_server_stops() -> None:
    async with site() as running:
        session = await running.open_session()
        got: list[Any] = []

        async def ask() -> None:
            got.append((await running.ask(call(1, "big", {"size": 3_000_000}, modern=False), **session))[1])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            running.stop.set()
        assert len(got[0]["result"]["content"][0]["text"]) == 3_000_000


async def test_a_stopping_server_says_so_on_connections_that_stay() -> None:
    async with site() as running:
        session = await running.open_session()
        async with anyio.create_task_group() as tasks:

            async def ask() -> None:
                status, answer = await running.ask(call(1, "wait", modern=True), **modern_headers("wait"))
                assert status == 503
                assert "stopping" in answer["error"]["message"]

            tasks.start_soon(ask)
            await running.events.started.wait()
            running.stop.set()
        _ = session


# the address


def test_a_taken_port_is_one_sentence_with_a_fix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Cannot listen on 127.0.0.1:{port}: ") as caught:
            open_socket("127.0.0.1", port)
    assert "--port" in caught.value.failure.fix


@pytest.mark.parametrize(
    ("host", "port"),
    [("203.0.113.1", 0), ("no such host", 0), ("127.0.0.1", 99_999)],
    ids=["foreign", "no name", "port"],
)
def test_an_address_that_cannot_be_used_is_a_configuration_error(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match="Cannot listen on"):
        open_socket(host, port)


async def test_an_open_address_without_a_token_is_refused_before_anything_opens() -> None:
    events = Events()
    with pytest.raises(ConfigError, match="no token is set"):
        await serve_http(build(events), HttpSettings(host="0.0.0.0"))
    assert events.opened == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_url_is_what_clients_connect_to(host: str) -> None:
    with open_socket(host, 0) as listener:
        port = listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        assert url_of(listener, HttpSettings(host=host, path="mcp/")) == f"http://{shown}:{port}/mcp"


# one id twice


async def _waiting(running: Site, number: int | str, session: dict[str, str], tasks: TaskGroup) -> None:
    """Starts a call that waits for ever; returns once its handler runs."""

    async def hold() -> None:
        async with running.post({**call(0, "wait", modern=False), "id": number}, **session) as response:
            await response.aread()

    tasks.start_soon(hold)
    await running.events.started.wait()


@pytest.mark.parametrize(("first", "second"), [(5, 5), ("a", "a"), (5, "5"), ("5", 5)])
async def test_an_id_that_is_still_open_in_a_session_is_refused(first: int | str, second: int | str) -> None:
    async with site() as running:
        session = await running.open_session()
        async with anyio.create_task_group() as tasks:
            await _waiting(running, first, session, tasks)
            echo = {**call(0, "echo", {"text": "mine"}, modern=False), "id": second}
            status, answer = await running.ask(echo, **session)
            assert (status, answer["id"], answer["error"]["code"]) == (400, second, -32600)
            assert f"id {second!r} is still in use" in answer["error"]["message"]
            other = await running.open_session()  # the same id in another session is another request
            assert (await running.ask(echo, **other))[1]["result"]["content"][0]["text"] == "mine"
            tasks.cancel_scope.cancel()


async def test_an_id_is_free_again_when_its_call_has_ended() -> None:
    async with site() as running:
        session = await running.open_session()
        for text in "abcdefghijklmnopqrstuvwxyz":
            _, answer = await running.ask(call(5, "echo", {"text": text}, modern=False), **session)
            assert answer["result"]["content"][0]["text"] == text


async def test_an_id_stays_in_use_while_its_call_runs_on_after_the_client_left() -> None:
    """Else the answer to the first request would reach whoever sends the second."""
    async with site() as running:
        session = await running.open_session()
        async with running.post(call(5, "hold", modern=False), **session):
            await running.events.started.wait()
        echo = call(5, "echo", {"text": "mine"}, modern=False)
        status, answer = await running.ask(echo, **session)
        assert (status, answer["error"]["code"]) == (400, -32600)
        running.events.released.set()
        while status == 400:
            await anyio.sleep(0.01)
            status, answer = await running.ask(echo, **session)
        assert answer["result"]["content"][0]["text"] == "mine"


async def test_a_cancelled_request_ends_its_post_and_frees_its_id() -> None:
    async with site() as running:
        session = await running.open_session()
        answers: list[Any] = []

        async def hold() -> None:
            answers.append(await running.ask(call(5, "wait", modern=False), **session))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hold)
            await running.events.started.wait()
            cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
            assert (await running.ask(cancel, **session))[0] == 202
        assert answers[0][1]["id"] == 5
        status, answer = await running.ask(call(5, "echo", {"text": "mine"}, modern=False), **session)
        assert (status, answer["result"]["content"][0]["text"]) == (200, "mine")


async def test_the_id_of_the_sdk_s_own_stream_is_refused() -> None:
    async with site() as running:
        session = await running.open_session()
        status, answer = await running.ask({**call(0, "echo", modern=False), "id": "_GET_stream"}, **session)
        assert (status, answer["error"]["code"]) == (400, -32600)


@pytest.mark.parametrize("modern", [False, True], ids=["stateless", "modern"])
async def test_without_sessions_each_request_gets_its_own_answer_whatever_its_id(modern: bool) -> None:
    """Clients that know nothing of each other all count from 1."""
    async with site(stateless=not modern) as running:
        headers = modern_headers("echo") if modern else {"mcp-protocol-version": LEGACY}
        waiting = modern_headers("wait") if modern else headers
        async with running.post(call(5, "wait", {"notes": 1}, modern=modern, token="t"), **waiting) as response:
            await running.events.started.wait()
            status, answer = await running.ask(call(5, "echo", {"text": "mine"}, modern=modern), **headers)
            assert (status, answer["result"]["content"][0]["text"]) == (200, "mine")
            assert response.status_code == 200


async def test_where_there_are_no_sessions_a_cancel_is_refused_and_not_ignored() -> None:
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}}
    async with site(stateless=True) as running:
        status, answer = await running.ask(cancel, **{"mcp-protocol-version": LEGACY})
        assert status == 400
        assert "close the connection" in answer["error"]["message"]
        other = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert (await running.ask(other, **{"mcp-protocol-version": LEGACY}))[0] == 202


# what a client accepts

HELLO = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
INITIALIZE: Json = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}


async def _post(running: Site, message: Json, accept: str | None, **headers: str) -> httpx2.Response:
    request = running.client.build_request("POST", "/mcp", json=message, headers=headers)
    del request.headers["accept"]
    if accept is not None:
        request.headers["accept"] = accept
    return await running.client.send(request)


@pytest.mark.parametrize(
    "accept",
    [None, "", "application/json", "application/*", "Application/JSON; charset=utf-8", "text/html, application/json",
     "application/json, text/event-stream;q=0"],
)  # fmt: skip
@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
async def test_who_takes_json_only_gets_one_json_object(accept: str | None, modern: bool) -> None:
    async with site() as running:
        headers = modern_headers("note") if modern else {"mcp-protocol-version": LEGACY}
        if not modern:
            hello = await _post(running, INITIALIZE, accept)
            assert hello.json()["result"]["serverInfo"]["name"] == "fixture"
            headers["mcp-session-id"] = hello.headers["mcp-session-id"]
        answer = await _post(running, call(1, "note", modern=modern, token="t"), accept, **headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert answer.json()["id"] == 1
        assert answer.json()["result"]["content"][0]["text"] == "noted"


@pytest.mark.parametrize("accept", ["text/event-stream", "text/*", "text/event-stream, application/json;q=0"])
@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
async def test_who_takes_events_only_gets_events(accept: str, modern: bool) -> None:
    async with site() as running:
        headers = modern_headers("echo") if modern else await running.open_session()
        answer = await _post(running, call(1, "echo", {"text": "hi"}, modern=modern), accept, **headers)
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert _answer(answer)["result"]["content"][0]["text"] == "hi"


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "*/*;q=0"])
async def test_who_takes_neither_is_told_so_and_gets_no_session(accept: str) -> None:
    async with site() as running:
        answer = await _post(running, INITIALIZE, accept)
        assert answer.status_code == 406
        assert "text/event-stream" in answer.json()["error"]["message"]
        assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize(
    "message", [b"nonsense", {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}], ids=["bytes", "order"]
)
async def test_a_refused_request_hands_out_no_session(message: Json | bytes) -> None:
    async with site() as running, running.post(message) as response:
        assert response.status_code == 400
        assert "mcp-session-id" not in response.headers


async def test_a_json_answer_that_takes_long_keeps_its_connection_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventSourceResponse, "DEFAULT_PING_INTERVAL", 0.05)
    monkeypatch.setattr(_streamable_http_modern, "_SSE_PING_INTERVAL", 0.05)
    async with site() as running:
        message = call(1, "hold", modern=True)
        headers = {"accept": "application/json", **modern_headers("hold")}
        async with running.post(message, **headers) as response:
            assert response.headers["content-type"] == "application/json"
            pieces = response.aiter_bytes()
            assert not (await anext(pieces)).strip()
            running.events.released.set()
            body = b"".join([piece async for piece in pieces])
        assert json.loads(body)["result"]["content"][0]["text"] == "held"


async def test_a_client_that_takes_json_only_cancels_by_leaving() -> None:
    async with site() as running:
        message = call(1, "wait", {"notes": 1}, modern=True, token="t")
        with anyio.move_on_after(0.5):
            await _post(running, message, "application/json", **modern_headers("wait"))
        await running.events.cancelled.wait()
