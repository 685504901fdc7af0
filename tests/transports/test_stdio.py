from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import pytest

from anymodel_mcp.config import Limits
from anymodel_mcp.transports import pipes, stdio
from anymodel_mcp.transports.framing import LineSplitter
from anymodel_mcp.transports.pipes import ByteReader
from anymodel_mcp.transports.stdio import run_stdio, serve_stdio
from tests.transports.servers import Events, build
from tests.waiting import HANG_S

Json = dict[str, Any]

ENVELOPE: Json = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
HELLO: Json = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


class Wire:
    """The host's ends of the pipes."""

    def __init__(self, writing: int, reading: int, events: Events) -> None:
        self._writing = writing
        self._reader = ByteReader(reading)
        self._splitter = LineSplitter(1 << 30)
        self._lines: list[Any] = []
        self.events = events

    async def send(self, *messages: Json | bytes) -> None:
        data = b"".join(m if isinstance(m, bytes) else json.dumps(m).encode() + b"\n" for m in messages)
        await anyio.to_thread.run_sync(_write_whole, self._writing, data)

    async def receive(self) -> Json:
        while not self._lines:
            data = await self._reader.read()
            if not data:
                raise EOFError
            self._lines += self._splitter.feed(data)
        return json.loads(self._lines.pop(0))

    async def ask(self, number: int | str, method: str, params: Json | None = None, *, modern: bool = False) -> Json:
        await self.send(request(number, method, params, modern=modern))
        return await self.receive()

    async def greet(self) -> None:
        await self.ask(0, "initialize", HELLO)
        await self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def hang_up(self) -> None:
        os.close(self._writing)
        self._writing = -1


def _write_whole(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def request(number: int | str, method: str, params: Json | None = None, *, modern: bool = False) -> Json:
    params = dict(params or {})
    if modern:
        params["_meta"] = ENVELOPE | params.get("_meta", {})
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def call(number: int | str, tool: str, *, modern: bool = False, **arguments: object) -> Json:
    return request(number, "tools/call", {"name": tool, "arguments": arguments}, modern=modern)


@asynccontextmanager
async def connected(limits: Limits = Limits()) -> AsyncGenerator[Wire]:  # noqa: B008 - frozen
    server_in, host_out = os.pipe()
    host_in, server_out = os.pipe()
    events = Events()
    wire = Wire(host_out, host_in, events)
    codes: list[int] = []

    async def serve() -> None:
        codes.append(await serve_stdio(build(events), limits, stdin=server_in, stdout=server_out))
        os.close(server_out)

    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve)
            try:
                yield wire
            finally:
                if wire._writing >= 0:  # pyright: ignore[reportPrivateUsage] of this file
                    wire.hang_up()
    assert codes == [0]
    assert (events.opened, events.closed) == (1, 1)
    os.close(server_in)
    os.close(host_in)


def text_of(answer: Json) -> str:
    return answer["result"]["content"][0]["text"]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_every_older_version_is_served(version: str) -> None:
    async with connected() as wire:
        answer = await wire.ask(1, "initialize", HELLO | {"protocolVersion": version})
        assert answer["result"]["protocolVersion"] == version
        await wire.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert text_of(await wire.ask(2, "tools/call", {"name": "echo", "arguments": {"text": "hi"}})) == "hi"


async def test_both_eras_are_served_on_one_pipe() -> None:
    async with connected() as wire:
        found = await wire.ask("a", "server/discover", modern=True)
        assert found["result"]["supportedVersions"] == ["2026-07-28"]
        assert (await wire.ask("b", "initialize", HELLO))["result"]["protocolVersion"] == "2025-06-18"
        await wire.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        await wire.send(call(1, "echo", text="old"), call(2, "echo", modern=True, text="new"))
        answers = {answer["id"]: answer for answer in [await wire.receive(), await wire.receive()]}
        assert text_of(answers[1]) == "old"
        assert "resultType" not in answers[1]["result"]
        assert text_of(answers[2]) == "new"
        assert answers[2]["result"]["resultType"] == "complete"


async def test_an_envelope_that_lacks_a_part_is_refused() -> None:
    async with connected() as wire:
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
        assert (await wire.ask(1, "tools/list", {"_meta": meta}))["error"]["code"] == -32602


async def test_an_unknown_modern_version_is_refused_with_those_that_are_served() -> None:
    async with connected() as wire:
        meta = ENVELOPE | {"io.modelcontextprotocol/protocolVersion": "2030-01-01"}
        error = (await wire.ask(1, "tools/list", {"_meta": meta}))["error"]
        assert error["code"] == -32022
        assert error["data"]["supported"] == ["2026-07-28"]


async def test_a_request_before_the_handshake_is_refused() -> None:
    async with connected() as wire:
        assert "error" in await wire.ask(1, "tools/list")


@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
async def test_a_thousand_pipelined_calls_are_each_answered_once(modern: bool) -> None:
    async with connected() as wire:
        await wire.greet()
        answers: list[Json] = []
        async with anyio.create_task_group() as tasks:
            sent = [call(n, "echo", modern=modern, text=f"n {n}") for n in range(1000)]
            tasks.start_soon(wire.send, *sent)
            while len(answers) < 1000:
                answers.append(await wire.receive())
        assert {answer["id"]: text_of(answer) for answer in answers} == {n: f"n {n}" for n in range(1000)}


async def test_where_pipes_cannot_be_watched_threads_serve_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes.sys, "platform", "win32")
    async with connected() as wire:
        await wire.greet()
        await wire.send(*[call(n, "big", size=20_000) for n in range(100)])
        answers = [await wire.receive() for _ in range(100)]
        assert sorted(answer["id"] for answer in answers) == list(range(100))
        assert {len(text_of(answer)) for answer in answers} == {20_000}


async def test_a_host_that_reads_late_gets_every_answer_whole() -> None:
    async with connected() as wire:
        await wire.greet()
        await wire.send(*[call(n, "big", size=100_000) for n in range(64)])
        await anyio.wait_all_tasks_blocked()
        answers = [await wire.receive() for _ in range(64)]
        assert sorted(answer["id"] for answer in answers) == list(range(64))
        assert {len(text_of(answer)) for answer in answers} == {100_000}


BAD_LINES = [
    (b"nonsense\n", -32700),
    (b"[]\n", -32600),
    (b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}\n', -32600),
    (b"\x00\x00\n", -32700),
    (b"\xff\xfe\xfa\n", -32700),
]


@pytest.mark.parametrize(("line", "code"), BAD_LINES, ids=["syntax", "batch", "null id", "NUL", "bytes"])
async def test_a_bad_line_is_answered_and_the_next_call_works(line: bytes, code: int) -> None:
    async with connected() as wire:
        await wire.greet()
        await wire.send(line, b"\n", call(1, "echo", text="still here"))
        error = await wire.receive()
        assert error["id"] is None
        assert error["error"]["code"] == code
        assert text_of(await wire.receive()) == "still here"


async def test_a_line_that_is_too_long_is_refused_under_its_id() -> None:
    async with connected(Limits(max_line_bytes=10_000)) as wire:
        await wire.greet()
        await wire.send(call(5, "echo", text="x" * 50_000), call(6, "echo", text="short"))
        error = await wire.receive()
        assert error["id"] == 5
        assert "limits.max_line_bytes" in error["error"]["message"]
        assert text_of(await wire.receive()) == "short"


async def test_lone_surrogates_are_replaced_in_and_out() -> None:
    async with connected() as wire:
        await wire.greet()
        await wire.send(json.dumps(call(1, "echo", text="<\udfff>")).encode() + b"\n")
        assert text_of(await wire.receive()) == "<\ufffd>"
        assert text_of(await wire.ask(2, "tools/call", {"name": "lone"})) == "a\U0001f600b\ufffdc"


@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
async def test_a_leaking_cancellation_costs_one_answer_only(modern: bool) -> None:
    async with connected() as wire:
        await wire.greet()
        answer = await wire.ask(1, "tools/call", {"name": "leak"}, modern=modern)
        assert answer["error"] == {"code": -32603, "message": "Internal server error"}
        assert text_of(await wire.ask(2, "tools/call", {"name": "echo", "arguments": {"text": "on"}})) == "on"


@pytest.mark.parametrize("modern", [False, True], ids=["legacy", "modern"])
async def test_a_cancelled_call_stops_and_is_never_answered(modern: bool) -> None:
    async with connected() as wire:
        await wire.greet()
        await wire.send(call(7, "wait", modern=modern))
        await wire.events.started.wait()
        await wire.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}})
        await wire.events.cancelled.wait()
        assert (await wire.ask(8, "tools/call", {"name": "echo", "arguments": {"text": "x"}}))["id"] == 8
        wire.hang_up()
        with pytest.raises(EOFError):
            await wire.receive()


@pytest.mark.parametrize("rest", [{"requestId": 1}, {"requestId": "nobody"}, {}, {"requestId": None}], ids=str)
async def test_a_cancel_for_nobody_is_ignored(rest: Json) -> None:
    async with connected() as wire:
        await wire.greet()
        await wire.ask(1, "tools/call", {"name": "echo", "arguments": {"text": "x"}})
        await wire.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": rest})
        assert (await wire.ask(2, "tools/call", {"name": "echo", "arguments": {"text": "y"}}))["id"] == 2


async def test_progress_comes_before_the_end_and_only_with_a_token() -> None:
    async with connected() as wire:
        await wire.greet()
        params: Json = {"name": "wait", "arguments": {"notes": 3}}
        await wire.send(request(1, "tools/call", params | {"_meta": {"progressToken": "t"}}))
        notes = [await wire.receive() for _ in range(3)]
        assert [note["params"]["message"] for note in notes] == ["note 0", "note 1", "note 2"]
        await wire.send(request(2, "tools/call", params))
        assert (await wire.ask(3, "ping"))["id"] == 3


async def test_what_is_printed_misses_the_wire(capsys: pytest.CaptureFixture[str]) -> None:
    async with connected() as wire:
        await wire.greet()
        assert text_of(await wire.ask(1, "tools/call", {"name": "shout"})) == "said"


async def test_answers_under_way_still_come_after_the_host_hung_up() -> None:
    async with connected() as wire:
        await wire.greet()
        await wire.send(*[call(n, "echo", text="last") for n in range(20)])
        wire.hang_up()
        assert [text_of(await wire.receive()) for _ in range(20)] == ["last"] * 20


async def test_a_hang_up_ends_calls_that_would_last() -> None:
    async with connected() as wire:
        await wire.greet()
        await wire.send(call(1, "wait"))
        await wire.events.started.wait()
        wire.hang_up()
        await wire.events.cancelled.wait()


async def test_a_host_that_closes_its_reading_end_ends_the_server() -> None:
    server_in, host_out = os.pipe()
    host_in, server_out = os.pipe()
    events = Events()
    os.close(host_in)
    os.write(host_out, b"nonsense\n")
    with anyio.fail_after(HANG_S):
        stops: list[int] = []
        served = serve_stdio(
            build(events), Limits(), stdin=server_in, stdout=server_out, on_stop=lambda: stops.append(events.closed)
        )
        assert await served == 0
    assert events.closed == 1
    assert stops[0] == 0
    for fd in (server_in, host_out, server_out):
        os.close(fd)


# as a process


def start(kind: str = "stdio") -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.transports.servers", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def start_waiting() -> subprocess.Popen[bytes]:
    """A server that is busy with a call that lasts for ever."""
    process = start()
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(json.dumps(call(1, "wait", modern=True)).encode() + b"\n")
    process.stdin.flush()
    assert process.stderr.readline() == b"<started>\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_a_signal_ends_the_process_cleanly_while_stdin_stays_open(number: signal.Signals) -> None:
    process = start_waiting()
    process.send_signal(number)
    assert process.stderr is not None
    assert process.wait(HANG_S) == 0
    assert process.stderr.read() == b"<cancelled>\n<closed>\n"
    process.communicate()


def test_the_end_of_stdin_ends_the_process_cleanly() -> None:
    process = start_waiting()
    _, said = process.communicate(timeout=HANG_S)
    assert process.returncode == 0
    assert said == b"<cancelled>\n<closed>\n"


@pytest.mark.parametrize("end", ["signal", "end of stdin"])
def test_a_clean_up_that_hangs_does_not_keep_the_process(end: str) -> None:
    process = start("stuck")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request(1, "tools/list", modern=True)).encode() + b"\n")
    process.stdin.flush()
    assert process.stdout.readline()
    if end == "signal":
        process.terminate()
        assert process.wait(HANG_S) == 0
    process.communicate(timeout=HANG_S)
    assert process.returncode == 0


def test_a_closed_stdin_ends_the_process_at_once() -> None:
    command = ["sh", "-c", 'exec "$0" -m tests.transports.servers stdio <&-', sys.executable]
    done = subprocess.run(command, capture_output=True, timeout=HANG_S, check=False)
    assert done.returncode == 0
    assert done.stdout == b""


def test_a_closed_stdout_is_one_sentence() -> None:
    command = ["sh", "-c", 'exec "$0" -m tests.transports.servers stdio >&-', sys.executable]
    done = subprocess.run(command, capture_output=True, timeout=HANG_S, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"standard input and output cannot be used" in done.stderr


def test_an_interrupt_where_signals_come_as_exceptions_is_a_normal_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*arguments: object, **named: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(stdio, "serve_stdio", interrupted)
    assert run_stdio(partial(build, Events()), Limits()) == 0
