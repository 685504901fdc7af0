"""`list_models`, `complete` and the model resources through a real client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import ResourceTemplateReference

from tests.fakes import FakeProvider, completion, connect, error_of, problem, provider, record_of, settings, text_of

MODELS: list[dict[str, Any]] = [
    {
        "id": "big/chat-1",
        "name": "Big Chat",
        "context_length": 128_000,
        "pricing": {"prompt": "0.000001", "completion": "0.000004"},
    },
    {"id": "small-vision", "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]}},
    {"id": "text-embedding-9"},
    *[{"id": f"filler-{i}"} for i in range(30)],
]


async def test_the_list_s_limit_is_what_a_provider_gets_that_insists_on_one(tmp_path: Path) -> None:
    fake = FakeProvider(models=[{"id": "m", "max_output_tokens": 777}])
    fake.answers = [problem(400, "max_tokens: Field required"), completion("x")]
    async with connect(fake, tmp_path) as client:
        await client.call_tool("list_models", {})
        assert text_of(await client.call_tool("chat", {"prompt": "hi"})).startswith("x")
    assert fake.body()["max_tokens"] == 777


async def test_a_page_of_models_with_what_is_known(tmp_path: Path) -> None:
    async with connect(FakeProvider(models=MODELS), tmp_path) as client:
        first = await client.call_tool("list_models", {})
        second = await client.call_tool("list_models", {"offset": 20})
    lines = text_of(first).splitlines()
    assert lines[:2] == ["Default model: p/m. Configured providers: p.", ""]
    assert lines[2] == "p/big/chat-1 · Big Chat · 128k context · $1/$4"
    assert "offset=20" in text_of(first)
    assert len(record_of(first)["models"]) == 20
    assert len(record_of(second)["models"]) == 13
    assert record_of(first)["total"] == 33
    assert len(text_of(first)) < 1500


async def test_media_models_are_found_with_their_prices(tmp_path: Path) -> None:
    entries = [
        {"id": "sora-2", "pricing_skus": {"duration_seconds": "0.1"}},
        {"id": "tts-1", "input_cost_per_character": 1.5e-05},
        {"id": "flux", "type": "image", "pricing": {"per_image": 0.04}},
        {"id": "rerank-3", "input_cost_per_query": 0.002},
    ]
    async with connect(FakeProvider(models=entries), tmp_path) as client:
        lines = text_of(await client.call_tool("list_models", {})).splitlines()[2:]
        video = record_of(await client.call_tool("list_models", {"capability": "video"}))["models"]
        audio = record_of(await client.call_tool("list_models", {"capability": "audio"}))["models"]
    assert lines == [
        "p/sora-2 · video · $0.1/s",
        "p/tts-1 · audio · $15/M characters",
        "p/flux · image · $0.04/picture",
        "p/rerank-3 · rerank · $0.002/call",
    ]
    assert [(m["id"], m["type"], m["price"]) for m in video] == [("sora-2", "video", {"second": 0.1})]
    assert [(m["id"], m["price"], m["output_modalities"]) for m in audio] == [
        ("tts-1", {"million_characters": 15}, ["audio"])
    ]


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ({"query": "BIG chat"}, ["big/chat-1"]),
        ({"capability": "vision"}, ["small-vision"]),
        ({"capability": "embedding"}, ["text-embedding-9"]),
        ({"query": "filler", "limit": 2, "offset": 3}, ["filler-3", "filler-4"]),
    ],
)
async def test_models_are_filtered(tmp_path: Path, arguments: dict[str, Any], ids: list[str]) -> None:
    async with connect(FakeProvider(models=MODELS), tmp_path) as client:
        result = await client.call_tool("list_models", arguments)
    assert [m["id"] for m in record_of(result)["models"]] == ids


async def test_nothing_found_names_the_closest(tmp_path: Path) -> None:
    async with connect(FakeProvider(models=MODELS), tmp_path) as client:
        result = await client.call_tool("list_models", {"query": "smal visoin"})
        unknown = await client.call_tool("list_models", {"provider": "q"})
    assert "p/small-vision" in text_of(result)
    assert "no provider 'q'" in text_of(unknown)
    assert error_of(unknown)["kind"] == "invalid_argument"


async def test_one_silent_provider_does_not_hide_the_others(tmp_path: Path) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "b.test":
            return problem(401, "no")
        return httpx2.Response(200, json={"data": [{"id": "x"}]})

    async with connect(handle, tmp_path, settings(provider("a"), provider("b"))) as client:
        result = await client.call_tool("list_models", {})
    assert "\n\na/x\n\n" in text_of(result)
    assert "no list from b" in text_of(result)


async def test_the_list_is_asked_for_once_until_refreshed(tmp_path: Path) -> None:
    asked: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return httpx2.Response(200, json={"data": [{"id": "x"}]})

    async with connect(handle, tmp_path) as client:
        for arguments in ({}, {}, {"refresh": True}):
            await client.call_tool("list_models", arguments)
    assert len(asked) == 2


async def test_a_bare_id_goes_where_it_is_listed(tmp_path: Path) -> None:
    hosts: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(200, json={"data": [{"id": f"of-{request.url.host}"}]})
        hosts.append(str(request.url.host))
        return httpx2.Response(200, json={"choices": [{"text": "x", "index": 0, "finish_reason": "stop"}]})

    async with connect(handle, tmp_path, settings(provider("a"), provider("b"))) as client:
        for model in ("of-b.test", "unheard-of", "b/x"):
            result = await client.call_tool("complete", {"prompt": "p", "model": model, "stream": False})
            assert text_of(result) == "x"
    assert hosts == ["b.test", "a.test", "b.test"]


async def test_complete_refuses_an_empty_prompt_and_points_to_chat(tmp_path: Path) -> None:
    async with connect(FakeProvider([httpx2.Response(404, text="404 page not found")]), tmp_path) as client:
        empty = await client.call_tool("complete", {"prompt": ""})
        missing = await client.call_tool("complete", {"prompt": "x"})
    assert "prompt is empty" in text_of(empty)
    assert error_of(missing)["kind"] == "endpoint_not_found"
    assert "chat" in text_of(missing)


async def test_resources_tell_of_providers_and_models(tmp_path: Path) -> None:
    async with connect(FakeProvider(models=MODELS), tmp_path) as client:

        async def read(uri: str) -> Any:
            return json.loads(getattr((await client.read_resource(uri)).contents[0], "text", "null"))

        assert (await read("anymodel://models"))["providers"][0]["models"] == 33
        assert len((await read("anymodel://models/p"))["models"]) == 33
        one = await read("anymodel://models/p/big/chat-1")
        assert (one["id"], one["entry"]["name"]) == ("big/chat-1", "Big Chat")
        assert (await read("anymodel://models/p/big%2Fchat-1"))["id"] == "big/chat-1"
        for uri in (
            "anymodel://models/q",
            "anymodel://models/p/nothing",
            "anymodel://results/r-0",
            "anymodel://files/..%2Fx",
        ):
            with pytest.raises(MCPError):
                await client.read_resource(uri)


async def test_provider_and_model_are_completed(tmp_path: Path) -> None:
    async with connect(FakeProvider(models=MODELS), tmp_path) as client:
        ref = ResourceTemplateReference(type="ref/resource", uri="anymodel://models/{provider}/{+model}")
        providers = await client.complete(ref, {"name": "provider", "value": ""})
        models = await client.complete(ref, {"name": "model", "value": "small"}, {"provider": "p"})
        everything = await client.complete(ref, {"name": "model", "value": ""})
    assert providers.completion.values == ["p"]
    assert models.completion.values == ["small-vision"]
    assert everything.completion.total == 33


async def test_an_unknown_tool_is_a_protocol_error(tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path) as client:
        with pytest.raises(MCPError, match="did you mean 'chat'"):
            await client.call_tool("chatt", {})
