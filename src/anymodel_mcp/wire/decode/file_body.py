"""Reads a body that is either a document (JSON, events) or a file: the bytes of a picture or a sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

from anymodel_mcp.wire.decode.body import BodyReader, Document
from anymodel_mcp.wire.exchange import ResponseHead

T = TypeVar("T")


class FileBodyReader(Generic[T]):
    """A `Reader` (see `exchange.py`) that decides by the first bytes whether the body is a file.

    Args:
        head: status and headers.
        document: reads everything that is not a file, and holds the error of either.
        kind: what the file is called in errors: "picture", "sound".
        is_file: whether a body that begins with these bytes is a file.
        sample_bytes: how many bytes `is_file` needs; it gets fewer if the body is shorter.
        build: makes the result of a whole file.
        max_event_bytes: the most that one line, event or value, or the file, may take.
    """

    def __init__(
        self,
        head: ResponseHead,
        document: Document[T],
        *,
        kind: str,
        is_file: Callable[[bytes], bool],
        sample_bytes: int,
        build: Callable[[bytes], T],
        max_event_bytes: int,
    ) -> None:
        self._document: Final = document
        self._body: Final = BodyReader(head, document, max_event_bytes=max_event_bytes)
        self._kind: Final = kind
        self._is_file: Final = is_file
        self._sample_bytes: Final = sample_bytes
        self._build: Final = build
        self._limit: Final = max_event_bytes
        self._start = b""
        self._decided = False
        self._file: list[bytes] | None = None
        self._size = 0

    @property
    def done(self) -> bool:
        """The answer is whole, or has failed."""
        return self._body.done

    @property
    def partial_text(self) -> str:
        """There is no text in such an answer."""
        return ""

    @property
    def held_bytes(self) -> int:
        """How much is held of a value that has not ended."""
        return self._body.held_bytes

    def feed(self, data: bytes) -> tuple[()]:
        """Takes the next bytes; a file has no deltas."""
        if not self._decided:
            self._start += data
            if len(self._start) < self._sample_bytes:
                return ()
            data = self._decide()
        self._take(data)
        return ()

    def _decide(self) -> bytes:
        self._decided = True
        data, self._start = self._start, b""
        if data and self._is_file(data):
            self._file = []
        return data

    def _take(self, data: bytes) -> None:
        if self._file is None:
            self._body.feed(data)
            return
        self._size += len(data)
        if self._size > self._limit:
            self._file.clear()
            self._document.fail(f"the {self._kind} is longer than {self._limit} bytes", "too_large")
        elif not self._document.done:
            self._file.append(data)

    def finish(self, *, broken: str | None = None) -> T:
        """The result of the file or of the document.

        Raises:
            ProviderError: nothing usable, half a file, or an error inside a 200.
        """
        if not self._decided:
            self._take(self._decide())
        if self._file is None or self._document.error:
            return self._body.finish(broken=broken)
        if broken:
            raise self._document.failure(f"the {self._kind} is cut off: {broken}", "stream_truncated")
        return self._build(b"".join(self._file))
