"""Runs one tool for the command line: the code that the MCP server runs, with progress on stderr."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import anyio
from rich.status import Status
from rich.text import Text

from anymodel_mcp.app import open_services
from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.progress import SendProgress
from anymodel_mcp.cli.local_files import copy_results
from anymodel_mcp.cli.screen import (
    EXIT_FAILED,
    Terminal,
    no_provider,
    print_error,
    remark,
    report_error,
    report_failure,
    write_json,
    write_out,
)
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import AnyModelError, ArgumentError, Failure
from anymodel_mcp.server.services import Services
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.context import ToolSpec
from anymodel_mcp.types import Json, Outcome

HOST = "terminal"
_END_S = 3.0
_FILES = ("images", "audio", "media")
_FAILURE = frozenset(field.name for field in fields(Failure))


async def run_command_line(
    terminal: Terminal, settings: Settings, what: str, work: Callable[[Services], Coroutine[Any, Any, int]]
) -> int:
    """Runs `work` with the services; returns the exit status.

    Args:
        terminal: where results, progress and errors go.
        settings: the configuration.
        what: what failed, if it fails: "no picture".
        work: the command.
    """
    try:
        if not settings.providers:
            raise no_provider()
        async with open_services(
            settings, redactor=terminal.redactor, transport=terminal.transport, data_dir=terminal.data_dir
        ) as services:
            return await work(services)
    except AnyModelError as error:
        return report_error(terminal, what, error)


async def run_tool(terminal: Terminal, services: Services, spec: ToolSpec, arguments: Json) -> Outcome:
    """Returns the outcome of a tool.

    Raises:
        ArgumentError: the arguments are refused.
    """
    given = {name: value for name, value in arguments.items() if value not in (None, [], {})}
    parsed = parse(spec.arguments, given, frozenset())

    async def work(call: Call) -> Outcome:
        return await spec.run(services.context(call), parsed)

    call = services.calls.start(spec.name, HOST, work)
    with shown_progress(terminal) as send:
        try:
            await services.calls.wait(call, for_s=None, progress=send)
        except anyio.get_cancelled_exc_class():
            await _interrupt(terminal, services, call)
            raise
    assert call.outcome is not None
    return call.outcome


async def _interrupt(terminal: Terminal, services: Services, call: Call) -> None:
    """Closes the connection to the provider; names a job that continues there."""
    services.calls.abandon(call)
    with anyio.CancelScope(shield=True), anyio.move_on_after(_END_S):
        await call.done.wait()
    if call.row is not None and call.job is not None and not call.job_over:
        tell_how_to_continue(terminal, call.row.id)


def tell_how_to_continue(terminal: Terminal, handle: str) -> None:
    """Reports that a job continues, and how to get its result."""
    remark(terminal, "interrupted; the job continues at its provider and may be charged", "yellow")
    remark(terminal, f"get its result:  anymodel-mcp media {handle}", "yellow")
    remark(terminal, f"stop it:         anymodel-mcp media {handle} --cancel", "yellow")


@contextmanager
def shown_progress(terminal: Terminal) -> Generator[SendProgress]:
    """Shows progress notes on stderr: one line that changes for a person, a line for each new state otherwise."""
    seen = ""
    status = Status(Text("starting", style="dim"), console=terminal.err) if terminal.err.is_terminal else None

    async def send(_: float, message: str) -> None:
        nonlocal seen
        if status is not None:
            status.update(Text(message, style="dim"))
        elif (state := message.partition(", ")[2]) != seen:
            seen = state
            remark(terminal, message)

    with status if status is not None else _nothing():
        yield send


@contextmanager
def _nothing() -> Generator[None]:
    yield


def show_outcome(terminal: Terminal, outcome: Outcome, what: str, *, output: Path | None = None) -> int:
    """Prints a result: files as one path a line, else its text; notes go to stderr. Returns the exit status."""
    if outcome.error is not None:
        return report_outcome(terminal, what, outcome)
    record = outcome.record or {}
    files = _files_of(record)
    copied = copy_files(terminal, record, output)
    if terminal.as_json:
        write_json(terminal, {"text": outcome.text, **record, **({"copies": copied} if copied else {})})
        return 0
    for text in record.get("texts", ()):
        write_out(terminal, text)
    if files:
        for place in copied or [str(file.get("path") or file.get("url") or "(not saved)") for file in files]:
            write_out(terminal, place)
        remark(terminal, ", ".join(filter(None, map(_describe, files))))
    elif outcome.text and not record.get("texts"):
        write_out(terminal, outcome.text)
    for note in outcome.notes:
        remark(terminal, note, "yellow" if note in record.get("warnings", ()) else "dim")
    if footer := footer_of(record):
        remark(terminal, footer)
    return 0


def _files_of(record: Json) -> list[Json]:
    return [file for name in _FILES for file in record.get(name, ())]


def copy_files(terminal: Terminal, record: Json, output: Path | None) -> list[str]:
    """Copies the saved files of a result to where the user wants them; returns the copies."""
    if output is None:
        return []
    saved = [Path(str(file["path"])) for file in _files_of(record) if file.get("path")]
    try:
        return [str(path) for path in copy_results(saved, output)]
    except OSError as error:
        remark(terminal, f"{output} cannot be written: {error.strerror or error}", "yellow")
        return []


def _describe(file: Json) -> str:
    size = f"{file['width']}x{file['height']}" if file.get("width") else ""
    length = f"{file['duration_s']:.1f} s" if file.get("duration_s") else ""
    weight = f"{file['bytes']:,} bytes" if file.get("bytes") else ""
    return " ".join(filter(None, (size, length, str(file.get("mime", "")), weight)))


def footer_of(record: Json) -> str:
    """Returns which model answered, the tokens, the cost and the time."""
    if "answers" in record or "provider" not in record:
        return ""
    usage: Json = record.get("usage", {})
    parts = ["/".join(str(record[name]) for name in ("provider", "model") if record.get(name))]
    if "input" in usage and "output" in usage:
        parts.append(f"{usage['input']} tokens in, {usage['output']} out")
    if usage.get("cost"):
        parts.append(f"${usage['cost']:.6f}".rstrip("0"))
    if "first_delta_s" in record:
        parts.append(f"{record.get('duration_s', 0):.1f} s, first token after {record['first_delta_s']:.1f} s")
    elif "duration_s" in record and not any(record.get(name) for name in (*_FILES, "segments")):
        parts.append(f"{record['duration_s']:.1f} s")
    return " · ".join(parts)


def report_outcome(terminal: Terminal, what: str, outcome: Outcome) -> int:
    """Prints the error of an outcome; returns the exit status."""
    record = outcome.error or {}
    if outcome.text and not terminal.as_json:
        write_out(terminal, outcome.text)
    known: dict[str, Any] = {name: value for name, value in record.items() if name in _FAILURE}
    known["fix"] = outcome.advice
    failure = Failure(**known)
    if outcome.result_id and failure.task_id:
        do = f"anymodel-mcp media {outcome.result_id} goes on with job {failure.task_id}; do not submit it again."
        print_error(
            terminal,
            f"{what} ({failure.kind})",
            failure.message,
            do,
            record={**record, "fix": do, "result_id": outcome.result_id},
        )
        return EXIT_FAILED
    return report_failure(terminal, what, failure)


def read_options(pairs: list[str] | None) -> Json:
    """Returns request fields given as NAME=VALUE; a value that is JSON is read as such.

    Raises:
        ArgumentError: one has no name.
    """
    import json

    options: Json = {}
    for pair in pairs or ():
        name, mark, text = pair.partition("=")
        if not name or not mark:
            raise ArgumentError(f"--option {pair!r} has no value", fix="Write --option NAME=VALUE.")
        try:
            options[name] = json.loads(text)
        except json.JSONDecodeError:
            options[name] = text
    return options
