"""Threads: one call at a time, reasoning state only to whom it belongs."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.calls.conversations import Conversation, Conversations, ReasoningBack, assistant_turn, turns_for
from anymodel_mcp.config import StoreSettings
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.state import Store, open_store
from anymodel_mcp.types import ChatResult, Json, ToolCall
from anymodel_mcp.upstream.routing import Target
from tests.waiting import HANG_S


def _hold(store: Store, wanted: str, system: str | None) -> AbstractAsyncContextManager[Conversation]:
    return Conversations(store, lambda value: value, lambda _: False).hold(wanted, system)


CALL = ToolCall(id="c1", name="f", arguments={"a": 1}, extra={"google": {"thought_signature": "s"}})
ANSWER = assistant_turn(ChatResult(text="t", tool_calls=[CALL], carry={"reasoning_content": "r"}), "maker")
LOOP: list[Json] = [{"role": "user", "content": "q"}, ANSWER, {"role": "tool", "tool_call_id": "c1", "content": "4"}]


@pytest.mark.parametrize(
    ("history", "provider", "back", "reasoning", "signature"),
    [
        (LOOP, "maker", "always", True, True),
        (LOOP, "maker", "tools", True, True),
        ([*LOOP, {"role": "user", "content": "next"}], "maker", "tools", False, True),
        (LOOP, "maker", "none", False, True),
        (LOOP, "other", "always", False, False),
    ],
)
def test_reasoning_state_goes_back_to_its_own_provider_as_it_wants_it(
    history: list[Json], provider: str, back: ReasoningBack, *, reasoning: bool, signature: bool
) -> None:
    kept = json.loads(json.dumps(history))  # as the store gives it back
    turn = turns_for(kept, provider, back)[1]
    assert ("reasoning_content" in turn, "extra_content" in turn["tool_calls"][0]) == (reasoning, signature)
    assert "anymodel/by" not in turn
    assert turn["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"a": 1}'}


def test_turns_that_a_caller_wrote_pass_unchanged() -> None:
    history: list[Json] = [{"role": "assistant", "content": "x", "reasoning_content": "mine"}]
    assert turns_for(history, "p", "none") == history


def test_a_turn_without_tool_calls_has_none() -> None:
    assert "tool_calls" not in assistant_turn(ChatResult(text="t"), "p")


async def test_a_turn_that_cannot_be_kept_is_a_warning(tmp_path: Path) -> None:
    """Another call took the thread when the hold ran out: its turn is not mixed in, and the answer is not lost."""
    store = open_store(StoreSettings(), tmp_path)
    question: list[Json] = [{"role": "user", "content": "q"}]
    async with _hold(store, "new", None) as held:
        assert await held.append(question, ChatResult(text="a"), Target("p", "m")) == []
        await store.release_thread(held.id, held.holder)
        assert await store.hold_thread(held.id, "another", 60)
        [warning] = await held.append(question, ChatResult(text="b"), Target("p", "m"))
    assert warning == f"this turn is not in conversation {held.id}: another call holds it, or it was deleted"
    thread = await store.get_thread(held.id)
    assert thread is not None
    assert [turn["content"] for turn in thread.messages] == ["q", "a"]
    await store.aclose()


async def test_two_calls_on_one_thread_do_not_interleave(tmp_path: Path) -> None:
    store = open_store(StoreSettings(), tmp_path)
    seen: list[str] = []
    first_in, go = anyio.Event(), anyio.Event()

    async def first() -> None:
        async with _hold(store, thread, None):
            first_in.set()
            await go.wait()
            await store.append_turn(thread, [{"role": "user", "content": "one"}])
            seen.append("first")

    async def second() -> None:
        await first_in.wait()
        async with _hold(store, thread, None) as held:
            seen.append("second")
            assert [m["content"] for m in held.history] == ["one"]

    with anyio.fail_after(HANG_S):
        async with _hold(store, "new", "be kind") as fresh:
            thread = fresh.id
        async with anyio.create_task_group() as group:
            group.start_soon(first)
            group.start_soon(second)
            await first_in.wait()
            go.set()
        assert seen == ["first", "second"]
        async with _hold(store, thread, None) as held:
            assert held.system == "be kind"
    await store.aclose()


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_waiting_calls_go_in_order_of_arrival(tmp_path: Path, anyio_backend: str) -> None:
    store = open_store(StoreSettings(), tmp_path)
    order: list[int] = []

    async def call(number: int) -> None:
        async with _hold(store, thread, None):
            order.append(number)

    with anyio.fail_after(HANG_S):
        async with _hold(store, "new", None) as fresh:
            thread = fresh.id
        async with anyio.create_task_group() as group:
            async with _hold(store, thread, None):
                for number in range(6):
                    group.start_soon(call, number)
                    await anyio.wait_all_tasks_blocked()
            group.start_soon(call, 6)
    assert order == list(range(7)), anyio_backend
    await store.aclose()


async def test_a_call_that_is_cancelled_in_line_lets_the_next_one_in(tmp_path: Path) -> None:
    store = open_store(StoreSettings(), tmp_path)
    with anyio.fail_after(HANG_S):
        async with _hold(store, "new", None) as fresh:
            thread = fresh.id
        async with _hold(store, thread, None), anyio.create_task_group() as group:
            group.start_soon(_enter, store, thread)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        await _enter(store, thread)
    await store.aclose()


async def _enter(store: Store, thread: str) -> None:
    async with _hold(store, thread, None):
        pass


async def test_an_unknown_thread_is_refused(tmp_path: Path) -> None:
    store = open_store(StoreSettings(), tmp_path)
    with pytest.raises(ArgumentError, match="no conversation"):
        async with _hold(store, "t-none", None):
            raise AssertionError
    await store.aclose()
