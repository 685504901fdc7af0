"""`usage`: calls, tokens and cost so far. Listed only if the configuration enables it."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from pydantic import Field

from anymodel_mcp.redact import one_line
from anymodel_mcp.state import UsageKey, UsageSum
from anymodel_mcp.state.usage_sums import parse_since, total
from anymodel_mcp.tools.arguments import Arguments, Name
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.types import Outcome

_SINCE = "7d"


class UsageArguments(Arguments):
    """Arguments of `usage`."""

    since: Annotated[Name, Field(description="30m, 24h, 7d (default), 4w or a date")] | None = None
    by: UsageKey | None = None


async def usage(ctx: ToolContext, arguments: UsageArguments) -> Outcome:
    """The sums of the ledger.

    Raises:
        ArgumentError: `since` is not valid.
    """
    start, by = parse_since(arguments.since or _SINCE, time.time()), arguments.by or "model"
    sums = await ctx.calls.usage(start, by)
    lines = [_line(entry) for entry in (*sums, *([total(sums)] if len(sums) > 1 else []))]
    notes = [] if sums else [f"no calls since {datetime.fromtimestamp(start):%Y-%m-%d %H:%M}"]
    record = {"since": start, "by": by, "sums": [asdict(entry) for entry in sums]}
    return Outcome(text="\n".join(lines), notes=notes, record=record)


def _line(entry: UsageSum) -> str:
    """A sum in words; what no provider reported is left out."""
    parts = [
        f"{entry.calls:,} call{'' if entry.calls == 1 else 's'}"
        + (f" ({entry.failed:,} failed)" if entry.failed else "")
    ]
    parts += [f"{entry.input:,} tokens in"] if entry.input is not None else []
    parts += [f"{entry.output:,} tokens out"] if entry.output is not None else []
    parts += [f"${entry.cost:.4f}"] if entry.cost is not None else []
    return f"{one_line(entry.key) or '(unknown)'}: {', '.join(parts)}"


TOOL = ToolSpec(
    name="usage",
    description="Calls, tokens and cost so far.",
    arguments=UsageArguments,
    run=usage,
    needs="on request",
)
