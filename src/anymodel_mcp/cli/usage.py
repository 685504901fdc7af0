"""`usage`: prints sums of the usage ledger."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

import platformdirs

from anymodel_mcp.app import APP_NAME
from anymodel_mcp.cli.screen import Terminal, remark, write_json
from anymodel_mcp.cli.tables import show_table
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.state import UsageKey, UsageSum, open_store

_SPAN = re.compile(r"(\d{1,5})\s*([mhdw])")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def parse_since(text: str, now: float) -> float:
    """Returns the time that "30m", "24h", "7d", "4w" or a date means, in seconds since the epoch.

    Raises:
        ArgumentError: it is not valid.
    """
    text = text.strip().lower()
    if span := _SPAN.fullmatch(text):
        return now - int(span[1]) * _SECONDS[span[2]]
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ArgumentError(
            f"--since {text!r} is not a duration or date", fix="Write 30m, 24h, 7d, 4w or a date such as 2026-11-01."
        ) from None


async def usage(terminal: Terminal, settings: Settings, *, since: str, by: UsageKey, as_json: bool) -> int:
    """Prints the sums; returns the exit status.

    Raises:
        ArgumentError: `since` is not valid.
    """
    start = parse_since(since, time.time())
    folder = terminal.data_dir or Path(platformdirs.user_data_dir(APP_NAME))
    async with open_store(settings.store, folder) as store:
        sums = await store.usage(start, by)
        warnings = store.warnings
    if as_json:
        write_json(terminal, {"since": start, "by": by, "sums": [asdict(s) for s in sums]})
    elif sums:
        rows = [*map(_row, sums)]
        if len(sums) > 1:
            rows.append(_row(_total(sums)))
        columns = (by, "calls", "failed", "tokens in", "tokens out", "$", "seconds a call")
        show_table(terminal, columns, rows, right=frozenset(range(1, 7)))
    else:
        remark(terminal, f"no calls since {datetime.fromtimestamp(start):%Y-%m-%d %H:%M}")
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


def _total(sums: list[UsageSum]) -> UsageSum:
    def add(values: list[int | None]) -> int | None:
        known = [v for v in values if v is not None]
        return sum(known) if known else None

    costs = [s.cost for s in sums if s.cost is not None]
    return UsageSum(
        key="all",
        calls=sum(s.calls for s in sums),
        failed=sum(s.failed for s in sums),
        input=add([s.input for s in sums]),
        output=add([s.output for s in sums]),
        cost=sum(costs) if costs else None,
        duration_s=sum(s.duration_s for s in sums),
    )
