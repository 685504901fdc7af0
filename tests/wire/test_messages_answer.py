"""Answers of the Messages API, whole and streamed, in every cut; odd streams of gateways."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.types import ChatResult, Citation, Usage
from anymodel_mcp.wire.anthropic.request import ANSWER_TOOL, CARRIED
from anymodel_mcp.wire.apis import CHAT_APIS
from anymodel_mcp.wire.exchange import ResponseHead
from tests.wire.feeding import JSON_HEAD, SSE_HEAD, chunk, everyway, reader_of, run

Json = dict[str, Any]


def event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n"


def start(**message: Any) -> str:
    whole: Json = {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude", **message}
    return event("message_start", message={"usage": {"input_tokens": 5, "output_tokens": 1}, **whole})


def block(index: int, kind: str, **fields: Any) -> str:
    return event("content_block_start", index=index, content_block={"type": kind, **fields})


def delta(index: int, kind: str, **fields: Any) -> str:
    return event("content_block_delta", index=index, delta={"type": kind, **fields})


def stop(index: int) -> str:
    return event("content_block_stop", index=index)


def text(*pieces: str, index: int = 0) -> str:
    deltas = "".join(delta(index, "text_delta", text=piece) for piece in pieces)
    return block(index, "text", text="") + deltas + stop(index)


def ending(reason: str | None = "end_turn", **usage: int) -> str:
    return event(
        "message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage or {"output_tokens": 2}
    )


END = event("message_stop")
PING = event("ping")


def outcome(data: str, *, head: ResponseHead = SSE_HEAD, broken: str | None = None, body: Json | None = None) -> Any:
    make = lambda: reader_of(CHAT_APIS["anthropic"], head, endpoint="messages", body=body)  # noqa: E731
    return everyway(make, data.encode(), broken)


def answer(data: str, **more: Any) -> ChatResult:
    result = outcome(data, **more)
    assert isinstance(result, ChatResult), result
    return result


def whole(content: Any, reason: str | None = "end_turn", **more: Any) -> str:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content}
    return json.dumps({**message, "stop_reason": reason, "usage": {"input_tokens": 1, "output_tokens": 2}, **more})


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        pytest.param(start() + text("po", "ng") + ending() + END, "pong", id="plain"),
        pytest.param(text("pong") + ending() + END, "pong", id="no-message-start"),
        pytest.param(start() + text("pong") + ending(), "pong", id="no-message-stop"),
        pytest.param(start() + text("pong") + END, "pong", id="no-message-delta"),
        pytest.param(start() + delta(0, "text_delta", text="pong") + ending() + END, "pong", id="no-block-start"),
        pytest.param(PING + start() + PING + text("pong") + PING + ending() + END, "pong", id="pings"),
        pytest.param(
            start() + block(0, "text", text="po") + delta(0, "text_delta", text="ng") + ending(),
            "pong",
            id="text-in-start",
        ),
        pytest.param(
            start() + text("pong") + block(1, "novel", x=1) + delta(1, "novel_delta", x=2) + stop(1) + ending() + END,
            "pong",
            id="unknown-block",
        ),
        pytest.param(
            start()
            + block(0, "text", text="")
            + delta(0, "novel_delta", x=2)
            + delta(0, "text_delta", text="pong")
            + ending()
            + END,
            "pong",
            id="unknown-delta",
        ),
        pytest.param(
            start()
            + block(0, "text", text="")
            + delta(0, "text_delta", text="half")
            + start(id="msg_2")
            + text("pong")
            + ending()
            + END,
            "pong",
            id="second-start-voids-the-unfinished-block",
        ),
        pytest.param(
            start() + text("po") + start(id="msg_2") + text("ng") + ending() + END,
            "pong",
            id="second-start-keeps-finished-blocks",
        ),
        pytest.param(start() + text("pong") + ending() + "data: [DONE]\n\n", "pong", id="done-marker"),
        pytest.param(chunk({"content": "pong"}) + chunk({}, "stop") + "data: [DONE]\n\n", "pong", id="chat-form"),
        pytest.param(start() + text("<think>hm</think>pong") + ending() + END, "pong", id="think-tags"),
    ],
)
def test_a_stream_gives_its_text(stream: str, expected: str) -> None:
    result = answer(stream)
    assert result.text == expected
    assert result.finish_reason in ("stop", "unknown")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("novel_reason", "unknown"),
    ],
)
def test_a_stop_reason_has_its_word(reason: str, finish: str) -> None:
    for result in (
        answer(start() + text("pong") + ending(reason) + END),
        answer(whole([{"type": "text", "text": "pong"}], reason), head=JSON_HEAD),
    ):
        assert (result.finish_reason, result.finish_raw) == (finish, reason)
        assert bool(result.warnings) == (finish in ("unknown", "content_filter"))


def test_a_refusal_gives_its_explanation_and_category() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Not this."}
    result = answer(whole([], "refusal", stop_details=details), head=JSON_HEAD)
    assert result.refusal == "Not this."
    assert result.finish_reason == "content_filter"
    assert any("cyber" in warning for warning in result.warnings)


def test_a_paused_turn_is_no_success_without_a_word() -> None:
    search = block(0, "server_tool_use", id="srv_1", name="web_search", input={})
    result = answer(start() + search + stop(0) + ending("pause_turn") + END)
    assert (result.text, result.finish_reason, result.finish_raw) == ("", "unknown", "pause_turn")
    assert any("pause_turn" in warning for warning in result.warnings)
    assert result.carry[CARRIED] == [{"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}}]


def test_signed_thoughts_are_carried_as_they_came() -> None:
    stream = (
        start()
        + block(0, "thinking", thinking="", signature="")
        + delta(0, "thinking_delta", thinking="a\u202eb ")
        + delta(0, "thinking_delta", thinking="c\n")
        + delta(0, "signature_delta", signature="EqQB/+==")
        + stop(0)
        + block(1, "redacted_thinking", data="ZW5j")
        + stop(1)
        + text("pong", index=2)
        + ending()
        + END
    )
    result = answer(stream)
    assert result.text == "pong"
    assert result.reasoning == "a\u202eb c\n"
    assert result.carry == {
        CARRIED: [
            {"type": "thinking", "thinking": "a\u202eb c\n", "signature": "EqQB/+=="},
            {"type": "redacted_thinking", "data": "ZW5j"},
            {"type": "text", "text": "pong"},
        ]
    }
    assert answer(whole(result.carry[CARRIED]), head=JSON_HEAD).carry == result.carry


def test_text_and_calls_alone_need_no_carry() -> None:
    assert answer(start() + text("pong") + ending() + END).carry == {}


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [(['{"a":', " 1}"], {"a": 1}), ([""], {}), ([], {}), (["", '{"a": 1}'], {"a": 1})],
    ids=str,
)
def test_a_call_has_its_arguments(pieces: list[str], arguments: Json) -> None:
    deltas = "".join(delta(0, "input_json_delta", partial_json=piece) for piece in pieces)
    stream = (
        start() + block(0, "tool_use", id="toolu_1", name="f", input={}) + deltas + stop(0) + ending("tool_use") + END
    )
    result = answer(stream)
    assert [(c.id, c.name, c.arguments) for c in result.tool_calls] == [("toolu_1", "f", arguments)]
    assert result.finish_reason == "tool_calls"


def test_arguments_that_are_cut_off_are_not_guessed_and_not_carried() -> None:
    stream = (
        start()
        + block(0, "thinking", thinking="hm", signature="s")
        + stop(0)
        + block(1, "tool_use", id="toolu_1", name="f", input={})
        + delta(1, "input_json_delta", partial_json='{"a": ')
        + ending("max_tokens")
        + END
    )
    result = answer(stream)
    assert [call.arguments_raw for call in result.invalid_tool_calls] == ['{"a": ']
    assert [b["type"] for b in result.carry[CARRIED]] == ["thinking"]


def test_citations_of_the_web_are_listed_once() -> None:
    cite = {"type": "web_search_result_location", "url": "https://t.example/a", "title": "T", "cited_text": "x"}
    stream = (
        start()
        + block(0, "text", text="")
        + delta(0, "citations_delta", citation=cite) * 2
        + delta(0, "text_delta", text="x")
        + stop(0)
        + ending()
        + END
    )
    result = answer(stream)
    assert result.citations == (Citation(url="https://t.example/a", title="T"),)
    assert result.carry[CARRIED][0]["citations"] == [cite, cite]


def test_a_failure_of_the_providers_own_tool_is_a_warning() -> None:
    failed = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    content = [
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": failed},
        {"type": "text", "text": "No."},
    ]
    result = answer(whole(content), head=JSON_HEAD)
    assert any("max_uses_exceeded" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("first", "last", "usage"),
    [
        ({"input_tokens": 43, "output_tokens": 1}, {"input_tokens": 61, "output_tokens": 2}, (61, 2, None)),
        (
            {"input_tokens": 9, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 100},
            {"output_tokens": 6},
            (112, 6, 100),
        ),
        ({"input_tokens": 9, "output_tokens": 1}, {"input_tokens": 0, "output_tokens": 6}, (9, 6, None)),
        ({}, {"output_tokens": 6}, (None, 6, None)),
    ],
    ids=str,
)
def test_the_last_figure_of_each_name_counts(first: Json, last: Json, usage: tuple[Any, ...]) -> None:
    result = answer(start(usage=first) + text("pong") + ending(**last) + END)
    assert isinstance(result.usage, Usage)
    assert (result.usage.input, result.usage.output, result.usage.cached) == usage


def test_the_tool_that_stands_for_the_answer_is_its_text() -> None:
    body = {"tools": [{"name": ANSWER_TOOL, "input_schema": {"type": "object"}}]}
    stream = (
        start()
        + block(0, "tool_use", id="toolu_1", name=ANSWER_TOOL, input={})
        + delta(0, "input_json_delta", partial_json='{"a": 1}')
        + stop(0)
        + ending("tool_use")
        + END
    )
    result = answer(stream, body=body)
    assert (result.text, result.tool_calls, result.finish_reason) == ('{"a": 1}', (), "stop")


@pytest.mark.parametrize(
    ("stream", "broken", "kind", "partial"),
    [
        pytest.param(start() + text("Half")[:-60], None, "stream_truncated", None, id="cut-inside-event"),
        pytest.param(start() + text("Half"), None, "stream_truncated", "Half", id="no-end"),
        pytest.param(start() + text("Half"), "reset", "stream_truncated", "Half", id="reset"),
        pytest.param(
            start() + text("Half") + event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
            None,
            "overloaded",
            "Half",
            id="error-event",
        ),
        pytest.param(
            event("error", error={"type": "rate_limit_error", "message": "Slow down"}),
            None,
            "rate_limit",
            None,
            id="error-first",
        ),
        pytest.param(PING * 3, None, "upstream", None, id="pings-only"),
        pytest.param(start(), None, "stream_truncated", None, id="start-only"),
        pytest.param("", None, "upstream", None, id="nothing"),
    ],
)
def test_a_stream_without_its_end_is_a_failure(stream: str, broken: str | None, kind: str, partial: str | None) -> None:
    failure = outcome(stream, broken=broken)
    assert isinstance(failure, Failure), failure
    assert (failure.kind, failure.partial_text) == (kind, partial) if partial else failure.kind == kind


def test_text_and_thoughts_are_reported_as_they_come() -> None:
    stream = (
        start()
        + block(0, "thinking", thinking="")
        + delta(0, "thinking_delta", thinking="hm")
        + stop(0)
        + text("po", "ng", index=1)
        + ending()
        + END
    )
    reader = reader_of(CHAT_APIS["anthropic"], endpoint="messages")
    _, deltas = run(reader, [stream.encode()])
    assert [(d.kind, d.text) for d in deltas] == [("reasoning", "hm"), ("text", "pong")]


def test_an_answer_beyond_the_limit_fails() -> None:
    stream = start() + text("x" * 600, "y" * 600) + ending() + END
    reader = lambda: reader_of(CHAT_APIS["anthropic"], endpoint="messages", limit=1000)  # noqa: E731
    failure = everyway(reader, stream.encode())
    assert isinstance(failure, Failure)
    assert failure.kind == "too_large"
