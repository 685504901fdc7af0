"""Questions to the person at a terminal, or the first line of stdin where there is none."""

from __future__ import annotations

import getpass
from collections.abc import Callable

from anymodel_mcp.cli.piped import read_first_line
from anymodel_mcp.cli.screen import Terminal, remark
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import record


@record
class Dialog:
    """How a command asks its user.

    Attributes:
        write: shows one line.
        ask: asks a question and returns the answer; "" = the input has ended, an empty answer is a line end.
        ask_secret: the same without echo.
        first_line: the first line of stdin, "" = there is none; for commands without a terminal.
        attended: a person is at the terminal.
    """

    write: Callable[[str], None]
    ask: Callable[[str], str]
    ask_secret: Callable[[str], str]
    first_line: Callable[[], str]
    attended: bool

    def answer(self, question: str) -> str:
        """Asks a question and returns the stripped answer.

        Raises:
            ConfigError: the input has ended.
        """
        text = self.ask(question)
        if not text:
            raise ConfigError("the input ended before every question was answered", fix="Run the command again.")
        return text.strip()

    def confirm(self, question: str) -> bool:
        """Whether the user agrees; an empty answer is yes."""
        return self.answer(f"{question} [Y/n] ").lower() in ("", "y", "yes")


def open_dialog(terminal: Terminal, write: Callable[[str], None]) -> Dialog:
    """Opens the dialog of a terminal."""
    stdin = terminal.stdin
    attended = stdin is not None and not stdin.closed and stdin.isatty() and terminal.stdout.isatty()

    def ask(question: str) -> str:
        assert stdin is not None
        terminal.stdout.write(question)
        terminal.stdout.flush()
        return stdin.readline()

    def ask_secret(question: str) -> str:
        try:
            return getpass.getpass(question) + "\n"
        except EOFError:
            return ""

    return Dialog(
        write=write,
        ask=ask,
        ask_secret=ask_secret,
        first_line=lambda: read_first_line(stdin, tell=lambda text: remark(terminal, text)),
        attended=attended,
    )
