"""`get_result`: the rest of a long call, or the next part of a long answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from anymodel_mcp.calls.outcomes import body_of
from anymodel_mcp.errors import ArgumentError, excerpt
from anymodel_mcp.tools.arguments import Arguments, Integer, Name, Number
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.types import Outcome

_MOST_WAIT_S = 1800.0


class GetResultArguments(Arguments):
    """Arguments of `get_result`."""

    id: Name
    wait_s: Annotated[Number, Field(ge=0)] | None = None
    offset: Annotated[Integer, Field(ge=0)] | None = None
    cancel: Annotated[bool, Field(description="stop the call")] | None = None


async def get_result(ctx: ToolContext, arguments: GetResultArguments) -> Outcome:
    """What a handle stands for, after waiting for its end as long as asked and the host allows.

    Raises:
        ArgumentError: there is no such result (any more).
    """
    longest = _MOST_WAIT_S if ctx.limits.wait_budget_s is None else ctx.limits.wait_budget_s
    wait = min(longest if arguments.wait_s is None else arguments.wait_s, longest)
    outcome = await ctx.calls.fetch(
        arguments.id.strip(), wait_s=wait, cancel=bool(arguments.cancel), progress=ctx.limits.progress
    )
    if outcome is None:
        raise ArgumentError(
            f"there is no result {excerpt(arguments.id)!r}",
            param="id",
            fix="Ids are given by the answers themselves and end by age ([store] keep_days).",
        )
    offset = arguments.offset or 0
    length = len(body_of(outcome))
    if offset > length:
        raise ArgumentError(f"offset {offset} is past the end: {length} characters are there", param="offset")
    return replace(outcome, offset=offset)


TOOL = ToolSpec(
    name="get_result",
    description="The rest of a long call or answer: by the id in its note. Without id: the newest calls.",
    arguments=GetResultArguments,
    run=get_result,
    direct=True,
)
