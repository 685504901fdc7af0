"""The SQLite driver: one file shared by several processes. A faulty file raises nothing here: see `database.py`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state.sqlite.calls import CallStore
from anymodel_mcp.state.sqlite.conversations import ThreadStore
from anymodel_mcp.state.sqlite.database import BUSY_S, Database
from anymodel_mcp.state.sqlite.forget import ForgetStore
from anymodel_mcp.state.sqlite.jobs import JobStore
from anymodel_mcp.state.sqlite.ledger import LedgerStore

_FILE_NAME = "anymodel.db"


class SqliteStore(CallStore, JobStore, ThreadStore, LedgerStore, ForgetStore):
    """The whole store; `async with` closes it."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Current problems of the file, for `doctor` and for results that depend on it."""
        return tuple(self._db.warnings)

    @property
    def path(self) -> Path | None:
        """The file in use; `None` = in memory."""
        return self._db.path

    def retry_now(self) -> None:
        """Makes the next use retry a file that could not be written, without waiting for the interval."""
        self._db.retry_now()

    async def aclose(self) -> None:
        """Closes the file."""
        await self._db.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()


def open_sqlite(
    settings: StoreSettings, data_dir: Path, *, clock: Callable[[], float] = time.time, busy_s: float = BUSY_S
) -> SqliteStore:
    """A store over `settings.path`, else a file in `data_dir`; no file is touched before the first use.

    Args:
        settings: section [store].
        data_dir: the user's data folder.
        clock: seconds since the epoch, for the age of what is kept.
        busy_s: how long to wait for another process that holds the file.
    """
    path = Path(os.path.expanduser(settings.path)) if settings.path else data_dir / _FILE_NAME
    return SqliteStore(Database(path if settings.enabled else None, busy_s=busy_s), settings, clock)
