"""Renders an answer as Markdown on a terminal while it arrives.

A block (paragraph, list, table, code) is printed once it is complete; the unfinished one is redrawn below it.
Nothing of the answer may disappear: line breaks stay, HTML is shown as text, links show their address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import dropwhile
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Heading, Markdown, MarkdownElement
from rich.segment import Segment, Segments
from rich.text import Text

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?: |$)")
_DATA = re.compile(r"\s*(?:\{|\[\s*(?:[\[{\"\d]|$)|<)")
"""A block of JSON, XML or HTML without a fence: its indentation and line breaks matter."""


class _PlainHeading(Heading):
    """A heading as bold text at the left margin."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text
        text.justify = "left"
        text.stylize("bold underline" if self.tag == "h1" else "bold")
        yield text


class _Page(Markdown):
    """Markdown without losses."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {**Markdown.elements, "heading_open": _PlainHeading}

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
        self.parsed = [*_with_line_breaks(parser.parse(text))]


def _with_line_breaks(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"
        yield token


def split_blocks(text: str) -> tuple[list[str], str]:
    """Returns the complete blocks of a text that still grows, and the rest."""
    blocks: list[str] = []
    block: list[str] = []
    fence = ""
    pending = False  # an empty line has been seen; the next line decides whether the block ends there
    for line in text.splitlines(keepends=True):
        if not fence and not line.strip():
            pending = bool(block)
            block.append(line)
            continue
        if pending and line.endswith("\n") and _begins_block(line, block):
            blocks.append("".join(block))
            block = []
        pending = False
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) and not line[mark.end() :].strip() else fence
        elif mark:
            fence = mark[1]
        block.append(line)
    return blocks, "".join(block)


def _begins_block(line: str, block: list[str]) -> bool:
    """Whether a line after an empty one begins a new block; an indented one, or another item, continues a list."""
    in_list = bool(_ITEM.match(block[0]))
    return not line[0].isspace() and not (in_list and _ITEM.match(line))


class MarkdownPage:
    """An answer on a terminal.

    Args:
        console: where.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._rest = ""
        self._printed = False

    def write(self, text: str) -> None:
        """Takes the next part of the answer."""
        blocks, self._rest = split_blocks(self._rest + text)
        for block in blocks:
            self._print(block)
        self._redraw()

    def end(self) -> None:
        """Prints what is left."""
        if self._live is not None:
            self._live.update(Text(""))
            self._live.stop()
            self._live = None
        rest, self._rest = self._rest, ""
        self._print(rest)

    def _print(self, block: str) -> None:
        if block.strip():
            if self._printed:
                self._console.print()
            self._printed = True
            lines = self._console.render_lines(_rendered(block), pad=False)
            while lines and _is_empty(lines[-1]):
                lines.pop()
            shown = dropwhile(_is_empty, lines)
            self._console.print(Segments([s for line in shown for s in (*line, Segment.line())]), end="")

    def _redraw(self) -> None:
        if not self._console.is_interactive:
            return
        if self._live is None:
            self._live = Live(console=self._console, transient=True, refresh_per_second=8, vertical_overflow="crop")
            self._live.start()
        room = max(self._console.height - 3, 3)  # the end of a block that is higher than the screen
        self._live.update(_rendered("".join(self._rest.splitlines(keepends=True)[-room:])))


def _is_empty(line: list[Segment]) -> bool:
    return not any(part.text.strip() or (part.style and part.style.bgcolor) for part in line)


def _rendered(block: str) -> Markdown | Text:
    return Text(block.strip("\n")) if _DATA.match(block) else _Page(block)
