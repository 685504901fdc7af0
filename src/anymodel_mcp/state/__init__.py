"""What outlives a call: results, conversations, model lists, learned repairs, usage; SQLite, opened at first use.

Several processes share one file. Nothing here raises for a sick file: see `database.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state.rows import (
    CallRow,
    CallStatus,
    Ended,
    StoredCall,
    Thread,
    UsageKey,
    UsageRow,
    UsageSum,
    new_id,
)
from anymodel_mcp.state.sqlite.calls import CallStore
from anymodel_mcp.state.sqlite.conversations import ThreadStore
from anymodel_mcp.state.sqlite.database import Database
from anymodel_mcp.state.sqlite.ledger import LedgerStore

__all__ = [
    "CallRow",
    "CallStatus",
    "Ended",
    "Store",
    "StoredCall",
    "Thread",
    "UsageKey",
    "UsageRow",
    "UsageSum",
    "new_id",
    "open_store",
]

_FILE_NAME = "anymodel.db"


class Store(CallStore, ThreadStore, LedgerStore):
    """The whole store; `async with` closes it."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What went wrong with the file, each once: for `doctor` and the next result."""
        return tuple(self._db.warnings)

    @property
    def path(self) -> Path | None:
        """The file in use; `None` = in memory."""
        return self._db.path

    async def aclose(self) -> None:
        """Closes the file."""
        await self._db.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()


def open_store(settings: StoreSettings, data_dir: Path, *, clock: Callable[[], float] = time.time) -> Store:
    """A store over `settings.path`, else a file in `data_dir`; no file is touched before the first use."""
    path = Path(os.path.expanduser(settings.path)) if settings.path else data_dir / _FILE_NAME
    return Store(Database(path if settings.enabled else None), settings, clock)
