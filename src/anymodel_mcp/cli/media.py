"""Makes pictures, sound, video and transcripts, and gets the results of earlier jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import anyio

from anymodel_mcp.calls.call import Call
from anymodel_mcp.cli.local_files import absolute, allowing, check_files, check_target
from anymodel_mcp.cli.screen import Terminal, report_error
from anymodel_mcp.cli.tool_call import (
    HOST,
    read_options,
    run_command_line,
    run_tool,
    show_outcome,
    shown_progress,
    tell_how_to_continue,
)
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import AnyModelError, ArgumentError
from anymodel_mcp.server.services import Services
from anymodel_mcp.tools import TOOLS
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.context import HostLimits
from anymodel_mcp.tools.get_result import TOOL as GET_RESULT
from anymodel_mcp.types import Json, Outcome

Files = str | Sequence[str] | None
"""A reference to a file, or several."""


async def make(
    terminal: Terminal,
    settings: Settings,
    tool: str,
    arguments: Json,
    files: Mapping[str, Files],
    option: list[str] | None,
    what: str,
    output: Path | None,
) -> int:
    """Runs a tool and prints its result; returns the exit status.

    Args:
        terminal: where.
        settings: the configuration.
        tool: its name.
        arguments: its arguments, without files and options.
        files: its arguments that name files or URLs.
        option: request fields, as NAME=VALUE.
        what: what failed, if it fails.
        output: where the result is copied to.
    """
    spec = next(spec for spec in TOOLS if spec.name == tool)
    named = [ref for value in files.values() for ref in _listed(value)]
    try:
        options = read_options(option)
        check_files(named)
        check_target(output)
    except AnyModelError as error:
        return report_error(terminal, what, error)
    given = {**arguments, **{name: _absolute(value) for name, value in files.items()}, "options": options}

    async def work(services: Services) -> int:
        return show_outcome(terminal, await run_tool(terminal, services, spec, given), what, output=output)

    return await run_command_line(terminal, allowing(settings, named), what, work)


def _listed(value: Files) -> Sequence[str]:
    return [value] if isinstance(value, str) else value or []


def _absolute(value: Files) -> Files:
    return absolute(value) if isinstance(value, str) else [absolute(ref) for ref in value or ()]


async def fetch(terminal: Terminal, settings: Settings, handle: str, cancel: bool, output: Path | None) -> int:
    """Gets the result of an earlier call, waiting for its end, or stops it; returns the exit status."""
    what = f"no result of {handle}" if handle else "nothing was stopped"
    try:
        check_target(output)
        if not handle:
            raise ArgumentError("no id is given", fix="Give the id of the job, such as r-..., and --cancel.")
    except AnyModelError as error:
        return report_error(terminal, what, error)

    async def work(services: Services) -> int:
        outcome = await _fetch(terminal, services, {"id": handle, "cancel": cancel or None})
        return show_outcome(terminal, outcome, what, output=output)

    return await run_command_line(terminal, settings, what, work)


async def _fetch(terminal: Terminal, services: Services, arguments: Json) -> Outcome:
    parsed = parse(GET_RESULT.arguments, arguments, frozenset())
    with shown_progress(terminal) as send:
        try:
            while True:
                context = services.context(Call(GET_RESULT.name, HOST), HostLimits(progress=send))
                outcome: Outcome = await GET_RESULT.run(context, parsed)
                if outcome.status != "running" or arguments.get("cancel"):
                    return outcome
        except anyio.get_cancelled_exc_class():
            tell_how_to_continue(terminal, str(arguments["id"]))
            raise
