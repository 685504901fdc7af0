"""Every tool against upstreams that nobody here wrote, through the official client, over both transports."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, ImageContent, TextContent

from tests.serving import Transport, open_client

TRANSPORTS: list[Transport] = ["stdio", "http"]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "weather now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
}


@pytest.fixture(params=TRANSPORTS, scope="module")
async def client(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    llmock_url: str,
    aimock_url: str,
    xpyd_url: str,
) -> AsyncGenerator[Client, None]:
    """A client of one server before all upstreams, and before an address where nobody listens."""
    urls = {"l": llmock_url, "a": aimock_url, "x": xpyd_url, "gone": "http://127.0.0.1:9/v1"}
    tables = (
        f'[providers.{name}]\nbase_url = "{url}"\napi_key = "sk-e2e-0123456789"\nmax_attempts = 1\n'
        for name, url in urls.items()
    )
    folder = tmp_path_factory.mktemp("upstreams")
    async with open_client("\n".join(tables), folder, transport=request.param) as opened:
        yield opened


def _text(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


def _record(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, _text(result)
    return (result.meta or {})["anymodel/result"]


def _error(result: CallToolResult) -> dict[str, Any]:
    assert result.is_error, _text(result)
    return (result.meta or {})["anymodel/error"]


async def test_chat_streams_with_progress(client: Client) -> None:
    notes: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        notes.append(message or "")

    arguments = {"model": "a/m", "prompt": "hello"}
    streamed = await client.call_tool("chat", arguments, progress_callback=note)
    plain = await client.call_tool("chat", arguments | {"stream": False})
    assert _text(streamed).startswith("Hello! This sentence comes from a server that nobody here wrote")
    assert _text(streamed) == _text(plain)
    assert _record(streamed)["finish_reason"] == _record(plain)["finish_reason"] == "stop"
    assert notes


async def test_tool_calls_come_back_and_their_results_go_in(client: Client) -> None:
    question = {"role": "user", "content": "weather in Paris"}
    first = await client.call_tool("chat", {"model": "a/m", "messages": [question], "tools": [WEATHER]})
    call = _record(first)["tool_calls"][0]
    asked = {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": "{}"}}
    messages = [
        question,
        {"role": "assistant", "content": "", "tool_calls": [asked]},
        {"role": "tool", "tool_call_id": call["id"], "content": "sunny"},
    ]
    second = await client.call_tool("chat", {"model": "a/m", "messages": messages, "tools": [WEATHER]})
    assert call == {"id": "call_weather", "name": "get_weather", "arguments": {"city": "Paris"}}
    assert _record(first)["finish_reason"] == "tool_calls"
    assert _text(second) == "It is sunny in Paris."


async def test_structured_answers_and_reasoning(client: Client) -> None:
    data = await client.call_tool("chat", {"model": "a/m", "prompt": "as data", "json_schema": CITY})
    thought = await client.call_tool("chat", {"model": "a/m", "prompt": "think first"})
    assert json.loads(_text(data)) == {"city": "Paris", "population": 2102650}
    assert _text(thought) == "Forty-two."
    assert _record(thought)["reasoning"] == "The question is old. The answer is known."


async def test_pictures_are_saved_and_shown(client: Client) -> None:
    result = await client.call_tool("generate_image", {"model": "a/m", "prompt": "a lighthouse"})
    image = _record(result)["images"][0]
    assert (image["mime"], image["width"], image["height"]) == ("image/png", 64, 48)
    assert Path(image["path"]).read_bytes().startswith(b"\x89PNG")
    assert [block.mime_type for block in result.content if isinstance(block, ImageContent)]


async def test_a_rate_limit_is_told_as_one(client: Client) -> None:
    result = await client.call_tool("chat", {"model": "a/m", "prompt": "slow down"})
    error = _error(result)
    assert (error["kind"], error["status"], error["retryable"]) == ("rate_limit", 429, True)
    assert "Rate limit reached" in _text(result)


async def test_legacy_completions(client: Client) -> None:
    arguments = {"model": "x/sim", "prompt": "Once", "max_tokens": 4}
    streamed = await client.call_tool("complete", arguments)
    plain = await client.call_tool("complete", arguments | {"stream": False})
    assert _text(streamed).strip()
    assert _text(plain).strip()
    assert _record(plain)["usage"]["output"] > 0


@pytest.mark.parametrize("provider", ["l", "a", "x"])
async def test_embeddings(client: Client, provider: str) -> None:
    texts = ["a red apple", "a green pear", "the speed of light"]
    vectors = await client.call_tool("embed", {"model": f"{provider}/sim", "input": texts, "output": "vectors"})
    ranked = await client.call_tool("embed", {"model": f"{provider}/sim", "input": texts, "query": "a red apple"})
    saved = await client.call_tool("embed", {"model": f"{provider}/sim", "input": texts})
    told = _record(vectors)["vectors"]
    assert told["count"] == len(texts)
    assert told["dimensions"] > 0
    assert texts[0] in _text(ranked)
    assert _record(saved)["vectors"]["path"] in _text(saved)


@pytest.mark.parametrize("provider", ["l", "a", "x"])
async def test_model_lists(client: Client, provider: str) -> None:
    result = await client.call_tool("list_models", {"provider": provider})
    models = _record(result)["models"]
    assert models
    assert models[0]["id"] in _text(result)


async def test_three_providers_answer_in_one_call(client: Client) -> None:
    models = ["a/m", "l/gpt-4o", "x/sim", "x/no-such"]
    result = await client.call_tool("chat", {"models": models, "prompt": "hello", "max_tokens": 8})
    answers = _record(result)["answers"]
    assert len(answers) == len(models)
    assert all(answer.get("text") for answer in answers[:3])


async def test_a_server_that_is_gone_is_told_as_such(client: Client) -> None:
    result = await client.call_tool("chat", {"model": "gone/m", "prompt": "hello"})
    assert _error(result)["kind"] == "connection"
    assert "gone" in _text(result)
