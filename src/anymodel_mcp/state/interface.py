"""What outlives a call, as protocols, with their values.

A driver implements `Store`; `tests/state/test_store.py` is what every driver must pass. Three rules hold for all of
them: the store's own clock decides heartbeats and holds, every row belongs to a principal (`local` until there are
others), and a row that a newer version wrote is read without the keys that this version does not know.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any, Literal, Protocol

from anymodel_mcp.record import record
from anymodel_mcp.types import Json

Ended = Literal["complete", "failed", "cancelled"]
CallStatus = Literal["running", "complete", "failed", "cancelled", "interrupted"]
UsageKey = Literal["day", "host", "tool", "provider", "model", "outcome", "all"]

# no ambiguous letters, because models copy these ids; 20 of them are 99 bits
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_id(prefix: str) -> str:
    """A new unguessable id: `prefix`, a hyphen, twenty characters."""
    return f"{prefix}-" + "".join(secrets.choice(_ALPHABET) for _ in range(20))


@record
class CallRow:
    """A call that has a handle.

    Attributes:
        worker_id: the process that runs it, unique among all that share the store.
        model: the model that it asks, as `provider/id`.
    """

    id: str
    worker_id: str
    tool: str
    model: str = ""
    host: str = ""


@record
class StoredCall:
    """A stored call.

    Attributes:
        status: "interrupted": it was running, and its worker has not sent a heartbeat since.
        text: partial while the call runs.
        record: the outcome without its text, once the call ended.
    """

    id: str
    worker_id: str
    tool: str
    model: str
    host: str
    status: CallStatus
    created: float
    text: str = field(repr=False)
    record: Json | None = field(repr=False)


@record
class Thread:
    """A conversation; `messages` as they were appended, unknown keys kept.

    Attributes:
        title: the first words of the first user message.
        models: those that answered in it, in order of appearance.
        count: how many messages it has (a list of threads leaves `messages` empty).
        last_model: the model that answered last (empty in a list of threads).
    """

    id: str
    created: float
    updated: float
    system: str | None
    title: str
    models: Sequence[str]
    count: int
    messages: Sequence[Json] = field(default=(), repr=False)
    last_model: str | None = None


@record
class UsageRow:
    """One call in the ledger; no texts. `time` in seconds since the epoch, `cost` in US dollars."""

    time: float
    tool: str
    provider: str
    model: str
    outcome: str
    duration_s: float
    host: str = ""
    input: int | None = None
    output: int | None = None
    cost: float | None = None


@record
class RunningRow:
    """A call in the ledger that has not ended; no texts. `time` in seconds since the epoch."""

    id: str
    worker_id: str
    time: float
    tool: str
    provider: str
    model: str
    host: str = ""


@record
class UsageSum:
    """The sum of one group; `None` if no call has the figure. Running calls are neither failed nor complete."""

    key: str
    calls: int
    failed: int
    input: int | None
    output: int | None
    cost: float | None
    duration_s: float


@record
class Forgotten:
    """What was removed, or would be.

    Attributes:
        running: calls and conversations that are in use, and stay.
        content: records and messages of what was removed by id; they name its files.
    """

    calls: int = 0
    conversations: int = 0
    jobs: int = 0
    usage: int = 0
    running: int = 0
    content: str = field(default="", repr=False)


class Results(Protocol):
    """Calls that have a handle: their worker's heartbeat, partial text, result."""

    @property
    def stale_s(self) -> float:
        """A running call whose worker sent no heartbeat for longer counts as interrupted."""
        ...

    async def beat(self, worker_id: str, ids: Iterable[str]) -> None:
        """Records a heartbeat: the worker still runs these calls."""
        ...

    async def save_partial(self, row: CallRow, text: str) -> None:
        """Stores the whole text so far of a running call; counts as a heartbeat. An ended call keeps its end."""
        ...

    async def finish_call(self, row: CallRow, status: Ended, record: Json | None, text: str | None = None) -> None:
        """Ends a call; `text` `None` keeps the partial text. Later ends have no effect."""
        ...

    async def get_call(self, id: str) -> StoredCall | None:
        """A call with its text; `None` = unknown id."""
        ...

    async def list_calls(self, limit: int = 20) -> list[StoredCall]:
        """The newest calls, newest first, without their texts."""
        ...

    async def ask_cancel(self, id: str) -> bool:
        """Asks the worker of a running call to stop it; false = it is not running."""
        ...

    async def cancels_asked(self, worker_id: str) -> set[str]:
        """The running calls of this worker that are to be stopped."""
        ...


class Jobs(Protocol):
    """Jobs that outlive their call, under the handle of the call that submitted them."""

    async def save_job(self, id: str, job: Json) -> None:
        """Stores a job until `end_job`, or until it exceeds the retention time."""
        ...

    async def load_job(self, id: str) -> Json | None:
        """A job that has not ended; `None` = there is none under this handle."""
        ...

    async def end_job(self, id: str) -> None:
        """Deletes a job that has ended."""
        ...

    async def adopt_job(self, id: str, worker_id: str, *, silent_s: float) -> bool:
        """Makes this worker continue a job; false = another worker runs it, or there is none."""
        ...


class Threads(Protocol):
    """Conversations: kept message by message, held by one call at a time."""

    @property
    def holder(self) -> str:
        """The name under which this process holds conversations."""
        ...

    async def create_thread(self, system: str | None = None, *, holder: str | None = None, for_s: float = 0) -> str:
        """Creates a conversation, held from the start if a holder is named."""
        ...

    async def append_turn(
        self, id: str, messages: Sequence[Json], *, model: str | None = None, holder: str | None = None
    ) -> bool:
        """Appends messages, all or none of them; false = there is no such thread, or `holder` does not hold it."""
        ...

    async def get_thread(self, id: str) -> Thread | None:
        """A conversation with all its messages; `None` = unknown id."""
        ...

    async def list_threads(self, limit: int = 20) -> list[Thread]:
        """The most recently used conversations, newest first, without their messages."""
        ...

    async def hold_thread(self, id: str, holder: str, for_s: float) -> bool:
        """Takes or extends the hold of a thread; false = another holder has it, or there is no such thread."""
        ...

    async def release_thread(self, id: str, holder: str) -> None:
        """Releases a thread; a hold that another holder has taken by now stays."""
        ...


class UsageLedger(Protocol):
    """Usage: one row for each model that was asked; no texts."""

    async def add_usage(
        self, ended: Iterable[UsageRow], *, announced: Sequence[RunningRow] = (), running: Sequence[RunningRow] = ()
    ) -> None:
        """Writes calls into the ledger, all or none of them."""
        ...

    async def usage(self, since: float = 0, by: UsageKey = "model") -> list[UsageSum]:
        """Sums since a time (seconds since the epoch), groups with most calls first; days in chronological order."""
        ...


class Lists(Protocol):
    """Model lists and learned repairs."""

    async def save_models(self, provider: str, fetched_at: float, content: Any) -> None:
        """Stores a provider's model list (any JSON value), replacing the previous one."""
        ...

    async def load_models(self, provider: str) -> tuple[float, Any] | None:
        """The time of the request, and the list; `None` = not stored."""
        ...

    async def save_repair(self, provider: str, model: str, repair: Json) -> None:
        """Stores a repair that a provider's refusal of a model's request needs."""
        ...

    async def load_repairs(self) -> dict[tuple[str, str], list[Json]]:
        """All repairs, by provider and model, in the order in which they were learned."""
        ...


class Removal(Protocol):
    """Removes what is kept, at the user's wish."""

    async def forget(self, id: str, *, count_only: bool = False) -> Forgotten:
        """Removes a call or conversation with its texts, unless it is running."""
        ...

    async def forget_before(self, moment: float, *, count_only: bool = False) -> Forgotten:
        """Removes calls, conversations, jobs and usage last changed before a moment; what is running stays."""
        ...


class Store(Results, Jobs, Threads, UsageLedger, Lists, Removal, Protocol):
    """Everything that outlives a call."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Current problems of the store, for `doctor` and for results that depend on it."""
        ...

    async def aclose(self) -> None:
        """Closes it."""
        ...
