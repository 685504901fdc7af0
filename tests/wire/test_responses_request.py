from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import ChatRequest
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.responses.request import build_responses

Json = dict[str, Any]
HI: Json = {"role": "user", "content": "hi"}
PDF: Json = {"filename": "a.pdf", "file_data": "data:x;base64,eA=="}
CALL: Json = {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}


def respond(dialect: Dialect | None = None, messages: list[Json] | None = None, **fields: Any) -> WireRequest:
    return build_responses(ChatRequest(model="m", messages=messages or [HI], **fields), dialect or Dialect())


def body(request: WireRequest) -> Json:
    assert request.body is not None
    return request.body


def test_a_chat_request_is_said_in_the_words_of_the_other_api() -> None:
    request = respond(
        messages=[{"role": "system", "content": "be"}, {"role": "developer", "content": "brief"}, HI],
        temperature=0.5,
        top_p=0.9,
        max_tokens=16,
        reasoning_effort="Low",
        options={"store": False, "seed": None},
    )
    assert body(request) == {
        "model": "m",
        "instructions": "be\n\nbrief",
        "input": [HI],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 16,
        "reasoning": {"effort": "low"},
        "stream": True,
        "store": False,
    }
    assert (request.path, request.endpoint, request.stream) == ("responses", "responses", True)
    assert request.protected == {"store"}
    assert not request.warnings


def test_nothing_is_sent_that_nobody_asked_for() -> None:
    assert body(respond(stream=False)) == {"model": "m", "input": [HI]}
    assert body(respond(messages=[{"role": "system", "content": "s"}], stream=False))["input"] == []


@pytest.mark.parametrize(
    ("message", "items"),
    [
        (
            {"role": "user", "content": [{"type": "text", "text": "t"}, "b"]},
            [{"role": "user", "content": [{"type": "input_text", "text": "t"}, {"type": "input_text", "text": "b"}]}],
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "detail": "low"}}]},
            [{"role": "user", "content": [{"type": "input_image", "image_url": "u", "detail": "low"}]}],
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "u"}]},
            [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}],
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": PDF}]},
            [{"role": "user", "content": [{"type": "input_file", **PDF}]}],
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "https://a.example/a.pdf"}}]},
            [{"role": "user", "content": [{"type": "input_file", "file_url": "https://a.example/a.pdf"}]}],
        ),
        (
            {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]},
            [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}],
        ),
        (
            {"role": "assistant", "content": [{"type": "text", "text": "t"}]},
            [{"role": "assistant", "content": [{"type": "output_text", "text": "t"}]}],
        ),
        (
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
            },
            [{"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}],
        ),
        (
            {"role": "assistant", "content": "let me", "tool_calls": [CALL]},
            [
                {"role": "assistant", "content": "let me"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a": 1}'},
            ],
        ),
        (
            {"role": "tool", "tool_call_id": "c", "content": "4 C"},
            [{"type": "function_call_output", "call_id": "c", "output": "4 C"}],
        ),
        (
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "4 C"}]},
            [{"type": "function_call_output", "call_id": "c", "output": "4 C"}],
        ),
        ({"role": "user", "content": [7]}, [{"role": "user", "content": [7]}]),
        ({"type": "reasoning", "id": "rs"}, [{"type": "reasoning", "id": "rs"}]),
        ({"role": "assistant", "content": None}, [{"role": "assistant", "content": ""}]),
    ],
    ids=[
        "text", "picture", "bare picture", "file", "file by link", "own words", "answer", "call", "answer and call",
        "result", "result in parts", "nonsense", "item", "nothing said",
    ],
)  # fmt: skip
def test_a_message_becomes_input_items(message: Json, items: list[Json]) -> None:
    assert body(respond(messages=[HI, message]))["input"] == [HI, *items]


def test_tools_are_flat() -> None:
    function: Json = {"name": "f", "parameters": {"type": "object"}}
    tools: list[Json] = [{"type": "function", "function": function}, {"type": "web_search"}]
    assert body(respond(tools=tools))["tools"] == [{"type": "function", **function}, {"type": "web_search"}]


def test_a_schema_stands_under_text() -> None:
    form = body(respond(json_schema={"type": "object"}))["text"]["format"]
    assert form == {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}
    weaker = body(respond(Dialect(structured="json_object"), json_schema={"type": "object"}))
    assert weaker["text"] == {"format": {"type": "json_object"}}
    assert "JSON Schema" in weaker["input"][0]["content"]
    weakest = body(respond(Dialect(structured="instruction"), json_schema={"type": "object"}))
    assert "text" not in weakest


def test_an_instruction_joins_parts_of_this_api() -> None:
    parts: list[Json] = [{"type": "input_file", "file_id": "f"}]
    found = body(
        respond(Dialect(structured="instruction"), [{"role": "user", "content": parts}], json_schema={"type": "object"})
    )
    assert [part["type"] for part in found["input"][0]["content"]] == ["input_file", "input_text"]


def test_what_this_api_does_not_know_is_told() -> None:
    assert respond(stop=["x"]).warnings == ("stop was left out: the Responses API has no stop sequences",)
    moved = respond(Dialect(reasoning_efforts=("high",)), reasoning_effort="low")
    assert "'low' was sent as 'high'" in moved.warnings[0]


def test_the_users_own_limit_and_stream_count() -> None:
    request = respond(max_tokens=5, options={"max_output_tokens": 7, "stream": False})
    assert body(request)["max_output_tokens"] == 7
    assert not request.stream
    assert body(respond(Dialect(default_max_tokens=9)))["max_output_tokens"] == 9


def test_too_large_files_are_refused() -> None:
    part = {"type": "input_file", "filename": "a", "file_data": "x" * 50_000_001}
    with pytest.raises(ArgumentError, match="50 MB"):
        respond(messages=[{"role": "user", "content": [part]}])
