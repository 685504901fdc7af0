"""The server's side of a WebSocket: for a fake provider behind httpx2's seam, and on a line of a raw upstream."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import anyio
import httpx2
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side
from websockets.utils import accept_key

from tests.fakes import Endless
from tests.raw_upstream import Line, PeerGoneError, Seen

Json = dict[str, Any]
GREETING: Json = {
    "type": "session.created",
    "event_id": "e0",
    "session": {"type": "realtime", "object": "s", "id": "s1"},
}
BETA_GREETING: Json = {"type": "session.created", "session": {"id": "s1", "modalities": ["text"], "voice": "alloy"}}


def handshake(key: str) -> dict[str, str]:
    """The headers that accept a WebSocket."""
    return {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": accept_key(key)}


def framed(value: Any) -> bytes:
    """A message, as the bytes that the server sends; text as it is, anything else as JSON."""
    data = value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()
    return Frame(Opcode.TEXT, data).serialize(mask=False)


def closing(code: int, reason: str = "") -> bytes:
    """A close frame."""
    return Frame(Opcode.CLOSE, code.to_bytes(2) + reason.encode()).serialize(mask=False)


def messages_of(body: bytes) -> list[Any]:
    """The values in the events of an event stream."""
    return [json.loads(line.removeprefix(b"data: ")) for line in body.split(b"\n") if line.startswith(b"data: ")]


class Listener:
    """Reads what the client sends."""

    def __init__(self) -> None:
        self._protocol = Protocol(Side.SERVER)
        self.messages: list[Any] = []
        self.asked = anyio.Event()
        self.close: int | None = None

    def take(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for frame in self._protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode is Opcode.TEXT:
                self.messages.append(json.loads(bytes(frame.data)))
                if self.messages[-1]["type"] == "response.create":
                    self.asked.set()
            elif frame.opcode is Opcode.CLOSE:
                self.close = int.from_bytes(frame.data[:2])
        self._protocol.data_to_send()


class FakeSocket:
    """The network stream below an upgraded response of a fake provider."""

    def __init__(self, body: Endless, greeting: Json) -> None:
        self._body = body
        self._greeting: list[bytes] = [framed(greeting)]
        self._frames = body.__aiter__()
        self._listener = Listener()

    @property
    def messages(self) -> list[Any]:
        """What the client has sent."""
        return self._listener.messages

    @property
    def close(self) -> int | None:
        """The code with which the client has closed."""
        return self._listener.close

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 the form of httpcore2
        if self._greeting:
            return self._greeting.pop()
        await self._listener.asked.wait()
        try:
            part = await anext(self._frames)
        except StopAsyncIteration:
            return b""
        return b"".join(framed(value) for value in messages_of(part))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 the form of httpcore2
        self._listener.take(buffer)

    async def aclose(self) -> None:
        self._body.closed.set()


def socket_reply(body: Endless, greeting: Json = GREETING) -> Callable[[httpx2.Request], httpx2.Response]:
    """A server that accepts, greets, and plays the events of `body` once a response is asked for."""

    def reply(request: httpx2.Request) -> httpx2.Response:
        stream = FakeSocket(body, greeting)
        request.extensions["socket"] = stream
        headers = handshake(request.headers["sec-websocket-key"])
        return httpx2.Response(101, headers=headers, stream=body, extensions={"network_stream": stream})

    return reply


async def accept(seen: Seen, line: Line) -> None:
    """Accepts the WebSocket of a request."""
    head = "\r\n".join(f"{n}: {v}" for n, v in handshake(seen.headers["sec-websocket-key"]).items())
    await line.send(f"HTTP/1.1 101 Switching Protocols\r\n{head}\r\n\r\n".encode())


async def listen(seen: Seen, line: Line, listener: Listener, until: Callable[[list[Any]], bool]) -> None:
    """Reads the client's messages into `seen.messages`.

    Raises:
        PeerGoneError: the client left, or closed.
    """
    while not until(seen.messages):
        data = await line.read()
        if data:
            listener.take(data)
            seen.messages[:] = listener.messages
        if not data or listener.close is not None:
            raise PeerGoneError


def asks(messages: list[Any]) -> bool:
    """Whether a response has been asked for."""
    return any(message.get("type") == "response.create" for message in messages)


async def converse(seen: Seen, line: Line, events: Sequence[Any], close: bytes = b"") -> None:
    """Plays a turn: the first event at once, the others when a response is asked for."""
    await accept(seen, line)
    listener = Listener()
    try:
        await line.send(framed(events[0]))
        await listen(seen, line, listener, asks)
        for event in events[1:]:
            await line.send(event if isinstance(event, bytes) else framed(event))
        if close:
            await line.send(close)
        await listen(seen, line, listener, lambda _: False)
    except PeerGoneError:
        seen.gone_at = anyio.current_time()
