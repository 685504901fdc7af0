"""The faulty upstream has the faults that it is asked for, and this server tells each for what it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

from tests.faults import answer, killed_body, text_of, word
from tests.raw_upstream import open_upstream
from tests.rawclient import StdioPipe, open_pipe, text_of_result
from tests.waiting import HANG_S

CONFIG = """
[providers.f]
base_url = "{origin}/v1"
api_key = "sk-fault-0123456789"
max_attempts = 1
[providers.hasty]
base_url = "{origin}/v1"
api_key = "sk-fault-0123456789"
max_attempts = 1
first_byte_timeout_s = 1
idle_timeout_s = 1
total_timeout_s = 2
"""
HALF = killed_body(9).index(b'"0.5 "')
"""Somewhere in the sixth of nine deltas."""

GOOD = {
    "ok": word(0, 0),
    "stream-7-5-100": text_of(7, 5),
    "split-4": text_of(0, 4),
    "delay-200": word(0, 0),
}
BAD: dict[str, tuple[set[str], str]] = {
    f"kill-{HALF}-9": ({"stream_truncated", "connection"}, text_of(0, 5)),
    f"half-{HALF}-9": ({"stream_truncated"}, text_of(0, 5)),
    "kill-0-9": ({"connection"}, ""),
    "silent": ({"timeout"}, ""),
    "role": ({"timeout"}, ""),
    "word": ({"timeout"}, word(0, 0)),
    "comments": ({"timeout"}, word(0, 0)),
    "garbage-1": ({"protocol", "upstream", "stream_truncated"}, ""),  # noise has no end that one could see
    "status-429": ({"rate_limit"}, ""),
    "status-500": ({"server"}, ""),
    "status-529": ({"overloaded"}, ""),
    "html": ({"server"}, ""),
    "nonsense": ({"model_not_found", "endpoint_not_found"}, ""),
}


@pytest.fixture(scope="module")
async def pipe(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[StdioPipe]:
    folder = tmp_path_factory.mktemp("faults")
    async with open_upstream(answer) as upstream, open_pipe(CONFIG.format(origin=upstream.origin), folder) as opened:
        yield opened


async def _call(model: str, pipe: StdioPipe, provider: str = "f") -> dict[str, Any]:
    with anyio.fail_after(HANG_S):
        return await pipe.call("chat", {"model": f"{provider}/{model}", "prompt": "x", "stream": True})


@pytest.mark.parametrize(("model", "text"), GOOD.items(), ids=GOOD)
async def test_a_slow_or_split_answer_is_whole(model: str, text: str, pipe: StdioPipe) -> None:
    result = await _call(model, pipe)
    assert text_of_result(result).rstrip() == text.rstrip()


@pytest.mark.parametrize(("model", "wanted"), BAD.items(), ids=BAD)
async def test_a_fault_is_told_with_cause_fix_and_partial_text(
    model: str, wanted: tuple[set[str], str], pipe: StdioPipe
) -> None:
    kinds, partial = wanted
    provider = "hasty" if kinds == {"timeout"} else "f"
    result = await _call(model, pipe, provider)
    error = result["_meta"]["anymodel/error"]
    assert result["isError"] is True
    assert error["kind"] in kinds
    assert (error.get("partial_text") or "") == partial
    assert partial in text_of_result(result)
    assert f"{provider}/{model}" in text_of_result(result)
    assert "sk-fault" not in str(result)
