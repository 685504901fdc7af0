"""Calls that have a handle: their worker's heartbeat, partial text, result."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from anymodel_mcp.state.interface import CallRow, CallStatus, Ended, StoredCall
from anymodel_mcp.state.sqlite.base import StorePart, plain
from anymodel_mcp.state.sqlite.schema import NOW
from anymodel_mcp.types import Json

if TYPE_CHECKING:
    import sqlite3

_INSERT = (
    "INSERT INTO calls (id, owner, host, tool, provider, model, status, created, updated, beat, text, length) "
    f"VALUES (?, ?, ?, ?, '', ?, 'running', ?, ?, {NOW}, x'', 0) ON CONFLICT (id) DO NOTHING"
)
# a row of the first release has no heartbeat of its own: `updated` was one
_SILENT_S = f"{NOW} - CASE beat WHEN 0 THEN updated ELSE beat END"


class CallStore(StorePart):
    """The part of the store that keeps calls."""

    stale_s: float = 30
    """A running call whose worker sent no heartbeat for longer, in seconds, counts as interrupted."""

    async def beat(self, worker_id: str, ids: Iterable[str]) -> None:
        """Records a heartbeat: the worker still runs these calls. To be sent several times within `stale_s`."""
        rows = [(self._clock(), worker_id, i) for i in ids]
        sql = f"UPDATE calls SET updated = ?, beat = {NOW} WHERE owner = ? AND id = ? AND status = 'running'"
        if rows:
            await self._db.write(lambda c: c.executemany(sql, rows))

    async def save_partial(self, row: CallRow, text: str) -> None:
        """Stores the whole text so far of a running call; counts as a heartbeat. An ended call keeps its end."""
        now = self._clock()
        await self._tidy_if_due()
        values = (_encode(text), len(text), now, row.id)
        sql = f"UPDATE calls SET text = ?, length = ?, updated = ?, beat = {NOW} WHERE id = ? AND status = 'running'"

        def work(connection: sqlite3.Connection) -> None:
            _insert(connection, row, now)  # the row is missing if the store had to fall back to memory
            connection.execute(sql, values)

        await self._db.write(work)

    async def finish_call(self, row: CallRow, status: Ended, record: Json | None, text: str | None = None) -> None:
        """Ends a call; `text` `None` keeps the partial text. Later ends have no effect."""
        now = self._clock()
        stored = json.dumps(record) if record is not None else None
        sql = "UPDATE calls SET status = ?, record = ?, updated = ? WHERE id = ? AND status = 'running'"
        sql_text = "UPDATE calls SET text = ?, length = ? WHERE id = ? AND status = 'running'"

        def work(connection: sqlite3.Connection) -> None:
            _insert(connection, row, now)
            if text is not None:
                connection.execute(sql_text, (_encode(text), len(text), row.id))
            connection.execute(sql, (status, stored, now, row.id))

        await self._db.write(work)

    async def get_call(self, id: str) -> StoredCall | None:
        """A call with its text; `None` = unknown id."""
        sql = f"SELECT id, owner, host, tool, model, status, created, record, text, {_SILENT_S} FROM calls WHERE id = ?"
        found = await self._db.read(lambda c: c.execute(sql, (plain(id),)).fetchone())
        return self._call(found) if found else None

    async def list_calls(self, limit: int = 20) -> list[StoredCall]:
        """The newest calls, newest first, without their texts and records."""
        sql = (
            f"SELECT id, owner, host, tool, model, status, created, NULL, x'', {_SILENT_S} FROM calls "
            "ORDER BY created DESC, rowid DESC LIMIT ?"
        )
        return [self._call(row) for row in await self._db.read(lambda c: c.execute(sql, (limit,)).fetchall())]

    async def ask_cancel(self, id: str) -> bool:
        """Asks the worker of a running call to stop it; false = it is not running."""
        sql = f"UPDATE calls SET cancel = 1 WHERE id = ? AND status = 'running' AND {_SILENT_S} <= ?"
        return await self._db.write(lambda c: c.execute(sql, (plain(id), self.stale_s)).rowcount > 0)

    async def cancels_asked(self, worker_id: str) -> set[str]:
        """The running calls of this worker that are to be stopped."""
        sql = "SELECT id FROM calls WHERE owner = ? AND cancel = 1 AND status = 'running'"
        return {row[0] for row in await self._db.read(lambda c: c.execute(sql, (worker_id,)).fetchall())}

    def _call(self, found: tuple[Any, ...]) -> StoredCall:
        id, worker_id, host, tool, model, status, created, record, raw, silent_s = found
        seen: CallStatus = "interrupted" if status == "running" and silent_s > self.stale_s else status
        return StoredCall(
            id=id, worker_id=worker_id, host=host, tool=tool, model=model, status=seen, created=created,
            record=json.loads(record) if record else None, text=_decode(raw),
        )  # fmt: skip


def _insert(connection: sqlite3.Connection, row: CallRow, now: float) -> None:
    names = (plain(text) for text in (row.id, row.worker_id, row.host, row.tool, row.model))
    connection.execute(_INSERT, (*names, now, now))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
