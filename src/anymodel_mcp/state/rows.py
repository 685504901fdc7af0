"""Values that go into the store and come out of it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from anymodel_mcp.types import Json

Ended = Literal["complete", "failed", "cancelled"]
CallStatus = Literal["running", "complete", "failed", "cancelled", "interrupted"]
UsageKey = Literal["day", "host", "tool", "provider", "model", "outcome", "all"]

# no letters that look like others: a model copies these ids by hand; 20 of them are 99 bits
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_id(prefix: str) -> str:
    """A fresh id that nobody can guess: `prefix`, a hyphen, twenty characters."""
    return f"{prefix}-" + "".join(secrets.choice(_ALPHABET) for _ in range(20))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """A call that has a handle.

    Attributes:
        worker_id: the process that runs it, unique among all that share the store.
        model: what it asks, as `provider/id`.
    """

    id: str
    worker_id: str
    tool: str
    model: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCall:
    """A call as the store knows it.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A conversation; `messages` as they were appended, unknown keys kept.

    Attributes:
        title: the first words of the first user message.
        models: who has answered in it, in order of appearance.
        count: how many messages it has (a list of threads leaves `messages` empty).
        last_model: who answered last (a list of threads leaves it out).
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


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningRow:
    """A call in the ledger that has not ended; no texts. `time` in seconds since the epoch."""

    id: str
    worker_id: str
    time: float
    tool: str
    provider: str
    model: str
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageSum:
    """The sum of one group; `None` where no call has the figure. Running calls count as neither failed nor complete."""

    key: str
    calls: int
    failed: int
    input: int | None
    output: int | None
    cost: float | None
    duration_s: float
