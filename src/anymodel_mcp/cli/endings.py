"""How a command ends that did not end by itself: three lines, an exit status, never a traceback."""

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
    complain,
    complain_of,
    remark,
)
from anymodel_mcp.errors import AnyModelError


def status_of(terminal: Terminal, argv: Sequence[str], error: BaseException) -> int:
    """The exit status of a command that did not end by itself; says why.

    Raises:
        BaseException: whatever is for the interpreter (a `SystemExit`).
    """
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return status_of(terminal, argv, group.exceptions[0])
    if isinstance(error, CycloptsError):
        complain(terminal, "the command line was not understood", *explain_misspelt(argv, error))
        return EXIT_CONFIG
    if isinstance(error, AnyModelError):
        return complain_of(terminal, f"{argv[0]} did not run", error)
    if isinstance(error, KeyboardInterrupt):
        remark(terminal, "stopped", "yellow")
        return EXIT_INTERRUPTED
    if isinstance(error, BrokenPipeError):  # `| head` has seen enough
        _forget_stdout()
        return EXIT_FAILED
    if isinstance(error, Exception):
        why = f"a fault of this program: {type(error).__name__}: {error} ({_place(error)})"
        complain(terminal, f"{argv[0]} broke off", why, "Please report it with these lines.")
        return EXIT_FAILED
    raise error


def _place(error: Exception) -> str:
    """Where it happened; the whole traceback may hold keys."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _forget_stdout() -> None:
    """What is still in the buffer has no reader: it goes nowhere, instead of complaining at the exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
