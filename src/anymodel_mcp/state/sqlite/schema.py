"""The tables of the store, as steps from one version to the next; a step once released is never changed.

Texts of models are BLOBs (UTF-8 with surrogates passed): SQLite's own text functions stop at a NUL, and its driver
refuses lone surrogates, both of which models do send. Times are seconds since the epoch. Heartbeats and leases are
written and compared in SQL, by the clock of the database (`NOW`), never by the clock of one of its users.

What is no longer written stays as it is: `calls.provider`, `calls.conversation`, and `usage`, which is still read.
"""

from __future__ import annotations

NOW = "((julianday('now') - 2440587.5) * 86400.0)"
"""The database's clock; `unixepoch('subsec')` needs SQLite 3.42."""

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
    (
        # A process of the first release that has the file open goes on writing: no table that it writes to by position
        # (`usage`) gets a column, and the new column of `calls` has a default.
        "ALTER TABLE calls ADD COLUMN beat REAL NOT NULL DEFAULT 0",
        """CREATE TABLE running_calls (
            id TEXT PRIMARY KEY, worker_id TEXT NOT NULL, time REAL NOT NULL, host TEXT NOT NULL, tool TEXT NOT NULL,
            provider TEXT NOT NULL, model TEXT NOT NULL, beat REAL NOT NULL, ended INTEGER NOT NULL DEFAULT 0)""",
        "CREATE INDEX running_calls_time ON running_calls (time)",
    ),
    (
        """CREATE TABLE jobs (
            id TEXT PRIMARY KEY, principal TEXT NOT NULL DEFAULT 'local', content TEXT NOT NULL,
            updated REAL NOT NULL)""",
        "ALTER TABLE calls ADD COLUMN principal TEXT NOT NULL DEFAULT 'local'",
        "ALTER TABLE threads ADD COLUMN principal TEXT NOT NULL DEFAULT 'local'",
        "ALTER TABLE running_calls ADD COLUMN principal TEXT NOT NULL DEFAULT 'local'",
        # instead of a column of `usage`, which a process of the first release writes by position
        """CREATE TABLE ledger (
            time REAL NOT NULL, principal TEXT NOT NULL DEFAULT 'local', host TEXT NOT NULL, tool TEXT NOT NULL,
            provider TEXT NOT NULL, model TEXT NOT NULL, input INTEGER, output INTEGER, cost REAL,
            outcome TEXT NOT NULL, duration REAL NOT NULL)""",
        "CREATE INDEX ledger_time ON ledger (time)",
    ),
)
VERSION = len(MIGRATIONS)
