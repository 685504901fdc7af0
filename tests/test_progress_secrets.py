"""Progress notes of a streamed call, joined: no key, whatever it is encoded in and wherever the stream cuts it."""

from __future__ import annotations

import base64
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.redact import MASK
from tests.fakes import DONE, chunk
from tests.raw_upstream import Line, Reply, Seen, open_upstream
from tests.raw_upstream import chunk as http_chunk
from tests.serving import Transport, open_client
from tests.slow import mostly_slow

KEY = "sk-canary-0123456789abcdefghijklmnopqrstuvwxyz00"
PAUSE_S = 0.3
"""Longer than the time between two progress notes, so that each piece gets its own."""

ECHOES = {
    "plain": KEY,
    "hex": KEY.encode().hex(":"),
    "json escapes": "".join(f"\\u{b:04x}" for b in KEY.encode()),
    "base64": base64.b64encode(f"Bearer {KEY}".encode()).decode(),
    "entities": "".join(f"&#{b};" for b in KEY.encode()),
    "zero-width": "\u200b".join(KEY),
}


@pytest.mark.parametrize("transport", mostly_slow(["stdio", "http"], quick=["stdio"]))
@pytest.mark.parametrize("name", ECHOES)
async def test_joined_progress_notes_hold_no_key(name: str, transport: Transport, tmp_path: Path) -> None:
    echo = ECHOES[name]
    notes: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        assert progress > 0
        notes.append((message or "").partition(" … ")[2])

    async def answer(_seen: Seen, line: Line) -> None:
        whole = f"the key {echo} is yours"
        third = len(whole) // 3
        await line.send(Reply(headers={"content-type": "text/event-stream"}, framing="chunked").head())
        for piece in (whole[:third], whole[third : 2 * third], whole[2 * third :], " and more"):
            await line.send(http_chunk(chunk(piece)))
            await anyio.sleep(PAUSE_S)
        await line.send(http_chunk(chunk(finish="stop") + DONE) + http_chunk(b""))

    with anyio.fail_after(60):
        async with open_upstream(answer) as upstream:
            config = f"default_model = 'p/m'\n[providers.p]\nbase_url = '{upstream.origin}/v1'\napi_key = '{KEY}'\n"
            async with open_client(config, tmp_path, transport=transport) as client:
                result = await client.call_tool("chat", {"prompt": "x"}, progress_callback=note)
    joined = "".join(notes)
    for text in (joined, result.model_dump_json()):
        assert MASK in text
        for start in range(len(KEY) - 7):
            assert KEY[start : start + 8] not in text
            assert echo[start : start + 16] not in text
    assert joined.startswith("the key ")
