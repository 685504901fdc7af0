"""Splits raw harmony, the message format of gpt-oss, which some servers return as text.

https://cookbook.openai.com/articles/openai-harmony (read 2026-11-28): a message is
`<|start|>ROLE<|channel|>NAME<|message|>TEXT`, ended by `<|end|>`, `<|return|>` or `<|call|>`; the prompt template has
written the first `<|start|>assistant`. The channels `analysis` and `commentary` hold reasoning, `final` the answer.
Only text that begins with such a header is read as harmony; a mark that the final message quotes stays in it.
"""

from __future__ import annotations

import re

from anymodel_mcp.wire.content.thinking import Mode, Piece, ThinkSplitter

_OPENERS = ("<|channel|>", "<|start|>")
_ENDS = ("<|end|>", "<|return|>", "<|call|>")
_MARK = re.compile(r"<\|(?:channel|start|end|return|call)\|>")
_END = re.compile(r"<\|(?:end|return|call)\|>")
_MESSAGE = "<|message|>"
_LONGEST = len(_MESSAGE)
_HEADER = re.compile(
    r"(?:<\|start\|>(?P<role>[^<]*))?(?:<\|channel\|>\s*(?P<channel>\w+)[^<]*)?(?:<\|constrain\|>[^<]*)?"
)
_MOST_HEADER = 300
_MOST_SPACE = 1000
_FINAL = "final"


class ChannelSplitter:
    """Splits raw harmony that arrives in pieces into reasoning and answer."""

    def __init__(self) -> None:
        self.rejected = False
        """The text is not harmony: nothing was consumed."""
        self.found = False
        """A header was found: the text is harmony."""
        self.answered = False
        """The final channel was found."""
        self.buffer: str = ""
        """The text held back."""
        self._channel = ""  # of the open message; "" between messages
        self._ended: str = ""  # the end mark of the last message of the final channel, with the white space after it
        self._thought = False  # reasoning has been returned

    @property
    def pending(self) -> str:
        """The text held back that is answer text if nothing follows."""
        return "" if self.found else self.buffer

    def feed(self, text: str) -> list[Piece]:
        """Adds text; returns the pieces that are now certain, in order."""
        out: list[Piece] = []
        self.buffer += text
        while self.buffer and not self.rejected and self._step(out):
            pass
        return out

    def finish(self) -> list[Piece]:
        """Ends the text; returns what was held back."""
        out: list[Piece] = []
        if self._channel:
            self._give(self.buffer, out)
        elif not self.found:
            self.rejected = bool(self.buffer)
            return out
        self.buffer = ""
        return out

    def _step(self, out: list[Piece]) -> bool:
        """Makes one parsing step; false if more text is needed."""
        return self._in_message(out) if self._channel else self._between(out)

    def _between(self, out: list[Piece]) -> bool:
        """Parses between messages: at the very beginning, or after the end of a message."""
        start = self.buffer.lstrip()
        if start.startswith(_OPENERS):
            return self._header(start, out)
        if self.found and start.startswith(_ENDS):
            self.buffer = _MARK.sub("", start, count=1)
            return True
        marks = (*_OPENERS, *_ENDS) if self.found else _OPENERS
        if len(self.buffer) < _MOST_SPACE and any(mark.startswith(start) for mark in marks):
            return False
        if self.found:  # text without a header: answer text
            self._open(_FINAL)
            self._give(self._ended, out)
            self.buffer = self.buffer if self._ended else start
        else:
            self.rejected = True
        return self.found

    def _header(self, start: str, out: list[Piece]) -> bool:
        end = start.find(_MESSAGE, 0, _MOST_HEADER)
        if end < 0 and len(start) < _MOST_HEADER:
            return False
        found = _HEADER.fullmatch(start, 0, end) if end >= 0 else None
        if found is None:
            return self._no_header(start, out)
        role, channel = (found["role"] or "assistant").split()[:1], found["channel"]
        self.found = True
        self._open((channel or _FINAL) if role in ([], ["assistant"]) else "analysis")
        self.buffer = start[end + len(_MESSAGE) :]
        if self._channel != _FINAL and self._thought:
            out.append(("reasoning", "\n"))
        return True

    def _no_header(self, start: str, out: list[Piece]) -> bool:
        if not self.found:
            self.rejected = True
            return False
        self._open(_FINAL)
        mark = next(opener for opener in _OPENERS if start.startswith(opener))
        self._give(self._ended + mark, out)
        self.buffer = start[len(mark) :]
        return True

    def _open(self, channel: str) -> None:
        self._channel = channel
        self.answered = self.answered or channel == _FINAL

    def _in_message(self, out: list[Piece]) -> bool:
        found = (_END if self._channel == _FINAL else _MARK).search(self.buffer)
        if found is None:
            cut = self._certain()
            ready, self.buffer = self.buffer[:cut], self.buffer[cut:]
            self._give(ready, out)
            return False
        self._give(self.buffer[: found.start()], out)
        mark, rest = found.group(), self.buffer[found.end() :]
        self._ended = ""
        if mark in _ENDS:
            space = rest[: len(rest) - len(rest.lstrip())]
            self._ended = mark + space if self._channel == _FINAL else ""
            self.buffer = rest[len(space) :] if self._ended else rest
        else:
            self.buffer = mark + rest
        self._channel = ""
        return True

    def _certain(self) -> int:
        """The length of the buffer that cannot be part of a mark."""
        at = self.buffer.rfind("<", max(0, len(self.buffer) - _LONGEST))
        tail = self.buffer[at:] if at >= 0 else ""
        return at if tail and any(mark.startswith(tail) for mark in (*_OPENERS, *_ENDS)) else len(self.buffer)

    def _give(self, text: str, out: list[Piece]) -> None:
        if not text:
            return
        final = self._channel == _FINAL
        self._thought = self._thought or not final
        out.append(("text" if final else "reasoning", text))


class TextSplitter:
    """Extracts reasoning from the text of an answer: harmony channels or think tags, whichever the text begins with.

    Args:
        mode: where think tags may stand; see `Dialect.think_tags`. With "none" all text is answer.
    """

    def __init__(self, mode: Mode) -> None:
        self._think = ThinkSplitter(mode)
        self._channels = None if mode == "none" else ChannelSplitter()

    @property
    def plain(self) -> bool:
        """All further text is answer."""
        return self._channels is None and self._think.plain

    @property
    def withdrawn(self) -> bool:
        """The returned thoughts were answer text: the assumed block was never closed."""
        return self._think.withdrawn

    @property
    def unanswered(self) -> bool:
        """The text is harmony without a final channel so far."""
        return self._channels is not None and self._channels.found and not self._channels.answered

    @property
    def pending(self) -> str:
        """The text held back that is answer text if nothing follows."""
        return self._channels.pending if self._channels else self._think.pending

    def feed(self, text: str) -> list[Piece]:
        """Adds text; returns the pieces that are now certain, in order."""
        if self._channels is None:
            return self._think.feed(text)
        return [*self._channels.feed(text), *self._hand_over()]

    def finish(self) -> list[Piece]:
        """Ends the text; returns what was held back."""
        out = self._channels.finish() if self._channels else []
        return [*out, *self._hand_over(), *self._think.finish()]

    def _hand_over(self) -> list[Piece]:
        """Passes the text to the think tag splitter if it is not harmony."""
        if self._channels is None or not self._channels.rejected:
            return []
        text, self._channels = self._channels.buffer, None
        return self._think.feed(text)
