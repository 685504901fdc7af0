"""CORS: lets pages of listed origins talk to the server (https://fetch.spec.whatwg.org).

Only origins that the user lists get these answers. Pages on loopback pass the check of the Origin, but a browser keeps
them from reading: else every page of a local development server could spend the user's money.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
HeaderList = tuple[tuple[bytes, bytes], ...]

_DAY_S = b"86400"


def share_with(origin: bytes) -> HeaderList:
    """The headers that let a page read a response and its session id."""
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"mcp-session-id, www-authenticate"),
        (b"vary", b"origin"),
    )


def preflight(wanted_headers: bytes) -> HeaderList:
    """The preflight response: which request a page may send. Sent with the headers of `share_with`.

    Args:
        wanted_headers: what it asks to send; all of it is granted.
    """
    return (
        (b"access-control-allow-methods", b"GET, POST, DELETE"),
        (b"access-control-allow-headers", wanted_headers),
        (b"access-control-max-age", _DAY_S),
    )


def sharing(send: Send, origin: bytes) -> Send:
    """A `send` whose responses a page of `origin` may read."""

    async def share(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *share_with(origin)]}
        await send(message)

    return share
