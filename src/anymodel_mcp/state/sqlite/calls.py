"""Calls that outlive their request: their owner's heartbeat, partial text, result."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from anymodel_mcp.state.rows import CallRow, CallStatus, Ended, StoredCall
from anymodel_mcp.state.sqlite.base import StorePart, plain
from anymodel_mcp.types import Json

if TYPE_CHECKING:
    import sqlite3

_INSERT = (
    "INSERT INTO calls (id, owner, host, tool, provider, model, conversation, status, created, updated, text, length) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, x'', 0) ON CONFLICT (id) DO NOTHING"
)
_COLUMNS = (
    "id, owner, host, tool, provider, model, conversation, status, created, updated, cancel, record, length, text"
)


class CallStore(StorePart):
    """The part of the store that keeps calls."""

    stale_s: float = 30
    """A running call whose owner was silent for longer counts as interrupted."""

    async def begin_call(self, row: CallRow) -> None:
        """Notes that a call runs, and who runs it; beginning the same call twice changes nothing."""
        now = self._clock()
        await self._tidy_if_due()
        await self._db.write(lambda c: _insert(c, row, now))

    async def beat(self, owner: str, ids: Iterable[str]) -> None:
        """The owner lives and still runs these calls; send it several times within `stale_s`."""
        now = self._clock()
        rows = [(now, owner, i) for i in ids]
        sql = "UPDATE calls SET updated = ? WHERE owner = ? AND id = ? AND status = 'running'"
        if rows:
            await self._db.write(lambda c: c.executemany(sql, rows))

    async def save_partial(self, row: CallRow, text: str) -> None:
        """Keeps the whole text so far of a running call; counts as a heartbeat. An ended call keeps its end."""
        now = self._clock()
        values = (_encode(text), len(text), now, row.id)
        sql = "UPDATE calls SET text = ?, length = ?, updated = ? WHERE id = ? AND status = 'running'"

        def work(connection: sqlite3.Connection) -> None:
            _insert(connection, row, now)  # the row is gone when the store had to change to memory
            connection.execute(sql, values)

        await self._db.write(work)

    async def finish_call(self, row: CallRow, status: Ended, record: Json | None, text: str | None = None) -> None:
        """Ends a call; `text` `None` keeps the partial text. The first end stands."""
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

    async def get_call(self, id: str, *, offset: int = 0, limit: int | None = None) -> StoredCall | None:
        """A call with the part of its text from character `offset` on; `None` = unknown id.

        Args:
            id: what `new_id` gave.
            offset: first character wanted.
            limit: how many characters at most; `None` = all.
        """
        sql = f"SELECT {_COLUMNS} FROM calls WHERE id = ?"
        found = await self._db.read(lambda c: c.execute(sql, (plain(id),)).fetchone())
        return self._call(found, offset, limit) if found else None

    async def list_calls(self, limit: int = 20) -> list[StoredCall]:
        """The newest calls, without their texts."""
        sql = f"SELECT {_COLUMNS.removesuffix('text')} x'' FROM calls ORDER BY created DESC LIMIT ?"
        rows = await self._db.read(lambda c: c.execute(sql, (limit,)).fetchall())
        return [self._call(row, 0, 0) for row in rows]

    async def ask_cancel(self, id: str) -> bool:
        """Asks the owner of a running call to stop it; false = it does not run (any more)."""
        sql = "UPDATE calls SET cancel = 1 WHERE id = ? AND status = 'running' AND updated >= ?"
        since = self._clock() - self.stale_s
        return await self._db.write(lambda c: c.execute(sql, (plain(id), since)).rowcount > 0)

    async def cancels_asked(self, owner: str) -> set[str]:
        """The running calls of `owner` that somebody wants stopped."""
        sql = "SELECT id FROM calls WHERE owner = ? AND cancel = 1 AND status = 'running'"
        return {row[0] for row in await self._db.read(lambda c: c.execute(sql, (owner,)).fetchall())}

    def _call(self, found: tuple[Any, ...], offset: int, limit: int | None) -> StoredCall:
        id, owner, host, tool, provider, model, conversation, status, created, updated, cancel, record, length, raw = (
            found
        )
        seen: CallStatus = status
        if status == "running" and self._clock() - updated > self.stale_s:
            seen = "interrupted"
        start = max(offset, 0)
        stop = None if limit is None else start + max(limit, 0)
        return StoredCall(
            id=id, owner=owner, host=host, tool=tool, provider=provider, model=model, conversation=conversation,
            status=seen, created=created, updated=updated, cancel_asked=bool(cancel), length=length,
            record=json.loads(record) if record else None, text=_decode(raw)[start:stop],
        )  # fmt: skip


def _insert(connection: sqlite3.Connection, row: CallRow, now: float) -> None:
    names = (plain(text) for text in (row.id, row.owner, row.host, row.tool, row.provider, row.model))
    connection.execute(_INSERT, (*names, row.conversation, now, now))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
