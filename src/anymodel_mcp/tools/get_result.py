"""`get_result`: the rest of a long call, or the next part of a long answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from anymodel_mcp.calls.outcomes import CANCELLED, body_of
from anymodel_mcp.errors import ArgumentError, excerpt
from anymodel_mcp.redact import one_line
from anymodel_mcp.tools.arguments import Arguments, Integer, Name, Number
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.records import sparse
from anymodel_mcp.types import Json, Outcome

_MOST_WAIT_S = 1800.0
_MOST_LISTED = 20
_SHOWN = ("id", "tool", "model", "status")


class GetResultArguments(Arguments):
    """Arguments of `get_result`."""

    id: Name | None = None
    wait_s: Annotated[Number, Field(ge=0)] | None = None
    offset: Annotated[Integer, Field(ge=0)] | None = None
    cancel: Annotated[bool, Field(description="stop the call")] | None = None


async def get_result(ctx: ToolContext, arguments: GetResultArguments) -> Outcome:
    """Returns the result under a handle; waits for it as long as requested and the host allows.

    Raises:
        ArgumentError: there is no such result, or the id is missing.
    """
    longest = _MOST_WAIT_S if ctx.limits.wait_budget_s is None else ctx.limits.wait_budget_s
    wait = min(longest if arguments.wait_s is None else arguments.wait_s, longest)
    handle = (arguments.id or "").strip()
    if not handle:
        return await _newest(ctx, arguments)
    outcome = await ctx.calls.fetch(handle, wait_s=wait, cancel=bool(arguments.cancel), progress=ctx.limits.progress)
    if outcome is None:
        raise ArgumentError(
            f"there is no result {excerpt(handle)!r}",
            param="id",
            fix="Without id, get_result lists the newest calls; ids end by age ([store] keep_days).",
        )
    if arguments.cancel:
        outcome = _stopped(outcome)
    offset = arguments.offset or 0
    length = len(body_of(outcome))
    if offset > length:
        raise ArgumentError(f"offset {offset} is past the end: {length} characters are there", param="offset")
    return replace(outcome, offset=offset)


def _stopped(outcome: Outcome) -> Outcome:
    """The outcome of a call that was stopped on request, which is not a failure."""
    if outcome.status == "running":
        return outcome
    if outcome.error is None:
        return replace(outcome, notes=(*outcome.notes, "the call had ended before it could be stopped"))
    if outcome.error.get("kind") != "cancelled":
        return outcome
    received = "the text received before that is above" if outcome.text else "no text was received"
    note = f"stopped on request; {received}"
    record = {key: outcome.error[key] for key in ("provider", "model", "task_id") if outcome.error.get(key)}
    return replace(
        outcome, error=None, advice="", record={**record, "cancelled": True}, notes=(note, *_of_job(outcome))
    )


def _of_job(outcome: Outcome) -> list[str]:
    """The state of the job that the stopped call had submitted."""
    message = str((outcome.error or {}).get("message", ""))
    return [f"{message}. {outcome.advice}".strip()] if outcome.advice and message != CANCELLED else []


async def _newest(ctx: ToolContext, arguments: GetResultArguments) -> Outcome:
    for name in ("cancel", "offset"):
        if getattr(arguments, name):
            raise ArgumentError(f"{name} needs an id", param="id", fix="Without id, get_result lists the newest calls.")
    rows = await ctx.calls.results.newest(_MOST_LISTED)
    calls: list[Json] = [
        {"id": row.id, "tool": row.tool, "model": one_line(row.model), "status": row.status, "age_s": round(age)}
        for row, age in rows
    ]
    lines = [" · ".join(str(call[key]) for key in _SHOWN if call[key]) + f" · {_age(call['age_s'])}" for call in calls]
    notes = [] if calls else ["no call has an id: only long calls and long answers get one"]
    return Outcome(text="\n".join(lines), notes=notes, record={"calls": [sparse(call) for call in calls]})


def _age(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


TOOL = ToolSpec(
    name="get_result",
    description="The rest of a long call or answer: by the id in its note. Without id: the newest calls.",
    arguments=GetResultArguments,
    run=get_result,
    direct=True,
)
