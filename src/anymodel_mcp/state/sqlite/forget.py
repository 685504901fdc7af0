"""Removes what is kept, at the user's wish: one call or conversation, or everything before a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anymodel_mcp.state.interface import Forgotten
from anymodel_mcp.state.sqlite.base import StorePart, plain
from anymodel_mcp.state.sqlite.ledger import STALE_S
from anymodel_mcp.state.sqlite.schema import NOW

if TYPE_CHECKING:
    import sqlite3

_ALIVE = f"status = 'running' AND beat >= {NOW} - {STALE_S}"
_HELD = f"held_until >= {NOW}"
_BEFORE: dict[str, tuple[str, ...]] = {
    "jobs": (f"jobs WHERE updated < :m AND id NOT IN (SELECT id FROM calls WHERE {_ALIVE})",),
    "calls": (f"calls WHERE updated < :m AND NOT ({_ALIVE})",),
    "conversations": (f"threads WHERE updated < :m AND NOT ({_HELD})",),
    "usage": (
        "ledger WHERE time < :m",
        "usage WHERE time < :m",
        f"running_calls WHERE time < :m AND (ended OR beat < {NOW} - {STALE_S})",
    ),
}
_ONE: dict[str, tuple[str, ...]] = {
    "jobs": (f"jobs WHERE id = :id AND id NOT IN (SELECT id FROM calls WHERE {_ALIVE})",),
    "calls": (f"calls WHERE id = :id AND NOT ({_ALIVE})",),
    "conversations": (f"threads WHERE id = :id AND NOT ({_HELD})",),
}
_RUNNING = f"SELECT (SELECT count(*) FROM calls WHERE {_ALIVE}) + (SELECT count(*) FROM threads WHERE {_HELD})"
_RUNNING_ONE = (
    f"SELECT (SELECT count(*) FROM calls WHERE id = :id AND {_ALIVE}) + "
    f"(SELECT count(*) FROM threads WHERE id = :id AND {_HELD})"
)
_CONTENT = (
    "SELECT record FROM calls WHERE id = :id AND record IS NOT NULL "
    "UNION ALL SELECT message FROM messages WHERE thread = :id"
)


class ForgetStore(StorePart):
    """The part of the store that removes what is kept."""

    async def forget(self, id: str, *, count_only: bool = False) -> Forgotten:
        """Removes a call or conversation with its texts, unless it is running.

        Args:
            id: of the call or conversation.
            count_only: remove nothing, only count.
        """
        return await self._forget(_ONE, _RUNNING_ONE, {"id": plain(id)}, count_only=count_only)

    async def forget_before(self, moment: float, *, count_only: bool = False) -> Forgotten:
        """Removes calls, conversations, jobs and usage last changed before a moment; what is running stays.

        Args:
            moment: seconds since the epoch; infinity = everything.
            count_only: remove nothing, only count.
        """
        return await self._forget(_BEFORE, _RUNNING, {"m": min(moment, 1e12)}, count_only=count_only)

    async def _forget(
        self, parts: dict[str, tuple[str, ...]], running: str, values: dict[str, Any], *, count_only: bool
    ) -> Forgotten:
        def work(connection: sqlite3.Connection) -> Forgotten:
            content = [row[0] for row in connection.execute(_CONTENT, values)] if "id" in values else []
            kept = connection.execute(running, values).fetchone()[0]
            counts: dict[str, int] = {}
            connection.execute("PRAGMA secure_delete = ON")  # the texts are overwritten, not only unlinked
            for name, places in parts.items():
                for place in places:
                    if count_only:
                        found = connection.execute(f"SELECT count(*) FROM {place}", values).fetchone()[0]
                    else:
                        found = connection.execute(f"DELETE FROM {place}", values).rowcount
                    counts[name] = counts.get(name, 0) + found
            return Forgotten(**counts, running=kept, content="\n".join(content))

        if count_only:
            return await self._db.read(work)
        forgotten = await self._db.write(work)
        await self._db.checkpoint()
        return forgotten
