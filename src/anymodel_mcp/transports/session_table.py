"""Limits the open sessions of older protocol versions, in all and by address, and chooses which one makes room.

A session costs some 40 kB until it ends, and clients rarely end theirs. So the one that has been idle for longest is
ended for a new one; its client gets 404 and opens another, as the protocol has it. A session with an open request is
never ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from anymodel_mcp.transports.cors import Message, Send

SESSION_BYTES = 40_000
"""Bytes of memory per session (measured 2026-11-28: 38 kB)."""

MAX_BYTES = 64_000_000
MAX_SESSIONS = MAX_BYTES // SESSION_BYTES
MAX_OPENING_BYTES = 65_536
"""The largest body that opens a session: parts of it stay in memory as long as the session."""

EndSession = Callable[[str], Awaitable[None]]


@dataclass(slots=True)
class _Session:
    address: str
    requests: int = 0


class SessionTable:
    """The open sessions of one process.

    Args:
        end: ends a session by its id.
        most: how many may be open.
        most_by_address: how many of them from one address.
    """

    def __init__(self, end: EndSession, most: int = MAX_SESSIONS, most_by_address: int = MAX_SESSIONS // 2) -> None:
        self._end = end
        self._most = most
        self._most_by_address = most_by_address
        self._open: dict[str, _Session] = {}  # sorted by last use, the newest last

    async def make_room(self, address: str) -> bool:
        """Ends idle sessions until there is room for another one; `False`: all have open requests."""
        for where, most in ((address, self._most_by_address), (None, self._most)):
            while (opened := self._of(where)) and len(opened) >= most:
                idle = next((name for name in opened if not self._open[name].requests), None)
                if idle is None:
                    return False
                del self._open[idle]
                await self._end(idle)
        return True

    def _of(self, address: str | None) -> list[str]:
        return [name for name, session in self._open.items() if address in (None, session.address)]

    def watch(self, send: Send, address: str) -> Send:
        """A `send` that registers the session that a response opens."""

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 400:
                opened = next((v for n, v in message.get("headers", ()) if n.lower() == b"mcp-session-id"), b"")
                if opened:
                    self._open.setdefault(opened.decode("latin-1"), _Session(address))
            await send(message)

        return note

    @contextmanager
    def using(self, name: str) -> Generator[None]:
        """Keeps a session open during one of its requests."""
        session = self._open.pop(name, None)
        if session is None:
            yield
            return
        self._open[name] = session
        session.requests += 1
        try:
            yield
        finally:
            session.requests -= 1

    def forget(self, name: str) -> None:
        """Removes a session that its client ended."""
        self._open.pop(name, None)
