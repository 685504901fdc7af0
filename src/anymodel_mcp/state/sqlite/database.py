"""The file under the store: one SQLite database, opened at first use, shared by several processes.

Rules that hold here, so that no other module meets an SQLite error:

- A faulty file fails no call. A folder that cannot be written, a full disk, a file of a newer version: the store goes
  on in memory, with what the file held where that is small, and says so in `warnings`. It tries the file again
  every few seconds; once the file can be written, what changed in memory is written into it.
- A file that is no database is moved aside, never deleted.
- Work runs in a worker thread, one piece at a time, and is finished even when its caller is cancelled.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import anyio
import anyio.to_thread

from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.state.sqlite.fallback import RESCUE_BYTES, Marks, merge, seed
from anymodel_mcp.state.sqlite.schema import BIRTH_PRAGMA, MIGRATIONS, PRAGMAS, VERSION

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")
_Cure = Literal["busy", "aside", "memory", "none"]

_LOG = logging.getLogger("anymodel_mcp.state")
BUSY_S = 2.0
RETRY_S = 5.0
_RETURN_BUSY_S = 0.1

# https://www.sqlite.org/rescode.html, read 2026-11-21: primary result codes
_CURES: dict[int, _Cure] = {
    3: "memory",  # SQLITE_PERM
    5: "busy",  # SQLITE_BUSY
    6: "busy",  # SQLITE_LOCKED
    8: "memory",  # SQLITE_READONLY
    10: "memory",  # SQLITE_IOERR
    11: "aside",  # SQLITE_CORRUPT
    13: "memory",  # SQLITE_FULL
    14: "memory",  # SQLITE_CANTOPEN
    26: "aside",  # SQLITE_NOTADB
}


class _NewerError(Exception):
    """The file was written by a newer version."""


class Database:
    """Runs pieces of work on one connection.

    Args:
        path: the database file; `None` = in memory only.
        busy_s: how long to wait for another process.
        retry_s: how often a file that could not be written is tried again.
        rescue_bytes: a larger file is not copied into memory when it cannot be written any more.

    Attributes:
        path: the file in use; `None` while the store is in memory.
        warnings: current problems of the file.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        busy_s: float = BUSY_S,
        retry_s: float = RETRY_S,
        rescue_bytes: int = RESCUE_BYTES,
    ) -> None:
        self.path = path
        self.warnings: list[str] = []
        self._file = path
        self._busy_s = busy_s
        self._retry_s = retry_s
        self._rescue_bytes = rescue_bytes
        self._connection: sqlite3.Connection | None = None
        self._gone: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._moved_aside = False
        self._marks = Marks()
        self._retry_at = 0.0
        self._outage = ""
        self._limiter = anyio.CapacityLimiter(1)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Returns the result of `work`, run in a transaction with a consistent view.

        Raises:
            AnyModelError: kind "busy": another process holds the file; kind "server": the file holds something else
                than this version expects.
        """
        return await self._schedule(work, "BEGIN")

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Returns the result of `work`, run in a transaction that commits completely or not at all.

        Raises:
            AnyModelError: kind "busy": another process holds the file; kind "server": the file holds something else
                than this version expects.
        """
        return await self._schedule(work, "BEGIN IMMEDIATE")

    async def checkpoint(self) -> None:
        """Writes the log into the file and empties it, as far as other processes allow that now."""
        import sqlite3

        def empty() -> None:
            if self._connection is not None:
                with suppress(sqlite3.Error):
                    self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(empty, limiter=self._limiter)

    def retry_now(self) -> None:
        """Makes the next use retry a file that could not be written, without waiting for the interval."""
        self._retry_at = 0.0

    async def aclose(self) -> None:
        """Closes the file, after a last try to write what is only in memory; the next use opens it again."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._finish, limiter=self._limiter)

    async def _schedule(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        # shielded: a cancelled call still has to leave its partial text behind
        found: list[T] = []
        with anyio.CancelScope(shield=True):
            found.append(await anyio.to_thread.run_sync(self._attempt, work, begin, limiter=self._limiter))
        return found[0]

    # --- below: inside the worker thread ------------------------------------------------------------------------------

    def _attempt(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        import sqlite3

        while True:  # terminates: the file is moved aside once, then replaced by memory, where no further step applies
            try:
                connection = self._ready()
                with _transaction(connection, begin):
                    return work(connection)
            except (sqlite3.Error, _NewerError, OSError) as exc:
                self._cure(exc)

    def _ready(self) -> sqlite3.Connection:
        if self._in_fallback and time.monotonic() >= self._retry_at:
            self._return_to_file()
        if self._connection is not None and self.path is not None and _inode(self.path) != self._inode:
            # the file was deleted or moved under us: what is written to it now would be lost, but it can still be read
            self._close_gone()
            self._gone, self._connection = self._connection, None
        if self._connection is None:
            self._connection = self._open_memory() if self.path is None else self._open_file(self.path, self._busy_s)
            self._close_gone()
        return self._connection

    def _close_gone(self) -> None:
        gone, self._gone = self._gone, None
        if gone is not None:
            gone.close()

    @property
    def _in_fallback(self) -> bool:
        return self.path is None and self._file is not None

    def _open_memory(self) -> sqlite3.Connection:
        import sqlite3

        connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        _migrate(connection)
        return connection

    def _open_file(self, path: Path, busy_s: float) -> sqlite3.Connection:
        import sqlite3

        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):  # private from its first byte; -wal and -shm take over its mode
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        self._inode = _inode(path)
        connection = sqlite3.connect(path, timeout=busy_s, check_same_thread=False, isolation_level=None)
        try:
            _prepare(connection, busy_s)
        except BaseException:
            connection.close()
            raise
        return connection

    def _finish(self) -> None:
        if self._in_fallback and self._connection is not None:
            self._return_to_file()
        self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._close_gone()

    def _cure(self, exc: Exception) -> None:
        cure = _cure_of(exc)
        if cure == "none" or self.path is None:
            raise AnyModelError(f"the store {self._file or 'in memory'} failed: {exc}", kind="server") from exc
        if cure == "busy":
            raise AnyModelError(
                f"the store {self.path} is held by another process ({exc})",
                kind="busy",
                fix="Try again; if it happens again, end the other process or set store.path to another file.",
                retryable=True,
            ) from exc
        if cure == "aside" and not self._moved_aside:
            self._moved_aside = True
            self._move_aside(self.path, exc)
        else:
            self._go_memory(exc)

    def _move_aside(self, path: Path, exc: Exception) -> None:
        self._close()
        if _inode(path) != self._inode:  # another process has done it
            return
        target = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        try:
            path.rename(target)
            for ending in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    path.with_name(path.name + ending).rename(target.with_name(target.name + ending))
        except OSError:
            self._go_memory(exc)
        else:
            self._warn(f"The store {path} is damaged ({exc}); it was moved to {target.name} and a new one was created.")

    def _go_memory(self, exc: Exception) -> None:
        memory = self._open_memory()
        self._marks = Marks()
        if (source := self._connection or self._gone) is not None:
            self._marks = seed(memory, source, self._rescue_bytes)
            self._close()
        reason = exc if not isinstance(exc, OSError) else exc.strerror or exc
        self._outage = (
            f"The store {self.path} cannot be written ({reason}): results and conversations are kept in memory and are "
            "lost when this process ends. "
            + (
                "Update anymodel-mcp, or set store.path to another file."
                if isinstance(exc, _NewerError)
                else "Free disk space, make its folder writable, or set store.path to another file."
            )
        )
        self._warn(self._outage)
        self.path = None
        self._connection = memory
        self._retry_at = time.monotonic() + self._retry_s

    def _return_to_file(self) -> None:
        """Returns to the file if it can be written, and merges the changes made in memory."""
        import sqlite3

        self._retry_at = time.monotonic() + self._retry_s
        memory, path = self._connection, self._file
        if memory is None or path is None:
            return
        try:
            file = self._open_file(path, _RETURN_BUSY_S)
        except (sqlite3.Error, _NewerError, OSError):
            return
        try:
            with _transaction(file, "BEGIN IMMEDIATE"):
                file.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('returned', ?)", (time.time(),))
                merge(memory, file, self._marks)
            file.execute(f"PRAGMA busy_timeout = {int(self._busy_s * 1000)}")
        except sqlite3.Error:
            file.close()
            return
        memory.close()
        self._connection, self.path = file, path
        self.warnings.remove(self._outage)
        _LOG.warning("The store %s can be written again; what was kept in memory is stored now.", path)

    def _warn(self, text: str) -> None:
        self.warnings.append(text)
        _LOG.warning(text)


def _prepare(connection: sqlite3.Connection, busy_s: float) -> None:
    import sqlite3

    deadline = time.monotonic() + 2 * busy_s  # the driver's own wait is one
    while True:
        try:
            if _version(connection) == 0:
                connection.execute(BIRTH_PRAGMA)
            for pragma in PRAGMAS:
                connection.execute(pragma)
            return _migrate(connection)
        except sqlite3.OperationalError as exc:
            # switching a new file to WAL does not honour the busy timeout when several processes start at once
            if _cure_of(exc) != "busy" or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _cure_of(exc: Exception) -> _Cure:
    if isinstance(exc, OSError | _NewerError):
        return "memory"
    code = getattr(exc, "sqlite_errorcode", None)
    return _CURES.get(code & 0xFF, "none") if isinstance(code, int) else "none"


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Generator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _migrate(connection: sqlite3.Connection) -> None:
    if _version(connection) == VERSION:
        return
    with _transaction(connection, "BEGIN IMMEDIATE"):
        found = _version(connection)  # again: another process may have been faster
        if found > VERSION:
            raise _NewerError(
                f"it was written by a newer version of anymodel-mcp: schema {found}, and this one knows {VERSION}"
            )
        for script in MIGRATIONS[found:]:
            for statement in script:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]
