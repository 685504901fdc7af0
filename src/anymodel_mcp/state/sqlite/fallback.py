"""The store in memory while its file cannot be written, and the way back into the file."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from anymodel_mcp.record import positional_record

if TYPE_CHECKING:
    import sqlite3

RESCUE_BYTES = 64 * 2**20
"""A larger file is not copied into memory."""

_KEYED = {
    "calls": ("id", "excluded.updated >= calls.updated"),
    "threads": ("id", "excluded.updated >= threads.updated"),
    "model_lists": ("provider", "excluded.fetched > model_lists.fetched"),
    "repairs": ("provider, model, content", "excluded.learned > repairs.learned"),
    "running_calls": ("id", "excluded.ended >= running_calls.ended"),
    "jobs": ("id", "excluded.updated >= jobs.updated"),
}
"""Tables whose rows have a key: its columns, and when the row in memory replaces the one in the file."""


@positional_record
class Marks:
    """The state copied from the file: the highest row numbers, above which rows in memory are new, and the jobs."""

    message: int = 0
    usage: int = 0
    jobs: frozenset[str] = frozenset()


def seed(memory: sqlite3.Connection, file: sqlite3.Connection, max_bytes: int) -> Marks:
    """Copies a small, readable file into memory; any other leaves memory empty."""
    import sqlite3

    with suppress(sqlite3.Error):
        if bytes_used(file) <= max_bytes:
            file.backup(memory)
            return Marks(
                _highest(memory, "messages", "number"), _highest(memory, "ledger", "rowid"), frozenset(_jobs(memory))
            )
    return Marks()


def merge(memory: sqlite3.Connection, file: sqlite3.Connection, marks: Marks) -> None:
    """Writes what changed in memory into the file, inside the caller's transaction."""
    for table, (key, newer) in _KEYED.items():
        columns = _columns(memory, table)
        rows = memory.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        changes = ", ".join(f"{column} = excluded.{column}" for column in columns)
        file.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({_places(columns)}) "
            f"ON CONFLICT ({key}) DO UPDATE SET {changes} WHERE {newer}",
            rows,
        )
    file.executemany("DELETE FROM jobs WHERE id = ?", [(id,) for id in marks.jobs.difference(_jobs(memory))])
    _append(memory, file, "messages", "number", marks.message)
    _append(memory, file, "ledger", "rowid", marks.usage)


def _append(memory: sqlite3.Connection, file: sqlite3.Connection, table: str, number: str, above: int) -> None:
    """Adds new rows under numbers of the file: other processes may have added rows meanwhile."""
    columns = [column for column in _columns(memory, table) if column != number]
    names = ", ".join(columns)
    rows = memory.execute(f"SELECT {names} FROM {table} WHERE {number} > ? ORDER BY {number}", (above,)).fetchall()
    file.executemany(f"INSERT INTO {table} ({names}) VALUES ({_places(columns)})", rows)


def _jobs(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT id FROM jobs")]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _places(columns: list[str]) -> str:
    return ", ".join("?" * len(columns))


def _highest(connection: sqlite3.Connection, table: str, number: str) -> int:
    return connection.execute(f"SELECT coalesce(max({number}), 0) FROM {table}").fetchone()[0]


def bytes_used(connection: sqlite3.Connection) -> int:
    """Bytes of the pages in use, free ones not counted."""
    pages = (
        connection.execute("PRAGMA page_count").fetchone()[0]
        - connection.execute("PRAGMA freelist_count").fetchone()[0]
    )
    return pages * connection.execute("PRAGMA page_size").fetchone()[0]
