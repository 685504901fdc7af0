"""Limits each kind of log line, because a client that can cause one can cause a million."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_MOST_KINDS = 1000


class LogLimit(logging.Filter):
    """Lets at most `most` records of a kind through in `window_s` seconds; the next one says how many were left out.

    A kind is a logger, a level and a message template.

    Args:
        most: how many records.
        window_s: within this many seconds.
        clock: monotonic seconds.
    """

    def __init__(self, most: int = 20, window_s: float = 60, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most = most
        self._window_s = window_s
        self._clock = clock
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write a record."""
        kind = (record.name, record.levelno, str(record.msg)[:200])
        now = self._clock()
        since, count = self._seen.get(kind, (now, 0))
        if now - since >= self._window_s:
            if count > self._most:
                record.msg = f"{record.getMessage()} ({count - self._most} more like this were left out)"
                record.args = None
            since, count = now, 0
        if len(self._seen) >= _MOST_KINDS and kind not in self._seen:
            self._seen.clear()
        self._seen[kind] = (since, count + 1)
        return count < self._most
