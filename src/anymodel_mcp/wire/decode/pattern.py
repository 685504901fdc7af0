"""The pattern of a stream: what stands around the text in frames that differ in nothing else.

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
    """What stands before and after the text in frames that differ in nothing else."""

    def __init__(self) -> None:
        self.field = ""
        """Where the text stands: "content", or a field of reasoning."""
        self.hits = 0
        """Frames read since the last that was learned."""
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
        """Takes `line`, an event of nothing but text in `field`, as the pattern of those to come.

        Not where that has proved of no use.
        """
        self._seen += 1
        self._vain = 0 if self.hits else self._vain + 1
        if self._vain > _MAX_VAIN and self._seen % _RELEARN_EVERY:
            return  # padding or counters in every frame: no use in trying each time
        self._before, self._after, self.hits = "", "", 0
        self.field = field
        places = _PLACES[field].finditer(line)
        first = next(places, None)
        if first is not None and next(places, None) is None:
            _, end = scan_string(line, first.end(), False)
            self._before, self._after = line[: first.end()], line[end:]
