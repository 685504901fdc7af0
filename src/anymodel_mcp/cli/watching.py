"""Prints an answer while it arrives: text as received, reasoning dimmed, a spinner while neither arrives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.status import Status
from rich.text import Text

from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.cli.markdown import MarkdownPage
from anymodel_mcp.cli.screen import Terminal, to_lines
from anymodel_mcp.redact import RunningText
from anymodel_mcp.types import Delta


class Printer:
    """Writes an answer to stdout while it arrives, and reasoning to stderr if that is a terminal.

    Args:
        terminal: where.
        live: write while it arrives; else only `finish` writes.
        markdown: render the answer as Markdown.
    """

    def __init__(self, terminal: Terminal, *, live: bool = True, markdown: bool = False) -> None:
        self._terminal = terminal
        self._page = MarkdownPage(terminal.out) if markdown else None
        self._live = live
        self._taken: list[str] = []
        self._words = RunningText(terminal.redactor)
        self._thoughts = RunningText(terminal.redactor)
        self._thinking = False
        self._ends_line = True
        self._after_return = False
        self._status: Status | None = None

    def wait(self, phase: str) -> None:
        """Shows a spinner, on a terminal only."""
        err = self._terminal.err
        if self._live and err.is_terminal and self._status is None:
            self._status = Status(Text(phase, style="dim"), console=err, spinner="dots")
            self._status.start()

    def text(self, words: str) -> None:
        """Takes answer text."""
        self._taken.append(words)
        if self._live and words:
            self._settle()
            self._write(self._words.add(words))

    def thought(self, words: str) -> None:
        """Takes reasoning text; shown on a terminal only."""
        err = self._terminal.err
        if self._live and words and err.is_terminal and not self._taken:
            self._stop_waiting()
            self._thinking = True
            self._think(self._thoughts.add(words))

    def restart(self) -> None:
        """Another model starts over; no answer text has been printed yet."""
        self._settle()
        self._taken.clear()

    def finish(self, text: str) -> None:
        """Writes what is missing of the complete answer `text`, and ends the line."""
        taken = "".join(self._taken)
        self._settle()
        if self._live and text.startswith(taken):
            text = self._words.rest() + text[len(taken) :]
        elif self._live:  # never seen: the words that came were not those of the answer
            self._write(self._words.rest())
            self._end_line()
        self._write(text)
        self._end_line()

    def stop(self) -> None:
        """Removes the spinner, however the call ended."""
        self._settle()
        self._write(self._words.rest())
        self._end_line()

    def _think(self, piece: str) -> None:
        self._terminal.err.print(Text(to_lines(self._terminal.redactor.text(piece)), style="dim italic"), end="")

    def _write(self, piece: str) -> None:
        shown = self._terminal.redactor.text(piece)
        if self._after_return and shown.startswith("\n"):
            shown = shown[1:]
        self._after_return = shown.endswith("\r") if shown else self._after_return
        shown = to_lines(shown)
        if shown:
            self._ends_line = shown.endswith("\n")
            if self._page is not None:
                self._page.write(shown)
                return
            self._terminal.stdout.write(shown)
            self._terminal.stdout.flush()

    def _end_line(self) -> None:
        if self._page is not None:
            self._page.end()
        elif not self._ends_line:
            self._ends_line = True
            self._terminal.stdout.write("\n")
            self._terminal.stdout.flush()

    def _settle(self) -> None:
        self._stop_waiting()
        if self._thinking:
            self._thinking = False
            self._think(self._thoughts.rest())
            self._terminal.err.print("\n")

    def _stop_waiting(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


@dataclass(slots=True)
class _WatchedTrack(ProgressLine):
    printer: Printer | None = field(default=None)

    def take(self, deltas: Sequence[Delta]) -> None:
        """Counts received deltas and shows reasoning."""
        ProgressLine.take(self, deltas)
        for delta in deltas:
            if delta.kind == "reasoning" and self.printer:
                self.printer.thought(delta.text)


class WatchedCall(Call):
    """A call whose text goes to a printer while it arrives.

    Args:
        tool: the tool's name.
        host: the caller, for the ledger.
        printer: receives the text.
    """

    def __init__(self, tool: str, host: str, printer: Printer) -> None:
        super().__init__(tool, host)
        self._printer = printer

    def track(self, label: str) -> ProgressLine:
        """Adds a progress line."""
        track = _WatchedTrack(label, printer=self._printer)
        self.tracks.append(track)
        return track

    def write(self, text: str) -> None:
        """Takes answer text."""
        super().write(text)
        self._printer.text(text)

    def reset(self) -> None:
        """Another model starts over."""
        super().reset()
        self._printer.restart()
