"""Limits the bytes of unfinished bodies, in all and by address.

If a body exceeds the limit, the one that has not grown for the longest time is dropped, so that bodies which are
left unfinished never block one that arrives.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import anyio


class UnfinishedBody:
    """One body that is being read; its bytes count until the block of `BodyBudget.reading` ends.

    Attributes:
        scope: cancelled when the body is dropped.
    """

    def __init__(self, budget: BodyBudget, address: str) -> None:
        self._budget = budget
        self.address = address
        self.size = 0
        self.scope = anyio.CancelScope()

    def grow(self, size: int) -> bool:
        """Counts more bytes; `False`: this body itself must be dropped."""
        self.size += size
        return self._budget.make_room(self)


class BodyBudget:
    """The unfinished bodies of one process.

    Args:
        most: bytes in all.
        most_by_address: bytes from one address.
    """

    def __init__(self, most: int, most_by_address: int) -> None:
        self._most = most
        self._most_by_address = most_by_address
        self._open: dict[UnfinishedBody, None] = {}  # sorted by last growth, the newest last

    @contextmanager
    def reading(self, address: str) -> Generator[UnfinishedBody]:
        """Registers a body that is being read."""
        body = UnfinishedBody(self, address)
        self._open[body] = None
        try:
            with body.scope:
                yield body
        finally:
            self._open.pop(body, None)

    def make_room(self, body: UnfinishedBody) -> bool:
        """Drops bodies until the limits hold; `False`: `body` does not fit beside those that are still arriving."""
        self._open.pop(body, None)
        self._open[body] = None
        for address, most in ((body.address, self._most_by_address), (None, self._most)):
            while self._held(address) > most:
                idle = next(other for other in self._open if address in (None, other.address))
                if idle is body:
                    return False
                del self._open[idle]
                idle.scope.cancel()
        return True

    def _held(self, address: str | None) -> int:
        return sum(body.size for body in self._open if address in (None, body.address))
