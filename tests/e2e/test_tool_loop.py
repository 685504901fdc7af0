"""A tool chain with a model that really calls: dasLLAMA binds what it writes, through the official client over stdio.

The model has 135 million parameters: what it calls and in which form is held by the server's grammar, and with a
temperature of 0 its words are the same each time; their sense is not judged.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from tests.serving import open_client
from tests.upstreams import dasllama

pytestmark = pytest.mark.xdist_group("engine")

QUESTION = {"role": "user", "content": "What is the weather in Paris?"}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_time", "description": "The time now", "parameters": {"type": "object", "properties": {}}},
}
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "capital": {"type": "boolean"}},
    "required": ["city", "capital"],
    "additionalProperties": False,
}
BASE: dict[str, Any] = {"model": f"d/{dasllama.MODEL}", "temperature": 0, "max_tokens": 80}


@asynccontextmanager
async def _client(url: str, folder: Path) -> AsyncGenerator[Client, None]:
    config = f'[providers.d]\nbase_url = "{url}"\napi_key = "none-is-needed"\n'
    async with open_client(config, folder, transport="stdio") as client:
        yield client


def _text(result: CallToolResult) -> str:
    return "".join(block.text for block in result.content if isinstance(block, TextContent))


def _record(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, _text(result)
    return (result.meta or {})["anymodel/result"]


@pytest.mark.parametrize(
    ("choice", "tools", "stream"),
    [
        ("required", [WEATHER], True),
        ({"type": "function", "function": {"name": "get_weather"}}, [TIME, WEATHER], False),
    ],
    ids=["required, streamed", "named, whole"],
)
async def test_a_model_calls_a_tool_and_answers_from_its_result(
    dasllama_url: str, tmp_path: Path, choice: str | dict[str, Any], tools: list[Any], *, stream: bool
) -> None:
    asked = BASE | {"messages": [QUESTION], "tools": tools, "options": {"tool_choice": choice}, "stream": stream}
    async with _client(dasllama_url, tmp_path) as client:
        first = await client.call_tool("chat", asked)
        record = _record(first)
        [call] = record["tool_calls"]
        function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
        messages = [
            QUESTION,
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": call["id"], "type": "function", "function": function}],
            },
            {"role": "tool", "tool_call_id": call["id"], "content": "Sunny, 21 degrees"},
        ]
        second = await client.call_tool("chat", BASE | {"messages": messages, "tools": tools, "stream": stream})
    assert record["finish_reason"] == "tool_calls"
    assert call["id"]
    assert (call["name"], list(call["arguments"])) == ("get_weather", ["city"])
    assert isinstance(call["arguments"]["city"], str)
    assert "get_weather" in _text(first)
    assert json.dumps(call["arguments"], ensure_ascii=False) in _text(first)
    assert _record(second)["finish_reason"] == "stop"
    assert "21 degrees" in _text(second)  # it stands only in the tool's result


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
async def test_a_schema_holds_a_real_model(dasllama_url: str, tmp_path: Path, *, stream: bool) -> None:
    asked = BASE | {"prompt": "Paris: its name, and is it a capital?", "json_schema": CITY, "stream": stream}
    async with _client(dasllama_url, tmp_path) as client:
        result = await client.call_tool("chat", asked)
    answer = json.loads(_text(result))
    assert list(answer) == ["city", "capital"]
    assert isinstance(answer["city"], str)
    assert isinstance(answer["capital"], bool)
    assert _record(result)["finish_reason"] == "stop"
