"""The provider `local`, as a user configures it: the real engine behind the real server, a real client before it."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.types import CallToolResult

from anymodel_mcp.local.weights import default_cache_dir, ensure_weights
from tests.serving import Transport, open_client
from tests.waiting import HANG_S

pytestmark = pytest.mark.xdist_group("engine")

CONFIG = """
default_model = "local/smollm2-135m-instruct"
default_completion_model = "local/smollm2-135m-instruct"
default_embedding_model = "local/smollm2-135m-instruct"
[providers.local]
"""
PARIS: Mapping[str, object] = {
    "system": "You are a helpful assistant.",
    "prompt": "What is the capital of France?",
    "temperature": 0,
    "max_tokens": 20,
}


async def environment() -> dict[str, str]:
    """The user's cache, so that the weights are fetched once."""
    await ensure_weights(default_cache_dir())
    return {"XDG_CACHE_HOME": str(default_cache_dir().parent)}


def text_of(result: CallToolResult) -> str:
    assert not result.is_error, result
    return "\n".join(block.text for block in result.content if block.type == "text")


def children_named(words: str) -> list[int]:
    """Processes whose command line holds `words`."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it has just ended
            if words in line:
                found.append(int(entry.name))
    return found


def engines_below(home: Path) -> list[int]:
    """Engines started by the server whose home is `home`."""
    found: list[int] = []
    for pid in children_named("anymodel_mcp.local.child"):
        try:
            environ = (Path("/proc") / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if f"HOME={home}".encode() in environ.split(b"\0"):
            found.append(pid)
    return found


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_every_tool_works_on_the_embedded_model(transport: Transport, tmp_path: Path) -> None:
    notes: list[str] = []

    async def on_note(progress: float, total: float | None, message: str | None) -> None:
        notes.append(message or "")

    async with open_client(CONFIG, tmp_path, transport=transport, env=await environment()) as client:
        story = {"prompt": "Why is the sky blue?", "temperature": 0, "max_tokens": 100}
        told = text_of(await client.call_tool("chat", story, progress_callback=on_note))
        assert "Paris" in text_of(await client.call_tool("chat", dict(PARIS)))
        assert "Paris" in text_of(await client.call_tool("chat", {**PARIS, "stream": False}))
        assert text_of(await client.call_tool("complete", {"prompt": "Once upon a time", "max_tokens": 8}))
        ranked = text_of(await client.call_tool("embed", {"input": ["a dog", "a train"], "query": "a dog"}))
        assert ranked.splitlines()[0].startswith("1. 1.0000 #0")
        assert "local/smollm2-135m-instruct" in text_of(await client.call_tool("list_models", {}))
        refused = await client.call_tool("generate_image", {"prompt": "a lighthouse"})
    assert refused.is_error
    streamed = [note.partition(" … ")[2] for note in notes if " … " in note]
    assert len(streamed) >= 2
    assert " ".join(streamed[0].split()) in " ".join(told.split())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the engine below /proc")
async def test_a_dead_engine_is_replaced_and_none_outlives_the_server(tmp_path: Path) -> None:
    async with open_client(CONFIG, tmp_path, transport="stdio", env=await environment()) as client:
        assert "Paris" in text_of(await client.call_tool("chat", dict(PARIS)))
        (first,) = engines_below(tmp_path)
        os.kill(first, signal.SIGKILL)
        second = await until_it_answers(client)
        assert "Paris" in second
        (again,) = engines_below(tmp_path)
        assert again != first
    assert engines_below(tmp_path) == []


async def until_it_answers(client: Client) -> str:
    """The server learns of the death from the system a moment later; until then a call may still fail."""
    with anyio.fail_after(HANG_S):
        while True:
            result = await client.call_tool("chat", dict(PARIS))
            if not result.is_error:
                return text_of(result)
