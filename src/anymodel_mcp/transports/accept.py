"""Sends each client the content type that it accepts: one JSON object, or a stream of events.

The SDK answers only clients that accept both, and decides by itself. Its own JSON mode is not used: it is a setting of
the whole server, and a client that leaves would no longer cancel its call. So the SDK always sees a client that accepts
both, and what it sends is put into the other form here. A JSON object has no room for progress.
"""

from __future__ import annotations

import json
from typing import Any, cast

from mcp_types import INTERNAL_ERROR
from pydantic_core import to_json

from anymodel_mcp.record import positional_record
from anymodel_mcp.transports.cors import Message, Send

JSON, EVENTS = "application/json", "text/event-stream"
BOTH = f"{JSON}, {EVENTS}".encode()

_LOST = "The server ended before the answer was complete."
_HOP_HEADERS = (b"content-type", b"cache-control", b"connection", b"x-accel-buffering")


@positional_record
class Accepted:
    """The content types that a client accepts."""

    json: bool
    events: bool


def read_accept(header: bytes | None) -> Accepted:
    """Parses an Accept header; without one the answer is JSON.

    Wildcards count; a kind with quality 0 is refused (RFC 9110, 12.5.1).
    """
    ranges = [_parse_range(part) for part in (header or b"").decode("latin-1").lower().split(",") if part.strip()]
    if not ranges:
        return Accepted(json=True, events=False)
    return Accepted(json=_takes(ranges, JSON), events=_takes(ranges, EVENTS))


def _parse_range(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((p[2:].strip() for p in parameters if p.startswith("q=")), "1")
    try:
        return kind, float(quality)
    except ValueError:
        return kind, 1.0


def _takes(ranges: list[tuple[str, float]], kind: str) -> bool:
    """Whether the most specific matching range accepts the type."""
    for wanted in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in ranges if name == wanted]
        if found:
            return max(found) > 0
    return False


def fit(send: Send, accepted: Accepted) -> Send:
    """Returns a `send` for the content type that the client accepts."""
    if accepted.json and accepted.events:
        return send
    return JsonAnswer(send) if accepted.json else EventAnswer(send)


class JsonAnswer:
    """A `send` that turns a stream of events into the one JSON object that answers the request.

    While the stream is silent its comments become white space, which JSON allows in front, so that no proxy in between
    takes the connection for dead.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: Message | None = None
        self._begun = False
        self._done = False
        self._lines = _EventLines()

    async def __call__(self, message: Message) -> None:
        """Takes an ASGI message from the SDK."""
        if message["type"] == "http.response.start" and _kind_of(message) == EVENTS:
            kept = [(n, v) for n, v in message["headers"] if n.lower() not in _HOP_HEADERS]
            self._held = {**message, "headers": [(b"content-type", JSON.encode()), *kept]}
        elif self._held is None:
            await self._send(message)
        elif not self._done:
            await self._take(message)

    async def _take(self, message: Message) -> None:
        for line in self._lines.feed(message.get("body", b"")):
            if line.startswith(b"data:") and _answers(line[5:]):
                await self._finish(line[5:].strip())
                return
            if line.startswith(b":"):
                await self._write(b"\n", more=True)
        if not message.get("more_body"):
            error = {"code": INTERNAL_ERROR, "message": _LOST}
            await self._finish(to_json({"jsonrpc": "2.0", "id": None, "error": error}))

    async def _finish(self, body: bytes) -> None:
        self._done = True
        await self._write(body, more=False)

    async def _write(self, body: bytes, *, more: bool) -> None:
        if not self._begun and self._held is not None:
            self._begun = True
            if not more:
                self._held["headers"] = [*self._held["headers"], (b"content-length", str(len(body)).encode())]
            await self._send(self._held)
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


class _EventLines:
    """Cuts pieces of a stream into whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.rstrip(b"\r") for line in lines]


def _answers(data: bytes) -> bool:
    """Whether an event is the answer: notifications have a method."""
    try:
        value = json.loads(data)
    except ValueError:
        return False
    return isinstance(value, dict) and "method" not in cast("dict[str, Any]", value)


class EventAnswer:
    """A `send` that turns a JSON object into a stream of one event."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        """Takes an ASGI message from the SDK."""
        if message["type"] == "http.response.start" and message["status"] == 200 and _kind_of(message) == JSON:
            skipped = (b"content-type", b"content-length")
            kept = [(n, v) for n, v in message["headers"] if n.lower() not in skipped]
            self._held = {**message, "headers": [(b"content-type", EVENTS.encode()), *kept]}
        elif self._held is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send(self._held)
                event = b"event: message\r\ndata: " + self._body + b"\r\n\r\n"
                await self._send({"type": "http.response.body", "body": event})


def _kind_of(start: Message) -> str:
    kind = next((value for name, value in start.get("headers", ()) if name.lower() == b"content-type"), b"")
    return kind.decode("latin-1").partition(";")[0].strip().lower()


def without_session(send: Send) -> Send:
    """A `send` that removes the session id from refusals: no such session exists for the client to continue."""

    async def refuse(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            kept = [(n, v) for n, v in message.get("headers", ()) if n.lower() != b"mcp-session-id"]
            message = {**message, "headers": kept}
        await send(message)

    return refuse
