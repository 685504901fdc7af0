"""Bytes to JSON values: server-sent events, bare JSON, JSON lines, and the mixtures of them that gateways send.

Rules:
- Lines end at CR, LF or CRLF and nowhere else: U+2028, U+2029 and U+0085 are text
  (https://html.spec.whatwg.org/multipage/server-sent-events.html, read 2026-11-21).
- Content types lie in both directions, so the lines themselves say what they are: `data:` with or without a space, a
  comment, a field, or a JSON value with no field name before it.
- A `data:` line that is a whole JSON value is delivered at once: an event without its empty line, several events without
  empty lines between them, and a last event that the end of the body cuts off are no special cases.
- `error:` is a field here, though the standard ignores it (older llama.cpp servers report failures with it).
- One line, one event and one bare value each stay below `max_event_bytes`.

Most frames of a stream differ from the one before in one string. `_Pattern` remembers what stands around that string, and
reads the next frame by scanning the string alone: same text around it, same position, so the value is the same but for it.
"""

from __future__ import annotations

import re
from json.decoder import scanstring
from typing import Any, Final, Protocol, cast

from anymodel_mcp.wire.lenient import BAD_JSON, parse_json, scan_json

_STRAY_CHARS = 4096
_FIELDS = ("data", "event", "error", "id", "retry")
_CONTENT = re.compile(r'"content"\s*:\s*"')
_scan_string = cast("Any", scanstring)
_RELEARN_EVERY = 64
_MAX_VAIN = 8


class Oversize(Exception):  # noqa: N818 - not a failure of ours: the limit on what a peer may send
    """A line, event or bare value is longer than the limit."""


class Broken(Exception):  # noqa: N818 - told to the reader, which knows what had come before
    """An event that should be JSON is not."""


class Sink(Protocol):
    """What takes the values."""

    @property
    def done(self) -> bool:
        """Nothing more is wanted."""
        ...

    def add(self, event: str, value: Any, *, bare: bool) -> bool:
        """Takes one value; true if it was nothing but another piece of plain text (`choices[0].delta.content`).

        Args:
            event: the name of the event; "" where there is none.
            value: the JSON value, or the text of an `error` event that is no JSON.
            bare: the value came without a field name before it.
        """
        ...

    def add_texts(self, texts: list[str]) -> None:
        """Takes pieces of plain text that came as the last value did for which `add` returned true."""
        ...

    def end(self) -> None:
        """`[DONE]` has come."""
        ...


class _Pattern:
    """What stands before and after the text in frames that differ in nothing else."""

    def __init__(self) -> None:
        self.before = ""
        self.after = ""
        self.hits = 0
        self._vain = 0
        self._seen = 0

    def learn(self, line: str) -> None:
        """Takes `line`, a frame of plain text, as the pattern of those to come."""
        self._seen += 1
        self._vain = 0 if self.hits else self._vain + 1
        if self._vain > _MAX_VAIN and self._seen % _RELEARN_EVERY:
            return  # padding or counters in every frame: no use in trying each time
        self.before, self.hits = "", 0
        places = _CONTENT.finditer(line)
        first = next(places, None)
        if first is not None and next(places, None) is None:
            _, end = _scan_string(line, first.end(), False)
            self.before, self.after = line[: first.end()], line[end:]


class EventDecoder:
    """Feeds a `Sink` with the values in a body.

    Args:
        sink: takes the values.
        max_event_bytes: the most that one line, event or bare value may take.
    """

    def __init__(self, sink: Sink, *, max_event_bytes: int) -> None:
        self._sink: Final = sink
        self._limit: Final = max_event_bytes
        self._held: list[bytes] = []  # the beginning of a line
        self._held_bytes = 0
        self._after_cr = False
        self._event = ""
        self._data: list[str] = []
        self._bare: list[str] = []  # a bare value that goes on over several lines
        self._bare_tried = 0
        self._size = 0  # of what stands in _data or _bare
        self._pattern: Final = _Pattern()
        self._opaque = False
        self.seen = False
        """Something other than white space has come."""
        self.stray = ""
        """The beginning of what is neither an event nor JSON, such as a page of HTML."""
        self.values = 0
        """How many values were delivered one by one."""
        self.cut = False
        """The body ended inside an event or a JSON value."""

    def feed(self, data: bytes) -> None:
        """Takes the next bytes.

        Raises:
            Oversize: a limit is exceeded.
            Broken: an event that should be JSON is not.
        """
        if self._after_cr or b"\r" in data:
            data = self._line_feeds(data)
        if self._held:
            end = data.find(b"\n")
            if end < 0:
                self._hold(data)
                return
            self._hold(data[:end])
            data = data[end + 1 :]
            self._finish_line()
        cut = data.rfind(b"\n") + 1
        if cut:
            if len(data) > self._limit:
                self._check_lines(data[:cut])
            lines = str(memoryview(data)[: cut - 1], "utf-8", "replace").split("\n")
            if cut < len(data):
                self._hold(data[cut:])
            del data
            self._lines(lines)
        elif data:
            self._hold(data)

    def finish(self) -> None:
        """The body has ended: what is still open is delivered if it is whole.

        Raises:
            Oversize: a limit is exceeded.
            Broken: an event that should be JSON is not.
        """
        if self._held and not self._sink.done:
            self._finish_line()
        if self._bare and not self._sink.done:
            self._end_bare()
        try:
            self._dispatch()
        except Broken:
            self.cut = True

    def _line_feeds(self, data: bytes) -> bytes:
        """`data` with LF for every line end; the LF of a CRLF that was cut in two is dropped."""
        if self._after_cr and data.startswith(b"\n"):
            data = data[1:]
            if not data:
                self._after_cr = False
                return data
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _hold(self, part: bytes) -> None:
        self._held_bytes += len(part)
        if self._held_bytes > self._limit:
            self._held.clear()
            raise Oversize
        self._held.append(part)

    def _finish_line(self) -> None:
        line = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        text = line.decode("utf-8", "replace")
        del line
        self._lines([text])

    def _check_lines(self, data: bytes) -> None:
        """Delivers the lines before one that is too long, then says so."""
        for line in data.split(b"\n"):
            if len(line) > self._limit:
                raise Oversize
            self._lines([line.decode("utf-8", "replace")])
            if self._sink.done:
                return

    def _lines(self, lines: list[str]) -> None:
        sink, pattern = self._sink, self._pattern
        texts: list[str] = []
        before, after = pattern.before, pattern.after
        start, length = len(before), len(after)
        for line in lines:
            if before and line.startswith(before) and line.endswith(after):
                try:
                    text, end = _scan_string(line, start, False)
                except ValueError:
                    end = -1
                    text = ""
                if end + length == len(line):
                    texts.append(text)
                    continue
            if not line and not (self._data or self._bare or self._event):
                continue
            if texts:
                pattern.hits += len(texts)
                sink.add_texts(texts)
                texts = []
            if sink.done:
                return
            if self._line(line):
                pattern.learn(line)
                before, after = pattern.before, pattern.after
                start, length = len(before), len(after)
        if texts:
            pattern.hits += len(texts)
            sink.add_texts(texts)

    def _add(self, event: str, value: Any, *, bare: bool) -> bool:
        self.values += 1
        return self._sink.add(event, value, bare=bare)

    # --- one line -----------------------------------------------------------------------------------------------------

    def _line(self, line: str) -> bool:
        """Takes one line; true if it was a frame of plain text."""
        if not self.seen:
            line = line.removeprefix("\ufeff")
            if not line.strip():
                return False
            self.seen = True
            self._opaque = line.lstrip().startswith("<")
        if self._opaque:
            self._stray(line)
            return False
        if self._bare:
            self._go_on_bare(line)
            return False
        if not line:
            self._dispatch()
            return False
        if line.startswith("data:"):
            return self._data_line(line, 6 if line.startswith("data: ") else 5)
        if not line.startswith(":"):
            self._other_line(line)
        return False

    def _data_line(self, line: str, start: int) -> bool:
        if line.startswith("[DONE]", start) or line.startswith('"[DONE]"', start):
            self._dispatch()
            self._sink.end()
            return False
        if self._data and self._data[0].startswith(("{", "[")):
            self._keep(line[start:])
            return False
        try:
            value, end = scan_json(line, start)
        except BAD_JSON:
            self._keep(line[start:])
            return False
        if line[end:].strip() or not isinstance(value, dict | list):
            self._keep(line[start:])
            return False
        plain = self._add(self._event, value, bare=False)
        return plain and not self._event and end == len(line)

    def _other_line(self, line: str) -> None:
        name, colon, rest = line.partition(":")
        text = rest.removeprefix(" ")
        if self._data and self._data[0].startswith(("{", "[")) and not (colon and name in _FIELDS):
            self._keep(line)
        elif colon and name == "event":
            self._event = text.strip()
        elif colon and name == "error":
            value = text
            try:
                value = parse_json(text)
            except BAD_JSON:
                pass
            self._add("error", value, bare=False)
        elif colon and name in _FIELDS:
            return
        elif line.lstrip().startswith(("{", "[", '"')):
            self._start_bare(line.strip())
        else:
            self._stray(line)

    def _keep(self, text: str) -> None:
        self._size += len(text) + 1
        if self._size > self._limit:
            raise Oversize
        self._data.append(text)

    def _dispatch(self) -> None:
        """The end of an event: what it holds is delivered."""
        text, event = "\n".join(self._data), self._event
        self._data, self._event, self._size = [], "", 0
        if not text.strip():
            return
        try:
            value = parse_json(text)
        except BAD_JSON:
            if text.lstrip().startswith(("{", "[")):
                raise Broken(text[:300]) from None
            if event == "error":
                self._add(event, text, bare=False)
            else:
                self._stray(text)
            return
        self._add(event, value, bare=False)

    # --- JSON without a field name before it -----------------------------------------------------------------------------

    def _start_bare(self, line: str) -> None:
        if line.startswith("[DONE]"):
            self._sink.end()
            return
        self._bare = [line]
        self._size = len(line)
        self._try_bare()
        self._bare_tried = max(self._size, 1024)

    def _go_on_bare(self, line: str) -> None:
        """A further line of a bare value; where it may be whole, that is tried, in all at most twice its length."""
        if not line.strip() or line.startswith(("{", "data:")):
            if self._size >= 2 * self._bare_tried or line.startswith("data:"):
                self._bare_tried = max(self._size, 1024)
                if self._try_bare():
                    self._line(line)
                    return
        self._size += len(line) + 1
        if self._size > self._limit:
            raise Oversize
        self._bare.append(line)

    def _try_bare(self) -> bool:
        try:
            value = parse_json("\n".join(self._bare))
        except BAD_JSON:
            return False
        self._bare, self._size = [], 0
        self._add(self._event, value, bare=True)
        return True

    def _end_bare(self) -> None:
        """The body has ended: the values that stand one after the other in what was held."""
        text = "\n".join(self._bare)
        self._bare, self._size = [], 0
        place = 0
        while place < len(text) and not self._sink.done:
            try:
                value, place = scan_json(text, place)
            except BAD_JSON as error:
                self._unread(text[place:], error)
                return
            self._add("", value, bare=True)
            place += len(text) - place - len(text[place:].lstrip())

    def _unread(self, rest: str, error: Exception) -> None:
        """What no JSON value begins with: events behind the value, or a value that was cut off, or rubbish."""
        if rest.startswith(("data:", "event:", ":")):
            self._lines([*rest.split("\n"), ""])
            return
        message = str(error)
        place = getattr(error, "pos", 0)
        if message.startswith(("Unterminated", "Invalid \\")) or place >= len(rest.rstrip()) - 8:
            self.cut = True
        self._stray(rest[:_STRAY_CHARS])

    def _stray(self, line: str) -> None:
        if len(self.stray) < _STRAY_CHARS:
            self.stray += line[:_STRAY_CHARS] + "\n"
