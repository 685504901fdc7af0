"""What outlives a call: results, jobs, conversations, usage, model lists, repairs.

`interface.py` defines a driver. To add one: implement `interface.Store`, open it here by its setting, and add it
to the list in `tests/state/test_store.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state.interface import (
    CallRow,
    CallStatus,
    Ended,
    Forgotten,
    RunningRow,
    Store,
    StoredCall,
    Thread,
    UsageKey,
    UsageRow,
    UsageSum,
    new_id,
)
from anymodel_mcp.state.sqlite import BUSY_S, SqliteStore, open_sqlite

__all__ = [
    "BUSY_S",
    "CallRow",
    "CallStatus",
    "Ended",
    "Forgotten",
    "RunningRow",
    "Store",
    "StoredCall",
    "Thread",
    "UsageKey",
    "UsageRow",
    "UsageSum",
    "new_id",
    "open_store",
]


def open_store(
    settings: StoreSettings, data_dir: Path, *, clock: Callable[[], float] = time.time, busy_s: float = BUSY_S
) -> SqliteStore:
    """Opens the store that the settings select; no file is touched before the first use.

    Args:
        settings: section [store].
        data_dir: the user's data folder.
        clock: seconds since the epoch, for the age of what is kept.
        busy_s: how long to wait for another process that holds it.
    """
    return open_sqlite(settings, data_dir, clock=clock, busy_s=busy_s)
