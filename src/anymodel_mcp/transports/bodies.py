"""Reads a request's body whole before anything acts on it: with size and time limits, repaired and validated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from mcp_types import JSONRPCMessage
from pydantic_core import to_json

from anymodel_mcp.record import positional_record, record
from anymodel_mcp.transports.body_budget import BodyBudget, UnfinishedBody
from anymodel_mcp.transports.cors import Message
from anymodel_mcp.transports.framing import Refusal, encode, parse_line
from anymodel_mcp.transports.guards import Denial

Receive = Callable[[], Awaitable[Message]]


@record
class ClientTimes:
    """How long a client may take, in seconds.

    Attributes:
        head_s: to send the head of a request.
        silence_s: between two pieces of a body.
        body_s: to send a whole body.
        drain_s: to send the rest of an oversized body, which is read so that the client receives the refusal.
    """

    head_s: float = 15
    silence_s: float = 30
    body_s: float = 300
    drain_s: float = 5


TIMES = ClientTimes()

CLOSE = (b"connection", b"close")
_NO_ROOM = Denial(503, "Too many request bodies are unfinished. Try again.", ((b"retry-after", b"5"), CLOSE))


class Disconnected(Exception):
    """The client left before its request was complete."""


async def read_body(
    receive: Receive,
    length: int | None,
    max_bytes: int,
    budget: BodyBudget,
    address: str,
    times: ClientTimes = TIMES,
) -> bytes | Denial:
    """Reads the whole body; returns it, or the refusal.

    Args:
        receive: the ASGI callable.
        length: the Content-Length, if sent.
        max_bytes: the most that is kept.
        budget: the limit of all unfinished bodies together.
        address: where it comes from.
        times: the time limits.

    Raises:
        Disconnected: the client left.
    """
    if length is not None and length > max_bytes:
        await _drain(receive, times)
        return _too_large(max_bytes)
    with budget.reading(address) as unfinished, anyio.move_on_after(times.body_s):
        return await _read_pieces(receive, max_bytes, unfinished, times)
    if unfinished.scope.cancelled_caught:
        return _NO_ROOM
    return Denial(408, f"The request body took longer than {times.body_s:g} s.", (CLOSE,))


async def _read_pieces(
    receive: Receive, max_bytes: int, unfinished: UnfinishedBody, times: ClientTimes
) -> bytes | Denial:
    body = bytearray()
    while True:
        try:
            with anyio.fail_after(times.silence_s):
                piece, more = await _next_piece(receive)
        except TimeoutError:
            return Denial(408, f"The request body paused for {times.silence_s:g} s.", (CLOSE,))
        body += piece
        if len(body) > max_bytes:
            await _drain(receive, times)
            return _too_large(max_bytes)
        if not more:
            return bytes(body)
        if not unfinished.grow(len(piece)):
            return _NO_ROOM


def _too_large(max_bytes: int) -> Denial:
    text = f"The request body is larger than the {max_bytes:,} bytes allowed (http.max_body_bytes)."
    return Denial(413, text, (CLOSE,))


async def _next_piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    return message.get("body", b""), bool(message.get("more_body"))


async def _drain(receive: Receive, times: ClientTimes) -> None:
    with anyio.move_on_after(times.drain_s):
        while (await _next_piece(receive))[1]:
            pass


@positional_record
class Judged:
    """A valid body.

    Attributes:
        body: with lone surrogates replaced.
        message: the parsed message; `None` if the SDK decides: an empty body, an unexpected response.
    """

    body: bytes
    message: JSONRPCMessage | None


def judge_body(body: bytes) -> Judged | Refusal:
    """Parses the message in a body; returns an error answer if it is not one."""
    parsed = parse_line(body)
    if isinstance(parsed, Refusal):
        return parsed
    return Judged(body if parsed is None or _is_plain(body) else encode(parsed), parsed)


def _is_plain(body: bytes) -> bool:
    """Whether a body certainly holds no lone surrogates (a fast check)."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return rb"\ud" not in body and rb"\uD" not in body


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that returns the body that was already read, then the disconnect."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


async def never() -> Message:
    """A `receive` of a client that never leaves."""
    await anyio.sleep_forever()
    raise AssertionError


def error_body(code: int, message: str) -> bytes:
    """A JSON-RPC error that belongs to no request."""
    return to_json({"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}})
