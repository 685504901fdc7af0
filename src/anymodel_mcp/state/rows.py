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
    """A call that begins.

    Attributes:
        owner: the process that runs it, unique among all that share the store.
        model: `provider`'s own id.
        conversation: the thread that it belongs to.
    """

    id: str
    owner: str
    tool: str
    provider: str = ""
    model: str = ""
    host: str = ""
    conversation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCall:
    """A call as the store knows it.

    Attributes:
        status: "interrupted": it was running and its owner has not been heard of since.
        text: the part that was asked for; partial while the call runs.
        length: characters of the whole text.
        record: what goes under `_meta`, once the call ended.
        cancel_asked: somebody wants it stopped.
    """

    id: str
    owner: str
    tool: str
    provider: str
    model: str
    host: str
    conversation: str | None
    status: CallStatus
    created: float
    updated: float
    text: str = field(repr=False)
    length: int
    record: Json | None = field(repr=False)
    cancel_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A conversation; `messages` as they were appended, unknown keys kept.

    Attributes:
        title: the first words of the first user message.
        models: who has answered in it, in order of appearance.
        count: how many messages it has (a list of threads leaves `messages` empty).
    """

    id: str
    created: float
    updated: float
    system: str | None
    title: str
    models: Sequence[str]
    count: int
    messages: Sequence[Json] = field(default=(), repr=False)


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
class UsageSum:
    """The sum of one group; `None` where no call of it told a figure."""

    key: str
    calls: int
    failed: int
    input: int | None
    output: int | None
    cost: float | None
    duration_s: float
