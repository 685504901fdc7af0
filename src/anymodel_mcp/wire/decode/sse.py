"""Bytes to JSON values: server-sent events, bare JSON, JSON lines, and the mixtures of them that gateways send.

Rules:
- Content types lie in both directions, so the lines themselves say what they are: `data:` with or without a space, a
  comment, a field, or a JSON value with no field name before it.
- A `data:` line that is a whole JSON value is delivered at once: an event without its empty line, several events
  without empty lines between them, and a last event that the end of the body cuts off are no special cases.
- `error:` is a field here, though the standard ignores it (older llama.cpp servers report failures with it).
- One line, one event and one bare value each stay below `max_event_bytes`.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from anymodel_mcp.redact import shorten
from anymodel_mcp.wire.decode.extent import MAX_VALUES, check_extent
from anymodel_mcp.wire.decode.json_values import BAD_JSON, parse_json, parse_or_none, scan_json, scan_once
from anymodel_mcp.wire.decode.lines import LineCutter, Oversize
from anymodel_mcp.wire.decode.pattern import Pattern

_STRAY_CHARS = 4096
_FIELDS = ("data", "event", "error", "id", "retry")
_SHORT = 80
_WRITTEN = re.compile(r"\S")
_ELEMENT = re.compile(r"[^\s,]")
_STRUCTURE = re.compile(r'["\\{}\[\]]')
_MOST_STRUCTURE = 1_000_000
_PLAIN_CHARS = 100_000
"""Longer lines are checked before they are parsed."""
_OBJECT = ("data: {", "data:{")


def _is_open(text: str) -> bool:
    """Whether a bracket or a string of a JSON text is unclosed: the text was cut off and is not just invalid."""
    depth, inside, skipped = 0, False, -1
    for number, found in enumerate(_STRUCTURE.finditer(text)):
        sign, at = found.group(), found.start()
        if at == skipped:
            continue
        if number >= _MOST_STRUCTURE:
            return True
        if inside:
            skipped = at + 1 if sign == "\\" else -1
            inside = sign != '"'
        elif sign == '"':
            inside = True
        elif sign != "\\":
            depth += 1 if sign in "{[" else -1
    return inside or depth > 0


class Broken(Exception):
    """An event that should be JSON is not."""


class Sink(Protocol):
    """Receives the values."""

    @property
    def done(self) -> bool:
        """True if no further values are needed."""
        ...

    def add(self, event: str, value: Any, *, bare: bool) -> None:
        """Takes one value.

        Args:
            event: the name of the event; "" where there is none.
            value: the JSON value, or the text of an `error` event that is no JSON.
            bare: the value came without a field name before it.
        """
        ...

    def add_plain(self, value: Any) -> str:
        """Takes one value if it is only another piece of text in a field of `choices[0].delta`.

        Returns the field, or "" if the value is for `add`. Later frames that differ only in that text go to
        `add_texts`.
        """
        ...

    def add_texts(self, field: str, texts: list[str]) -> None:
        """Takes pieces of text in the field that `add_plain` returned last."""
        ...

    def end(self) -> None:
        """Takes `[DONE]`."""
        ...


class EventDecoder:
    """Feeds a `Sink` with the values in a body.

    Args:
        sink: takes the values.
        max_event_bytes: the most that one line, event or bare value may take.
        max_values: the most JSON values in one of them.
        elements: treat an array as a stream: an array that is cut off yields its complete elements.
    """

    def __init__(
        self, sink: Sink, *, max_event_bytes: int, max_values: int = MAX_VALUES, elements: bool = False
    ) -> None:
        self._elements: Final = elements
        self._sink: Final = sink
        self._max_values: Final = max_values
        self._limit: Final = max_event_bytes
        self._cutter: Final = LineCutter(max_event_bytes)
        self._event = ""
        self._data: list[str] = []
        self._bare: list[str] = []  # a bare value over several lines
        self._bare_tried = 0
        self._data_tried = False
        self._size = 0  # the size of _data or _bare
        self._pattern: Final = Pattern()
        self._opaque = False
        self.seen = False
        """Whether anything but white space was received."""
        self.stray = ""
        """The beginning of text that is neither an event nor JSON, such as HTML."""
        self.values = 0
        """How many values were delivered one by one."""
        self.cut = False
        """Whether the body ended inside an event or a JSON value."""

    def feed(self, data: bytes) -> None:
        """Takes the next bytes.

        Raises:
            Oversize: a limit is exceeded.
            ExcessError: a value holds too much.
            Broken: an event that should be JSON is not.
        """
        try:
            lines = self._cutter.feed(data)
        except Oversize as error:
            self._lines(error.before)
            raise
        self._lines(lines)

    @property
    def held_bytes(self) -> int:
        """Bytes buffered of an unfinished line, event or value."""
        return self._cutter.held_bytes + self._size

    def finish(self) -> None:
        """Ends the body; delivers an open event or value if it is complete.

        Raises:
            Oversize: a limit is exceeded.
            Broken: an event that should be JSON is not.
        """
        rest = self._cutter.finish()
        if rest and not self._sink.done:
            self._lines([rest])
        if self._bare and not self._sink.done:
            self._end_bare()
        try:
            self._dispatch()
        except Broken:
            self.cut = True

    def _lines(self, lines: list[str]) -> None:
        """Takes whole lines; the two most common shapes are handled right here."""
        pattern, idle = self._pattern, self._idle()
        read = pattern.read
        texts: list[str] = []
        for line in lines:
            if not line and (idle or not self.seen):
                continue
            text = read(line)
            if text is not None:
                texts.append(text)
                continue
            if texts:
                self._give_texts(texts)
                texts = []
            if self._sink.done:
                return
            field = self._plain_event(line) if idle and len(line) < _PLAIN_CHARS and line.startswith(_OBJECT) else ""
            if field:
                pattern.learn(line, field)
            else:
                self._line(line)
                idle = self._idle()
        if texts:
            self._give_texts(texts)

    def _idle(self) -> bool:
        """Whether the decoder is between two events."""
        return self.seen and not (self._data or self._bare or self._event or self._opaque)

    def _give_texts(self, texts: list[str]) -> None:
        if self._sink.done:
            return
        self._pattern.hits += len(texts)
        self._sink.add_texts(self._pattern.field, texts)

    def _plain_event(self, line: str) -> str:
        """Reads a line that is an event with only text; "" if it is anything else, without any effect."""
        try:
            value, end = scan_once(line, 6 if line[5] == " " else 5)
        except (StopIteration, *BAD_JSON):
            return ""
        return self._sink.add_plain(value) if end == len(line) else ""

    def _add(self, event: str, value: Any, *, bare: bool) -> None:
        self.values += 1
        self._sink.add(event, value, bare=bare)

    # --- one line ---------------------------------------------------------------------------------------------------

    def _line(self, line: str) -> None:
        if not self.seen:
            line = line.removeprefix("\ufeff")
            if not line.strip():
                return
            self.seen = True
            self._opaque = line.lstrip().startswith("<")
        if self._opaque:
            self._stray(line)
        elif self._bare:
            self._go_on_bare(line)
        elif not line:
            self._dispatch()
        elif line.startswith("data:"):
            self._data_line(line, 6 if line.startswith("data: ") else 5)
        elif not line.startswith(":"):
            self._other_line(line)

    def _data_line(self, line: str, start: int) -> None:
        if len(line) < _SHORT and line[start:].lstrip(' "').startswith("[DONE]"):
            self._dispatch()
            self._sink.end()
            return
        if not (self._data and self._data[0].startswith(("{", "["))):
            check_extent(line, self._max_values)
            try:
                value, end = scan_json(line, start)
            except BAD_JSON:
                end, value = -1, None
            if isinstance(value, dict | list) and not line[end:].strip():
                self._add(self._event, value, bare=False)
                return
        self._keep(line[start:])

    def _other_line(self, line: str) -> None:
        name, colon, rest = line.partition(":")
        text = rest.removeprefix(" ")
        if self._data and self._data[0].startswith(("{", "[")) and not (colon and name in _FIELDS):
            self._keep(line)
        elif colon and name == "event":
            self._event = text.strip()
        elif colon and name == "error":
            self._add("error", parse_or_none(text) or text, bare=False)
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
        """Delivers an event at its end."""
        text, event = "\n".join(self._data), self._event
        self._data, self._event, self._size = [], "", 0
        if not text.strip():
            return
        check_extent(text, self._max_values)
        try:
            value = parse_json(text)
        except BAD_JSON:
            if text.lstrip().startswith(("{", "[")):
                raise Broken(shorten(text, 300)) from None
            if event == "error":
                self._add(event, text, bare=False)
            else:
                self._stray(text)
            return
        self._add(event, value, bare=False)

    # --- JSON without a field name before it ------------------------------------------------------------------------

    def _start_bare(self, line: str) -> None:
        if line.startswith("[DONE]"):
            self._sink.end()
            return
        self._bare = [line]
        self._size = len(line)
        self._try_bare()
        self._bare_tried, self._data_tried = max(self._size, 1024), False

    def _go_on_bare(self, line: str) -> None:
        """Adds a line to a bare value and parses it when it may be complete; total work is at most twice its length."""
        grown = self._size >= 2 * self._bare_tried and (not line.strip() or line.startswith("{"))
        if grown or (line.startswith("data:") and not self._data_tried):
            self._bare_tried = max(self._size, 1024)
            self._data_tried = not grown
            if self._try_bare():
                self._line(line)
                return
        self._size += len(line) + 1
        if self._size > self._limit:
            raise Oversize
        self._bare.append(line)

    def _try_bare(self) -> bool:
        text = "\n".join(self._bare)
        check_extent(text, self._max_values)
        try:
            value = parse_json(text)
        except BAD_JSON:
            return False
        self._bare, self._size = [], 0
        self._add(self._event, value, bare=True)
        return True

    def _end_bare(self) -> None:
        """Delivers the consecutive values in the buffer at the end of the body."""
        text = "\n".join(self._bare)
        self._bare, self._size = [], 0
        check_extent(text, self._max_values)
        place = 0
        while place < len(text) and not self._sink.done:
            try:
                value, place = scan_json(text, place)
            except BAD_JSON as error:
                if self._elements and text[place] == "[":
                    self._add_elements(text, place + 1)
                self._unread(text[place:], error)
                return
            self._add("", value, bare=True)
            found = _WRITTEN.search(text, place)
            place = found.start() if found else len(text)

    def _add_elements(self, text: str, place: int) -> None:
        """Delivers the elements of an array that is cut off."""
        while (found := _ELEMENT.search(text, place)) and not self._sink.done:
            try:
                value, place = scan_json(text, found.start())
            except BAD_JSON:
                return
            self._add("", value, bare=True)

    def _unread(self, rest: str, error: Exception) -> None:
        """Handles text that is not a JSON value: events after the value, a truncated value, or garbage."""
        if rest.startswith(("data:", "event:", ":")):
            self._lines([*rest.split("\n"), ""])
            return
        message = str(error)
        place = getattr(error, "pos", 0)
        at_end = message.startswith(("Unterminated", "Invalid \\")) or place >= len(rest.rstrip()) - 8
        self.cut = self.cut or (at_end and _is_open(rest))
        self._stray(rest)

    def _stray(self, line: str) -> None:
        if len(self.stray) < _STRAY_CHARS:
            self.stray += shorten(line, _STRAY_CHARS) + "\n"
