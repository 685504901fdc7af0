"""Fallback chains, for every tool that asks a model: one table."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.fakes import completion, connect, error_of, problem, provider, record_of, settings, text_of


def _png() -> str:
    held = io.BytesIO()
    Image.new("RGB", (4, 4)).save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode()


def _text(text: str) -> httpx2.Response:
    choice = {"index": 0, "text": text, "finish_reason": "stop"}
    return httpx2.Response(200, json={"id": "c1", "model": "m", "choices": [choice]})


TOOLS: dict[str, tuple[dict[str, Any], Any]] = {
    "chat": ({"prompt": "x", "stream": False}, lambda: completion("fine")),
    "complete": ({"prompt": "x", "stream": False}, lambda: _text("fine")),
    "embed": (
        {"input": ["a"], "output": "vectors"},
        lambda: httpx2.Response(200, json={"data": [{"index": 0, "embedding": [0.5, 1]}]}),
    ),
    "generate_image": ({"prompt": "x"}, lambda: httpx2.Response(200, json={"data": [{"b64_json": _png()}]})),
}

REFUSED = problem(429, "Rate limit reached", {"retry-after": "900"})
BROKEN = problem(500, "internal error")


class _Two:
    """Provider a fails, provider b answers; counts the requests of each."""

    def __init__(self, failure: httpx2.Response, answer: httpx2.Response) -> None:
        self.hosts: list[str] = []
        self._failure, self._answer = failure, answer

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/models"):
            return httpx2.Response(200, json={"data": []})
        self.hosts.append(request.url.host)
        answer = self._failure if request.url.host == "a.test" else self._answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


def _chain() -> Any:
    return settings(provider("a", max_attempts=1), provider("b", max_attempts=1), aliases={"smart": ("a/m", "b/m")})


@pytest.mark.parametrize("tool", TOOLS)
async def test_a_refusal_leads_to_the_next_model(tmp_path: Path, tool: str) -> None:
    arguments, answer = TOOLS[tool]
    two = _Two(REFUSED, answer())
    async with connect(two, tmp_path, _chain()) as client:
        result = await client.call_tool(tool, {**arguments, "model": "smart"})
    assert record_of(result)["provider"] == "b"
    assert "a/m failed (rate_limit" in text_of(result)
    assert two.hosts == ["a.test", "b.test"]


@pytest.mark.parametrize(("tool", "moves_on"), [("chat", True), ("embed", True), ("generate_image", False)])
async def test_only_work_that_cannot_have_been_taken_is_bought_again(
    tmp_path: Path, tool: str, *, moves_on: bool
) -> None:
    arguments, answer = TOOLS[tool]
    two = _Two(BROKEN, answer())
    async with connect(two, tmp_path, _chain()) as client:
        result = await client.call_tool(tool, {**arguments, "model": "smart"})
    if moves_on:
        assert record_of(result)["provider"] == "b"
    else:
        assert error_of(result)["provider"] == "a"
        assert two.hosts == ["a.test"]


@pytest.mark.parametrize("tool", TOOLS)
async def test_when_all_fail_the_last_failure_names_the_others(tmp_path: Path, tool: str) -> None:
    arguments, _ = TOOLS[tool]
    two = _Two(REFUSED, REFUSED)
    async with connect(two, tmp_path, _chain()) as client:
        result = await client.call_tool(tool, {**arguments, "model": "smart"})
    error = error_of(result)
    assert (error["kind"], error["provider"]) == ("rate_limit", "b")
    assert "a/m failed" in error["message"]
