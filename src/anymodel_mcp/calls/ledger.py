"""The ledger: one row for each model that was asked, written in the background so that no call waits for it.

A row that is older than a second is in the store, also while its call still runs, so that a killed process loses
none. Until then it is in memory only; a short call is written once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
from anyio.abc import TaskGroup

from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.state import RunningRow, Store, UsageKey, UsageRow, UsageSum, new_id
from anymodel_mcp.types import Usage

log = logging.getLogger(__name__)

WRITE_AFTER_S = 1.0
WRITE_EVERY_S = 0.5
BEAT_EVERY_S = 8.0
_RETRY_S = 2.0
_MOST_WAITING = 10_000


@dataclass(slots=True)
class LedgerEntry:
    """One model that is asked.

    Attributes:
        row: what is known from the start.
        begun: by the monotonic clock.
        ended: the finished row.
        written_at: when it was last written as running; `None` = never.
    """

    row: RunningRow
    begun: float
    ended: UsageRow | None = None
    written_at: float | None = None

    def end(self, outcome: str, usage: Usage | None = None) -> None:
        """Ends the entry; later calls have no effect.

        Args:
            outcome: "complete", or the kind of failure.
            usage: what the call used, where that is known.
        """
        if self.ended is not None:
            return
        self.ended = UsageRow(
            time=self.row.time,
            host=self.row.host,
            tool=self.row.tool,
            provider=self.row.provider,
            model=self.row.model,
            outcome=outcome,
            duration_s=round(time.monotonic() - self.begun, 3),
            input=usage.input if usage else None,
            output=usage.output if usage else None,
            cost=usage.cost if usage else None,
        )


class Ledger:
    """The ledger of one process.

    Args:
        group: in which rows are written.
        store: where they are kept.
        clock: seconds since the epoch.
    """

    def __init__(self, group: TaskGroup, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._group = group
        self._store = store
        self._clock = clock
        self._worker_id = new_id("w")
        self._entries: list[LedgerEntry] = []
        self._writing = False
        self._lock = anyio.Lock()

    @contextmanager
    def entry(self, *, host: str, tool: str, provider: str, model: str) -> Generator[LedgerEntry]:
        """Opens the row of the model that is asked inside the block; the row ends with the block, on errors too."""
        row = RunningRow(
            id=new_id("u"),
            worker_id=self._worker_id,
            time=self._clock(),
            host=host,
            tool=tool,
            provider=provider,
            model=model,
        )
        entry = LedgerEntry(row, time.monotonic())
        self._entries.append(entry)
        if not self._writing:
            self._writing = True
            self._group.start_soon(self._write_on)
        try:
            yield entry
        except AnyModelError as error:
            entry.end(error.kind)
            raise
        except Exception:
            entry.end("server")
            raise
        except BaseException:
            entry.end("cancelled")
            raise
        else:
            entry.end("complete")

    async def _write_on(self) -> None:
        try:
            while self._entries:
                written = await self._write(WRITE_AFTER_S)
                await anyio.sleep(WRITE_EVERY_S if written else _RETRY_S)
        finally:
            self._writing = False

    async def sums(self, since: float, by: UsageKey) -> Sequence[UsageSum]:
        """Sums since a moment, in seconds since the epoch, with the calls that are not in the store yet."""
        await self.flush()
        return await self._store.usage(since, by)

    async def flush(self) -> None:
        """Writes all rows, regardless of age."""
        await self._write(0)

    async def _write(self, age_s: float) -> bool:
        """Writes rows older than `age_s` seconds; false = the store could not be written."""
        async with self._lock:
            now = time.monotonic()
            old = [e for e in self._entries if now - e.begun >= age_s]
            ended = [e for e in old if e.ended is not None]
            running = [e for e in old if e.ended is None and now - (e.written_at or float("-inf")) >= BEAT_EVERY_S]
            try:
                await self._store.add_usage(
                    [e.ended for e in ended if e.ended is not None],
                    announced=[e.row for e in ended if e.written_at is not None],
                    running=[e.row for e in running],
                )
            except AnyModelError as error:
                log.warning("the ledger could not be written yet: %s", error.failure.message)
                del self._entries[:-_MOST_WAITING]
                return False
            for entry in running:
                entry.written_at = now
            done = {id(e) for e in ended}
            self._entries = [e for e in self._entries if id(e) not in done]
            return True
