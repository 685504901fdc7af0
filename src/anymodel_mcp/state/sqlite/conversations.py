"""Conversations: kept message by message, held by one call at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from anymodel_mcp.state.interface import Thread, new_id
from anymodel_mcp.state.sqlite.base import StorePart, plain
from anymodel_mcp.state.sqlite.schema import NOW
from anymodel_mcp.types import Json

if TYPE_CHECKING:
    import sqlite3

_TITLE_CHARS = 60
_LIST = """SELECT t.id, t.created, t.updated, t.system, t.title,
        (SELECT count(*) FROM messages m WHERE m.thread = t.id),
        (SELECT json_group_array(model) FROM (SELECT model FROM messages m WHERE m.thread = t.id AND model IS NOT NULL
            GROUP BY model ORDER BY min(number)))
    FROM threads t """


class ThreadStore(StorePart):
    """The part of the store that keeps conversations."""

    async def create_thread(self, system: str | None = None, *, holder: str | None = None, for_s: float = 0) -> str:
        """Creates an empty conversation and returns its id.

        Args:
            system: its instructions.
            holder: who holds it from the start; nobody else can take it before `for_s` seconds are over.
            for_s: how long it is held.
        """
        await self._tidy_if_due()
        id = new_id("t")
        now = self._clock()
        stored = json.dumps(system) if system is not None else None  # JSON: lone surrogates do not pass the driver
        sql = (
            "INSERT INTO threads (id, created, updated, system, title, holder, held_until) "
            f"VALUES (?, ?, ?, ?, '', ?, {NOW} + ?)"
        )
        await self._db.write(lambda c: c.execute(sql, (id, now, now, stored, holder, for_s)))
        return id

    async def append_turn(
        self, id: str, messages: Sequence[Json], *, model: str | None = None, holder: str | None = None
    ) -> bool:
        """Appends messages, all or none of them; false = there is no such thread, or `holder` does not hold it.

        Args:
            id: the thread.
            messages: OpenAI messages, unknown keys kept; pictures by reference, not as data.
            model: who answered, as `provider/id`.
            holder: who must hold the thread; `None` = anybody may write. An expired hold is valid as long as
                nobody else has taken the thread.
        """
        now = self._clock()
        rows = [
            (plain(id), plain(model) if model and m.get("role") == "assistant" else None, now, json.dumps(m))
            for m in messages
        ]
        title = next((t for m in messages if (t := _title(m))), "")
        update = "UPDATE threads SET updated = ?, title = CASE title WHEN '' THEN ? ELSE title END WHERE id = ?"
        values = [now, title, plain(id)]
        if holder is not None:
            update += " AND holder = ?"
            values.append(holder)
        insert = "INSERT INTO messages (thread, model, created, message) VALUES (?, ?, ?, ?)"

        def work(connection: sqlite3.Connection) -> bool:
            if not connection.execute(update, values).rowcount:
                return False
            connection.executemany(insert, rows)
            return True

        return await self._db.write(work)

    async def get_thread(self, id: str) -> Thread | None:
        """A conversation with all its messages; `None` = unknown id."""

        def work(connection: sqlite3.Connection) -> tuple[tuple[Any, ...] | None, list[tuple[str, str | None]]]:
            head = connection.execute(_LIST + "WHERE t.id = ?", (plain(id),)).fetchone()
            sql = "SELECT message, model FROM messages WHERE thread = ? ORDER BY number"
            return head, connection.execute(sql, (plain(id),)).fetchall()

        head, rows = await self._db.read(work)
        if head is None:
            return None
        last = next((model for _, model in reversed(rows) if model), None)
        return replace(_thread(head, [json.loads(message) for message, _ in rows]), last_model=last)

    async def list_threads(self, limit: int = 20) -> list[Thread]:
        """The most recently used conversations, newest first, without their messages."""
        sql = _LIST + "ORDER BY t.updated DESC, t.id LIMIT ?"
        return [_thread(row, ()) for row in await self._db.read(lambda c: c.execute(sql, (limit,)).fetchall())]

    async def hold_thread(self, id: str, holder: str, for_s: float) -> bool:
        """Takes or extends the hold of a thread; false = another holder has it, or there is no such thread.

        Args:
            id: the thread.
            holder: who takes it.
            for_s: the hold expires after this many seconds.
        """
        sql = (
            f"UPDATE threads SET holder = ?, held_until = {NOW} + ? "
            f"WHERE id = ? AND (holder IS NULL OR holder = ? OR held_until < {NOW})"
        )
        values = (holder, for_s, plain(id), holder)
        return await self._db.write(lambda c: c.execute(sql, values).rowcount > 0)

    async def release_thread(self, id: str, holder: str) -> None:
        """Releases a thread; a hold that another holder has taken by now stays."""
        sql = "UPDATE threads SET holder = NULL, held_until = 0 WHERE id = ? AND holder = ?"
        await self._db.write(lambda c: c.execute(sql, (plain(id), holder)))


def _thread(row: tuple[Any, ...], messages: Sequence[Json]) -> Thread:
    id, created, updated, system, title, count, models = row
    return Thread(
        id=id,
        created=created,
        updated=updated,
        system=json.loads(system) if system is not None else None,
        title=title,
        models=json.loads(models),
        count=count,
        messages=messages,
    )


def _title(message: Json) -> str:
    if message.get("role") != "user":
        return ""
    content = message.get("content")
    if isinstance(content, list):
        texts = [p.get("text") for p in content if isinstance(p, dict)]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] JSON of a caller
        content = " ".join(t for t in texts if isinstance(t, str))  # pyright: ignore[reportUnknownVariableType] JSON of a caller
    words = " ".join(content.split()) if isinstance(content, str) else ""
    words = words.encode("utf-8", "replace").decode()
    return words if len(words) <= _TITLE_CHARS else words[: _TITLE_CHARS - 1].rstrip() + "…"
