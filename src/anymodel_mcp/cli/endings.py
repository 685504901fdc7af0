"""Ends a command that failed: three lines and an exit status, never a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from cyclopts import CycloptsError

from anymodel_mcp.cli.arguments import explain_misspelt
from anymodel_mcp.cli.screen import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    Terminal,
    print_error,
    remark,
    report_error,
    write_json,
)
from anymodel_mcp.errors import AnyModelError


def status_of(terminal: Terminal, argv: Sequence[str], error: BaseException) -> int:
    """Reports why a command failed; returns its exit status.

    Raises:
        BaseException: exceptions for the interpreter, such as `SystemExit`.
    """
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return status_of(terminal, argv, group.exceptions[0])
    if isinstance(error, CycloptsError):
        why, do = explain_misspelt(argv, error)
        print_error(terminal, "the command line is not valid", why, do, kind="invalid_argument")
        return EXIT_CONFIG
    if isinstance(error, AnyModelError):
        return report_error(terminal, f"{argv[0]} failed", error)
    if isinstance(error, KeyboardInterrupt):
        remark(terminal, "stopped", "yellow")
        if terminal.as_json:
            write_json(terminal, {"error": {"kind": "cancelled", "message": "stopped by Ctrl-C"}})
        return EXIT_INTERRUPTED
    if isinstance(error, BrokenPipeError):  # `| head` has closed the pipe
        _forget_stdout()
        return EXIT_FAILED
    if isinstance(error, Exception):
        why = f"a bug in this program: {type(error).__name__}: {error} ({_place(error)})"
        print_error(terminal, f"{argv[0]} crashed", why, "Please report it with these lines.")
        return EXIT_FAILED
    raise error


def _place(error: Exception) -> str:
    """Returns where it happened; the whole traceback may contain keys."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _forget_stdout() -> None:
    """Discards buffered output without a reader, which would cause an error at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
