"""The exchange of messages over a WebSocket.

The handshake is an HTTP request like any other: it goes through the provider's own HTTP client, so that timeouts,
proxies, TLS, keys and errors before the upgrade are those of HTTP. What follows on the connection is read by the
protocol of `websockets`, which does no I/O (RFC 6455).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpcore2
import httpx2

from anymodel_mcp.errors import ConfigError, ProviderError
from anymodel_mcp.redact import shorten
from anymodel_mcp.types import Json
from anymodel_mcp.upstream.bodies import MAX_BODY_BYTES, feed
from anymodel_mcp.upstream.call_state import CallState, ResponseDeadline
from anymodel_mcp.upstream.network_errors import words
from anymodel_mcp.upstream.requests import json_bytes
from anymodel_mcp.wire.exchange import Reader, Talker

if TYPE_CHECKING:
    from websockets.client import ClientProtocol

_READ_BYTES = 65_536
_GREETING_S = 5.0
_MOST_FRAMES = 50_000
"""Frames in a row that are no message: pings, and fragments of one that does not end."""
_CLOSE_S = 1.0
_BREAKS = re.compile(rb"\r\n|\r|\n")
_UPGRADED = 101
_NO_EXTRA = "the Realtime API needs the Python package websockets, which is not installed"
_INSTALL = 'Install it with pip install "anymodel-mcp[realtime]" (uvx --from "anymodel-mcp[realtime]" anymodel-mcp).'


class Socket:
    """One WebSocket, from the handshake on.

    Args:
        first_byte_timeout_s: how long the first text may take; a server that has sent nothing after half of it, or 5 s,
            is spoken to all the same.

    Raises:
        ConfigError: the package that reads the protocol is not installed.
    """

    def __init__(self, first_byte_timeout_s: float) -> None:
        try:
            from websockets.client import ClientProtocol
            from websockets.uri import parse_uri
        except ImportError as error:
            raise ConfigError(_NO_EXTRA, fix=_INSTALL) from error
        self._protocol: ClientProtocol = ClientProtocol(parse_uri("ws://unused"))
        request = self._protocol.connect()
        self._protocol.send_request(request)
        self._protocol.data_to_send()  # the request goes out through the HTTP client
        names = ("Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version")
        self.headers: Mapping[str, str] = {name.lower(): request.headers[name] for name in names}
        """What the handshake adds to the request."""
        self._message = bytearray()
        self._frames = 0
        self._out: list[bytes] = []
        self.greeting_s = min(_GREETING_S, first_byte_timeout_s / 2)
        self.close: tuple[int, str] | None = None
        """Code and reason, once the server has closed."""

    def accept(self, response: httpx2.Response, max_bytes: int) -> httpcore2.AsyncNetworkStream:
        """The connection, after the server's answer to the handshake.

        Args:
            response: the answer.
            max_bytes: the longest message that is taken.

        Raises:
            ProviderError: the answer is none to a WebSocket handshake.
        """
        stream = cast("httpcore2.AsyncNetworkStream | None", response.extensions.get("network_stream"))
        if response.status_code != _UPGRADED or stream is None:
            kind = response.headers.get("content-type", "").partition(";")[0] or "no content type"
            raise ProviderError(
                f"the endpoint answered with HTTP {response.status_code} ({kind[:80]}) instead of opening a WebSocket",
                kind="protocol",
                status=response.status_code,
                fix="Is base_url that of the Realtime API? A proxy in between may also remove the header Upgrade.",
            )
        lines = [b": ".join(pair) for pair in response.headers.raw]
        self._protocol.receive_data(b"\r\n".join([b"HTTP/1.1 101 Switching Protocols", *lines, b"", b""]))
        if self._protocol.handshake_exc is not None:
            raise ProviderError(
                f"the server's answer to the WebSocket handshake is wrong ({words(self._protocol.handshake_exc)})",
                kind="protocol",
                fix="Check the proxies between this server and the provider.",
            )
        self._protocol.events_received()
        self._protocol.max_message_size = max_bytes
        return stream

    def receive(self, data: bytes) -> Iterator[bytes]:
        """The messages that these bytes complete, each as an event of an event stream; `b""` = the connection ended.

        Raises:
            ProviderError: the bytes break the protocol, or exceed a limit.
        """
        from websockets.frames import CloseCode, Frame, Opcode

        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        frames = self._protocol.events_received()
        # each ping has one pong among the writes; the last one is enough (RFC 6455, section 5.5.3)
        pings = sum(isinstance(frame, Frame) and frame.opcode is Opcode.PING for frame in frames)
        self._out += self._protocol.data_to_send()[max(0, pings - 1) :]
        for frame in frames:
            assert isinstance(frame, Frame)
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self._message += frame.data
                if frame.fin:
                    self._frames = 0
                    message, self._message = bytes(self._message), bytearray()
                    yield self._event(message)
                    continue
            self._frames += 1
            if self._frames > _MOST_FRAMES:
                self._protocol.fail(CloseCode.POLICY_VIOLATION)
                raise _broken(f"{_MOST_FRAMES} frames in a row without a message came")
        received = self._protocol.close_rcvd
        if received is not None:
            self.close = (int(received.code), received.reason)
        elif self._protocol.parser_exc is not None and data:
            raise self._failure(self._protocol.parser_exc)

    def _event(self, message: bytes) -> bytes:
        from websockets.frames import CloseCode

        try:
            message.decode()
        except UnicodeDecodeError as error:
            self._protocol.fail(CloseCode.INVALID_DATA)
            raise _broken("a message is not UTF-8") from error
        if message.strip() and not message.lstrip().startswith(b"{"):
            self._protocol.fail(CloseCode.INVALID_DATA)
            raise _broken(f"a message is not a JSON object: {shorten(message.decode(), 120)!r}")
        return b"data: " + _BREAKS.sub(b"\ndata: ", message) + b"\n\n"

    def _failure(self, error: Exception) -> ProviderError:
        from websockets.exceptions import PayloadTooBig

        if isinstance(error, PayloadTooBig):
            return ProviderError(
                f"a message of the answer is longer than {self._protocol.max_message_size} bytes",
                kind="too_large",
                fix="Ask for less, or raise limits.max_event_bytes.",
            )
        return _broken(f"the server breaks the WebSocket protocol ({words(error)})")

    def send(self, value: Json) -> None:
        """Adds a message to what goes out."""
        self._protocol.send_text(json_bytes(value))

    def end(self) -> None:
        """Adds the close frame, if the socket is open."""
        from websockets.frames import CloseCode
        from websockets.protocol import State

        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        from websockets.protocol import State

        return self._protocol.state is State.OPEN

    def outgoing(self) -> bytes:
        """The bytes to send now."""
        out, self._out = [*self._out, *self._protocol.data_to_send()], []
        return b"".join(out)


def _broken(what: str) -> ProviderError:
    return ProviderError(what, kind="protocol", fix="Check the proxies between this server and the provider.")


async def converse(
    socket: Socket, response: httpx2.Response, reader: Reader[Any], clock: ResponseDeadline, state: CallState
) -> str | None:
    """Sends and reads until the answer is complete or the connection ends; returns how it ended early.

    Raises:
        ProviderError: the other side does not keep to the protocol.
        httpx2.TransportError: the connection broke.
    """
    assert isinstance(reader, Talker)
    stream = socket.accept(response, reader.max_message_bytes)
    try:
        return await _talk(socket, stream, reader, clock, state)
    except ProviderError as error:
        raise error.with_fields(partial_text=reader.partial_text or None) from error.__cause__
    except (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError) as error:
        raise httpx2.ReadError(str(error), request=response.request) from error
    finally:
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + _CLOSE_S), suppress(Exception):
            for value in reader.parting if socket.is_open else ():
                socket.send(value)
            socket.end()
            await stream.write(socket.outgoing())


async def _talk(
    socket: Socket, stream: httpcore2.AsyncNetworkStream, reader: Reader[Any], clock: ResponseDeadline, state: CallState
) -> str | None:
    assert isinstance(reader, Talker)
    heard = False
    while not reader.done:
        data = await _next(socket, stream, reader, greeted=state.body_bytes > 0)
        state.body_bytes += len(data)
        if state.body_bytes > MAX_BODY_BYTES:
            raise _broken(f"the answer is longer than {MAX_BODY_BYTES // 1_000_000} MB")
        for event in socket.receive(data):
            heard = state.deliver(await feed(reader, event)) or heard
            if reader.done:
                return None
        if heard:
            clock.heard()
        if socket.close is not None:
            reader.hang_up(*socket.close)
            return f"the provider closed the connection ({socket.close[0]})"
        if not data:
            return "the connection ended without a close frame"
    return None


async def _next(socket: Socket, stream: httpcore2.AsyncNetworkStream, talker: Talker, *, greeted: bool) -> bytes:
    """The next bytes, after all that is to be sent has gone out; some servers wait for the first message."""
    await _flush(socket, stream, talker.take_outgoing())
    if not greeted:
        try:
            return await stream.read(_READ_BYTES, timeout=socket.greeting_s)
        except httpcore2.ReadTimeout:
            await _flush(socket, stream, talker.take_outgoing(unasked=True))
    return await stream.read(_READ_BYTES)


async def _flush(socket: Socket, stream: httpcore2.AsyncNetworkStream, values: Sequence[Json]) -> None:
    for value in values if socket.is_open else ():
        socket.send(value)
    if data := socket.outgoing():
        await stream.write(data)
