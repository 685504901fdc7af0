"""Arguments and options that live in the same object."""

from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.dialects.fields import ApiName, Dialect
from anymodel_mcp.types import ChatRequest, Json
from anymodel_mcp.wire.apis import CHAT_APIS
from anymodel_mcp.wire.exchange import WireRequest

SCHEMA: Json = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
FORMAT: Json = {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}
HI = [{"role": "user", "content": "hi"}]


def built(api: ApiName, options: Json, quirks: Json | None = None, **asked: Any) -> WireRequest:
    request = ChatRequest(model="m", messages=HI, options=options, stream=False, **asked)
    return CHAT_APIS[api].build(request, Dialect(**(quirks or {})))


MERGED: list[tuple[str, ApiName, Json, Json, Json, Json]] = [
    # (where, API, quirks, arguments, options, what must be in the body)
    (
        "OpenAI: https://platform.openai.com/docs/api-reference/responses/create#responses-create-text",
        "responses",
        {},
        {"json_schema": SCHEMA},
        {"text": {"verbosity": "low"}},
        {"text": {"verbosity": "low", "format": FORMAT}},
    ),
    (
        "OpenAI: https://platform.openai.com/docs/api-reference/responses/create#responses-create-reasoning",
        "responses",
        {},
        {"reasoning_effort": "high"},
        {"reasoning": {"summary": "auto"}},
        {"reasoning": {"effort": "high", "summary": "auto"}},
    ),
    (
        "OpenRouter: https://openrouter.ai/docs/use-cases/reasoning-tokens",
        "chat",
        {"reasoning": "openrouter"},
        {"reasoning_effort": "high"},
        {"reasoning": {"exclude": True}},
        {"reasoning": {"effort": "high", "exclude": True}},
    ),
    (
        "Z.ai: https://docs.z.ai/guides/capabilities/thinking-mode",
        "chat",
        {"reasoning": "thinking"},
        {"reasoning_effort": "high"},
        {"thinking": {"clear_thinking": False}},
        {"thinking": {"type": "enabled", "clear_thinking": False}},
    ),
    (
        "Anthropic: https://docs.claude.com/en/api/openai-sdk",
        "chat",
        {"reasoning": "thinking_budget"},
        {"reasoning_effort": "low"},
        {"thinking": {"display": "omitted"}},
        {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}},
    ),
    (
        "LeapX, Qwen: https://docs.leapx-hub.com/en/api-reference/endpoint/chat-openai",
        "chat",
        {"fields_in": "parameters"},
        {"temperature": 1, "top_p": 0.5},
        {"parameters": {"enable_search": True}},
        {"parameters": {"temperature": 1, "top_p": 0.5, "enable_search": True}},
    ),
    (
        "OpenAI: https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options",
        "chat",
        {},
        {},
        {"stream": True, "stream_options": {"include_obfuscation": False}},
        {"stream_options": {"include_usage": True, "include_obfuscation": False}},
    ),
]


@pytest.mark.parametrize(
    ("api", "quirks", "asked", "options", "wanted"), [pytest.param(*rest, id=where) for where, *rest in MERGED]
)
def test_both_are_sent_key_by_key(api: ApiName, quirks: Json, asked: Json, options: Json, wanted: Json) -> None:
    wire = built(api, options, quirks, **asked)
    body = wire.body or {}
    assert {name: body[name] for name in wanted} == wanted
    assert list(wire.warnings) == []


REPLACED: list[tuple[ApiName, Json, Json, Json, Json, str]] = [
    (
        "responses",
        {},
        {"reasoning_effort": "high"},
        {"reasoning": {"effort": "low"}},
        {"reasoning": {"effort": "low"}},
        "reasoning.effort",
    ),
    (
        "responses",
        {},
        {"json_schema": SCHEMA},
        {"text": {"format": {"type": "text"}}},
        {"text": {"format": {"type": "text"}}},
        "text.format",
    ),
    (
        "chat",
        {},
        {"json_schema": SCHEMA},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_object"}},
        "response_format",
    ),
    (
        "chat",
        {"reasoning": "thinking_budget"},
        {"reasoning_effort": "low"},
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "disabled"}},
        "thinking",
    ),
    (
        "chat",
        {"reasoning": "openrouter"},
        {"reasoning_effort": "low"},
        {"reasoning": {"max_tokens": 99}},
        {"reasoning": {"max_tokens": 99}},
        "reasoning",
    ),
    (
        "chat",
        {"reasoning": "openrouter"},
        {"reasoning_effort": "low"},
        {"reasoning": "off"},
        {"reasoning": "off"},
        "reasoning",
    ),
    (
        "chat",
        {"fields_in": "parameters"},
        {"top_p": 0.5},
        {"parameters": {"top_p": 0.9}},
        {"parameters": {"top_p": 0.9}},
        "parameters.top_p",
    ),
]


@pytest.mark.parametrize(("api", "quirks", "asked", "options", "wanted", "named"), REPLACED)
def test_the_users_keys_win_and_what_they_replace_is_said(
    api: ApiName, quirks: Json, asked: Json, options: Json, wanted: Json, named: str
) -> None:
    wire = built(api, options, quirks, **asked)
    body = wire.body or {}
    assert {name: body[name] for name in wanted} == wanted
    assert any(warning.startswith(f"{named} of options replaced") for warning in wire.warnings)


def test_a_null_inside_such_an_object_takes_our_key_away() -> None:
    wire = built("responses", {"reasoning": {"effort": None, "summary": "auto"}}, reasoning_effort="high")
    assert (wire.body or {})["reasoning"] == {"summary": "auto"}


@pytest.mark.parametrize("value", [0, 1, 2, 0.5, 1.0])
def test_numbers_keep_the_type_they_came_in(value: float) -> None:
    """RixAPI documents whole numbers: https://apiai.apifox.cn."""
    body = built("chat", {}, temperature=value, top_p=value).body or {}
    assert (body["temperature"], type(body["temperature"])) == (value, type(value))
    assert (body["top_p"], type(body["top_p"])) == (value, type(value))
