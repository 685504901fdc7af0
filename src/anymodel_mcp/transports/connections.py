"""Limits the open connections, in all and by address, and chooses which one makes room for a new one.

A connection without a request (its head is not complete, or it only stays open) is cheap to replace: the one that has
waited longest is closed for a new one, so that half-sent heads never block others. A connection that is busy with a
request is never closed. Where all are busy, the new one is refused.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Hashable
from typing import Protocol

MAX_CONNECTIONS = 1000
SPARE_DESCRIPTORS = 200
"""Descriptors kept for providers, files, and connections accepted before this table counts them."""

BACKLOG = 128
"""How many connections the event loop accepts at once."""


class Closable(Hashable, Protocol):
    """A connection, as this table needs it."""

    def close(self) -> None:
        """Ends it."""


class ConnectionTable:
    """The open connections of one process.

    Args:
        most: how many may be open.
        most_by_address: how many of them from one address.
    """

    def __init__(self, most: int, most_by_address: int) -> None:
        self._most = most
        self._most_by_address = most_by_address
        self._addresses: dict[Closable, str] = {}
        self._by_address: Counter[str] = Counter()
        self._waiting: dict[Closable, None] = {}  # in the order in which they began to wait

    def admit(self, connection: Closable, address: str) -> bool:
        """Enters a connection, which waits for a request; `False`: there is no room."""
        if self._by_address[address] >= self._most_by_address and not self._close_one(address):
            return False
        if len(self._addresses) >= self._most and not self._close_one(None):
            return False
        self._addresses[connection] = address
        self._by_address[address] += 1
        self._waiting[connection] = None
        return True

    def set_busy(self, connection: Closable) -> None:
        """Marks the connection as busy with a request."""
        self._waiting.pop(connection, None)

    def set_waiting(self, connection: Closable) -> None:
        """Marks the connection as waiting: its request is answered."""
        if connection in self._addresses:
            self._waiting.pop(connection, None)
            self._waiting[connection] = None

    def forget(self, connection: Closable) -> None:
        """Removes a closed connection."""
        address = self._addresses.pop(connection, None)
        self._waiting.pop(connection, None)
        if address is not None:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def _close_one(self, address: str | None) -> bool:
        """Closes the connection that has waited longest (of an address); `False`: none waits."""
        oldest = next((c for c in self._waiting if address is None or self._addresses[c] == address), None)
        if oldest is None:
            return False
        self.forget(oldest)
        oldest.close()
        return True


def open_table() -> ConnectionTable:
    """Makes a table that leaves descriptors for everything else; raises the limit of the process if possible."""
    most = max(16, min(MAX_CONNECTIONS, _descriptor_limit() - SPARE_DESCRIPTORS))
    return ConnectionTable(most, max(8, most // 2))


def _descriptor_limit() -> int:
    if sys.platform == "win32":
        return MAX_CONNECTIONS + SPARE_DESCRIPTORS
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft
