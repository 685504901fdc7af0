"""One call on its own: its text, what its progress line says, what it ends with."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.calls.runner import Calls
from anymodel_mcp.config import StoreSettings
from anymodel_mcp.redact import Redactor
from anymodel_mcp.state import open_store
from anymodel_mcp.types import Delta, Outcome
from tests.waiting import HANG_S

KEY = "sk-live-0123456789abcdef"


async def test_a_model_that_starts_over_replaces_the_text() -> None:
    call = Call("chat", "host", Redactor())
    call.write("the first model ")
    assert call.text == "the first model "
    call.write("is cut off")
    call.reset()
    assert call.text == ""
    call.write("the second one")
    assert call.text == "the second one"


async def test_the_end_of_a_running_text_waits_while_it_may_begin_a_key() -> None:
    call = Call("chat", "host", Redactor([KEY]))
    call.write(f"the key is {KEY[:12]}")
    assert call.text == "the key is "
    assert KEY[:12] not in call.whole_text
    call.write(KEY[12:] + " indeed")
    call.done.set()
    assert KEY not in call.text
    assert call.text.endswith(" indeed")


@pytest.mark.parametrize(
    ("kind", "phase"), [("text", "answering"), ("reasoning", "thinking"), ("tool_call", "calling a tool")]
)
def test_the_line_says_what_the_model_is_doing(kind: str, phase: str) -> None:
    line = ProgressLine("p/m")
    line.take([Delta(kind=kind, text="abc")])  # pyright: ignore[reportArgumentType] a parameter of the table
    assert line.line() == f"p/m: {phase}, 3 characters"


def test_the_line_counts_the_answer_and_not_the_thoughts_before_it() -> None:
    line = ProgressLine("p/m")
    line.take([Delta(kind="reasoning", text="x" * 50), Delta(kind="text", text="abc")])
    assert (line.chars, line.thought) == (3, 50)
    assert line.line() == "p/m: answering, 3 characters"


async def test_a_call_whose_request_took_the_answer_leaves_nothing_in_the_store(tmp_path: Path) -> None:
    async def work(_: Call) -> Outcome:
        return Outcome(text="paid", record={"model": "m"})

    store = open_store(StoreSettings(), tmp_path)
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            calls = Calls(group, store, Redactor(), 1)
            outcome = await calls.run("chat", "host", work, wait_budget_s=None, progress=None)
            await calls.results.save_all()
            assert (outcome.text, outcome.result_id) == ("paid", None)
            assert calls.results._held == {}  # pyright: ignore[reportPrivateUsage] nothing waits to be stored either
            assert await store.list_calls(5) == []
            group.cancel_scope.cancel()
        await store.aclose()
