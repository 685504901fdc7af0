"""What outlives a call: results, jobs, conversations, usage, model lists, repairs.

`interface.py` says what a driver is. To add one: implement `interface.Store`, open it here by its setting, and add it
to the list in `tests/state/test_store.py`.
"""

from __future__ import annotations

from anymodel_mcp.state.interface import (
    CallRow,
    CallStatus,
    Ended,
    RunningRow,
    Store,
    StoredCall,
    Thread,
    UsageKey,
    UsageRow,
    UsageSum,
    new_id,
)
from anymodel_mcp.state.sqlite import BUSY_S, open_store

__all__ = [
    "BUSY_S",
    "CallRow",
    "CallStatus",
    "Ended",
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
