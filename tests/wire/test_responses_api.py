from __future__ import annotations

import json
from typing import Any

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.types import ChatResult, Citation, Usage
from anymodel_mcp.wire.exchange import ResponseHead
from tests.wire.feeding import (
    DONE,
    JSON_HEAD,
    SSE_HEAD,
    STOP,
    as_bytes,
    message,
    responses,
    responses_reader,
    run,
    texts,
    words,
)

Json = dict[str, Any]
USAGE = {"input_tokens": 5, "output_tokens": 9, "total_tokens": 14, "output_tokens_details": {"reasoning_tokens": 4}}
NOTE = {"type": "url_citation", "url": "https://a", "title": "A"}
OUTPUT = [
    {
        "id": "rs",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm"}, {"type": "summary_text", "text": "so"}],
    },
    {
        "id": "ms",
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Hi", "annotations": [NOTE]}],
    },
    {"id": "fc", "call_id": "call_1", "type": "function_call", "name": "f", "arguments": '{"a": 1}'},
]


def whole(**more: Any) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "error": None,
        "model": "m",
        "output": OUTPUT,
        "usage": USAGE,
        **more,
    }


def events(*values: Json, named: bool = True) -> str:
    return "".join((f"event: {v['type']}\n" if named else "") + f"data: {json.dumps(v)}\n\n" for v in values)


def read(value: Any, **more: Any) -> ChatResult:
    result = responses(value, **more)
    assert isinstance(result, ChatResult), result
    return result


def failed(value: Any, **more: Any) -> Failure:
    result = responses(value, **more)
    assert isinstance(result, Failure), result
    return result


CREATED: Json = {
    "type": "response.created",
    "response": {"id": "resp_1", "status": "in_progress", "model": "m", "output": []},
}
DELTAS: list[Json] = [
    {"type": "response.reasoning_summary_text.delta", "delta": "Hm"},
    {"type": "response.reasoning_summary_part.added", "part": {}},
    {"type": "response.reasoning_text.delta", "delta": "so"},
    {"type": "response.output_text.delta", "delta": "H"},
    {"type": "response.output_text.delta", "delta": "i"},
    {"type": "response.output_text.annotation.added", "annotation": NOTE},
    {"type": "response.output_text.done", "text": "Hi"},
]


def check(result: ChatResult) -> None:
    assert (result.text, result.reasoning) == ("Hi", "Hm\nso")
    assert (result.id, result.model) == ("resp_1", "m")
    assert [(c.id, c.name, c.arguments) for c in result.tool_calls] == [("call_1", "f", {"a": 1})]
    assert result.finish_reason == "tool_calls"
    assert result.usage == Usage(input=5, output=9, total=14, reasoning=4)
    assert result.citations == (Citation(url="https://a", title="A"),)


def test_a_whole_response_is_the_same_record_as_chat() -> None:
    check(read(as_bytes(whole()), head=JSON_HEAD))


@pytest.mark.parametrize("named", [True, False])
def test_a_stream_is_the_same_as_its_last_event(named: bool) -> None:
    check(read(events(CREATED, *DELTAS, {"type": "response.completed", "response": whole()}, named=named)))


def test_a_last_event_without_output_leaves_what_was_streamed() -> None:
    items = [{"type": "response.output_item.done", "output_index": i, "item": item} for i, item in enumerate(OUTPUT)]
    check(read(events(CREATED, *DELTAS, *items, {"type": "response.completed", "response": whole(output=[])})))
    bare = read(events(CREATED, *DELTAS, {"type": "response.completed", "response": whole(output=[])}))
    assert (bare.text, bare.reasoning, bare.tool_calls) == ("Hi", "Hm\nso", ())
    assert bare.citations == (Citation(url="https://a", title="A"),)


def test_text_arrives_as_news_and_the_stream_ends_at_its_last_event() -> None:
    reader = responses_reader(SSE_HEAD, limit=10_000)
    deltas = [*reader.feed(events(CREATED, *DELTAS).encode())]
    assert words(deltas) == ("Hi", "Hm\nso")
    assert reader.partial_text == "Hi"
    assert not reader.done
    reader.feed(events({"type": "response.completed", "response": whole()}).encode())
    assert reader.done


def test_a_refusal_is_one() -> None:
    part = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    assert read(as_bytes(whole(output=[part]))).refusal == "No."
    done = {"type": "response.completed", "response": whole(output=[])}
    assert read(events({"type": "response.refusal.delta", "delta": "No."}, done)).refusal == "No."


def test_text_beside_the_output_is_text() -> None:
    assert read(as_bytes(whole(output=[], output_text="Hi"))).text == "Hi"


def test_a_picture_is_one() -> None:
    result = read(as_bytes(whole(output=[{"type": "image_generation_call", "result": "iVBORw0KGgo="}])))
    assert [i.mime for i in result.images] == ["image/png"]


@pytest.mark.parametrize(
    ("reason", "finish", "words"),
    [
        ("max_output_tokens", "length", "reasoning"),
        ("content_filter", "content_filter", "filter"),
        ("", "length", "does not say why"),
    ],
)
@pytest.mark.parametrize("streamed", [True, False])
def test_an_incomplete_response_says_why(reason: str, finish: str, words: str, streamed: bool) -> None:
    body = whole(status="incomplete", incomplete_details={"reason": reason}, output=OUTPUT[:1])
    value = events(CREATED, {"type": "response.incomplete", "response": body}) if streamed else as_bytes(body)
    result = read(value)
    assert (result.text, result.finish_reason) == ("", finish)
    assert words in result.warnings[0]


ERROR = {"type": "error", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "boom"}}
FLAT = {"type": "error", "code": "rate_limit_exceeded", "message": "boom", "param": None}


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (ERROR, "quota"),
        (FLAT, "rate_limit"),
        (
            {
                "type": "response.failed",
                "response": {"status": "failed", "error": {"code": "server_error", "message": "boom"}},
            },
            "server",
        ),
        ({"type": "response.failed", "response": {"status": "failed", "error": None}}, "upstream"),
    ],
)
def test_an_error_ends_the_stream(event: Json, kind: str) -> None:
    failure = failed(events(CREATED, event))
    assert failure.kind == kind
    assert failure.partial_text is None
    later = failed(events(CREATED, *DELTAS, event))
    assert (later.kind, later.partial_text, later.retryable) == (kind, "Hi", False)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (whole(status="failed", error={"code": "server_error", "message": "boom"}), "server"),
        ({"error": {"message": "boom", "code": "model_not_found"}}, "model_not_found"),
        (whole(status="cancelled"), "upstream"),
        (whole(status="in_progress", output=[]), "upstream"),
        (whole(status="queued", output=[]), "upstream"),
        ({"hello": 1}, "stream_truncated"),
        ("text", "upstream"),
        (b"", "upstream"),
        (b"<html></html>", "config"),
        (b'{"output": [', "stream_truncated"),
    ],
)
def test_a_response_without_an_answer_is_an_error(value: Any, kind: str) -> None:
    assert failed(as_bytes(value), head=JSON_HEAD).kind == kind


@pytest.mark.parametrize("broken", [None, "reset"])
def test_a_stream_that_just_stops_is_truncated(broken: str | None) -> None:
    failure = failed(events(CREATED, *DELTAS), broken=broken)
    assert (failure.kind, failure.partial_text, failure.retryable) == ("stream_truncated", "Hi", False)
    assert failed(events(CREATED), broken=broken).retryable


def test_done_alone_is_no_end() -> None:
    assert failed(events(CREATED, *DELTAS) + DONE).kind == "stream_truncated"


def test_a_gateway_that_answers_as_chat_is_understood() -> None:
    assert read(as_bytes(message("Hi"))).text == "Hi"
    assert read(texts("H", "i") + STOP).text == "Hi"
    assert failed(texts("H", "i")).partial_text == "Hi"


@pytest.mark.parametrize("body", [events(CREATED, *DELTAS), texts("H", "i")])
def test_what_exceeds_the_limit_ends_the_answer(body: str) -> None:
    reader = responses_reader(SSE_HEAD, limit=300)
    outcome, _ = run(reader, [body.encode(), b"x" * 400])
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.partial_text) == ("too_large", "Hi")


def test_a_text_without_end_is_cut_off() -> None:
    reader = responses_reader(SSE_HEAD, limit=300)
    outcome, _ = run(reader, [events({"type": "response.output_text.delta", "delta": "x" * 100}).encode()] * 5)
    assert isinstance(outcome, Failure)
    assert outcome.kind == "protocol"


BEGUN: Json = {
    "type": "response.output_item.added",
    "output_index": 1,
    "item": {"type": "function_call", "id": "fc", "call_id": "call_1", "name": "f", "arguments": ""},
}
PIECES: list[Json] = [
    {"type": "response.function_call_arguments.delta", "item_id": "fc", "output_index": 1, "delta": part}
    for part in ('{"a":', " 1}")
]
WHOLE: Json = {
    "type": "response.function_call_arguments.done",
    "item_id": "fc",
    "output_index": 1,
    "arguments": '{"a": 1}',
}


@pytest.mark.parametrize("events_of_call", [[BEGUN, *PIECES], [BEGUN, WHOLE], [BEGUN, *PIECES, WHOLE]])
@pytest.mark.parametrize("index", [True, False])
def test_a_call_that_is_never_told_whole_is_a_call(events_of_call: list[Json], index: bool) -> None:
    told = [{k: v for k, v in e.items() if index or k != "output_index"} for e in events_of_call]
    result = read(events(CREATED, *told, {"type": "response.completed", "response": whole(output=[])}))
    assert [(c.id, c.name, c.arguments) for c in result.tool_calls] == [("call_1", "f", {"a": 1})]


def test_a_call_told_whole_at_its_end_is_one_call() -> None:
    end = {"type": "response.output_item.done", "output_index": 1, "item": OUTPUT[2]}
    done: Json = {"type": "response.completed", "response": whole(output=[])}
    result = read(events(CREATED, BEGUN, *PIECES, WHOLE, end, done))
    assert [(c.id, c.name, c.arguments) for c in result.tool_calls] == [("call_1", "f", {"a": 1})]


@pytest.mark.parametrize("event", [BEGUN, PIECES[0], WHOLE], ids=["added", "delta", "done"])
def test_a_call_taking_shape_is_news_and_no_request_follows_it(event: Json) -> None:
    reader = responses_reader(SSE_HEAD, limit=10_000)
    assert [d.kind for d in reader.feed(events(CREATED, event).encode())] == ["tool_call"]
    assert not failed(events(CREATED, event)).retryable


def test_arguments_without_end_are_cut_off() -> None:
    reader = responses_reader(SSE_HEAD, limit=300)
    piece = {"type": "response.function_call_arguments.delta", "delta": "x" * 100}
    outcome, _ = run(reader, [events(piece).encode()] * 5)
    assert isinstance(outcome, Failure)
    assert outcome.kind == "protocol"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, whole(status="queued", output=[])),
        (200, whole(status="in_progress", output=[])),
        (202, whole(status="queued", output=[])),
        (202, {"id": "resp_1"}),
    ],
)
def test_work_that_was_taken_on_is_not_asked_for_again(status: int, body: Json) -> None:
    failure = failed(as_bytes(body), head=ResponseHead(status=status, headers={"content-type": "application/json"}))
    assert (failure.kind, failure.retryable) == ("upstream", False)
    assert "answers later" in failure.message
    assert "resp_1" in failure.message


def test_an_empty_answer_to_work_taken_on_is_not_asked_for_again() -> None:
    assert not failed(b"", head=ResponseHead(status=202, headers={})).retryable
