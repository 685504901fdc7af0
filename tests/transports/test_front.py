"""The front and the server give the same bytes: the same lines are sent to the server with and without the front."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from anymodel_mcp import front
from anymodel_mcp.app import build_server
from anymodel_mcp.config import Limits, Settings, StoreSettings, read_settings
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.server.server import AnyModelServer
from anymodel_mcp.transports.handover import Handover
from anymodel_mcp.transports.stdio import serve_stdio
from tests.serving import MEASURE_CHILDREN, child_environment
from tests.waiting import HANG_S

Json = dict[str, Any]

META = "io.modelcontextprotocol/"
MODERN: Json = {f"{META}protocolVersion": "2026-07-28", f"{META}clientCapabilities": {}}
LISTS = ("tools/list", "resources/list", "resources/templates/list", "prompts/list")
KEY = "sk-5wQ9-27ab84f06d31"
LAST = b'{"jsonrpc":"2.0","id":"last","method":"tools/call","params":{"name":"no_such_tool","arguments":{}}}\n'
"""No part of a greeting; whoever answers it is the server."""


def line(method: str, id: Any = None, **params: Any) -> bytes:
    message: Json = {"jsonrpc": "2.0", "id": id, "method": method, "params": params}
    if id is None:
        del message["id"]
    if not params:
        del message["params"]
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def hello(id: Any = 0, version: str = "2025-06-18", capabilities: Json | None = None, **client: Any) -> bytes:
    info = {"name": "t", "version": "1"} | client
    return line("initialize", id, protocolVersion=version, capabilities=capabilities or {}, clientInfo=info)


def modern(method: str, id: Any, meta: Json | None = None, **params: Any) -> bytes:
    return line(method, id, **params, _meta=MODERN | (meta or {}))


INITIALIZED = line("notifications/initialized")


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of this process: an empty home, and a key."""
    monkeypatch.delenv(MEASURE_CHILDREN)  # coverage imports much in a process, and handles signals itself
    environ = child_environment(tmp_path / "none.toml", tmp_path) | {"OPENAI_API_KEY": KEY}
    environ["ANYMODEL_SERVER_PRELOAD"] = "call"  # no thread of this process builds a server
    del environ["ANYMODEL_CONFIG"]
    for name in os.environ:
        if name not in environ and not name.startswith(("PYTEST", "COVERAGE")):
            monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return environ


class Pair:
    """The server with and without its front, over one configuration."""

    def __init__(self, config: str | None = None) -> None:
        self.front = front.Server(config)
        self.server = self._build(config)

    def _build(self, config: str | None) -> AnyModelServer:
        """Builds the server as `cli.serve` does, without what that does to the process."""
        try:
            return build_server(read_settings(os.environ, config))
        except ConfigError as error:
            return build_server(Settings(store=StoreSettings(enabled=False)), config_error=error)

    async def without_front(self, *lines: bytes) -> list[bytes]:
        server_in, client_out = os.pipe()
        writer = _start_writing(client_out, [b"".join(lines)])
        answers = await _serve(self.server, Handover(server_in, _OUT), os.pipe())
        writer.join()
        return answers

    async def with_front(self, *pieces: bytes) -> tuple[list[bytes], bytes]:
        """The answers, and what the front left to the server."""
        server_in, client_out = os.pipe()
        pipe = os.pipe()
        writer = _start_writing(client_out, pieces)
        handover = await anyio.to_thread.run_sync(front.greet, server_in, pipe[1], self.front)
        answers = await _serve(self.server, handover, pipe)
        writer.join()
        return answers, handover.rest

    async def check(self, *lines: bytes) -> bytes:
        """Compares the answers; returns what the front left to the server.

        Answers may come in another order: the server answers several requests at a time, the front one by one.
        """
        expected = await self.without_front(*lines, LAST)
        answers, rest = await self.with_front(b"".join([*lines, LAST]))
        assert sorted(answers) == sorted(expected), lines
        return rest


_OUT = -1


def _start_writing(fd: int, pieces: Sequence[bytes]) -> threading.Thread:
    def write() -> None:
        for piece in pieces:
            os.write(fd, piece)
            if len(pieces) > 1:
                time.sleep(0.0002)  # so that the reader mostly gets the pieces apart
        os.close(fd)

    writer = threading.Thread(target=write)
    writer.start()
    return writer


async def _serve(server: AnyModelServer, handover: Handover, pipe: tuple[int, int]) -> list[bytes]:
    client_in, server_out = pipe
    handover.stdout = server_out
    with anyio.fail_after(HANG_S), os.fdopen(client_in, "rb") as stream:
        await serve_stdio(server, Limits(), handover=handover)
        os.close(server_out)
        os.close(handover.stdin)
        return stream.read().splitlines(keepends=True)


VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28", "1999-01-01")


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_gets_the_bytes_of_the_server(version: str, environ: dict[str, str]) -> None:
    pair = Pair()
    lists = [line(method, number) for number, method in enumerate((*LISTS, "ping"))]
    rest = await pair.check(hello("hello", version), INITIALIZED, *lists)
    assert rest == LAST, "the front answers all of it"
    assert await pair.check(hello("hello", version), INITIALIZED, line("server/discover", 7)) != LAST


async def test_the_revision_without_a_handshake_gets_the_bytes_of_the_server(environ: dict[str, str]) -> None:
    pair = Pair()
    lists = [modern(method, number) for number, method in enumerate(("server/discover", *LISTS))]
    assert await pair.check(*lists, *reversed(lists)) == LAST
    mixed = [modern("server/discover", "a"), hello("b"), INITIALIZED, line("tools/list", "c"), modern("tools/list", 4)]
    assert await pair.check(*mixed) == LAST


IDS = (0, -1, 7, 2**53, "", "7", 'a"b\\c', "\u2028é😀", "x" * 300, "\x01\t\x7f")
ODD_IDS = (1.5, True, 2**53 + 1, 2**70, [1], {"a": 1})


async def test_ids_come_back_as_they_were_sent(environ: dict[str, str]) -> None:
    pair = Pair()
    for id in IDS:
        assert await pair.check(hello(id), INITIALIZED, line("tools/list", "other")) == LAST
        assert await pair.check(modern("prompts/list", id)) == LAST
    for id in ODD_IDS:
        assert await pair.check(hello(id), INITIALIZED, line("tools/list", 1)) != LAST
        assert await pair.check(hello(0), INITIALIZED, line("ping", id)) != LAST


PING = line("ping", 1)
LEFT_TO_THE_SERVER: dict[str, bytes] = {
    "batch": b"[" + PING.strip() + b"]\n",
    "empty batch": b"[]\n",
    "broken": b"{\n",
    "cut": PING[:-4] + b"\n",
    "not UTF-8": b"\xff\n",
    "BOM": b"\xef\xbb\xbf" + PING,
    "UTF-16": PING.decode().strip().encode("utf-16-le") + b"\n",
    "two values": PING.strip() + b" {}\n",
    "NaN": line("ping", 1, x=float("nan")),
    "null id": b'{"jsonrpc":"2.0","id":null,"method":"ping"}\n',
    "two ids": b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}\n',
    "half of a pair": b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}\n',
    "null params": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":null}\n',
    "list params": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}\n',
    "other version of JSON-RPC": b'{"jsonrpc":"1.0","id":1,"method":"ping"}\n',
    "no version": b'{"id":1,"method":"ping"}\n',
    "no method": b'{"jsonrpc":"2.0","id":1}\n',
    "an answer": b'{"jsonrpc":"2.0","id":1,"result":{}}\n',
    "unknown field": b'{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}\n',
    "deep": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}\n",
    "long": line("ping", 1, x="x" * 20_000),
    "cursor": line("tools/list", 1, cursor="x"),
    "unknown parameter": line("ping", 1, x=1),
    "bad progress token": line("ping", 1, _meta={"progressToken": None}),
    "second greeting": hello(9),
    "unknown notification": line("notifications/cancelled", requestId=4),
    "unknown method": line("tools/unknown", 1),
    "method of the other revision": modern("ping", 1),
    "handshake with an envelope": modern("initialize", 1),
    "log level": modern("tools/list", 1, {f"{META}logLevel": "debug"}),
    "trace": modern("tools/list", 1, {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}),
    "wrong version": modern("tools/list", 1, {f"{META}protocolVersion": "2025-06-18"}),
    "half an envelope": line("tools/list", 1, _meta={f"{META}protocolVersion": "2026-07-28"}),
    "list for one resource": modern("subscriptions/listen", 1, notifications={"resourceSubscriptions": ["a://b"]}),
    "subscription to nothing": modern("subscriptions/listen", 1),
    "unknown subscription": modern("subscriptions/listen", 1, notifications={"taskIds": ["x"]}),
}  # fmt: skip


async def test_what_is_not_known_exactly_goes_to_the_server(environ: dict[str, str]) -> None:
    pair = Pair()
    for name, odd in LEFT_TO_THE_SERVER.items():
        rest = await pair.check(hello(), INITIALIZED, PING, odd, line("ping", 2))
        assert rest.startswith(odd), name


async def test_a_greeting_out_of_order_gets_the_bytes_of_the_server(environ: dict[str, str]) -> None:
    pair = Pair()
    await pair.check(line("tools/list", 1))
    await pair.check(PING, hello())
    await pair.check(INITIALIZED, hello())
    await pair.check(hello(), INITIALIZED, hello(2, "2024-11-05"), line("tools/list", 3))
    assert await pair.check(hello(), line("tools/list", 1), INITIALIZED, INITIALIZED) == LAST
    assert await pair.check(b"\n", b" \r\n", hello().replace(b"\n", b"\r\n"), INITIALIZED, b"\t\n", PING) == LAST


CAPABILITIES: tuple[tuple[bool, Json], ...] = (
    (True, {"roots": {"listChanged": True}, "sampling": {}, "elicitation": {"form": {}, "url": {}}}),
    (True, {"roots": {}, "sampling": {"tools": {}, "context": {}}, "experimental": {"codex/auth-change": {}}}),
    (True, {"extensions": {f"{META}ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}}),
    (False, {"extensions": {f"{META}ui": {"mimeTypes": ["text/html"]}}}),
    (False, {"extensions": {f"{META}ui": {}}}),
    (False, {"tasks": {}}),
    (False, {"unknown": {}}),
    (False, {"unknown": 1}),
    (False, {"roots": None}),
    (False, {"roots": {"listChanged": "yes"}}),
    (False, {"roots": []}),
    (False, {"sampling": 1}),
    (False, {"experimental": {"a": 1}}),
)
CLIENTS: tuple[tuple[bool, Json], ...] = (
    (True, {"title": "T", "description": "d", "websiteUrl": "https://a.example"}),
    (True, {"icons": [{"src": "https://a.example/i.png", "mimeType": "image/png"}]}),
    (False, {"icons": "x"}),
    (False, {"version": None}),
    (False, {"name": 5}),
    (False, {"unknown": 1}),
)


async def test_what_clients_say_of_themselves_is_judged_as_the_server_does(environ: dict[str, str]) -> None:
    pair = Pair()
    for known, capabilities in CAPABILITIES:
        assert (await pair.check(hello(0, capabilities=capabilities), INITIALIZED) == LAST) == known, capabilities
        meta = {f"{META}clientCapabilities": capabilities}
        await pair.check(modern("server/discover", 1, meta), modern("tools/list", 2, meta))
    for known, client in CLIENTS:
        assert (await pair.check(hello(0, **client), INITIALIZED) == LAST) == known, client
        await pair.check(modern("tools/list", 1, {f"{META}clientInfo": {"name": "t", "version": "1"} | client}))


async def test_however_the_bytes_arrive_the_answers_are_the_same(environ: dict[str, str]) -> None:
    pair = Pair()
    lines = [
        hello(),
        INITIALIZED,
        *(line(m, n) for n, m in enumerate(LISTS, 1)),
        modern("tools/list", "ü"),
        b"{\n",
        LAST,
    ]
    whole = b"".join(lines)
    expected = sorted(await pair.without_front(whole))
    chance = random.Random(14)
    for count in (3, 12, 40):
        cuts = sorted(chance.sample(range(1, len(whole)), count))
        pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        assert sorted((await pair.with_front(*pieces))[0]) == expected
    assert sorted((await pair.with_front(whole[:-1]))[0]) == expected, "the last line has no end"


async def test_a_subscription_stays_open_and_is_acknowledged_once(environ: dict[str, str]) -> None:
    pair = Pair()
    listen = modern("subscriptions/listen", "s", notifications={"toolsListChanged": True, "promptsListChanged": False})
    empty = modern("subscriptions/listen", 2, notifications={})
    rest = await pair.check(modern("server/discover", 1), listen, empty, modern("tools/list", 3))
    assert rest == LAST


async def test_a_session_goes_on_after_the_handover(environ: dict[str, str]) -> None:
    """The server knows the handshake: without it, it would refuse the second list, and know no client."""
    pair = Pair()
    answers, _ = await pair.with_front(
        hello(5, "2024-11-05"), INITIALIZED, LAST, line("tools/list", 5), line("prompts/list", "5")
    )
    ids = [json.loads(answer)["id"] for answer in answers]
    assert ids == [5, "last", 5, "5"]
    assert json.loads(answers[0])["result"]["protocolVersion"] == "2024-11-05"


CONFIGURATIONS = {
    "aliases": 'default_model = "openai/gpt-5"\n[aliases]\nfast = "openai/x"\nsmart = ["openai/a", "openai/b"]',
    "prefix": '[tools]\nprefix = "any_"\n[prompts.standup]\ntext = "Write the standup."',
    "some tools": '[tools]\nenabled = ["embed", "speak"]',
    "prompts": '[prompts.standup]\ntext = "x"\ndescription = "Zeile — \\"ü\\""\n[prompts.pick_model]\ntext = "Pick."',
    "no prompts": "[prompts]\nenabled = false",
    "no views": "[views]\nenabled = false",
    "views of answers": '[views]\nchat = true\n[tools]\nprefix = "any_"',
    "media": '[providers.acedatacloud]\napi_key = "0123456789ab"',
    "media elsewhere": '[providers.work]\nbase_url = "https://a.example/v1"\nservices = ["suno", "audio"]',
    "more than fits": "[aliases]\n" + "".join(f'"alias-{n}" = "openai/{"m" * 40}{n}"\n' for n in range(60)),
    "names that need cleaning": '[aliases]\n"a\u200bb  c" = "openai/d\u202ee"',
    "key in a name": f'[aliases]\nx = "openai/{KEY}"',
    "limits": "[limits]\nsoft_deadline_s = 0",
    "not TOML": "default_model = ",
    "unknown key": 'defalt_model = "x"',
    "unknown tool": '[tools]\nenabled = ["chatt"]\nprefix = "any_"',
    "bad provider": '[providers.work]\nbase_url = "a.example"',
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_every_configuration_gets_the_bytes_of_the_server(
    name: str, environ: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIGURATIONS[name], encoding="utf-8")
    pair = Pair(str(path))
    lists = [line(method, number) for number, method in enumerate(LISTS)]
    newer = [modern(method, str(number)) for number, method in enumerate(("server/discover", *LISTS))]
    rest = await pair.check(hello("a"), INITIALIZED, *lists, *newer)
    assert (rest == LAST) == (name not in ("no prompts", "some tools")), (
        "the server refuses the list of prompts, where there are none"
    )
    gemini = {f"{META}clientInfo": {"name": "gemini-cli-mcp-client", "version": "0.61.0"}}
    await pair.check(hello("a", name="Gemini-CLI-mcp-client"), INITIALIZED, *lists)
    await pair.check(modern("prompts/list", 1, gemini), modern("tools/list", 2, gemini))
    apps = {"extensions": {f"{META}ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}}
    await pair.check(hello("a", capabilities=apps), INITIALIZED, *lists)
    shows = {f"{META}clientCapabilities": apps}
    await pair.check(*(modern(method, method, shows) for method in ("server/discover", *LISTS)))


async def test_a_missing_file_is_explained_by_the_server(environ: dict[str, str], tmp_path: Path) -> None:
    pair = Pair(str(tmp_path / "missing.toml"))
    assert await pair.check(hello(), INITIALIZED, *(line(method, method) for method in LISTS)) == LAST


def recorded(*messages: str) -> tuple[bytes, ...]:
    return tuple(message.encode() + b"\n" for message in messages)


def newer(id: int, method: str, client: str, capabilities: str, params: str = "") -> str:
    """As the JavaScript client of 2026-07-28 writes it: the id behind the parameters."""
    meta = f'"{META}protocolVersion":"2026-07-28","{META}clientInfo":{client},"{META}clientCapabilities":{capabilities}'
    return f'{{"method":"{method}","params":{{{params}"_meta":{{{meta}}}}},"jsonrpc":"2.0","id":{id}}}'


def older(version: str, client: str, capabilities: str, *methods: str) -> tuple[str, ...]:
    """As the JavaScript client of the older revisions writes it."""
    params = f'{{"protocolVersion":"{version}","capabilities":{capabilities},"clientInfo":{client}}}'
    lists = [f'{{"method":"{method}","jsonrpc":"2.0","id":{number}}}' for number, method in enumerate(methods, 1)]
    started = '{"method":"notifications/initialized","jsonrpc":"2.0"}'
    return (f'{{"method":"initialize","params":{params},"jsonrpc":"2.0","id":0}}', started, *lists)


CLAUDE = (
    '{"name":"claude-code","title":"Claude Code","version":"2.1.332","websiteUrl":"https://claude.com/claude-code"}'
)
CLAUDE_CAPABILITIES = '{"roots":{},"elicitation":{"form":{},"url":{}}}'
COPILOT = '{"name":"copilot-cli","version":"1.0.102"}'
COPILOT_CAPABILITIES = '{"sampling":{},"elicitation":{"form":{},"url":{}}}'
LISTEN = '"notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true},'
VIEWS = '{"roots":{},"extensions":{"io.modelcontextprotocol/ui":{"mimeTypes":["text/html;profile=mcp-app"]}}}'

HOSTS: dict[str, tuple[str, ...]] = {
    # recorded from codex-cli 0.169.0, 2026-11-28
    "codex": (
        '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":'
        '{"experimental":{"codex/auth-change":{}},"elicitation":{"form":{},"url":{}}},"clientInfo":'
        '{"name":"codex-mcp-client","title":"Codex","version":"0.169.0"}}}',
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"progressToken":0}}}',
    ),
    # recorded from opencode 1.18.33, 2026-11-28
    "opencode": older("2025-11-25", '{"name":"opencode","version":"1.18.33"}', '{"roots":{}}', "tools/list"),
    # what the others were measured to send (docs/tested.md), in the form of the SDK that they use
    "gemini": older(
        "2025-06-18",
        '{"name":"gemini-cli-mcp-client","version":"0.61.0"}',
        '{"roots":{"listChanged":true}}',
        *("prompts/list", "tools/list", "resources/list"),
    ),
    "continue": older(
        "2025-11-25", '{"name":"continue-cli-client","version":"1.0.0"}', "{}", "tools/list", "prompts/list"
    ),
    "cline": older("2024-11-05", '{"name":"@cline/core","version":"3.0.65"}', "{}", "tools/list"),
    "claude": (
        newer(0, "server/discover", CLAUDE, CLAUDE_CAPABILITIES),
        newer(1, "server/discover", CLAUDE, CLAUDE_CAPABILITIES),
        newer(2, "subscriptions/listen", CLAUDE, CLAUDE_CAPABILITIES, LISTEN),
        newer(3, "tools/list", CLAUDE, CLAUDE_CAPABILITIES),
        newer(4, "prompts/list", CLAUDE, CLAUDE_CAPABILITIES),
        newer(5, "resources/list", CLAUDE, CLAUDE_CAPABILITIES),
    ),
    "copilot": (
        newer(0, "server/discover", COPILOT, COPILOT_CAPABILITIES),
        newer(1, "subscriptions/listen", COPILOT, COPILOT_CAPABILITIES, LISTEN),
        newer(2, "tools/list", COPILOT, COPILOT_CAPABILITIES),
    ),
    "a client that shows views": older(
        "2025-11-25", '{"name":"Visual Studio Code","version":"1.130.0"}', VIEWS, "tools/list", "resources/list"
    ),
    "a client that shows views, 2026": (
        newer(0, "server/discover", '{"name":"goose","version":"1.38.0"}', VIEWS),
        newer(1, "tools/list", '{"name":"goose","version":"1.38.0"}', VIEWS),
    ),
}


@pytest.mark.parametrize("name", HOSTS)
async def test_the_greeting_of_every_host_is_answered_early(name: str, environ: dict[str, str]) -> None:
    assert await Pair().check(*recorded(*HOSTS[name])) == LAST


# --- as a process ----------------------------------------------------------------------------------------------------

HEAVY = ("mcp", "mcp_types", "pydantic", "anyio", "asyncio", "httpx2", "dataclasses", "anymodel_mcp.config")


def start(environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """The command, with an entry on stderr for every module that it imports."""
    return subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "anymodel_mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    )


def imported(stderr: bytes) -> set[str]:
    return {text.rpartition(b"|")[2].strip().decode() for text in stderr.splitlines() if b"import time:" in text}


def test_nothing_heavy_is_imported_before_the_first_call(environ: dict[str, str]) -> None:
    greeting = b"".join([hello(), INITIALIZED, *(line(method, method) for method in LISTS)])
    process = start(environ)
    stdout, stderr = process.communicate(greeting, timeout=HANG_S)
    assert process.returncode == 0
    assert len(stdout.splitlines()) == 1 + len(LISTS)
    assert not imported(stderr) & {*HEAVY}
    assert "anymodel_mcp.greeting.answers" in imported(stderr)
    process = start(environ)
    stdout, stderr = process.communicate(greeting + LAST, timeout=HANG_S)
    assert process.returncode == 0
    assert json.loads(stdout.splitlines()[-1])["id"] == "last"
    assert imported(stderr) > {*HEAVY}


def test_the_server_is_imported_when_the_client_is_silent(environ: dict[str, str]) -> None:
    """Nothing is sent but the greeting; what a first call needs is there before it."""
    process = start(environ | {"ANYMODEL_SERVER_PRELOAD": "idle"})
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdin.write(hello() + INITIALIZED)
    process.stdin.flush()
    process.stdout.readline()
    seen, wanted = set[str](), {"httpcore2", "_sqlite3", "anymodel_mcp.transports.protocol_versions"}
    while not wanted <= seen:
        text = process.stderr.readline()
        assert text, "the process ended"
        seen |= imported(text)
    stdout, _ = process.communicate(LAST, timeout=HANG_S)
    assert [json.loads(answer)["id"] for answer in stdout.splitlines()] == ["last"]
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_before_the_handover(number: signal.Signals, environ: dict[str, str]) -> None:
    process = start(environ)
    assert process.stdin
    assert process.stdout
    process.stdin.write(hello())
    process.stdin.flush()
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(HANG_S) == 0
    assert not imported(process.communicate()[1]) & {*HEAVY}


def test_a_client_that_reads_no_more_ends_the_process(environ: dict[str, str]) -> None:
    client_in, server_out = os.pipe()
    os.close(client_in)
    command = [sys.executable, "-m", "anymodel_mcp"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=server_out, env=environ)
    os.close(server_out)
    assert process.stdin
    process.stdin.write(hello())
    process.stdin.flush()
    assert process.wait(HANG_S) == 0
    process.stdin.close()


def test_pipes_that_do_not_block_and_a_line_that_is_no_greeting(environ: dict[str, str]) -> None:
    """Some hosts hand over such pipes; what is sent and answered here is more than they hold."""
    server_in, client_out = os.pipe()
    client_in, server_out = os.pipe()
    for fd in (server_in, server_out):
        os.set_blocking(fd, False)
    command = [sys.executable, "-m", "anymodel_mcp"]
    process = subprocess.Popen(command, stdin=server_in, stdout=server_out, env=environ)
    os.close(server_in)
    os.close(server_out)
    lists = b"".join(modern("tools/list", number) for number in range(40))

    def write() -> None:
        with os.fdopen(client_out, "wb") as stream:
            stream.write(lists + modern("ping", "long", {"x": "y" * 300_000}) + LAST)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(client_in, "rb") as stream:
        time.sleep(0.3)  # the pipe is full meanwhile
        answers = [json.loads(answer) for answer in stream]
    writer.join()
    assert [answer["id"] for answer in answers[:40]] == [*range(40)]
    assert {answer["id"] for answer in answers[40:]} == {"long", "last"}
    assert process.wait(HANG_S) == 0


def test_a_closed_stdout_is_one_sentence(environ: dict[str, str]) -> None:
    command = ["sh", "-c", 'exec "$0" -m anymodel_mcp >&-', sys.executable]
    done = subprocess.run(command, input=hello(), capture_output=True, env=environ, timeout=HANG_S, check=False)
    assert done.returncode == 1
    assert done.stderr.decode() == "anymodel-mcp: standard input and output cannot be used: Bad file descriptor\n"


def test_a_new_tool_is_listed_before_the_answers_are_generated_again(environ: dict[str, str], tmp_path: Path) -> None:
    """The generated answers name the tools that they were made from; where others are installed, the server answers."""
    package = tmp_path / "src" / "anymodel_mcp"
    shutil.copytree(Path(front.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "tools" / "count_words.py").write_text(
        "from dataclasses import replace\nfrom anymodel_mcp.tools.chat import TOOL as CHAT\n"
        'TOOL = replace(CHAT, name="count_words")\n',
        encoding="utf-8",
    )
    place = package / "tools" / "__init__.py"
    text = place.read_text(encoding="utf-8").replace("    chat.TOOL,", "    chat.TOOL,\n    count_words.TOOL,")
    place.write_text(text.replace("    complete,\n", "    complete,\n    count_words,\n", 1), encoding="utf-8")
    command = [sys.executable, "-m", "anymodel_mcp"]
    sent = hello() + INITIALIZED + line("tools/list", 1)
    environ = environ | {"PYTHONPATH": str(package.parent)}
    done = subprocess.run(command, input=sent, capture_output=True, env=environ, timeout=HANG_S, check=False)
    tools = json.loads(done.stdout.splitlines()[-1])["result"]["tools"]
    assert "count_words" in [tool["name"] for tool in tools]
