"""Realtime turns over real sockets: refusals, hostile servers, silence, cancellation, proxies and TLS."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream
from websockets.frames import Frame, Opcode

from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import AnyModelError, Failure
from anymodel_mcp.types import ChatRequest, ChatResult
from anymodel_mcp.upstream.call_state import LearnedRepairs
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.upstream.connections import Connections
from anymodel_mcp.upstream.endpoint import Endpoint
from tests.certificates import server_context, write_certificate
from tests.fakes import KEY, provider
from tests.raw_upstream import Answer, Line, PeerGoneError, Reply, Seen, open_upstream, serve
from tests.sockets import GREETING, Listener, accept, asks, closing, converse, framed, handshake, listen
from tests.upstream.test_connections import Listening, Proxy, dead_port
from tests.waiting import HANG_S

Json = dict[str, Any]
Play = Callable[[Line], Awaitable[None]]
LIMIT = 100_000
CREATED: Json = {"type": "response.created", "response": {"id": "r1", "status": "in_progress"}}
DONE: Json = {"type": "response.done", "response": {"id": "r1", "status": "completed", "output": []}}


def words(text: str) -> Json:
    return {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0, "delta": text}


WHOLE = [GREETING, CREATED, words("fi"), words("ne"), DONE]


async def ask(base_url: str, environ: Mapping[str, str] | None = None, **more: Any) -> ChatResult:
    """One turn through connections of its own."""
    connections = Connections(environ=environ or {"no_proxy": "*"})
    settings = replace(provider(), base_url=base_url, **{"max_attempts": 1, **more})

    async def read_key() -> str | None:
        return KEY

    try:
        link = connections.open("p", base_url)
        client = ProviderClient(settings, link.http, LearnedRepairs(), read_key, find_path=link.find_path)
        dialect = resolve("p", "m", {}, "realtime")
        endpoint = Endpoint(client=client, dialect=dialect, model="m", max_event_bytes=LIMIT, api="realtime")
        request = ChatRequest(model="m", messages=[{"role": "user", "content": "hi"}])
        with anyio.fail_after(HANG_S):
            result, _ = await endpoint.send(endpoint.chat, request)
    finally:
        await connections.aclose()
    return result


async def failure_of(answer: Answer, **more: Any) -> Failure:
    async with open_upstream(answer) as upstream:
        with pytest.raises(AnyModelError) as caught:
            await ask(f"{upstream.origin}/v1", **more)
    assert KEY not in str(caught.value)
    return caught.value.failure


def turn(play: Play, *before: Any) -> Answer:
    """A server that begins properly, and goes on with `play` once a response is asked for."""

    async def answer(seen: Seen, line: Line) -> None:
        listener = Listener()
        await accept(seen, line)
        await line.send(framed(GREETING))
        await listen(seen, line, listener, asks)
        for event in before:
            await line.send(framed(event))
        await play(line)
        await listen(seen, line, listener, lambda _: False)

    return answer


def says(*frames: bytes) -> Play:
    async def play(line: Line) -> None:
        for frame in frames:
            await line.send(frame)

    return play


def endless(frame: bytes) -> Play:
    async def play(line: Line) -> None:
        while True:
            await line.send(frame * 1000)

    return play


def upgrade(headers: Mapping[str, str]) -> Answer:
    async def answer(seen: Seen, line: Line) -> None:
        told = {**handshake(seen.headers["sec-websocket-key"]), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
        await line.send(f"HTTP/1.1 101 Switching Protocols\r\n{head}\r\n".encode())
        while await line.read():
            pass

    return answer


def status(code: int, body: str, kind: str = "application/json") -> Answer:
    return serve([Reply(status=code, headers={"content-type": kind}, frames=[body.encode()])])


BEFORE = {
    "key": (status(401, '{"error":{"message":"Incorrect API key provided"}}'), "auth", "Incorrect API key"),
    "path": (status(404, '{"detail":"Not Found"}'), "endpoint_not_found", "Not Found"),
    "model": (
        status(404, '{"error":{"code":"model_not_found","message":"The model `m` does not exist"}}'),
        "model_not_found",
        "does not exist",
    ),
    "busy": (status(503, "<html><title>503 Service Unavailable</title></html>", "text/html"), "overloaded", "503"),
    "plain": (status(200, '{"ok":true}'), "protocol", "instead of opening a WebSocket"),
    "page": (status(200, "<html></html>", "text/html"), "protocol", "text/html"),
    "elsewhere": (
        serve([Reply(status=302, headers={"location": "https://other.example/realtime"})]),
        "config",
        "redirects to other.example",
    ),
    "accept": (upgrade({"sec-websocket-accept": "AAAA"}), "protocol", "Sec-WebSocket-Accept"),
    "no-accept": (upgrade({"sec-websocket-accept": ""}), "protocol", "Sec-WebSocket-Accept"),
    "other-protocol": (upgrade({"upgrade": "h2c"}), "protocol", "Upgrade"),
    "extension": (upgrade({"sec-websocket-extensions": "permessage-deflate"}), "protocol", "extension"),
    "subprotocol": (upgrade({"sec-websocket-protocol": "soap"}), "protocol", "protocol"),
}


@pytest.mark.parametrize(("answer", "kind", "said"), BEFORE.values(), ids=BEFORE)
async def test_what_goes_wrong_before_the_upgrade_is_told_as_over_http(answer: Answer, kind: str, said: str) -> None:
    failure = await failure_of(answer)
    assert (failure.kind, said in failure.message) == (kind, True), failure
    assert failure.fix
    assert ("Realtime API" in failure.fix) == (said in ("Not Found", "text/html", "instead of opening a WebSocket"))


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


_HUGE = b"\x81\x7f" + (1 << 40).to_bytes(8)
_DEEP = b'{"type":' + b"[" * 40_000 + b"]" * 40_000 + b"}"
_LONG = framed(words("x" * LIMIT))
_PART = frame(Opcode.TEXT, b"{", fin=False)
AFTER = {
    "huge frame": (says(_HUGE), "too_large", "longer than"),
    "long message": (says(_LONG), "too_large", "longer than"),
    "endless fragments": (says(_PART, frame(Opcode.CONT, b"x" * 1000, fin=False) * 1000), "too_large", "longer than"),
    "empty fragments": (
        says(_PART, *[frame(Opcode.CONT, b"", fin=False) * 10_000] * 6),
        "protocol",
        "frames in a row",
    ),
    "pings": (endless(frame(Opcode.PING, b"x" * 100)), "protocol", "frames in a row"),
    "pongs": (endless(frame(Opcode.PONG, b"")), "protocol", "frames in a row"),
    "not UTF-8": (says(framed(b'{"type":"response.output_text.delta","delta":"\xff"}')), "protocol", "UTF-8"),
    "masked": (says(Frame(Opcode.TEXT, b"{}").serialize(mask=True)), "protocol", "mask"),
    "reserved": (says(b"\x83\x00"), "protocol", "opcode"),
    "lonely continuation": (says(frame(Opcode.CONT, b"x")), "protocol", "continuation"),
    "long ping": (says(b"\x89\x7e\x01\x00" + b"x" * 256), "protocol", "control frame"),
    "not JSON": (says(framed("hello")), "protocol", "not a JSON object: 'hello'"),
    "a list": (says(framed([1])), "protocol", "not a JSON object"),
    "cut JSON": (says(framed('{"type": "response.output_text.delta", "delta": "x')), "protocol", "not JSON"),
    "deep JSON": (says(framed(_DEEP)), "protocol", "the answer holds"),
    "sound": (says(framed({"type": "response.audio.delta", "delta": "%%%"})), "protocol", "base64"),
    "error": (
        says(framed({"type": "error", "error": {"type": "invalid_request_error", "message": "Invalid voice."}})),
        "bad_request",
        "Invalid voice",
    ),
    "beta": (
        says(
            framed(
                {
                    "type": "error",
                    "error": {
                        "code": "beta_api_shape_disabled",
                        "message": "The Realtime Beta API is no longer supported. Please use the GA API.",
                    },
                }
            ),
            closing(4000),
        ),
        "bad_request",
        "Beta API is no longer supported",
    ),
    # https://github.com/openai/openai-realtime-api-beta/issues: the reason is the error's code
    "close: key": (says(closing(3000, "invalid_request_error.invalid_api_key")), "auth", "invalid_api_key"),
    "close: quota": (says(closing(1008, "insufficient_quota: You exceeded your current quota")), "quota", "quota"),
    "close: busy": (says(closing(1013, "Try again later")), "overloaded", "Try again later"),
    "close: crash": (says(closing(1011, "Internal error encountered.")), "server", "Internal error"),
    "close: no reason": (says(closing(4001)), "upstream", "4001"),
    "close: normal": (says(closing(1000)), "stream_truncated", "closed the connection (1000)"),
}


@pytest.mark.parametrize(("play", "kind", "said"), AFTER.values(), ids=AFTER)
async def test_a_hostile_or_broken_server_is_a_clear_error(play: Play, kind: str, said: str) -> None:
    failure = await failure_of(turn(play))
    assert (failure.kind, said in failure.message) == (kind, True), failure


async def _fin(line: Line) -> None:
    line.half_close()


async def _reset(line: Line) -> None:
    await line.reset()


ENDS: dict[str, tuple[Play, Json, str]] = {
    "fin": (_fin, {}, "stream_truncated"),
    "reset": (_reset, {}, "stream_truncated"),
    "close frame": (says(closing(1001, "going away")), {}, "stream_truncated"),
    "silence": (Line.stall, {"idle_timeout_s": 0.2}, "timeout"),
    "pings alone": (says(frame(Opcode.PING, b"") * 3), {"idle_timeout_s": 0.2}, "timeout"),
    "too long": (Line.stall, {"total_timeout_s": 0.3}, "timeout"),
    "not UTF-8": (says(framed(b"\xff")), {}, "protocol"),
    "failed": (
        says(framed({"type": "response.done", "response": {"status": "failed", "status_details": {"error": None}}})),
        {},
        "upstream",
    ),
    "cancelled": (
        says(framed({"type": "response.done", "response": {"status": "cancelled", "output": []}})),
        {},
        "upstream",
    ),
}


@pytest.mark.parametrize(("play", "more", "kind"), ENDS.values(), ids=ENDS)
async def test_what_had_come_is_kept(play: Play, more: Json, kind: str) -> None:
    failure = await failure_of(turn(play, CREATED, words("Half")), **more)
    assert (failure.kind, failure.partial_text, failure.retryable) == (kind, "Half", False), failure


async def test_silence_after_the_upgrade_ends_in_time() -> None:
    failure = await failure_of(upgrade({}), first_byte_timeout_s=0.2)
    assert failure.kind == "timeout"
    assert "first_byte_timeout_s" in failure.message


@pytest.mark.parametrize("at_once", [False, True])
async def test_frames_may_be_cut_anywhere(*, at_once: bool) -> None:
    async def answer(seen: Seen, line: Line) -> None:
        frames = b"".join(map(framed, [CREATED, words("fi"), words("ne"), DONE]))
        await accept(seen, line)
        await line.send(framed(GREETING))
        await listen(seen, line, Listener(), asks)
        for piece in [frames] if at_once else [frames[i : i + 1] for i in range(len(frames))]:
            await line.send(piece)
        await line.stall()

    async with open_upstream(answer) as upstream:
        assert (await ask(f"{upstream.origin}/v1")).text == "fine"


async def test_a_turn_ends_with_a_close_frame_and_the_key_is_in_the_handshake() -> None:
    async with open_upstream(lambda seen, line: converse(seen, line, WHOLE)) as upstream:
        assert (await ask(f"{upstream.origin}/v1?x=1")).text == "fine"
        with anyio.fail_after(HANG_S):
            if upstream.open_connections:
                await upstream.idle.wait()
    (seen,) = upstream.seen
    assert (seen.method, seen.target) == ("GET", "/v1/realtime?x=1&model=m")
    assert seen.headers["authorization"] == f"Bearer {KEY}"
    assert [message["type"] for message in seen.messages] == [
        "session.update",
        "conversation.item.create",
        "response.create",
    ]


async def test_a_server_that_waits_for_the_client_is_asked_all_the_same() -> None:
    async def answer(seen: Seen, line: Line) -> None:
        await accept(seen, line)
        await listen(seen, line, Listener(), asks)
        for event in WHOLE[1:]:
            await line.send(framed(event))
        await line.stall()

    async with open_upstream(answer) as upstream:
        assert (await ask(f"{upstream.origin}/v1", first_byte_timeout_s=4)).text == "fine"


async def test_a_cancelled_turn_stops_the_response_and_closes() -> None:
    listener = Listener()
    begun, gone = anyio.Event(), anyio.Event()

    async def answer(seen: Seen, line: Line) -> None:
        await accept(seen, line)
        await line.send(framed(GREETING))
        await listen(seen, line, listener, asks)
        await line.send(framed(CREATED) + framed(words("so far")))
        begun.set()
        try:
            await listen(seen, line, listener, lambda _: False)
        except PeerGoneError:
            gone.set()

    with anyio.fail_after(HANG_S):
        async with open_upstream(answer) as upstream:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, f"{upstream.origin}/v1")
                await begun.wait()
                await anyio.sleep(0.05)  # the text arrives
                tasks.cancel_scope.cancel()
            await gone.wait()
    assert [message["type"] for message in listener.messages][-1] == "response.cancel"
    assert listener.close == 1000


@pytest.mark.parametrize("login", ["", "me:hunter22@"])
async def test_an_http_address_is_reached_through_a_tunnel(login: str) -> None:
    async with open_upstream(lambda seen, line: converse(seen, line, WHOLE)) as upstream, Proxy() as proxy:
        environ = {"http_proxy": proxy.url.replace("//", f"//{login}")}
        assert (await ask(f"{upstream.origin}/v1", environ)).text == "fine"
    assert proxy.asked[0].startswith(f"CONNECT 127.0.0.1:{upstream.port} HTTP/1.1\r\n")
    assert ("proxy-authorization: basic " in proxy.asked[0].lower()) == bool(login)
    assert KEY not in proxy.asked[0]


async def test_a_refusal_inside_a_tunnel_is_the_providers() -> None:
    async with open_upstream(BEFORE["key"][0]) as upstream, Proxy() as proxy:
        with pytest.raises(AnyModelError) as caught:
            await ask(f"{upstream.origin}/v1", {"http_proxy": proxy.url})
    assert caught.value.kind == "auth"


async def test_a_tunnel_that_ends_is_a_broken_connection() -> None:
    async def leave(seen: Seen, line: Line) -> None:
        """Says nothing and closes."""

    async with open_upstream(leave) as upstream, Proxy() as proxy:
        with pytest.raises(AnyModelError) as caught:
            await ask(f"{upstream.origin}/v1", {"http_proxy": proxy.url})
    assert caught.value.kind == "connection"
    assert f"through the proxy {proxy.url}" in caught.value.failure.message


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (b"407 Proxy Authentication Required", "requires valid credentials"),
        (b"403 Forbidden", "refuses the connection"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_refuses_is_named(scheme: str, refusal: bytes, said: str) -> None:
    async with Proxy(refusal) as proxy:
        with pytest.raises(AnyModelError) as caught:
            await ask(f"{scheme}://gateway.example/v1", {f"{scheme}_proxy": proxy.url})
    assert (caught.value.kind, said in caught.value.failure.message) == ("connection", True), caught.value


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_dead_proxy_is_named(scheme: str) -> None:
    with dead_port() as port, pytest.raises(AnyModelError) as caught:
        await ask(f"{scheme}://gateway.example/v1", {f"{scheme}_proxy": f"http://127.0.0.1:{port}"})
    assert caught.value.kind == "connection"
    assert f"through the proxy http://127.0.0.1:{port}" in caught.value.failure.message


async def _speak(stream: ByteStream) -> None:
    """A turn over any stream; the whole of it at once."""
    async with stream:
        head = b""
        while b"\r\n\r\n" not in head:
            head += await stream.receive()
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        key = next(value for name, value in lines.items() if name.lower() == "sec-websocket-key")
        told = "".join(f"{name}: {value}\r\n" for name, value in handshake(key).items())
        await stream.send(f"HTTP/1.1 101 Switching Protocols\r\n{told}\r\n".encode() + b"".join(map(framed, WHOLE)))
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                await stream.receive()


@pytest.mark.parametrize("proxied", [False, True])
async def test_tls_trusts_what_the_environment_names(tmp_path: Path, *, proxied: bool) -> None:
    certificate = write_certificate(tmp_path, "127.0.0.1")
    environ = {"SSL_CERT_FILE": str(certificate)}
    async with Listening(_speak, server_context(certificate)) as port, Proxy() as proxy:
        environ |= {"https_proxy": proxy.url} if proxied else {"no_proxy": "*"}
        assert (await ask(f"https://127.0.0.1:{port}/v1", environ)).text == "fine"
    assert bool(proxy.asked) == proxied


async def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    context: ssl.SSLContext = server_context(write_certificate(tmp_path, "127.0.0.1"))
    async with Listening(_speak, context) as port:
        with pytest.raises(AnyModelError) as caught:
            await ask(f"https://127.0.0.1:{port}/v1")
    assert "is not trusted" in caught.value.failure.message


async def test_without_the_extra_the_error_has_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.client", None)
    async with open_upstream(serve([])) as upstream:
        with pytest.raises(AnyModelError) as caught:
            await ask(f"{upstream.origin}/v1")
    assert caught.value.kind == "config"
    assert 'pip install "anymodel-mcp[realtime]"' in caught.value.failure.fix
    assert upstream.seen == []
