"""The official JavaScript client calls every tool, in both eras of the protocol, over both transports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.faults import answer as faults
from tests.raw_upstream import Line, Reply, Seen, Upstream, open_upstream, play
from tests.serving import Transport, child_environment, open_http_server, write_config
from tests.slow import slow
from tests.upstreams import install
from tests.waiting import HANG_S

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOLS = {"chat", "complete", "embed", "generate_image", "list_models", "get_result"}
CALLS: list[dict[str, Any]] = [
    {"name": "chat", "arguments": {"model": "f/stream-1-12-10", "prompt": "x"}},
    {"name": "complete", "arguments": {"model": "f/m", "prompt": "Once", "stream": False}},
    {"name": "embed", "arguments": {"model": "f/m", "input": ["a", "b"], "output": "vectors"}},
    {"name": "generate_image", "arguments": {"model": "f/m", "prompt": "a dot"}},
    {"name": "list_models", "arguments": {"provider": "f"}},
    {"name": "get_result", "arguments": {"id": "nothing-of-that-name"}},
    {"name": "chat", "arguments": {"model": "f/silent", "prompt": "x"}, "cancelAfterMs": 300},
    {"name": "chat", "arguments": {"model": "f/status-401", "prompt": "x"}},
]


async def _answer(seen: Seen, line: Line) -> None:
    """The endpoints that the faults have not."""
    bodies: dict[str, dict[str, Any]] = {
        "/v1/completions": {"choices": [{"index": 0, "text": " upon a time", "finish_reason": "stop"}]},
        "/v1/embeddings": {"data": [{"index": n, "embedding": [n, 0.5]} for n in range(2)]},
        "/v1/images/generations": {"data": [{"b64_json": PIXEL}]},
        "/v1/models": {"data": [{"id": "m", "object": "model"}]},
    }
    if seen.path not in bodies:
        await faults(seen, line)
        return
    body = json.dumps(bodies[seen.path]).encode()
    await play(Reply(headers={"content-type": "application/json"}, frames=[body]), line)


@asynccontextmanager
async def _address(transport: Transport, upstream: Upstream, folder: Path) -> AsyncGenerator[dict[str, Any], None]:
    """What the client connects to."""
    config = f'[providers.f]\nbase_url = "{upstream.origin}/v1"\napi_key = "sk-e2e-0123456789"\n'
    environment = child_environment(write_config(config, folder), folder)
    if transport == "http":
        async with open_http_server(environment, folder) as server:
            yield {"url": server.url}
    else:
        command = {"command": sys.executable, "args": ["-m", "anymodel_mcp"], "env": environment, "cwd": str(folder)}
        yield command


async def _run(plan: dict[str, Any]) -> dict[str, Any]:
    script = Path(__file__).with_name("client.mjs")
    with anyio.fail_after(2 * HANG_S):
        done = await anyio.run_process(
            [str(install.node()), str(script)], input=json.dumps(plan).encode(), stderr=subprocess.STDOUT, check=False
        )
    assert done.returncode == 0, done.stdout.decode()
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("mode", "transport"),
    [
        ("auto", "stdio"),
        ("legacy", "http"),
        pytest.param("auto", "http", marks=slow),
        pytest.param("legacy", "stdio", marks=slow),
    ],
)
async def test_javascript_client_calls_every_tool(mode: str, transport: Transport, tmp_path: Path) -> None:
    install.ensure()
    async with open_upstream(_answer) as upstream, _address(transport, upstream, tmp_path) as address:
        done = await _run({"modules": str(install.FOLDER), "mode": mode, "calls": CALLS, **address})
        with anyio.fail_after(HANG_S):
            while upstream.open_connections > 1:  # one may be kept for the next call
                await upstream.idle.wait()
        silent = [s for s in upstream.seen if b"silent" in s.body]
    assert set(done["tools"]) == TOOLS
    chat, complete, embed, image, models, missing, cancelled, refused = done["outcomes"]
    assert _text(chat) == "".join(f"1.{n} " for n in range(12)).rstrip()
    assert chat["notes"]
    assert _text(complete) == " upon a time"
    assert json.loads(_text(embed)) == [[0, 0.5], [1, 0.5]]
    assert {block["type"] for block in image["result"]["content"]} >= {"text", "image"}
    assert "m" in _text(models)
    assert missing["result"]["isError"] is True
    assert "thrown" in cancelled
    assert silent[0].gone_at is not None
    assert refused["result"]["_meta"]["anymodel/error"]["kind"] == "auth"


def _text(outcome: dict[str, Any]) -> str:
    assert "result" in outcome, outcome
    assert not outcome["result"].get("isError"), outcome
    blocks: list[dict[str, Any]] = outcome["result"]["content"]
    return "".join(block["text"] for block in blocks if block["type"] == "text").split("\n\n[")[0].rstrip()
