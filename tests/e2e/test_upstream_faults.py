"""The whole server before llmock, which breaks answers on demand and judges how its clients take it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.types import CallToolResult

from tests.serving import open_client

pytestmark = pytest.mark.xdist_group("upstreams")


def config(url: str) -> str:
    return f"""
default_model = "up/gpt-4o"
[providers.up]
base_url = "{url}"
api_key = "none-is-needed"
"""


async def call(url: str, folder: Path, tool: str, arguments: Mapping[str, Any]) -> CallToolResult:
    """One call through a server of its own."""
    async with open_client(config(url), folder, transport="stdio") as client:
        return await client.call_tool(tool, dict(arguments))


def text_of(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


def record_of(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, text_of(result)
    return (result.meta or {})["anymodel/result"]


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
