"""What the server lists and refuses: tools by configuration, prefixes, hosts' own arguments, prompts, sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from anymodel_mcp.app import build_server
from anymodel_mcp.config import Limits, ToolSettings
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.table import find_host
from anymodel_mcp.server.client_info import ClientInfo
from tests.fakes import FakeProvider, completion, connect, error_of, settings, text_of


async def test_six_tools_fit_into_six_thousand_bytes(tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path) as client:
        listed = await client.list_tools()
    assert [t.name for t in listed.tools] == [
        "chat",
        "complete",
        "embed",
        "generate_image",
        "list_models",
        "get_result",
    ]
    assert len(listed.model_dump_json(by_alias=True, exclude_none=True).encode()) <= 6000
    for tool in listed.tools:
        assert tool.output_schema is None
        assert tool.annotations is not None
        assert tool.annotations.open_world_hint is True
        assert tool.annotations.read_only_hint is (tool.name != "generate_image")
        assert tool.annotations.title is None


async def test_schemas_are_as_committed(tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path) as client:
        listed = await client.list_tools()
    kept = json.loads((Path(__file__).parents[1] / "fixtures" / "tools.json").read_text(encoding="utf-8"))
    assert [t.model_dump(by_alias=True, exclude_none=True, mode="json") for t in listed.tools] == kept


async def test_enabled_and_prefix_shape_the_list(tmp_path: Path) -> None:
    configured = settings(tools=ToolSettings(enabled=("embed", "chat"), prefix="any_"))
    async with connect(FakeProvider([completion("x")]), tmp_path, configured) as client:
        assert [t.name for t in (await client.list_tools()).tools] == ["any_chat", "any_embed", "any_get_result"]
        assert text_of(await client.call_tool("any_chat", {"prompt": "a"})) == "x"
        with pytest.raises(MCPError):
            await client.call_tool("chat", {"prompt": "a"})


def test_an_unknown_tool_in_the_configuration_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        build_server(settings(tools=ToolSettings(enabled=("chatt",))))
    assert "chatt" in caught.value.failure.message
    assert "'chat'" in caught.value.failure.fix


@pytest.mark.parametrize(
    ("host", "added"),
    [
        ("gemini-cli-mcp-client", {"wait_for_previous": True}),
        ("@n8n/n8n-nodes-langchain.mcpClientTool", {"toolCallId": "call_1"}),
        ("n8n-mcp-client", {"sessionId": "s", "action": "sendMessage", "chatInput": "hi", "toolCallId": "c"}),
    ],
)
async def test_what_a_host_adds_to_every_call_is_dropped_and_from_others_refused(
    host: str, added: dict[str, Any], tmp_path: Path
) -> None:
    fake = FakeProvider([completion("x"), completion("y")])
    arguments = {"prompt": "a", **added}
    async with connect(fake, tmp_path, name=host) as client:
        assert text_of(await client.call_tool("chat", arguments)) == "x"
        assert "misspelt" in text_of(await client.call_tool("chat", {**arguments, "misspelt": 1}))
    async with connect(fake, tmp_path) as client:
        assert next(iter(added)) in error_of(await client.call_tool("chat", arguments))["message"]
    (request,) = fake.seen
    assert not any(name in request.content.decode() for name in added)


async def test_an_unknown_prompt_is_a_wrong_parameter(tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path) as client:
        with pytest.raises(MCPError) as caught:
            await client.get_prompt("nothing")
    assert caught.value.error.code == -32602


def test_outside_of_a_run_there_is_no_app() -> None:
    with pytest.raises(RuntimeError, match="is not running"):
        _ = build_server(settings()).services


async def _ignore(_value: float, _message: str) -> None:
    pass


@pytest.mark.parametrize(
    ("host", "token", "configured", "expected"),
    [
        ("", False, None, 50),
        ("", True, 20, 20),
        ("", False, 0, None),
        ("gemini-cli-mcp-client", False, None, 540),
        ("gemini-cli-mcp-client", False, 20, 540),
        ("codex-mcp-client", True, None, 270),
        ("claude-code", True, None, None),
        ("claude-code", False, None, 240),
        ("continue-cli-client", False, 10, 10),
        ("claude-code", False, 0, None),
    ],
)
def test_each_host_is_answered_before_it_gives_up(
    host: str, *, token: bool, configured: float | None, expected: float | None
) -> None:
    server = build_server(settings(limits=Limits(soft_deadline_s=configured)))
    peer = ClientInfo(host=find_host(host), progress=_ignore if token else None)
    assert server._wait_budget(peer) == expected  # pyright: ignore[reportPrivateUsage] a rule with no other seam in reach of a fast test
