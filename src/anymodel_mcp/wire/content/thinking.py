"""Extracts thoughts between tags at the beginning of the text; tags elsewhere are left alone.

A block counts only at the very beginning (white space and other blocks may stand before it): a model that writes about
tags keeps its text. A closing tag in quotes or backticks does not close
(https://github.com/ggml-org/llama.cpp/issues/27661, read 2026-11-20). White space around a block belongs to nothing.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

Mode = Literal["leading", "closing_only_possible", "none"]
Piece = tuple[Literal["text", "reasoning"], str]

# openers and closers as seen: Qwen, DeepSeek, MiniMax, Nova; seed-oss; Kimi-VL; Magistral; small local models
_TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",
    "|startthink|": "|endthink|",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
}
_CLOSERS = tuple(_TAGS.values())
_LEADERS = (*_TAGS, *_CLOSERS)
_LONGEST = max(map(len, _LEADERS))
_QUOTES = "`'\""
_FIRSTS = re.compile("[<|\\[◁]")
_WRITTEN = re.compile(r"\S")
_MOST_SPACE = 4096


@cache
def _closing(closers: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, closers)), re.IGNORECASE)


class ThinkSplitter:
    """Splits text that arrives in pieces into thoughts and answer.

    Args:
        mode: where blocks may stand; see `Dialect.think_tags`.
    """

    def __init__(self, mode: Mode) -> None:
        self.plain = mode == "none"
        """All further text is answer."""
        self.withdrawn = False
        """The returned thoughts were answer text: the assumed block was never closed."""
        self._buffer = ""
        self._at = 0  # the length of the buffer that was parsed
        self._inside: tuple[str, ...] = ()  # the closers of the open block
        self._assumed = mode == "closing_only_possible"  # no opening tag was seen; the template may have written it
        self._blocks = 0
        self._kept: list[str] = []  # the answer text if the assumed block is never closed
        self._fresh = True  # nothing of this block has been returned yet: leading white space is still to be dropped
        self._given = False
        self._space: list[str] = []  # white space inside a block that is dropped if the block ends after it

    @property
    def pending(self) -> str:
        """The text held back that is answer text if nothing follows."""
        if self.plain:
            return ""
        if self._inside and not self._assumed:
            return ""
        held = "".join(self._kept) + self._buffer[self._at :]
        return held.lstrip() if self._blocks else held

    def feed(self, text: str) -> list[Piece]:
        """Adds text; returns the pieces that are now certain, in order, without white space at a block's edges."""
        if self.plain:
            return [("text", text)] if text else []
        out: list[Piece] = []
        self._buffer, self._at = self._buffer[self._at :] + text, 0
        while self._step(out):
            pass
        return out

    def finish(self) -> list[Piece]:
        """Ends the text; returns what was held back. An unclosed block is a thought, unless it was only assumed."""
        if self.plain:
            return []
        out: list[Piece] = []
        if self._inside and not self._assumed:
            rest = self._buffer[self._at :]
            closer = next((c for c in self._inside if rest[-_LONGEST:].lower().endswith(c)), "")
            self._think(rest[: len(rest) - len(closer)], out)
        elif self.pending:
            out.append(("text", self.pending))
            self.withdrawn = bool(self._inside)
        self._buffer, self._at, self._kept, self.plain = "", 0, [], True
        return out

    def _step(self, out: list[Piece]) -> bool:
        """Makes one parsing step; false if more text is needed."""
        if self.plain or self._at >= len(self._buffer):
            if self._at < len(self._buffer):
                out.append(("text", self._buffer[self._at :]))
                self._at = len(self._buffer)
            return False
        return self._in_block(out) if self._inside else self._at_edge()

    def _at_edge(self) -> bool:
        found = _WRITTEN.search(self._buffer, self._at)
        start = found.start() if found else len(self._buffer)
        lower = self._buffer[start : start + _LONGEST].lower()
        for opener, closer in _TAGS.items():
            if lower.startswith(opener):
                self._open((closer,), start + len(opener))
                self._assumed, self._kept = False, []
                return True
        orphan = next((c for c in _CLOSERS if lower.startswith(c)), None)
        if orphan and not self._blocks:
            self._at, self._blocks = start + len(orphan), 1  # the template opened, the model closed at once
            return True
        if any(tag.startswith(lower) for tag in _LEADERS) and len(self._buffer) - self._at < _MOST_SPACE:
            return False
        if self._assumed and not self._blocks:
            self._open(_CLOSERS, self._at)
            return True
        self.plain = True
        if self._blocks:
            self._at = start
        return True

    def _open(self, closers: tuple[str, ...], at: int) -> None:
        self._inside, self._at, self._fresh, self._space = closers, at, True, []

    def _in_block(self, out: list[Piece]) -> bool:
        text = self._buffer
        for found in _closing(self._inside).finditer(text, self._at):
            at, end = found.span()
            if at > self._at and text[at - 1] in _QUOTES:
                if end == len(text):
                    return False
                if text[end] == text[at - 1]:
                    continue
            self._close(at, end, out)
            return True
        cut = self._certain()
        ready, self._at = text[self._at : cut], cut
        if self._assumed:
            self._kept.append(ready)
        self._think(ready, out)
        return False

    def _certain(self) -> int:
        """The length of the buffer that cannot be part of a closing tag, or of the quote before one."""
        text = self._buffer
        for first in _FIRSTS.finditer(text, max(self._at, len(text) - _LONGEST)):
            at = first.start()
            rest = text[at:].lower()
            if any(len(rest) < len(c) and c.startswith(rest) for c in self._inside):
                return at - 1 if at > self._at and text[at - 1] in _QUOTES else at
        return len(text) - 1 if len(text) > self._at and text[-1] in _QUOTES else len(text)

    def _close(self, at: int, end: int, out: list[Piece]) -> None:
        thought, self._at = self._buffer[self._at : at], end
        self._think(thought, out)
        self._inside, self._assumed, self._kept, self._space = (), False, [], []
        self._blocks += 1

    def _think(self, text: str, out: list[Piece]) -> None:
        if self._fresh:
            text = text.lstrip()
            if not text:
                return
            self._fresh = False
            if self._given:
                text = "\n" + text
        bare = text.rstrip()
        if not bare:
            self._space.append(text)
            return
        whole = "".join((*self._space, bare))
        self._space = [text[len(bare) :]]
        self._given = True
        out.append(("reasoning", whole))
