"""What the parts of the store share: the database, the clock, the rare clean-up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state.interface import new_id
from anymodel_mcp.state.sqlite.database import Database
from anymodel_mcp.state.sqlite.fallback import bytes_used
from anymodel_mcp.state.sqlite.schema import NOW

if TYPE_CHECKING:
    import sqlite3

_TIDY_EVERY_S = 3600
_DAY_S = 86_400

_OLD = (
    "DELETE FROM calls WHERE updated < ?",
    "DELETE FROM threads WHERE updated < ?",
    "DELETE FROM usage WHERE time < ?",
    "DELETE FROM ledger WHERE time < ?",
    "DELETE FROM running_calls WHERE time < ?",
    "DELETE FROM model_lists WHERE fetched < ?",
    "DELETE FROM repairs WHERE learned < ?",
    "DELETE FROM jobs WHERE updated < ?",
)
# the oldest tenth at a time, never the newest call and thread
_OLDEST = (
    "DELETE FROM calls WHERE id IN (SELECT id FROM calls WHERE updated < :now - 3600 ORDER BY updated "
    "LIMIT (SELECT count(*) / 10 + 1 FROM calls))",
    f"DELETE FROM threads WHERE id IN (SELECT id FROM threads WHERE updated < :now - 3600 AND held_until < {NOW} "
    "ORDER BY updated LIMIT (SELECT count(*) / 10 + 1 FROM threads))",
)


def plain(text: str) -> str:
    """Replaces lone surrogates, which the driver refuses, by "?"."""
    return text.encode("utf-8", "replace").decode()


class StorePart:
    """One part of the store.

    Args:
        database: where it is kept.
        settings: how long and how much is kept.
        clock: seconds since the epoch, for the age of what is kept; heartbeats and leases go by the database's clock.

    Attributes:
        holder: the name under which this process holds conversations.
    """

    def __init__(self, database: Database, settings: StoreSettings, clock: Callable[[], float]) -> None:
        self.holder = new_id("h")
        self._db = database
        self._settings = settings
        self._clock = clock
        self._tidied = float("-inf")

    async def tidy(self) -> None:
        """Removes what is older than `keep_days`, then the oldest until the file is below `max_mb`."""
        now = self._clock()
        self._tidied = now
        before = now - self._settings.keep_days * _DAY_S
        limit = self._settings.max_mb * 2**20

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM running_calls WHERE ended")
            for statement in _OLD:
                connection.execute(statement, (before,))
            while bytes_used(connection) > limit:
                if not sum(connection.execute(statement, {"now": now}).rowcount for statement in _OLDEST):
                    break
            for _ in range(connection.execute("PRAGMA freelist_count").fetchone()[0]):
                connection.execute("PRAGMA incremental_vacuum(1)")  # Python's driver takes one step, one page, only

        await self._db.write(work)

    async def _tidy_if_due(self) -> None:
        if self._clock() - self._tidied > _TIDY_EVERY_S:
            await self.tidy()
