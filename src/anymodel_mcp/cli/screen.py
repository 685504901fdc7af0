"""The streams of a command, and its errors: three lines on stderr, and with `--json` one JSON object on stdout.

Results go to stdout, everything about them to stderr. rich honours `NO_COLOR`, `TERM=dumb` and redirected streams.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TextIO

import httpx2
from rich.console import Console
from rich.text import Text

from anymodel_mcp.cli.wording import PROGRAM, as_typed, in_cli_words
from anymodel_mcp.errors import AnyModelError, ConfigError, Failure
from anymodel_mcp.record import record
from anymodel_mcp.redact import Redactor
from anymodel_mcp.types import Json

EXIT_FAILED = 1
EXIT_CONFIG = 2
EXIT_INTERRUPTED = 130
_LINE_END = re.compile("\r\n?|[\x85\u2028\u2029]")
_CONFIG_KINDS = ("config", "invalid_argument")
_SHOWN = ("status", "retry_after_s", "provider", "model", "param", "request_id", "partial_text", "task_id")
"""Fields of a failure that the JSON of an error has if they are known."""


@record
class Terminal:
    """The terminal and environment of one command.

    Attributes:
        environ: the environment.
        stdin: where a pipe is read from; `None` = there is none (a program without a console on Windows).
        home: the user's home folder.
        platform: as in `sys.platform`.
        transport: how HTTP is sent; `None` = the network.
        data_dir: where store and pictures are; `None` = the user's data folder.
        redactor: cleans what is printed.
        program: how the user calls this program.
        as_json: stdout takes one JSON value, errors included.
    """

    environ: Mapping[str, str]
    stdin: TextIO | None
    stdout: TextIO
    stderr: TextIO
    home: Path
    platform: str = sys.platform
    transport: httpx2.AsyncBaseTransport | None = None
    data_dir: Path | None = None
    redactor: Redactor = field(default_factory=Redactor)
    program: str = PROGRAM
    as_json: bool = False

    @property
    def out(self) -> Console:
        """The console for results (stdout)."""
        return _console(self.stdout, self.environ)

    @property
    def err(self) -> Console:
        """The console for everything about the result (stderr)."""
        return _console(self.stderr, self.environ)

    @property
    def marks(self) -> Mapping[str, str]:
        """The marks of findings; words if the stream's encoding lacks the characters."""
        try:
            "✓✗•".encode(self.stdout.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return {"ok": "ok", "warn": "warn", "fail": "FAIL", "note": "-"}
        return {"ok": "✓", "warn": "!", "fail": "✗", "note": "•"}


def this_terminal() -> Terminal:
    """The terminal of this process."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure: Callable[..., None] | None = getattr(stream, "reconfigure", None)
        if reconfigure:  # a code page without a character must not end an answer
            reconfigure(errors="replace")
    return Terminal(
        environ=os.environ,
        stdin=sys.stdin,
        stdout=sys.stdout,
        stderr=sys.stderr,
        home=Path.home(),
        platform=sys.platform,
        program=_typed_program(sys.argv[0]),
    )


def _typed_program(started_as: str) -> str:
    """The program's name if it is on PATH, else the path that was typed."""
    is_ours = Path(started_as).stem == PROGRAM
    return started_as if is_ours and shutil.which(PROGRAM) is None and " " not in started_as else PROGRAM


def _console(stream: TextIO, environ: Mapping[str, str]) -> Console:
    return Console(file=stream, _environ=environ, highlight=False, emoji=False, markup=False, soft_wrap=True)


def to_lines(text: str) -> str:
    """Text with plain line feeds as line ends: a lone carriage return would let an answer overwrite its own line."""
    return _LINE_END.sub("\n", text)


def write_out(terminal: Terminal, text: str) -> None:
    """Writes text to stdout."""
    text = to_lines(text)
    terminal.stdout.write(text if text.endswith("\n") else f"{text}\n")
    terminal.stdout.flush()


def write_json(terminal: Terminal, value: Json) -> None:
    """Writes a JSON document to stdout, without keys and control characters."""
    write_out(terminal, json.dumps(terminal.redactor.value(value), ensure_ascii=False, indent=2))


def no_provider() -> ConfigError:
    """The error of a command that needs a provider."""
    return ConfigError(
        "no provider is configured",
        fix="Run anymodel-mcp setup, or set OPENAI_API_KEY (and OPENAI_BASE_URL for another address). Without any key: "
        "anymodel-mcp demo",
    )


def bare_url(url: str) -> str:
    """An address without the values of its query, which may be keys."""
    head, mark, query = url.partition("?")
    return head + mark + "&".join(f"{part.partition('=')[0]}=…" for part in query.split("&")) if mark else head


def remark(terminal: Terminal, text: str, style: str = "dim") -> None:
    """Writes a remark to stderr."""
    terminal.err.print(Text(to_lines(terminal.redactor.clean(text)), style=style))


def print_error(
    terminal: Terminal, what: str, why: str, do: str, *, kind: str = "server", record: Json | None = None
) -> None:
    """Prints what failed, why, and what to do: three lines on stderr, with `--json` also the error as JSON on stdout.

    Args:
        terminal: where.
        what: what failed.
        why: the cause.
        do: the fix.
        kind: of the error, for the JSON.
        record: the whole JSON, if more is known than kind, cause and fix.
    """
    console = terminal.err

    def clean(text: str) -> str:
        return to_lines(as_typed(terminal.redactor.clean(text), terminal.program))

    console.print(Text.assemble(("error: ", "bold red"), (clean(what), "bold")))
    console.print(Text.assemble(("why:   ", "red"), clean(why)))
    console.print(Text.assemble(("do:    ", "green"), clean(do)))
    if terminal.as_json:
        write_json(terminal, {"error": record or {"kind": kind, "message": why, "fix": do}})


def report_error(terminal: Terminal, what: str, error: AnyModelError) -> int:
    """Prints an error and returns the exit status for it."""
    return report_failure(terminal, what, error.failure)


def report_failure(terminal: Terminal, what: str, failure: Failure) -> int:
    """Prints a failure and returns the exit status for it."""
    ours = failure.kind in _CONFIG_KINDS
    why = in_cli_words(failure.message) if ours else failure.message
    do = in_cli_words(_advice(failure))
    known = {name: getattr(failure, name) for name in _SHOWN if getattr(failure, name) not in (None, "")}
    record = {"kind": failure.kind, "message": why, "fix": do, "retryable": failure.retryable, **known}
    print_error(terminal, f"{what}{_circumstances(failure)}", why, do, record=record)
    return EXIT_CONFIG if ours else EXIT_FAILED


def _advice(failure: Failure) -> str:
    if failure.retry_after_s is not None:
        return f"{failure.advice} Try again in {failure.retry_after_s:g} s."
    return failure.advice


def _circumstances(failure: Failure) -> str:
    if failure.kind in _CONFIG_KINDS:
        return ""
    who = "/".join(part for part in (failure.provider, failure.model) if part)
    status = f", HTTP {failure.status}" if failure.status else ""
    return f" from {who} ({failure.kind}{status})" if who else f" ({failure.kind}{status})"
