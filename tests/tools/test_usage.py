"""`usage`: listed where the configuration asks for it; sums what was called."""

from __future__ import annotations

from pathlib import Path

import pytest

from anymodel_mcp.config import Settings, ToolSettings
from tests.fakes import FakeProvider, completion, connect, error_of, record_of, settings, text_of


@pytest.mark.parametrize(
    ("enabled", "listed"), [((), False), (("default",), False), (("default", "usage"), True), (("usage",), True)]
)
async def test_usage_is_listed_where_it_is_enabled(enabled: tuple[str, ...], listed: bool, tmp_path: Path) -> None:
    chosen = settings(tools=ToolSettings(enabled=enabled))
    async with connect(FakeProvider([completion("x")]), tmp_path, chosen) as client:
        names = [tool.name for tool in (await client.list_tools()).tools]
    assert ("usage" in names) == listed
    assert ("chat" in names) == (enabled != ("usage",))


def _settings() -> Settings:
    return settings(tools=ToolSettings(enabled=("default", "usage")))


async def test_calls_and_tokens_are_summed_up(tmp_path: Path) -> None:
    async with connect(FakeProvider([completion("x")]), tmp_path, _settings()) as client:
        empty = await client.call_tool("usage", {})
        for model in ("m", "m", "other"):
            await client.call_tool("chat", {"prompt": "hi", "model": f"p/{model}"})
        result = await client.call_tool("usage", {"by": "model", "since": "1h"})
        refused = await client.call_tool("usage", {"since": "soon"})
    assert "no calls since" in text_of(empty)
    assert text_of(result).splitlines() == [
        "p/m: 2 calls, 6 tokens in, 4 tokens out",
        "p/other: 1 call, 3 tokens in, 2 tokens out",
        "all: 3 calls, 9 tokens in, 6 tokens out",
    ]
    record = record_of(result)
    assert [(entry["key"], entry["calls"]) for entry in record["sums"]] == [("p/m", 2), ("p/other", 1)]
    assert error_of(refused)["param"] == "since"
