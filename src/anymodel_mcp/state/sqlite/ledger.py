"""Model lists, learned repairs and the usage ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, get_args

from anymodel_mcp.state.interface import RunningRow, UsageKey, UsageRow, UsageSum
from anymodel_mcp.state.sqlite.base import StorePart, plain
from anymodel_mcp.state.sqlite.schema import NOW
from anymodel_mcp.types import Json

if TYPE_CHECKING:
    import sqlite3

_MAX_TOKENS = 2**53
"""The largest stored figure: providers report absurd ones, and SQLite's integers and sums overflow."""

_KEYS: dict[str, str] = {
    **{name: name for name in get_args(UsageKey)},
    "day": "date(time, 'unixepoch', 'localtime')",
    "model": "CASE WHEN provider = '' THEN model WHEN model = '' THEN provider ELSE provider || '/' || model END",
    "all": "'all'",
}


STALE_S = 30
"""A running call whose worker sent no heartbeat for longer, in seconds, counts as interrupted."""

_RUNNING = (
    "INSERT INTO running_calls (id, worker_id, time, host, tool, provider, model, beat, ended) "
    f"VALUES (?, ?, ?, ?, ?, ?, ?, {NOW}, {{ended}}) "
    "ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, ended = max(ended, excluded.ended)"
)
_COLUMNS = "time, host, tool, provider, model, input, output, cost, outcome, duration"
_INSERT = f"INSERT INTO ledger ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ALL = (
    f"SELECT {_COLUMNS} FROM ledger UNION ALL SELECT {_COLUMNS} FROM usage "
    "UNION ALL SELECT time, host, tool, provider, model, NULL, NULL, NULL, "
    f"CASE WHEN beat < {NOW} - {STALE_S} THEN 'interrupted' ELSE 'running' END, max(beat - time, 0) "
    "FROM running_calls WHERE NOT ended"
)


class LedgerStore(StorePart):
    """The part of the store that keeps model lists, repairs and usage."""

    async def save_models(self, provider: str, fetched_at: float, content: Any) -> None:
        """Stores a provider's model list (any JSON value), replacing the previous one."""
        values = (plain(provider), fetched_at, json.dumps(content))
        sql = "INSERT OR REPLACE INTO model_lists (provider, fetched, content) VALUES (?, ?, ?)"
        await self._db.write(lambda c: c.execute(sql, values))

    async def load_models(self, provider: str) -> tuple[float, Any] | None:
        """The time of the request, and the list; `None` = not stored."""
        sql = "SELECT fetched, content FROM model_lists WHERE provider = ?"
        row = await self._db.read(lambda c: c.execute(sql, (plain(provider),)).fetchone())
        return (row[0], json.loads(row[1])) if row else None

    async def save_repair(self, provider: str, model: str, repair: Json) -> None:
        """Stores a learned repair, so that the next call avoids the refusal."""
        values = (plain(provider), plain(model), json.dumps(repair, sort_keys=True), self._clock())
        sql = "INSERT OR REPLACE INTO repairs (provider, model, content, learned) VALUES (?, ?, ?, ?)"
        await self._db.write(lambda c: c.execute(sql, values))

    async def load_repairs(self) -> dict[tuple[str, str], list[Json]]:
        """All repairs, by provider and model, in the order in which they were learned."""
        sql = "SELECT provider, model, content FROM repairs ORDER BY learned, rowid"
        found: dict[tuple[str, str], list[Json]] = {}
        for provider, model, content in await self._db.read(lambda c: c.execute(sql).fetchall()):
            found.setdefault((provider, model), []).append(json.loads(content))
        return found

    async def add_usage(
        self, ended: Iterable[UsageRow], *, announced: Sequence[RunningRow] = (), running: Sequence[RunningRow] = ()
    ) -> None:
        """Writes calls into the ledger, all or none of them.

        Args:
            ended: calls that have ended.
            announced: those of them that were written as running before.
            running: calls that run; writing one again is its heartbeat.
        """
        values = [_usage_values(row) for row in ended]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_INSERT, values)
            connection.executemany(_RUNNING.format(ended=0), [_running_values(row) for row in running])
            connection.executemany(_RUNNING.format(ended=1), [_running_values(row) for row in announced])

        if values or running:
            await self._tidy_if_due()
            await self._db.write(work)

    async def usage(self, since: float = 0, by: UsageKey = "model") -> list[UsageSum]:
        """Sums since a time (seconds since the epoch), groups with most calls first; days in chronological order.

        Calls that have not ended are in it, with the outcome "running", or "interrupted" where their worker is gone.
        """
        order = "1" if by == "day" else "2 DESC, 1"
        sql = (
            f"SELECT {_KEYS[by]}, count(*), sum(outcome NOT IN ('complete', 'running')), "
            f"sum(input), sum(output), sum(cost), sum(duration) FROM ({_ALL}) "
            f"WHERE time >= ? GROUP BY 1 ORDER BY {order}"
        )
        rows = await self._db.read(lambda c: c.execute(sql, (since,)).fetchall())
        return [
            UsageSum(key=key, calls=calls, failed=failed, input=i, output=o, cost=cost, duration_s=duration)
            for key, calls, failed, i, o, cost, duration in rows
        ]


def _usage_values(row: UsageRow) -> tuple[Any, ...]:
    names = (plain(text) for text in (row.host, row.tool, row.provider, row.model))
    tokens = (min(n, _MAX_TOKENS) if n is not None else None for n in (row.input, row.output))
    return (row.time, *names, *tokens, row.cost, plain(row.outcome), row.duration_s)


def _running_values(row: RunningRow) -> tuple[Any, ...]:
    names = (plain(text) for text in (row.host, row.tool, row.provider, row.model))
    return (row.id, row.worker_id, row.time, *names)
