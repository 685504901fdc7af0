"""Conversations: a thread is read, extended and written by one call at a time, across processes.

A thread keeps the messages as they went over the wire, with what a provider wants back of its own turns (reasoning
content, thought signatures), so that any model can go on with it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import WeakValueDictionary

import anyio

from anymodel_mcp.errors import AnyModelError, ArgumentError, excerpt
from anymodel_mcp.state import Store, Thread
from anymodel_mcp.tasks import open_tasks
from anymodel_mcp.types import ChatResult, Json
from anymodel_mcp.upstream.routing import Target
from anymodel_mcp.wire.apis import CHAT_APIS, ApiName

log = logging.getLogger(__name__)

NEW = "new"
ReasoningBack = Literal["none", "tools", "always"]
HOLD_S = 60.0
_RENEW_S = 20.0
_BY = "anymodel/by"
_CARRIED = frozenset(name for api in CHAT_APIS.values() for name in api.carried)
_POLL_S = 0.1
# Calls of this process wait in order of arrival; asking the store again and again is for other processes only.
# A lock is freed with the last call that uses it; each user keeps its store alive, so that no `id` is reused.
_lines: WeakValueDictionary[tuple[int, str], anyio.Lock] = WeakValueDictionary()


@dataclass(slots=True)
class Conversation:
    """A held conversation.

    Attributes:
        id: what the caller gives to continue it.
        system: its instructions, from its first turn.
        history: all turns so far.
        last_model: the model that answered last, as `provider/id`.
    """

    id: str
    system: str | None
    store: Store
    holder: str
    clean: Callable[[Any], Any]
    holds_key: Callable[[Any], bool]
    history: Sequence[Json] = field(default=())
    last_model: str | None = None

    async def append(self, sent: Sequence[Json], result: ChatResult, target: Target) -> list[str]:
        """Adds a turn. Never raises, because the answer is paid for; returns warnings instead.

        Args:
            sent: the messages of the question.
            result: the answer.
            target: the model that gave it.
        """
        turn = assistant_turn(result, target.provider)
        carried = {name: value for name, value in result.carry.items() if not self.holds_key(value)}
        plain = {name: value for name, value in turn.items() if name not in result.carry}
        turns = [*self.clean(sent), {**self.clean(plain), **carried}]
        try:
            added = await self.store.append_turn(self.id, turns, model=target.name, holder=self.holder)
        except AnyModelError as error:
            return [f"this turn is not in conversation {self.id}: {error.failure.message}"]
        if not added:
            return [f"this turn is not in conversation {self.id}: another call holds it, or it was deleted"]
        return list(self.store.warnings)


class Conversations:
    """The conversations of the store.

    Args:
        store: where they are kept.
        clean: removes keys and unsafe characters from what is kept.
        holds_key: whether a value holds a key. What a provider wants back is kept verbatim, since it may be signed,
            or not at all.
    """

    def __init__(self, store: Store, clean: Callable[[Any], Any], holds_key: Callable[[Any], bool]) -> None:
        self._store = store
        self._clean = clean
        self._holds_key = holds_key

    @asynccontextmanager
    async def hold(self, wanted: str, system: str | None) -> AsyncGenerator[Conversation]:
        """Holds the conversation `wanted` (or a new one for "new") for this call until the block ends.

        Other calls that want it wait in order of arrival.

        Raises:
            ArgumentError: there is no such conversation.
            AnyModelError: the store is held by another process; nothing has been sent.
        """
        store = self._store
        holder = store.holder  # of this process: its calls wait for each other below
        if wanted == NEW:
            id = await store.create_thread(system, holder=holder, for_s=HOLD_S)
            line = _line(store, id)
            line.acquire_nowait()  # the id is not known to other calls yet
            conversation = Conversation(id, system, store, holder, self._clean, self._holds_key)
        else:
            line = _line(store, wanted)
            await line.acquire()
            try:
                kept = await _take(store, wanted, holder)
            except BaseException:
                line.release()
                raise
            conversation = Conversation(
                wanted, kept.system, store, holder, self._clean, self._holds_key, kept.messages, kept.last_model
            )
        try:
            async with open_tasks() as tasks:
                tasks.start_soon(_renew, store, holder, conversation.id)
                yield conversation
        finally:
            try:
                await _release(store, conversation.id, holder)
            finally:
                line.release()


def _line(store: Store, thread: str) -> anyio.Lock:
    """The lock on which calls of this process wait for a conversation, in order of arrival."""
    return _lines.setdefault((id(store), thread), anyio.Lock())


async def _take(store: Store, wanted: str, holder: str) -> Thread:
    while not await store.hold_thread(wanted, holder, HOLD_S):
        if await store.get_thread(wanted) is None:
            raise _unknown(wanted)
        await anyio.sleep(_POLL_S)
    try:
        thread = await store.get_thread(wanted)
    except BaseException:
        await _release(store, wanted, holder)
        raise
    if thread is None:
        raise _unknown(wanted)
    return thread


async def _renew(store: Store, holder: str, thread: str) -> None:
    """Renews the hold. A failed renewal is tried again; `append` checks that the hold is still valid."""
    while True:
        await anyio.sleep(_RENEW_S)
        try:
            await store.hold_thread(thread, holder, HOLD_S)
        except AnyModelError as error:
            log.warning("the hold of conversation %s could not be renewed: %s", thread, error.failure.message)


async def _release(store: Store, thread: str, holder: str) -> None:
    try:
        await store.release_thread(thread, holder)
    except AnyModelError as error:  # it ends by itself
        log.warning("conversation %s could not be released: %s", thread, error.failure.message)


def _unknown(thread: str) -> ArgumentError:
    return ArgumentError(
        f"there is no conversation {excerpt(thread)!r}",
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


def turns_for(
    history: Sequence[Json], provider: str, reasoning_back: ReasoningBack, api: ApiName = "chat"
) -> list[Json]:
    """A thread as one provider accepts it: with its own reasoning state if it wants that back, without that of others.

    Args:
        history: turns as they were kept.
        provider: the provider of this request.
        reasoning_back: `Dialect.reasoning_back` of the model that is asked.
        api: the API of this request; state returned by another API is left out.
    """
    asked = max((i for i, turn in enumerate(history) if turn.get("role") == "user"), default=-1)
    turns: list[Json] = []
    for index, turn in enumerate(history):
        own = turn.get(_BY) == provider
        in_loop = index > asked and bool(turn.get("tool_calls"))
        wanted = own and (reasoning_back == "always" or (reasoning_back == "tools" and in_loop))
        kept = CHAT_APIS[api].carried if wanted else ()
        turns.append(_bare(turn, kept, keep_calls=own) if _BY in turn else turn)
    return turns


def _bare(turn: Json, carried: Sequence[str], *, keep_calls: bool) -> Json:
    kept = {k: v for k, v in turn.items() if k != _BY and (k in carried or k not in _CARRIED)}
    if not keep_calls and kept.get("tool_calls"):
        kept["tool_calls"] = [{k: v for k, v in call.items() if k != "extra_content"} for call in kept["tool_calls"]]
    return kept
