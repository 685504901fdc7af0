"""`embed` through a real client: ranking, files, inline vectors, batches, duplicates, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest

from anymodel_mcp.config import Limits, Settings
from tests.fakes import FakeProvider, connect, error_of, provider, record_of, settings, text_of

AXES = {"north": [0.0, 1.0], "east": [1.0, 0.0], "northeast": [0.7, 0.7], "up": [0.0, 1.0], "": [0.0, 0.0]}


def embeddings(request: httpx2.Request) -> httpx2.Response:
    """Vectors for the words in `AXES`, in reversed order: the index decides."""
    words = json.loads(request.content)["input"]
    data = [{"index": i, "embedding": AXES[w]} for i, w in enumerate(words)]
    usage = {"prompt_tokens": len(words), "total_tokens": len(words)}
    return httpx2.Response(200, json={"object": "list", "model": "e", "data": data[::-1], "usage": usage})


def _settings(**quirks: Any) -> Settings:
    return settings(provider(quirks=quirks), default_embedding_model="p/e")


async def test_a_query_ranks_and_returns_no_vectors(tmp_path: Path) -> None:
    fake = FakeProvider([embeddings])
    async with connect(fake, tmp_path, _settings()) as client:
        result = await client.call_tool("embed", {"input": ["east", "northeast", "north"], "query": "up"})
    assert text_of(result).splitlines() == ["1. 1.0000 #2: north", "2. 0.7071 #1: northeast", "3. 0.0000 #0: east"]
    assert [r["index"] for r in record_of(result)["ranking"]] == [2, 1, 0]
    assert len(fake.seen) == 1


async def test_the_query_goes_apart_where_the_provider_wants_to_know_its_side(tmp_path: Path) -> None:
    fake = FakeProvider([embeddings])
    async with connect(fake, tmp_path, _settings(embed_input_type="cohere")) as client:
        await client.call_tool("embed", {"input": ["east", "north"], "query": "up"})
    assert [fake.body(i)["input_type"] for i in (0, 1)] == ["search_document", "search_query"]
    assert fake.body(1)["input"] == ["up"]


async def test_vectors_are_saved_by_default(tmp_path: Path) -> None:
    async with connect(FakeProvider([embeddings]), tmp_path, _settings()) as client:
        result = await client.call_tool("embed", {"input": ["north", "east"]})
        vectors = record_of(result)["vectors"]
        assert (vectors["count"], vectors["dimensions"]) == (2, 2)
        assert np.load(vectors["path"]).tolist() == [[0.0, 1.0], [1.0, 0.0]]
        beside = json.loads(Path(vectors["path"]).with_suffix(".json").read_text(encoding="utf-8"))
        assert beside["ids"] == ["north", "east"]
        read = await client.read_resource(f"anymodel://files/{Path(vectors['path']).name}")
    assert getattr(read.contents[0], "blob", "")


async def test_vectors_inline_keep_the_order_and_identical_texts_are_sent_once(tmp_path: Path) -> None:
    fake = FakeProvider([embeddings])
    async with connect(fake, tmp_path, _settings(embed_batch=2)) as client:
        words = ["north", "east", "north", "northeast"]
        result = await client.call_tool("embed", {"input": words, "output": "vectors"})
    assert json.loads(text_of(result)) == [AXES[w] for w in words]
    assert [fake.body(i)["input"] for i in range(2)] == [["north", "east"], ["northeast"]]
    assert record_of(result)["usage"]["input"] == 3


async def test_too_many_vectors_for_the_answer_are_saved_instead(tmp_path: Path) -> None:
    from dataclasses import replace

    configured = replace(_settings(), limits=Limits(max_output_bytes=1020))
    async with connect(FakeProvider([embeddings]), tmp_path, configured) as client:
        result = await client.call_tool("embed", {"input": ["north", "east", "northeast"], "output": "vectors"})
    assert "so they were saved" in text_of(result)
    assert Path(record_of(result)["vectors"]["path"]).exists()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"input": []}, "empty"),
        ({"input": [""]}, "empty"),
        ({"input": ["north"], "query": " "}, "query is empty"),
        ({"input": ["north"], "output": "stdout"}, "output"),
        ({}, "input is missing"),
    ],
)
async def test_bad_arguments_get_a_sentence(tmp_path: Path, arguments: dict[str, Any], word: str) -> None:
    fake = FakeProvider([embeddings])
    async with connect(fake, tmp_path, _settings()) as client:
        result = await client.call_tool("embed", arguments)
    assert error_of(result)["kind"] == "invalid_argument"
    assert word in text_of(result)
    assert not fake.seen


async def test_a_provider_s_refusal_is_explained(tmp_path: Path) -> None:
    fake = FakeProvider([httpx2.Response(404, text="404 page not found")])
    async with connect(fake, tmp_path, _settings()) as client:
        result = await client.call_tool("embed", {"input": ["north"]})
    assert error_of(result)["kind"] == "endpoint_not_found"
    assert "p/e" in text_of(result)
