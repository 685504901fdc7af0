"""The demo's output: colours and a progress bar on a terminal, plain lines in a file."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.status import Status
from rich.text import Text

from anymodel_mcp.cli.screen import Terminal

if TYPE_CHECKING:
    from mcp.types import CallToolResult


_UNSHOWN = ("temperature", "max_tokens", "stop")
"""Arguments that make the demo short and repeatable."""


class Screen:
    """The demo's output."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.failed = False
        self._console = terminal.out
        self._console.soft_wrap = not self._console.is_terminal
        self._bar: Progress | None = None
        self._status: Status | None = None
        self._stage = ""

    def title(self, text: str) -> None:
        """Prints a highlighted line."""
        self._console.print(Text(f"\n{text}", style="bold"))

    def say(self, text: str) -> None:
        """Prints a remark."""
        self._console.print(Text(self.terminal.redactor.clean(text), style="dim"))

    def step(self, number: int, title: str) -> None:
        """Announces the next step."""
        self._console.print(Text.assemble("\n", (f"{number}. ", "bold green"), (title, "bold")))

    def advice(self, command: str) -> None:
        """Prints the command to type next."""
        typed = command.replace("anymodel-mcp", find_command(self.terminal.environ), 1)
        self._console.print(Text(f"\n  {typed}\n", style="bold cyan"))

    def call(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """Prints a call."""
        shown = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items() if name not in _UNSHOWN)
        self._console.print(Text.assemble(("> ", "green"), (tool, "bold cyan"), f" {shown}"))

    def words(self, text: str) -> None:
        """Prints a part of a streamed answer."""
        self._console.print(Text(self.terminal.redactor.text(text)), end="")
        self.terminal.stdout.flush()

    def end_words(self) -> None:
        """Ends a streamed answer."""
        self._console.print()

    def result(self, result: CallToolResult, *, shown: bool = False, refused: bool = False, most: int = 2000) -> None:
        """Prints a result: its text, unless it was streamed.

        Args:
            result: of the call.
            shown: its text is on the screen already.
            refused: it is meant to fail.
            most: how many characters are shown; the notes in brackets always are.
        """
        text = shortened(self.terminal.redactor.text(text_of(result)).strip(), most)
        if not shown or result.is_error:
            self._console.print(Text(text, style="yellow" if result.is_error else ""))
        if bool(result.is_error) != refused:
            self.failed = True

    def progress(self, message: str, done: int | None, total: int | None) -> None:
        """Shows what is being prepared, and the progress."""
        if not self._console.is_terminal:
            if message != self._stage:
                self.say(f"{message}{f' ({total // 1_000_000} MB, once)' if total and not done else ''}")
            self._stage = message
            return
        if total is None:
            self.progress_done()
            self._status = Status(Text(message, style="dim"), console=self._console)
            self._status.start()
            return
        if self._bar is None:
            self.progress_done()
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.add_task(message, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], description=message, completed=done or 0)

    def progress_done(self) -> None:
        """Removes the progress bar and the spinner."""
        for live in (self._bar, self._status):
            if live is not None:
                live.stop()
        self._bar = self._status = None


def text_of(result: CallToolResult) -> str:
    """The text of a result."""
    return "\n".join(block.text for block in result.content if block.type == "text")


def shortened(text: str, most: int) -> str:
    """The beginning of a long text, and the notes in brackets at its end."""
    answer, mark, notes = text.partition("\n\n[")
    if len(answer) > most:
        answer = f"{answer[:most].rsplit(' ', 1)[0]} … ({len(answer):,} characters in all)"
    return answer + mark + notes


def find_command(environ: Mapping[str, str], python: str = sys.executable) -> str:
    """The command that starts this program: its name if it is on PATH, else its full path."""
    script = Path(python).with_name("anymodel-mcp.exe" if sys.platform == "win32" else "anymodel-mcp")
    if shutil.which("anymodel-mcp", path=environ.get("PATH", "")) or not script.is_file():
        return "anymodel-mcp"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def _short(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(repr(part) for part in cast('Sequence[object]', value))}]"
    if isinstance(value, Mapping):
        properties: Mapping[str, Any] = cast("Mapping[str, Any]", value).get("properties", {})
        fields = ", ".join(f"{name}: {schema['type']}" for name, schema in properties.items())
        return f"{{{fields}}}"
    return repr(value)
