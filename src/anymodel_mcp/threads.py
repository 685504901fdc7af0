"""Conversations: a thread is read, extended and written by one call at a time, in whichever process.

A thread keeps the messages as they went over the wire, with what a provider wants back of its own turns (reasoning
content, thought signatures), so that any model can go on with it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.store import Store, new_id
from anymodel_mcp.types import ChatResult, Json

NEW = "new"
HOLD_S = 60.0
_RENEW_S = 20.0
_POLL_S = 0.1


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
    owner = new_id("h")
    while not await store.hold_thread(wanted, owner, HOLD_S):
        if await store.get_thread(wanted) is None:
            raise _unknown(wanted)
        await anyio.sleep(_POLL_S)
    try:
        thread = await store.get_thread(wanted)
        if thread is None:
            raise _unknown(wanted)
        async with anyio.create_task_group() as group:
            group.start_soon(_renew, store, owner, wanted)
            yield Conversation(wanted, thread.system, thread.messages)
            group.cancel_scope.cancel()
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


def assistant_turn(result: ChatResult) -> Json:
    """A result as the message that goes back to a provider in the next turn."""
    turn: Json = {"role": "assistant", "content": result.text, **result.carry}
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
