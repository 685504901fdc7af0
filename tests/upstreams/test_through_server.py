"""The whole server before upstreams that nobody here wrote: chat, streams, tools, data, vectors, pictures, errors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.types import CallToolResult, ImageContent

from tests.serving import Transport, open_client

pytestmark = pytest.mark.xdist_group("upstreams")

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
}
HELLO = "Hello! This sentence comes from a server that nobody here wrote, in pieces of twenty characters."


def config(url: str, model: str = "m") -> str:
    return f"""
default_model = "up/{model}"
default_completion_model = "up/{model}"
default_embedding_model = "up/{model}"
default_image_model = "up/{model}"
[providers.up]
base_url = "{url}"
api_key = "none-is-needed"
"""


async def call(
    url: str, folder: Path, tool: str, arguments: Mapping[str, Any], *, transport: Transport = "stdio"
) -> CallToolResult:
    """One call through a server of its own."""
    async with open_client(config(url, "sim"), folder, transport=transport) as client:
        return await client.call_tool(tool, dict(arguments))


def text_of(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def record_of(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text_of(result)
    return (result.meta or {})["anymodel/result"]


# --- aimock -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["stdio", "http"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_an_answer_arrives_whole(aimock_url: str, tmp_path: Path, transport: Transport, *, stream: bool) -> None:
    arguments = {"prompt": "hello", "stream": stream}
    result = await call(aimock_url, tmp_path, "chat", arguments, transport=transport)
    assert text_of(result).strip() == HELLO
    assert record_of(result)["status"] == "complete"


async def test_tool_calls_come_back_and_nothing_is_executed(aimock_url: str, tmp_path: Path) -> None:
    result = await call(aimock_url, tmp_path, "chat", {"prompt": "weather in Paris", "tools": [WEATHER]})
    assert record_of(result)["tool_calls"] == [
        {"id": "call_weather", "name": "get_weather", "arguments": {"city": "Paris"}}
    ]
    assert "get_weather" in text_of(result)


async def test_a_tools_answer_is_understood(aimock_url: str, tmp_path: Path) -> None:
    calls = [{"id": "call_weather", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]
    messages = [
        {"role": "user", "content": "weather in Paris"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_weather", "content": "sunny"},
    ]
    result = await call(aimock_url, tmp_path, "chat", {"messages": messages, "tools": [WEATHER]})
    assert text_of(result).strip() == "It is sunny in Paris."


async def test_data_satisfies_its_schema(aimock_url: str, tmp_path: Path) -> None:
    result = await call(aimock_url, tmp_path, "chat", {"prompt": "Paris as data", "json_schema": CITY})
    assert json.loads(text_of(result)) == {"city": "Paris", "population": 2102650}


async def test_thoughts_stay_out_of_the_answer(aimock_url: str, tmp_path: Path) -> None:
    result = await call(aimock_url, tmp_path, "chat", {"prompt": "think first"})
    assert text_of(result).strip() == "Forty-two."


async def test_a_picture_is_saved_and_shown(aimock_url: str, tmp_path: Path) -> None:
    result = await call(aimock_url, tmp_path, "generate_image", {"prompt": "a lighthouse"})
    saved = Path(record_of(result)["images"][0]["path"])
    assert saved.read_bytes().startswith(b"\x89PNG")
    assert str(saved) in text_of(result)
    assert [block for block in result.content if isinstance(block, ImageContent)]


async def test_texts_are_ranked_by_a_query(aimock_url: str, tmp_path: Path) -> None:
    result = await call(aimock_url, tmp_path, "embed", {"input": ["a", "b"], "query": "b"})
    assert text_of(result).startswith("1. 1.0000 #1: b")


async def test_a_rate_limit_is_retried_and_then_told(aimock_url: str, tmp_path: Path) -> None:
    result = await call(aimock_url, tmp_path, "chat", {"prompt": "slow down"})
    assert result.is_error
    assert "Rate limit reached for this model" in text_of(result)
    assert (result.meta or {})["anymodel/error"]["kind"] == "rate_limit"


# --- llmock -----------------------------------------------------------------------------------------------------------


def plan(url: str, *behaviors: Mapping[str, Any]) -> None:
    """What llmock does with the next requests."""
    address = url.removesuffix("/v1")
    httpx2.post(f"{address}/_llmock/scenario", json={"behaviors": list(behaviors)}).raise_for_status()


def verdict(url: str) -> str:
    """What llmock thinks of its clients."""
    return httpx2.get(f"{url.removesuffix('/v1')}/_llmock/verdict", params={"format": "text"}).text


async def test_a_wished_pause_is_kept(llmock_url: str, tmp_path: Path) -> None:
    plan(llmock_url, {"type": "fail", "status": 429, "retry_after": 1, "times": 1})
    result = await call(llmock_url, tmp_path, "chat", {"prompt": "hello"})
    assert not result.is_error, text_of(result)
    assert "ERROR" not in verdict(llmock_url)


@pytest.mark.parametrize("kind", ["truncate", "disconnect"])
async def test_a_broken_stream_is_an_error_with_its_text(llmock_url: str, tmp_path: Path, kind: str) -> None:
    plan(llmock_url, {"type": "stream_fault", "kind": kind, "after_chunks": 3})
    result = await call(llmock_url, tmp_path, "chat", {"prompt": "hello"})
    assert result.is_error
    failure = (result.meta or {})["anymodel/error"]
    assert failure["kind"] in ("stream_truncated", "connection")
    assert failure["partial_text"]
    assert failure["partial_text"] in text_of(result)


async def test_a_server_error_is_tried_again(llmock_url: str, tmp_path: Path) -> None:
    plan(llmock_url, {"type": "fail", "status": 503, "times": 1})
    result = await call(llmock_url, tmp_path, "chat", {"prompt": "hello"})
    assert not result.is_error, text_of(result)


async def test_vectors_are_saved(llmock_url: str, tmp_path: Path) -> None:
    arguments = {"input": ["one", "two", "three"], "model": "up/text-embedding-3-small"}
    vectors = record_of(await call(llmock_url, tmp_path, "embed", arguments))["vectors"]
    assert vectors["count"] == 3
    assert Path(vectors["path"]).is_file()


async def test_the_list_of_an_upstream_is_searched(llmock_url: str, tmp_path: Path) -> None:
    result = await call(llmock_url, tmp_path, "list_models", {"query": "mini"})
    assert "up/gpt-4o-mini" in text_of(result)


# --- xpyd-sim ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_text_is_completed(xpyd_url: str, tmp_path: Path, *, stream: bool) -> None:
    result = await call(xpyd_url, tmp_path, "complete", {"prompt": "Once", "max_tokens": 3, "stream": stream})
    assert not result.is_error, text_of(result)
    assert text_of(result).startswith("The quick")
