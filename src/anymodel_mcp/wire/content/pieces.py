"""Text in very many pieces, kept in few objects and joined once."""

from __future__ import annotations

_TAIL = 4096


class Pieces:
    """Pieces of one text.

    Attributes:
        count: how many were added.
    """

    __slots__ = ("_joined", "_tail", "count")

    def __init__(self) -> None:
        self._joined: list[str] = []
        self._tail: list[str] = []
        self.count = 0

    def __bool__(self) -> bool:
        return bool(self.count)

    def append(self, piece: str, count: int = 1) -> None:
        """Adds a piece, or `count` of them already joined."""
        self._tail.append(piece)
        self.count += count
        if len(self._tail) >= _TAIL:
            self._joined.append("".join(self._tail))
            self._tail = []

    def join(self) -> str:
        """The whole text."""
        return "".join((*self._joined, *self._tail))
