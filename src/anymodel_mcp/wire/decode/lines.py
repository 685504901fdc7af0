"""Bytes to lines of text.

Lines end at CR, LF or CRLF and nowhere else: U+2028, U+2029 and U+0085 are text, though `str.splitlines` and the line
readers of HTTP libraries split there (https://html.spec.whatwg.org/multipage/server-sent-events.html, read 2026-11-20).
A character is never split: only whole lines are decoded.
"""

from __future__ import annotations

from typing import Final


class Oversize(Exception):
    """A line is longer than the limit.

    Attributes:
        before: the whole lines before it.
    """

    def __init__(self, before: list[str] | None = None) -> None:
        super().__init__()
        self.before: list[str] = before or []


class LineCutter:
    """Cuts bytes that arrive in pieces of any size into lines.

    Args:
        limit: the most bytes in one line.
    """

    def __init__(self, limit: int) -> None:
        self._limit: Final = limit
        self._held: list[bytes] = []  # the beginning of a line; joined once, so that a long line takes linear time
        self._held_bytes = 0
        self._after_cr = False

    @property
    def held_bytes(self) -> int:
        """Bytes buffered of an unfinished line."""
        return self._held_bytes

    def feed(self, data: bytes) -> list[str]:
        """Adds bytes; returns the complete lines, without line ends.

        Raises:
            Oversize: a line is too long.
        """
        if self._after_cr or b"\r" in data:
            data = self._with_line_feeds(data)
        lines: list[str] = []
        if self._held:
            end = data.find(b"\n")
            if end < 0:
                self._hold(data)
                return lines
            self._hold(data[:end])
            lines.append(self.finish())
            data = data[end + 1 :]
        cut = data.rfind(b"\n") + 1
        if cut:
            if len(data) > self._limit:
                self._check(data[:cut], lines)
            found = str(memoryview(data)[: cut - 1], "utf-8", "replace").split("\n")
            lines = [*lines, *found] if lines else found
        if cut < len(data):
            self._hold(data[cut:] if cut else data, lines)
        return lines

    def finish(self) -> str:
        """Returns the unfinished line and clears the buffer."""
        line = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        return line.decode("utf-8", "replace")

    def _with_line_feeds(self, data: bytes) -> bytes:
        """Normalizes line ends to LF; drops the LF of a CRLF that was split."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _hold(self, part: bytes, before: list[str] | None = None) -> None:
        self._held_bytes += len(part)
        if self._held_bytes > self._limit:
            self._held.clear()
            raise Oversize(before)
        if part:
            self._held.append(part)

    def _check(self, data: bytes, before: list[str]) -> None:
        found = [*before]
        for line in data.split(b"\n"):
            if len(line) > self._limit:
                raise Oversize(found)
            found.append(line.decode("utf-8", "replace"))
