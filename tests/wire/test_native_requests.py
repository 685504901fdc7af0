"""Requests of the Messages API and the Gemini API: the same turn in each one's form."""

from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import ChatRequest
from anymodel_mcp.wire.anthropic.blocks import CARRIED as BLOCKS
from anymodel_mcp.wire.anthropic.request import ANSWER_TOOL, build_messages
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.gemini.parts import CARRIED as PARTS
from anymodel_mcp.wire.gemini.request import build_generate

Json = dict[str, Any]
USER: list[Json] = [{"role": "user", "content": "Hi"}]
CLOSED: Json = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
OPEN: Json = {"type": "object", "properties": {"a": {"type": "string"}}}
TOOL: Json = {"type": "function", "function": {"name": "f", "description": "d", "parameters": OPEN}}
CALL: Json = {"id": "call.1:x", "type": "function", "function": {"name": "f", "arguments": '{"a": "b"}'}}
PDF = "data:application/pdf;base64,JVBERg=="
THOUGHT: Json = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}


def messages(row: str = "openai", model: str = "m", *, turns: list[Json] | None = None, **more: Any) -> WireRequest:
    request = ChatRequest(model=model, messages=turns or USER, **more)
    return build_messages(request, resolve(row, model, {}, "anthropic"))


def generate(model: str = "gemini-2.5-flash", *, turns: list[Json] | None = None, **more: Any) -> WireRequest:
    request = ChatRequest(model=model, messages=turns or USER, **more)
    return build_generate(request, resolve("gemini", model, {}, "gemini"))


def body_of(request: WireRequest) -> Json:
    assert request.body is not None
    return request.body


def test_a_plain_turn_is_small() -> None:
    request = messages(stream=False)
    assert request.body == {"model": "m", "max_tokens": 8192, "messages": USER}
    assert (request.path, request.default_headers) == ("messages", {"anthropic-version": "2023-06-01"})
    other = generate(stream=False)
    assert other.body == {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    assert (other.path, other.query) == ("models/gemini-2.5-flash:generateContent", {})
    assert generate("models/g", stream=True).path == "models/g:streamGenerateContent"
    assert generate(stream=True).query == {"alt": "sse"}


@pytest.mark.parametrize(
    ("turns", "system", "expected"),
    [
        pytest.param(
            [{"role": "system", "content": "A"}, {"role": "developer", "content": "B"}, *USER],
            "A\n\nB",
            USER,
            id="leading-instructions",
        ),
        pytest.param(
            [
                {"role": "system", "content": [{"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}]},
                *USER,
            ],
            [{"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}],
            USER,
            id="cached-instructions",
        ),
        pytest.param(
            [*USER, {"role": "system", "content": "A"}],
            None,
            [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "A"}]}],
            id="later-instructions",
        ),
        pytest.param(
            [
                *USER,
                {"role": "assistant", "content": "Ok", "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "call.1:x", "content": "c"},
                {"role": "user", "content": "Go on"},
            ],
            None,
            [
                *USER,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Ok"},
                        {"type": "tool_use", "id": "call_1_x", "name": "f", "input": {"a": "b"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "call_1_x", "content": "c"},
                        {"type": "text", "text": "Go on"},
                    ],
                },
            ],
            id="tool-loop",
        ),
        pytest.param(
            [*USER, {"role": "assistant", "content": "x", BLOCKS: [THOUGHT, {"type": "text", "text": "x"}]}, *USER],
            None,
            [*USER, {"role": "assistant", "content": [THOUGHT, {"type": "text", "text": "x"}]}, *USER],
            id="own-blocks",
        ),
        pytest.param(
            [{"role": "user", "content": ""}, {"role": "assistant", "content": None}, *USER],
            None,
            USER,
            id="empty-turns",
        ),
    ],
)
def test_turns_become_messages(turns: list[Json], system: Any, expected: list[Json]) -> None:
    body = body_of(messages(turns=turns))
    assert body.get("system") == system
    assert body["messages"] == expected


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
        ),
        (
            {"type": "image_url", "image_url": "https://a.example/x.png"},
            {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}},
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": PDF}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
                "title": "a.pdf",
            },
        ),
        (
            {"type": "input_file", "file_url": "https://a.example/a.pdf"},
            {"type": "document", "source": {"type": "url", "url": "https://a.example/a.pdf"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/csv;base64,YSxi"}},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a,b"}},
        ),
        (
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            {"type": "search_result", "source": "s", "title": "t"},
            {"type": "search_result", "source": "s", "title": "t"},
        ),
    ],
    ids=lambda value: value["type"],
)
def test_a_part_becomes_a_block(part: Json, block: Json) -> None:
    turns = [{"role": "user", "content": [{"type": "text", "text": "See"}, part]}]
    assert body_of(messages(turns=turns))["messages"][0]["content"] == [{"type": "text", "text": "See"}, block]


def test_a_sound_is_refused_before_it_is_sent() -> None:
    turns = [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x", "format": "wav"}}]}]
    with pytest.raises(ArgumentError, match="takes no sound"):
        messages(turns=turns)


@pytest.mark.parametrize(
    ("row", "model", "effort", "fields"),
    [
        (
            "anthropic",
            "claude-sonnet-4-5",
            "low",
            {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 10240},
        ),
        ("anthropic", "claude-3-7-sonnet-20250219", "5000", {"thinking": {"type": "enabled", "budget_tokens": 5000}}),
        ("anthropic", "claude-haiku-4-5", "none", {"thinking": {"type": "disabled"}}),
        (
            "anthropic",
            "claude-opus-4-6",
            "high",
            {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}},
        ),
        ("openai", "anthropic/claude-sonnet-5", "max", {"output_config": {"effort": "max"}}),
        ("anthropic", "claude-fable-5-1", "minimal", {"output_config": {"effort": "low"}}),
    ],
)
def test_an_effort_is_said_as_the_model_takes_it(row: str, model: str, effort: str, fields: Json) -> None:
    body = body_of(messages(row, model, reasoning_effort=effort))
    assert {name: body[name] for name in fields} == fields


def test_thinking_keeps_to_what_goes_beside_it() -> None:
    request = messages("anthropic", "claude-sonnet-4-5", reasoning_effort="low", temperature=0.2, top_p=0.5)
    assert not {"temperature", "top_p"} & set(body_of(request))
    assert len(request.warnings) == 2
    loop: list[Json] = [
        *USER,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call.1:x", "content": "c"},
    ]
    assert "thinking" not in body_of(messages(turns=loop, reasoning_effort="low"))
    loop[1][BLOCKS] = [THOUGHT, {"type": "tool_use", "id": "call_1_x", "name": "f", "input": {}}]
    assert "thinking" in body_of(messages(turns=loop, reasoning_effort="low"))


@pytest.mark.parametrize(
    ("row", "schema", "more", "expected"),
    [
        ("anthropic", CLOSED, {}, {"output_config": {"format": {"type": "json_schema", "schema": CLOSED}}}),
        ("anthropic", OPEN, {}, {"tool_choice": {"type": "tool", "name": ANSWER_TOOL}}),
        ("deepseek", CLOSED, {}, {"tool_choice": {"type": "tool", "name": ANSWER_TOOL}}),
        ("deepseek", CLOSED, {"tools": [TOOL]}, {"tool_choice": {"type": "any"}}),
        ("deepseek", CLOSED, {"reasoning_effort": "low"}, {"tool_choice": None, "tools": None}),
        ("deepseek", {"type": "array"}, {}, {"tool_choice": None, "tools": None}),
    ],
)
def test_a_schema_is_asked_for_in_the_strongest_form(row: str, schema: Json, more: Json, expected: Json) -> None:
    body = body_of(messages(row, json_schema=schema, **more))
    assert {name: body.get(name) for name in expected} == expected


def test_options_reach_the_messages_body() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    options: Json = {
        "tools": [search],
        "betas": ["a-1", "b-2"],
        "tool_choice": "required",
        "metadata": {"user_id": "u"},
    }
    request = messages(tools=[TOOL], stop=["END", " "], max_tokens=5, options=options)
    body = body_of(request)
    assert body["tools"] == [{"name": "f", "description": "d", "input_schema": OPEN}, search]
    assert body["tool_choice"] == {"type": "any"}
    assert body["stop_sequences"] == ["END"]
    assert body["metadata"] == {"user_id": "u"}
    assert "betas" not in body
    assert request.headers == {"anthropic-beta": "a-1,b-2"}
    assert body_of(messages(options={"max_completion_tokens": 7}))["max_tokens"] == 7


def test_turns_become_contents() -> None:
    signed: Json = {"functionCall": {"name": "f", "args": {}, "id": "n1"}, "thoughtSignature": "s"}
    turns: list[Json] = [
        {"role": "system", "content": "A"},
        {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "file", "file": {"file_data": PDF}}]},
        {"role": "assistant", "content": "", "tool_calls": [CALL], PARTS: [signed]},
        {"role": "tool", "tool_call_id": "call.1:x", "content": '{"a": 1}'},
        {"role": "assistant", "content": "Ok", "tool_calls": [{**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c2", "content": "plain"},
    ]
    for model, more in (
        ("gemini-2.5-pro", {}),
        ("gemini-3-pro", {"thoughtSignature": "skip_thought_signature_validator"}),
    ):
        body = body_of(generate(model, turns=turns))
        assert body["systemInstruction"] == {"parts": [{"text": "A"}]}
        assert body["contents"] == [
            {
                "role": "user",
                "parts": [{"text": "See"}, {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}}],
            },
            {"role": "model", "parts": [signed]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "id": "n1", "response": {"a": 1}}}]},
            {"role": "model", "parts": [{"text": "Ok"}, {"functionCall": {"name": "f", "args": {"a": "b"}}, **more}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": "plain"}}}]},
        ]


@pytest.mark.parametrize(
    ("model", "more", "config"),
    [
        (
            "gemini-2.5-flash",
            {"temperature": 0, "top_p": 0.5, "max_tokens": 9, "stop": ["a"]},
            {"temperature": 0, "topP": 0.5, "maxOutputTokens": 9, "stopSequences": ["a"]},
        ),
        (
            "gemini-2.5-flash",
            {"reasoning_effort": "low"},
            {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 2048}},
        ),
        ("gemini-2.5-flash", {"reasoning_effort": "none"}, {"thinkingConfig": {"thinkingBudget": 0}}),
        (
            "gemini-3-pro-preview",
            {"reasoning_effort": "high"},
            {"thinkingConfig": {"includeThoughts": True, "thinkingLevel": "high"}},
        ),
        (
            "gemini-2.5-flash",
            {"json_schema": OPEN},
            {"responseMimeType": "application/json", "responseJsonSchema": OPEN},
        ),
        ("gemini-2.5-flash", {"json_schema": OPEN, "tools": [TOOL]}, None),
        (
            "gemini-2.5-flash",
            {"max_tokens": 9, "options": {"generation_config": {"seed": 1}}},
            {"maxOutputTokens": 9, "seed": 1},
        ),
        ("gemini-2.5-flash", {"options": {"max_tokens": 4}}, {"maxOutputTokens": 4}),
    ],
)
def test_arguments_go_into_the_generation_config(model: str, more: Json, config: Json | None) -> None:
    assert body_of(generate(model, **more)).get("generationConfig") == config


def test_tools_and_choices_are_in_geminis_form() -> None:
    choice = {"type": "function", "function": {"name": "f"}}
    body = body_of(generate(tools=[TOOL], options={"tools": [{"googleSearch": {}}], "tool_choice": choice}))
    declared = [{"name": "f", "description": "d", "parametersJsonSchema": OPEN}]
    assert body["tools"] == [{"functionDeclarations": declared}, {"googleSearch": {}}]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}
