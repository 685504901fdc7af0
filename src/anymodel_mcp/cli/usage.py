"""`usage`: prints what the tool `usage` sums up."""

from __future__ import annotations

import time
from datetime import datetime

from anymodel_mcp.app import open_services
from anymodel_mcp.calls.call import Call
from anymodel_mcp.cli.screen import Terminal, remark, write_json
from anymodel_mcp.cli.tables import show_table
from anymodel_mcp.cli.tool_call import HOST
from anymodel_mcp.config import Settings
from anymodel_mcp.state import UsageKey, UsageSum
from anymodel_mcp.state.usage_sums import parse_since, total
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.usage import TOOL
from anymodel_mcp.types import Json


async def usage(terminal: Terminal, settings: Settings, *, since: str, by: UsageKey, as_json: bool) -> int:
    """Prints the sums; returns the exit status.

    Raises:
        ArgumentError: `since` is not valid.
    """
    parse_since(since, time.time(), name="--since")
    async with open_services(
        settings, redactor=terminal.redactor, transport=terminal.transport, data_dir=terminal.data_dir
    ) as services:
        arguments = parse(TOOL.arguments, {"since": since, "by": by}, frozenset())
        outcome = await TOOL.run(services.context(Call(TOOL.name, HOST)), arguments)
        warnings = services.store.warnings
    record: Json = outcome.record or {}
    sums = [UsageSum(**entry) for entry in record["sums"]]
    if as_json:
        write_json(terminal, record)
    elif sums:
        rows = [*map(_row, sums)]
        if len(sums) > 1:
            rows.append(_row(total(sums)))
        columns = (by, "calls", "failed", "tokens in", "tokens out", "$", "seconds a call")
        show_table(terminal, columns, rows, right=frozenset(range(1, 7)))
    else:
        remark(terminal, f"no calls since {datetime.fromtimestamp(record['since']):%Y-%m-%d %H:%M}")
    if not settings.store.enabled:
        remark(terminal, "the store is disabled ([store] enabled = false): nothing is kept", "yellow")
    for warning in warnings:
        remark(terminal, warning, "yellow")
    return 0


def _row(entry: UsageSum) -> tuple[str, ...]:
    return (
        entry.key or "(unknown)",
        f"{entry.calls:,}",
        f"{entry.failed:,}" if entry.failed else "",
        f"{entry.input:,}" if entry.input is not None else "",
        f"{entry.output:,}" if entry.output is not None else "",
        f"{entry.cost:.4f}" if entry.cost is not None else "",
        f"{entry.duration_s / entry.calls:.1f}" if entry.calls else "",
    )
