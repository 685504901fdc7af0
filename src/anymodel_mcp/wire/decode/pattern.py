"""The pattern of a stream: the JSON around the text in frames that differ only in that text.

Most frames of a stream differ from the one before in one string. With the same characters before and after a string,
the JSON around it is the same, and so is its place: scanning the string alone reads the frame.
"""

from __future__ import annotations

import re

from anymodel_mcp.wire.decode.json_values import scan_string

_PLACES = {
    field: re.compile(rf'"{field}"\s*:\s*"') for field in ("content", "reasoning_content", "reasoning", "thinking")
}
_RELEARN_EVERY = 64
_MAX_VAIN = 8


class Pattern:
    """The characters before and after the text in frames that differ only in that text."""

    def __init__(self) -> None:
        self.field = ""
        """The field of the text: "content", or a field of reasoning."""
        self.hits = 0
        """Frames read since the pattern was learned."""
        self._before = self._after = ""
        self._vain = self._seen = 0

    def read(self, line: str) -> str | None:
        """The text in `line`, if it has this pattern."""
        before, after = self._before, self._after
        if not (before and line.startswith(before) and line.endswith(after)):
            return None
        try:
            text, end = scan_string(line, len(before), False)
        except ValueError:
            return None
        return text if end + len(after) == len(line) else None

    def learn(self, line: str, field: str) -> None:
        """Learns the pattern from `line`, an event with only text in `field`.

        Stops learning if patterns did not match so far.
        """
        self._seen += 1
        self._vain = 0 if self.hits else self._vain + 1
        if self._vain > _MAX_VAIN and self._seen % _RELEARN_EVERY:
            return  # padding or counters in every frame: patterns never match
        self._before, self._after, self.hits = "", "", 0
        self.field = field
        places = _PLACES[field].finditer(line)
        first = next(places, None)
        if first is not None and next(places, None) is None:
            _, end = scan_string(line, first.end(), False)
            self._before, self._after = line[: first.end()], line[end:]
