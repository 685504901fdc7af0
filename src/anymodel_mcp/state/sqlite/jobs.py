"""Jobs that outlive their call: what continues each, under the handle of the call that submitted it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from anymodel_mcp.state.sqlite.base import StorePart, plain
from anymodel_mcp.state.sqlite.schema import NOW
from anymodel_mcp.types import Json

if TYPE_CHECKING:
    import sqlite3


class JobStore(StorePart):
    """The part of the store that keeps jobs."""

    async def save_job(self, id: str, job: Json) -> None:
        """Stores a job until `end_job`, or until it exceeds the retention time."""
        sql = (
            "INSERT INTO jobs (id, content, updated) VALUES (?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET content = excluded.content, updated = excluded.updated"
        )
        content, now = json.dumps(job), self._clock()
        await self._db.write(lambda c: c.execute(sql, (plain(id), content, now)))

    async def load_job(self, id: str) -> Json | None:
        """A job that has not ended; `None` = there is none under this handle."""
        sql = "SELECT content FROM jobs WHERE id = ?"
        found = await self._db.read(lambda c: c.execute(sql, (plain(id),)).fetchone())
        return json.loads(found[0]) if found else None

    async def end_job(self, id: str) -> None:
        """Deletes a job that has ended."""
        await self._db.write(lambda c: c.execute("DELETE FROM jobs WHERE id = ?", (plain(id),)))

    async def adopt_job(self, id: str, worker_id: str, *, silent_s: float) -> bool:
        """Makes this worker continue a job; false = another worker runs it, or there is none.

        Args:
            id: its handle.
            worker_id: of this process.
            silent_s: a worker that sent no heartbeat for longer has stopped.
        """
        sql = (
            f"UPDATE calls SET owner = ?, status = 'running', record = NULL, cancel = 0, beat = {NOW} "
            f"WHERE id = ? AND (status != 'running' OR {NOW} - beat > ?) AND id IN (SELECT id FROM jobs)"
        )

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(sql, (worker_id, plain(id), silent_s)).rowcount > 0

        return await self._db.write(work)
