"""The requests of sessions that are not answered yet, by id.

Within a session the SDK (2.3.0) files streams by request id: a second request with an id that is still open would get
the first one's answer, and the first would wait for ever. So it is refused. Requests outside of sessions cannot meet:
each has a dispatcher of its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
from mcp.server.streamable_http import GET_STREAM_KEY
from mcp_types import INVALID_REQUEST, RequestId

from anymodel_mcp.transports.cors import Message, Send
from anymodel_mcp.transports.framing import Refusal

_HEAD_BYTES = 300
"""The SDK writes `method` within the first bytes, before everything that can be long."""


class OpenRequest:
    """One request that holds its id."""

    def __init__(self) -> None:
        self.answered = False
        self.closed = anyio.Event()

    def watch(self, send: Send) -> Send:
        """A `send` that detects the response."""

        async def note(message: Message) -> None:
            body = message.get("body", b"")
            self.answered = self.answered or (b"data:" in body and b'"method"' not in body[:_HEAD_BYTES])
            await send(message)

        return note


class OpenRequests:
    """Which ids are in use; one object for all sessions."""

    def __init__(self) -> None:
        self._open: dict[tuple[bytes, str], OpenRequest] = {}

    @asynccontextmanager
    async def claim(self, session: bytes, request_id: RequestId) -> AsyncGenerator[OpenRequest | Refusal]:
        """Holds an id during the block; yields a refusal if it is in use.

        The SDK writes ids as text, so that 5 and "5" are one. A request that is answered but not cleared away yet is
        waited for: to its client the id is free.
        """
        key = (session, str(request_id))
        while (other := self._open.get(key)) is not None and other.answered:
            await other.closed.wait()
        if other is not None or key[1] == GET_STREAM_KEY:
            yield Refusal(INVALID_REQUEST, f"Invalid request: id {request_id!r} is still in use.", request_id)
            return
        mine = self._open[key] = OpenRequest()
        try:
            yield mine
        finally:
            del self._open[key]
            mine.closed.set()
