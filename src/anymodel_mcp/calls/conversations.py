"""Conversations: a thread is read, extended and written by one call at a time, in whichever process.

A thread keeps the messages as they went over the wire, with what a provider wants back of its own turns (reasoning
content, thought signatures), so that any model can go on with it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal
from weakref import WeakValueDictionary

import anyio

from anymodel_mcp.calls.task_group import open_tasks
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.state import Store, new_id
from anymodel_mcp.types import ChatResult, Json

NEW = "new"
ReasoningBack = Literal["none", "tools", "always"]
HOLD_S = 60.0
_RENEW_S = 20.0
_BY = "anymodel/by"
_CARRIED = ("reasoning_content", "reasoning_details", "extra_content")
_POLL_S = 0.1
# Calls of this process wait in order of arrival; asking the store again and again is for other processes only.
# A lock is gone with the last call that uses it; whoever uses it keeps its store alive, so that no `id` comes twice.
_lines: WeakValueDictionary[tuple[int, str], anyio.Lock] = WeakValueDictionary()


@dataclass(slots=True)
class Conversation:
    """A held thread.

    Attributes:
        id: what the caller gives to go on.
        system: its instructions, from its first turn.
        history: all turns so far.
    """

    id: str
    system: str | None
    history: Sequence[Json] = field(default=())


@asynccontextmanager
async def hold_conversation(store: Store, wanted: str, system: str | None) -> AsyncGenerator[Conversation]:
    """The thread `wanted`, or with "new" a fresh one, held by this call until the block ends; others wait in line.

    Raises:
        ArgumentError: there is no such thread.
    """
    if wanted == NEW:
        yield Conversation(await store.create_thread(system), system)
        return
    async with _lines.setdefault((id(store), wanted), anyio.Lock()), _hold(store, wanted) as held:
        yield held


@asynccontextmanager
async def _hold(store: Store, wanted: str) -> AsyncGenerator[Conversation]:
    owner = new_id("h")
    while not await store.hold_thread(wanted, owner, HOLD_S):
        if await store.get_thread(wanted) is None:
            raise _unknown(wanted)
        await anyio.sleep(_POLL_S)
    try:
        thread = await store.get_thread(wanted)
        if thread is None:
            raise _unknown(wanted)
        async with open_tasks() as tasks:
            tasks.start_soon(_renew, store, owner, wanted)
            yield Conversation(wanted, thread.system, thread.messages)
    finally:
        with anyio.CancelScope(shield=True):
            await store.release_thread(wanted, owner)


async def _renew(store: Store, owner: str, thread: str) -> None:
    while True:
        await anyio.sleep(_RENEW_S)
        await store.hold_thread(thread, owner, HOLD_S)


def _unknown(thread: str) -> ArgumentError:
    return ArgumentError(
        f"there is no conversation {thread!r}",
        param="conversation",
        fix='Begin one with conversation: "new"; old ones end by age ([store] keep_days).',
    )


def assistant_turn(result: ChatResult, provider: str) -> Json:
    """A result as a turn of a thread, with what its provider wants back."""
    turn: Json = {"role": "assistant", "content": result.text, **result.carry, _BY: provider}
    if result.tool_calls:
        turn["tool_calls"] = [
            {
                "id": c.id,
                "type": "function",
                "function": {"name": c.name, "arguments": json.dumps(c.arguments, ensure_ascii=False)},
                **({"extra_content": c.extra} if c.extra else {}),
            }
            for c in result.tool_calls
        ]
    return turn


def turns_for(history: Sequence[Json], provider: str, reasoning_back: ReasoningBack) -> list[Json]:
    """A thread as one provider takes it: its own reasoning state as far as it wants it back, none of another's.

    Args:
        history: turns as they were kept.
        provider: who is asked now.
        reasoning_back: `Dialect.reasoning_back` of the model that is asked.
    """
    asked = max((i for i, turn in enumerate(history) if turn.get("role") == "user"), default=-1)
    turns: list[Json] = []
    for index, turn in enumerate(history):
        own = turn.get(_BY) == provider
        in_loop = index > asked and bool(turn.get("tool_calls"))
        wanted = own and (reasoning_back == "always" or (reasoning_back == "tools" and in_loop))
        turns.append(_bare(turn, keep_reasoning=wanted, keep_calls=own) if _BY in turn else turn)
    return turns


def _bare(turn: Json, *, keep_reasoning: bool, keep_calls: bool) -> Json:
    kept = {k: v for k, v in turn.items() if k != _BY and (keep_reasoning or k not in _CARRIED)}
    if not keep_calls and kept.get("tool_calls"):
        kept["tool_calls"] = [{k: v for k, v in call.items() if k != "extra_content"} for call in kept["tool_calls"]]
    return kept
