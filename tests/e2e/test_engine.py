"""The embedded engine with its real model."""

from __future__ import annotations

import os
import signal

import anyio
import httpx2
import pytest

from anymodel_mcp.local.engine import Engine, open_engine
from anymodel_mcp.local.weights import default_cache_dir
from tests.waiting import HANG_S

pytestmark = pytest.mark.xdist_group("engine")


def client(engine: Engine) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {engine.api_key}"}
    return httpx2.AsyncClient(base_url=engine.base_url, headers=headers, timeout=2 * HANG_S)


PARIS = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]


async def test_the_model_knows_the_capital_of_france(engine: Engine) -> None:
    body = {"model": engine.model, "messages": PARIS, "temperature": 0, "max_tokens": 20}
    async with client(engine) as http:
        answer = (await http.post("chat/completions", json=body)).json()
    assert "Paris" in answer["choices"][0]["message"]["content"]


async def test_the_model_streams(engine: Engine) -> None:
    body = {"model": engine.model, "messages": PARIS, "temperature": 0, "max_tokens": 20, "stream": True}
    async with client(engine) as http, http.stream("POST", "chat/completions", json=body) as answer:
        lines = [line async for line in answer.aiter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    assert len(lines) > 5


async def test_the_model_completes_and_embeds_longer_texts(engine: Engine) -> None:
    async with client(engine) as http:
        body = {"model": engine.model, "prompt": "Once upon a time", "max_tokens": 8}
        completed = (await http.post("completions", json=body)).json()
        texts = ["one", "word " * 600]
        embedded = (await http.post("embeddings", json={"model": engine.model, "input": texts})).json()
    assert completed["choices"][0]["text"]
    assert [len(entry["embedding"]) for entry in embedded["data"]] == [576, 576]


async def test_the_engine_refuses_whoever_has_no_key(engine: Engine) -> None:
    async with httpx2.AsyncClient(base_url=engine.base_url) as http:
        assert (await http.post("chat/completions", json={"messages": PARIS})).status_code == 401


async def test_sigterm_ends_the_real_child_and_ctrl_c_does_not() -> None:
    async with open_engine(cache_dir=default_cache_dir(), threads=1) as engine:
        os.kill(engine.pid, signal.SIGINT)
        async with client(engine) as http:
            assert (await http.get("models")).status_code == 200
        os.kill(engine.pid, signal.SIGTERM)
        with anyio.fail_after(HANG_S):
            assert "exit status 0" in str(await engine.wait())
