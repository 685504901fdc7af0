"""What clients may leave open over HTTP: connections, half-sent heads, unfinished bodies, sessions, log lines."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import anyio
import pytest
from anyio.abc import SocketStream

from anymodel_mcp.config import HttpSettings, Secret
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.transports import bodies
from anymodel_mcp.transports.bodies import read_body
from anymodel_mcp.transports.body_budget import BodyBudget
from anymodel_mcp.transports.connections import ConnectionTable
from anymodel_mcp.transports.cors import Message
from anymodel_mcp.transports.guards import Denial, require_token
from anymodel_mcp.transports.log_limit import LogLimit
from anymodel_mcp.transports.session_table import SessionTable
from tests.transports.test_http import LEGACY, call, modern_headers, site
from tests.waiting import HANG_S

HALF_A_HEAD = b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\n"


def _receive(client: socket.socket) -> bytes:
    """The beginning of what comes; empty at the end."""
    try:
        return client.recv(12)
    except ConnectionResetError:
        return b""


# connections


class Connection:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_the_connection_that_waited_longest_makes_room() -> None:
    table = ConnectionTable(3, 3)
    first, second, third, fourth = (Connection() for _ in range(4))
    for connection in (first, second, third):
        assert table.admit(connection, "a")
    table.set_busy(first)
    assert table.admit(fourth, "b")
    assert [c.closed for c in (first, second, third, fourth)] == [False, True, False, False]
    table.set_waiting(first)  # it waits for less long than the third
    assert table.admit(Connection(), "b")
    assert [c.closed for c in (first, third, fourth)] == [False, True, False]


def test_one_address_takes_no_room_from_others() -> None:
    table = ConnectionTable(10, 2)
    mine, other = [Connection() for _ in range(3)], Connection()
    assert table.admit(other, "b")
    assert all(table.admit(connection, "a") for connection in mine)
    assert [c.closed for c in (*mine, other)] == [True, False, False, False]


def test_where_all_are_busy_a_new_connection_is_refused_until_one_ends() -> None:
    table = ConnectionTable(2, 2)
    busy = [Connection(), Connection()]
    for connection in busy:
        assert table.admit(connection, "a")
        table.set_busy(connection)
    assert not table.admit(Connection(), "a")
    assert not table.admit(Connection(), "b")
    table.forget(busy[0])
    assert table.admit(Connection(), "b")
    assert not any(connection.closed for connection in busy)


@contextmanager
def half_open(port: int, count: int, said: bytes) -> Generator[list[socket.socket]]:
    """Clients that begin and say no more."""
    with ExitStack() as stack:
        found: list[socket.socket] = []
        for _ in range(count):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=HANG_S))
            sock.sendall(said)
            found.append(sock)
        yield found


@pytest.mark.parametrize("said", [b"", b"P", HALF_A_HEAD], ids=["nothing", "a letter", "half a head"])
async def test_half_sent_heads_keep_nobody_out(said: bytes) -> None:
    async with site(connections=ConnectionTable(20, 20)) as running:
        with half_open(running.port, 60, said) as clients:
            for number in range(30):
                _, answer = await running.ask(
                    call(number, "echo", {"text": "hi"}, modern=True), **modern_headers("echo")
                )
                assert answer["result"]["content"][0]["text"] == "hi"
            for client in clients[:30]:
                assert await anyio.to_thread.run_sync(_receive, client) == b""


async def test_an_answered_connection_whose_body_never_comes_makes_room() -> None:
    refused = b"POST /nowhere HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 9\r\n\r\n"
    async with site(connections=ConnectionTable(10, 10)) as running:
        with half_open(running.port, 20, refused):
            status, _ = await running.ask(call(1, "echo", {"text": "hi"}, modern=True), **modern_headers("echo"))
            assert status == 200


async def test_where_all_connections_are_busy_the_next_is_told_so() -> None:
    async with site(connections=ConnectionTable(1, 1)) as running:
        message = call(1, "wait", {"notes": 1}, modern=True, token="t")
        async with running.post(message, **modern_headers("wait")):
            await running.events.started.wait()
            async with await anyio.connect_tcp("127.0.0.1", running.port) as other:
                assert (await _read_all(other)).startswith(b"HTTP/1.1 503 ")


async def _read_all(stream: SocketStream) -> bytes:
    data = b""
    with anyio.fail_after(HANG_S):
        try:
            while True:
                data += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return data


# bodies


class Pieces:
    """A `receive` that returns the given messages, then waits."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)
        self.asked = anyio.Event()

    async def __call__(self) -> Message:
        if not self._pieces:
            self.asked.set()
            await anyio.sleep_forever()
        return {"type": "http.request", "body": self._pieces.pop(0), "more_body": True}


async def test_the_unfinished_body_that_stands_still_longest_is_given_up_for_one_that_arrives() -> None:
    budget = BodyBudget(100, 100)
    ended: list[bytes | Denial] = []

    async def read(pieces: Pieces) -> None:
        ended.append(await read_body(pieces, None, 1000, budget, "a"))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            left = Pieces(b"x" * 40)
            tasks.start_soon(read, left)
            await left.asked.wait()
        await anyio.wait_all_tasks_blocked()
        assert [e.status for e in ended if isinstance(e, Denial)] == [503]
        tasks.cancel_scope.cancel()


async def test_one_address_takes_no_room_for_bodies_from_others() -> None:
    budget = BodyBudget(100, 50)
    ended: list[str] = []

    async def read(pieces: Pieces, address: str) -> None:
        if isinstance(await read_body(pieces, None, 1000, budget, address), Denial):
            ended.append(address)

    async with anyio.create_task_group() as tasks:
        for address in ("b", "a", "a"):
            left = Pieces(b"x" * 40)
            tasks.start_soon(read, left, address)
            await left.asked.wait()
        await anyio.wait_all_tasks_blocked()
        assert ended == ["a"]
        tasks.cancel_scope.cancel()


async def test_a_body_that_alone_is_too_much_is_refused() -> None:
    refused = await read_body(Pieces(b"x" * 60), None, 1000, BodyBudget(100, 50), "a")
    assert isinstance(refused, Denial)
    assert refused.status == 503


async def test_unfinished_bodies_over_the_wire_are_bounded_and_the_next_one_arrives() -> None:
    begun = b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 90000\r\n\r\n"
    async with site(max_body_bytes=100_000) as running:
        with half_open(running.port, 8, begun + b" " * 60_000) as clients:
            text = "x" * 80_000
            _, answer = await running.ask(call(1, "echo", {"text": text}, modern=True), **modern_headers("echo"))
            assert answer["result"]["content"][0]["text"] == text
            for client in clients[:5]:
                assert await anyio.to_thread.run_sync(_receive, client) == b"HTTP/1.1 503"


async def test_a_body_may_not_trickle_for_ever() -> None:
    async def trickle() -> Message:
        await anyio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with anyio.fail_after(HANG_S):
        refused = await read_body(trickle, None, 10**9, BodyBudget(10**9, 10**9), "a", bodies.ClientTimes(body_s=0.2))
    assert isinstance(refused, Denial)
    assert (refused.status, bodies.CLOSE in refused.headers) == (408, True)


async def test_both_lengths_of_a_body_are_refused_and_the_connection_ends() -> None:
    smuggled = (
        b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 4\r\n"
        b"transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    )
    async with site() as running, await anyio.connect_tcp("127.0.0.1", running.port) as client:
        await client.send(smuggled)
        answer = await _read_all(client)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("depth", [150, 189, 195, 250, 900, 100_000])
@pytest.mark.parametrize("text", ['"x"', '"\\ud800"'], ids=["plain", "surrogate"])
@pytest.mark.parametrize("member", ['"id":1,"method":"ping","params"', '"id":1,"result"'], ids=["request", "answer"])
async def test_deep_json_is_refused_whatever_its_text(depth: int, text: str, member: str) -> None:
    body = f'{{"jsonrpc":"2.0",{member}:{{"a":{"[" * depth}{text}{"]" * depth}}}}}'.encode()
    async with site() as running:
        session = await running.open_session()
        status, answer = await running.ask(body, **session)
        if depth <= 150:
            assert status in (200, 202)
        else:
            assert status in (200, 202, 400)
            assert status == 202 or status == 200 or answer["error"]["code"] in (-32600, -32700)
        assert (await running.ask(call(2, "echo", {"text": "hi"}, modern=False), **session))[0] == 200


# sessions


async def test_the_session_that_was_idle_longest_ends_for_a_new_one() -> None:
    async with site(max_sessions=4) as running:
        sessions = [await running.open_session() for _ in range(2)]
        echo = call(1, "echo", {"text": "hi"}, modern=False)
        assert (await running.ask(echo, **sessions[0]))[0] == 200  # the second is now idle for longer
        new = await running.open_session()
        assert [(await running.ask(echo, **s))[0] for s in (sessions[0], sessions[1], new)] == [200, 404, 200]


async def test_a_session_with_an_open_request_is_never_ended() -> None:
    async with site(max_sessions=2) as running:
        session = await running.open_session()
        hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        async with running.post(call(1, "hold", modern=False), **session):
            await running.events.started.wait()
            status, answer = await running.ask({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
            assert (status, answer["error"]["message"]) == (503, "Too many sessions are open.")
            running.events.released.set()
        while status == 503:
            await anyio.sleep(0.01)
            status, _ = await running.ask({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello})
        assert status == 200


async def test_many_more_sessions_than_there_is_room_for_are_all_opened() -> None:
    async with site(max_sessions=10) as running:
        sessions = [await running.open_session() for _ in range(40)]
        assert (await running.ask(call(1, "echo", {"text": "hi"}, modern=False), **sessions[-1]))[0] == 200


async def test_one_address_ends_only_its_own_sessions() -> None:
    ended: list[str] = []

    async def end(name: str) -> None:
        ended.append(name)

    async def send(message: Message) -> None:
        """Goes nowhere."""

    table = SessionTable(end, 10, 2)
    for number, address in enumerate(["b", "a", "a", "a"]):
        assert await table.make_room(address)
        headers = [(b"mcp-session-id", str(number).encode())]
        await table.watch(send, address)({"type": "http.response.start", "status": 200, "headers": headers})
    assert ended == ["1"]


async def test_what_opens_a_session_is_small() -> None:
    hello = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "x" * 100_000, "version": "1"}}
    async with site() as running:
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
        assert (await running.ask(json.dumps(message).encode()))[0] == 413


# tokens and log lines


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_token_that_can_be_guessed_is_refused_and_not_shown(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_token(HttpSettings(host=host, token=Secret("q")))
    assert "too short: 1 of at least 8" in caught.value.failure.message
    assert "ANYMODEL_HTTP_TOKEN" in caught.value.failure.message


def test_log_lines_of_one_kind_are_limited_and_counted() -> None:
    now = 0.0
    limit = LogLimit(most=2, window_s=60, clock=lambda: now)
    written: list[str] = []

    def log(text: str, *arguments: object) -> None:
        record = logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, text, arguments, None)
        if limit.filter(record):
            written.append(record.getMessage())

    for number in range(10):
        log("connection %d refused", number)
    log("something else")
    assert written == ["connection 0 refused", "connection 1 refused", "something else"]
    now = 61.0
    log("connection %d refused", 10)
    assert written[-1] == "connection 10 refused (8 more like this were left out)"
