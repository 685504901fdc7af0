"""What the front passes to the server with a connection. Imports nothing."""

from __future__ import annotations

from collections.abc import Sequence


class Handover:
    """A connection whose greeting is answered.

    Attributes:
        stdin: the descriptor that the client's lines come from.
        stdout: the descriptor that the answers go to.
        replay: lines that the server reads once more: the handshake, and open subscriptions.
        muted: ids of requests in `replay` that the client has its answer to.
        listening: ids of subscriptions in `replay` that are acknowledged.
        rest: bytes that are read and not answered.
    """

    __slots__ = ("listening", "muted", "replay", "rest", "stdin", "stdout")

    def __init__(
        self,
        stdin: int,
        stdout: int,
        *,
        replay: Sequence[bytes] = (),
        muted: Sequence[int | str] = (),
        listening: Sequence[int | str] = (),
        rest: bytes = b"",
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.replay = tuple(replay)
        self.muted = tuple(muted)
        self.listening = tuple(listening)
        self.rest = rest
