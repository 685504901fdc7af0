"""The tables of the store, as steps from one version to the next; a step once released is never changed.

Texts of models are BLOBs (UTF-8 with surrogates passed): SQLite's own text functions stop at a NUL, and its driver
refuses lone surrogates, both of which models do send. Times are seconds since the epoch.
"""

from __future__ import annotations

BIRTH_PRAGMA = "PRAGMA auto_vacuum = INCREMENTAL"
"""Before the first table and before WAL; on a file with tables it would ask for the write lock for nothing."""

PRAGMAS: tuple[str, ...] = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 4194304",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE calls (
            id TEXT PRIMARY KEY, owner TEXT NOT NULL, host TEXT NOT NULL, tool TEXT NOT NULL, provider TEXT NOT NULL,
            model TEXT NOT NULL, conversation TEXT, status TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL,
            cancel INTEGER NOT NULL DEFAULT 0, record TEXT, text BLOB NOT NULL, length INTEGER NOT NULL)""",
        "CREATE INDEX calls_updated ON calls (updated)",
        "CREATE INDEX calls_owner ON calls (owner) WHERE status = 'running'",
        """CREATE TABLE threads (
            id TEXT PRIMARY KEY, created REAL NOT NULL, updated REAL NOT NULL, system TEXT, title TEXT NOT NULL,
            holder TEXT, held_until REAL NOT NULL DEFAULT 0)""",
        "CREATE INDEX threads_updated ON threads (updated)",
        """CREATE TABLE messages (
            number INTEGER PRIMARY KEY AUTOINCREMENT, thread TEXT NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
            model TEXT, created REAL NOT NULL, message TEXT NOT NULL)""",
        "CREATE INDEX messages_thread ON messages (thread, number)",
        "CREATE TABLE model_lists (provider TEXT PRIMARY KEY, fetched REAL NOT NULL, content TEXT NOT NULL)",
        """CREATE TABLE repairs (
            provider TEXT NOT NULL, model TEXT NOT NULL, content TEXT NOT NULL, learned REAL NOT NULL,
            PRIMARY KEY (provider, model, content))""",
        """CREATE TABLE usage (
            time REAL NOT NULL, host TEXT NOT NULL, tool TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL,
            input INTEGER, output INTEGER, cost REAL, outcome TEXT NOT NULL, duration REAL NOT NULL)""",
        "CREATE INDEX usage_time ON usage (time)",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value REAL NOT NULL)",
    ),
)
VERSION = len(MIGRATIONS)
