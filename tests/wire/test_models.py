from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.types import ModelList, ModelRecord, Price
from tests.wire.feeding import models

Json = dict[str, Any]


def listed(value: Any) -> ModelList:
    result = models(value)
    assert isinstance(result, ModelList), result
    return result


def record(entry: Any) -> ModelRecord:
    (only,) = listed({"data": [entry]}).models
    return only


ENTRIES = [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize(
    "value",
    [
        {"object": "list", "data": ENTRIES},
        ENTRIES,
        {"models": [{"name": "a"}, {"name": "b"}]},
        {"models": [{"model": "a"}, {"model": "b"}], "data": ENTRIES},
        {"data": ["a", "b"]},
        ["a", "b"],
        {"data": {"data": ENTRIES}},
        {"result": ENTRIES, "success": True},
        {"data": [*ENTRIES, {"id": "a", "x": 1}]},
        {"data": {"a": {"x": 1}, "b": {}}},
        {"data": [{"slug": "a"}, {"id": "b"}]},
        b'{"id": "a"}\n{"id": "b"}\n',
        b'data: {"object": "list", "data": [{"id": "a"}, {"id": "b"}]}\n\ndata: [DONE]\n\n',
    ],
)
def test_lists_of_every_shape_are_read(value: Any) -> None:
    result = listed(value)
    assert [m.id for m in result.models] == ["a", "b"]
    assert {m.provider for m in result.models} == {"p"}


@pytest.mark.parametrize(
    "value", [{"data": None}, {"object": "list", "data": []}, {"data": {}}, {"object": "list"}, {"models": []}, []]
)
def test_an_empty_list_is_one(value: Any) -> None:
    assert listed(value).models == ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"hello": 1}, "protocol"),
        ({"error": {"message": "boom", "code": "invalid_api_key"}}, "auth"),
        (b"<html>", "config"),
        (b"", "upstream"),
        (b"[1,", "stream_truncated"),
    ],
)
def test_what_is_no_list_is_an_error(value: Any, kind: str) -> None:
    failure = models(value)
    assert isinstance(failure, Failure)
    assert failure.kind == kind


def test_entries_without_an_id_are_told() -> None:
    result = listed({"data": [{"id": "a"}, {}, 7, " ", None]})
    assert [m.id for m in result.models] == ["a"]
    assert "4 entries" in result.warnings[0]


@pytest.mark.parametrize(
    ("more", "query"),
    [
        ({"has_more": True, "last_id": "b"}, {"after_id": "b"}),
        ({"has_more": False, "last_id": "b"}, None),
        ({"has_more": True}, None),
        ({"nextPageToken": "t"}, {"pageToken": "t"}),
    ],
)
def test_the_next_page_is_named(more: Json, query: Json | None) -> None:
    assert listed({"data": ENTRIES, **more}).next_page == query


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"context_length": 1}, (1, None)),
        ({"context_window": 2, "max_completion_tokens": 1}, (2, 1)),
        ({"max_context_length": 3}, (3, None)),
        ({"max_model_len": 4}, (4, None)),
        ({"meta": {"n_ctx_train": 5}}, (5, None)),
        ({"inputTokenLimit": 6, "outputTokenLimit": 2}, (6, 2)),
        ({"limits": {"max_input_tokens": 7, "max_output_tokens": 3}}, (7, 3)),
        ({"providers": [{"context_length": 8}, {"context_length": 9}, {}]}, (9, None)),
        ({"context_length": None, "top_provider": {"context_length": 10, "max_completion_tokens": 4}}, (10, 4)),
        ({"capabilities": {"limits": {"max_context_window_tokens": 11, "max_output_tokens": 5}}}, (11, 5)),
        ({"context_length": "12"}, (12, None)),
        # Venice: https://docs.venice.ai/api-reference/endpoint/models/list
        ({"model_spec": {"availableContextTokens": 13, "maxCompletionTokens": 6}}, (13, 6)),
        # DeepInfra: https://github.com/RooCodeInc/Roo-Code/blob/main/src/api/providers/fetchers/deepinfra.ts
        ({"metadata": {"context_length": 14, "max_tokens": 7}}, (14, 7)),
        ({"info": {"contextWindow": 15, "maxTokens": 8}}, (15, 8)),
        ({"context_length": 16, "default_parameters": {"max_tokens": 1}, "constraints": {"max_tokens": 2}}, (16, None)),
        ({"context_length": -1}, (None, None)),
        ({"context_length": True}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_limits_are_found_under_every_name(entry: Json, wanted: tuple[int | None, int | None]) -> None:
    found = record({"id": "m", **entry})
    assert (found.context_length, found.max_output_tokens) == wanted


@pytest.mark.parametrize(
    ("entry", "type_", "capabilities"),
    [
        ({"id": "gpt-5"}, "chat", ["chat"]),
        ({"id": "text-embedding-3-small"}, "embedding", ["embedding"]),
        ({"id": "BAAI/bge-m3"}, "embedding", ["embedding"]),
        ({"id": "gpt-image-1"}, "image", ["image"]),
        ({"id": "black-forest-labs/FLUX.1-dev"}, "image", ["image"]),
        ({"id": "whisper-1"}, "audio", ["audio"]),
        ({"id": "x", "type": "chat"}, "chat", ["chat"]),
        ({"id": "x", "type": "embeddings"}, "embedding", ["embedding"]),
        ({"id": "x", "type": "image"}, "image", ["image"]),
        ({"id": "x", "task": {"name": "Text Generation"}}, "chat", ["chat"]),
        ({"id": "x", "pipeline_tag": "text-to-image"}, "image", ["image"]),
        (
            {"id": "embedder-x", "type": "model", "supportedGenerationMethods": ["embedContent"]},
            "embedding",
            ["embedding"],
        ),
        (
            {"id": "x", "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]}},
            "chat",
            ["chat", "vision"],
        ),
        ({"id": "x", "architecture": {"modality": "text+image->text"}}, "chat", ["chat", "vision"]),
        ({"id": "x", "architecture": {"output_modalities": ["image", "text"]}}, "chat", ["chat", "image"]),
        ({"id": "x", "output_modalities": ["image"]}, "image", ["image"]),
        ({"id": "x", "output_modalities": ["embeddings"]}, "embedding", ["embedding"]),
        ({"id": "x", "output_modalities": ["audio"]}, "audio", ["audio"]),
        ({"id": "x", "output_modalities": ["speech"]}, "audio", ["audio"]),
        ({"id": "x", "output_modalities": ["rerank"]}, "rerank", ["rerank"]),
        ({"id": "x", "type": "text-to-speech"}, "audio", ["audio"]),
        ({"id": "x", "supported_parameters": ["tools", "reasoning"]}, "chat", ["chat", "tools", "reasoning"]),
        ({"id": "x", "capabilities": {"function_calling": True, "vision": False}}, "chat", ["chat", "tools"]),
        (
            {"id": "x", "capabilities": ["completion", "tools", "thinking", "vision"]},
            "chat",
            ["chat", "vision", "tools", "reasoning"],
        ),
        ({"id": "x", "capabilities": {"supports": {"tool_calls": True}}}, "chat", ["chat", "tools"]),
        ({"id": "x", "supports_tools": True, "supports_reasoning": False}, "chat", ["chat", "tools"]),
        ({"id": "x", "providers": [{"supports_tools": True}]}, "chat", ["chat", "tools"]),
        ({"id": "x", "metadata": {"tags": ["vision"]}}, "chat", ["chat", "vision"]),
        (
            {"id": "x", "model_spec": {"capabilities": {"supportsFunctionCalling": True, "supportsVision": False}}},
            "chat",
            ["chat", "tools"],
        ),
        ({"id": "x", "type": "video"}, "video", ["video"]),
        ({"id": "x", "pipeline_tag": "text-to-video"}, "video", ["video"]),
        ({"id": "x", "architecture": {"output_modalities": ["video"]}}, "video", ["video"]),
        ({"id": "x", "type": "music"}, "audio", ["audio"]),
        ({"id": "x", "type": "stt"}, "audio", ["audio"]),
        ({"id": "x", "mode": "audio_transcription"}, "audio", ["audio"]),
        ({"id": "x", "mode": "rerank"}, "rerank", ["rerank"]),
        ({"id": "x", "metadata": {"tags": ["tts"]}}, "audio", ["audio"]),
        ({"id": "x", "metadata": {"tags": ["vision", "chat"]}}, "chat", ["chat", "vision"]),
        ({"id": "x", "supported_endpoint_types": ["openai-video"]}, "video", ["video"]),
        ({"id": "x", "supported_endpoint_types": ["jina-rerank"]}, "rerank", ["rerank"]),
        ({"id": "x", "supported_endpoint_types": ["image-generation", "openai"]}, "image", ["image"]),
        ({"id": "sora-2", "supported_endpoint_types": ["openai"]}, "video", ["video"]),
        ({"id": "x", "supported_endpoint_types": ["openai", "anthropic"]}, "chat", ["chat"]),
        ({"id": "x", "type": "rerank"}, "rerank", ["rerank"]),
    ],
)
def test_type_and_capabilities_are_in_our_words(entry: Json, type_: str | None, capabilities: list[str]) -> None:
    found = record(entry)
    assert (found.type, list(found.capabilities)) == (type_, capabilities)


def test_a_model_that_sees_takes_pictures() -> None:
    assert record({"id": "x", "capabilities": {"vision": True}}).input_modalities == ("text", "image")


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"pricing": {"prompt": "0.000003", "completion": "0.000015"}}, Price(input=3.0, output=15.0)),
        ({"pricing": {"prompt": "0", "completion": "0"}}, Price(input=0.0, output=0.0)),
        ({"pricing": {"prompt": "-1", "completion": "-1"}}, None),
        ({"pricing": {"input": 0.27, "output": 0.4}}, Price(input=0.27, output=0.4)),
        ({"pricing": {"input": 3e-07}}, Price(input=0.3)),
        ({"pricing": {"cents_per_input_token": 0.00002}}, Price(input=0.2)),
        ({"providers": [{}, {"pricing": {"input": 1, "output": 2}}]}, Price(input=1.0, output=2.0)),
        ({"pricing": "free"}, None),
        ({}, None),
        # DeepInfra: https://github.com/RooCodeInc/Roo-Code/blob/main/src/api/providers/fetchers/deepinfra.ts
        (
            {"metadata": {"pricing": {"input_tokens": 0.3, "output_tokens": 1.5, "cache_read_tokens": 0.03}}},
            Price(input=0.3, output=1.5),
        ),
        # Venice: https://docs.venice.ai/api-reference/endpoint/models/list
        (
            {"model_spec": {"pricing": {"input": {"usd": 0.15, "diem": 0.15}, "output": {"usd": 0.6, "diem": 0.6}}}},
            Price(input=0.15, output=0.6),
        ),
        # Requesty: https://github.com/RooCodeInc/Roo-Code/blob/main/src/api/providers/fetchers/requesty.ts
        (
            {"input_price": 3e-06, "caching_price": 3.75e-06, "cached_price": 3e-07, "output_price": 1.5e-05},
            Price(input=3.0, output=15.0),
        ),
        # LiteLLM's /model/info: https://docs.litellm.ai/docs/proxy/model_management
        (
            {
                "model_info": {
                    "input_cost_per_token_above_128k_tokens": 9e-06,
                    "input_cost_per_token": 3e-06,
                    "output_cost_per_token": 1.5e-05,
                }
            },
            Price(input=3.0, output=15.0),
        ),
        # Perplexity's gateway, per million: https://docs.perplexity.ai/api-reference/gateway-models-get
        ({"pricing": {"input": 5.0, "output": 25.0, "cache_read": 0.5}}, Price(input=5.0, output=25.0)),
        # Vercel's AI gateway, per token as text: https://vercel.com/docs/ai-gateway/models-and-providers
        ({"pricing": {"input": "0.00000015", "output": "0.0000006"}}, Price(input=0.15, output=0.6)),
        # in camel case: https://github.com/cline/cline/blob/main/packages/types/src/providers/requesty.ts
        ({"info": {"inputPrice": 3.0, "outputPrice": 15.0, "cacheReadsPrice": 0.3}}, Price(input=3.0, output=15.0)),
        ({"costs": {"inputPricePerMillionTokens": "$2.50", "outputPricePer1K": 0.01}}, Price(input=2.5, output=10.0)),
        # limits, and a unit that the list does not name, are no prices
        ({"limits": {"input": 5, "output": 2}, "input_tokens": 7}, None),
        ({"input_token_price_per_m": 2700, "output_token_price_per_m": 4000}, None),
    ],
)
def test_prices_are_for_a_million_tokens(entry: Json, wanted: Price | None) -> None:
    assert record({"id": "m", **entry}).price_per_million == wanted


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"shutdown_date": "2026-12-01"}, "2026-12-01"),
        ({"deprecation": {"date": "2026-12-01"}}, "2026-12-01"),
        ({"expiration_date": "2027-01-01"}, "2027-01-01"),
        ({"shutdown_date": None, "deprecation": None}, None),
    ],
)
def test_the_end_of_a_model_is_told(entry: Json, wanted: str | None) -> None:
    assert record({"id": "m", **entry}).deprecated_on == wanted


def test_the_name_is_told_where_it_is_another() -> None:
    assert record({"id": "m", "display_name": "M 1"}).name == "M 1"
    assert record({"id": "m", "name": "m"}).name is None
    assert record({"id": "models/gemini"}).id == "models/gemini"
    assert record({"id": "m", "x": 1}).entry == {"id": "m", "x": 1}


NAMES: list[tuple[str, str | None]] = [
    # music: https://docs.newapi.pro/api/suno-music/, https://docs.apiframe.pro
    ("suno_music", "audio"),
    ("chirp-v4", "audio"),
    ("udio32-v1.5", "audio"),
    ("lyria-002", "audio"),
    ("minimax/music-1.5", "audio"),
    # video: https://docs.siliconflow.cn, https://docs.dev.runwayml.com, https://ai.google.dev/gemini-api/docs/video
    ("Wan-AI/Wan2.2-T2V-A14B", "video"),
    ("kling-v1-6", "video"),
    ("veo-3.1-generate-preview", "video"),
    ("sora-2-pro", "video"),
    ("doubao-seedance-1-0-pro-250528", "video"),
    ("runway-gen4", "video"),
    ("MiniMax-Hailuo-02", "video"),
    ("luma/ray-2", "video"),
    # pictures: https://docs.newapi.pro/api/midjourney-proxy-image/, https://docs.leapx-hub.com
    ("mj_imagine", "image"),
    ("midjourney", "image"),
    ("nano-banana-pro", "image"),
    ("doubao-seedream-4-0-250828", "image"),
    ("wanx2.1-t2i-turbo", "image"),
    ("ideogram-v3", "image"),
    # reranking: https://docs.cohere.com/docs/rerank, https://huggingface.co/BAAI/bge-reranker-v2-m3
    ("rerank-v3.5", "rerank"),
    ("BAAI/bge-reranker-v2-m3", "rerank"),
    ("jina-reranker-v2-base-multilingual", "rerank"),
    ("cross-encoder/ms-marco-MiniLM-L-6-v2", "rerank"),
    ("voyage-3.5", "embedding"),
    # speech
    ("cosyvoice-v2", "audio"),
    ("qwen3-asr-flash", "audio"),
    ("gpt-4o-mini-tts", "audio"),
    # and chat
    ("gpt-5.2", "chat"),
    ("glm-4.7", "chat"),
    ("qwen3-omni-flash", "chat"),
    ("gemini-3-flash-preview", "chat"),
    ("llama-3.2-90b-vision", "chat"),
    ("claude-opus-4-6", "chat"),
    ("mistral-large-2512", "chat"),
    ("raymond-7b", "chat"),
]


@pytest.mark.parametrize(("id_", "type_"), NAMES)
def test_a_name_alone_says_what_a_model_is_for(id_: str, type_: str | None) -> None:
    assert record({"id": id_}).type == type_


def test_a_technical_name_gives_way_to_the_one_for_people() -> None:
    """Google: https://ai.google.dev/api/models."""
    entry = {"name": "models/gemini-3-pro", "displayName": "Gemini 3 Pro"}
    assert (record(entry).id, record(entry).name) == ("models/gemini-3-pro", "Gemini 3 Pro")


@pytest.mark.parametrize(
    ("entry", "price"),
    [
        # DeepInfra
        ({"metadata": {"tags": ["image-gen"], "pricing": {"per_image_unit": 0.009}}}, {"picture": 0.009}),
        ({"metadata": {"tags": ["stt"], "pricing": {"input_seconds": 3.33e-06}}}, {"second": 3.33e-06}),
        ({"metadata": {"tags": ["tts"], "pricing": {"input_characters": 0.62}}}, {"million_characters": 0.62}),
        # LiteLLM
        ({"mode": "image_generation", "output_cost_per_image": 0.04, "input_cost_per_pixel": 4e-08}, {"picture": 0.04}),
        (
            {"mode": "audio_transcription", "input_cost_per_second": 0.0001, "output_cost_per_second": 0.0},
            {"second": 0.0001},
        ),
        ({"mode": "audio_speech", "input_cost_per_character": 1.5e-05}, {"million_characters": 15}),
        ({"mode": "rerank", "input_cost_per_query": 0.002, "input_cost_per_token": 0.0}, {"call": 0.002}),
        ({"type": "video", "output_cost_per_video_per_second": 0.1}, {"second": 0.1}),
        # OpenRouter
        ({"type": "video", "pricing_skus": {"duration_seconds": "0.08"}}, {"second": 0.08}),
        (
            {"type": "video", "pricing_skus": {"duration_seconds_with_audio": "0.08", "duration_seconds_480p": "0.05"}},
            {"second": 0.05},
        ),
        ({"type": "video", "pricing_skus": {"generate": "0.50"}}, {"call": 0.5}),
        ({"type": "image", "pricing": {"prompt": "0", "completion": "0", "image": "0.04"}}, {"picture": 0.04}),
        # Venice, Cloudflare
        ({"type": "image", "model_spec": {"pricing": {"generation": {"usd": 0.01}}}}, {"picture": 0.01}),
        ({"type": "asr", "model_spec": {"pricing": {"per_audio_second": {"usd": 0.0001}}}}, {"second": 0.0001}),
        ({"type": "speech", "price": [{"unit": "per audio minute", "price": 0.0005}]}, {"minute": 0.0005}),
        ({"type": "speech", "pricing": {"per_hour": 0.36}}, {"minute": 0.006}),
        ({"type": "tts", "pricing": {"per_1k_characters": 0.015}}, {"million_characters": 15}),
        ({"type": "tts", "pricing": {"perMillionCharacters": 15}}, {"million_characters": 15}),
        # sold by tokens, or no price at all
        ({"type": "chat", "pricing": {"prompt": "0.000001", "completion": "0.000002", "image": "0.001"}}, {}),
        ({"type": "image", "pricing": {"input": 5, "output": 40, "image": "0.001"}}, {}),
        ({"type": "chat", "pricing": {"prompt": "0", "completion": "0", "image": "0.001", "request": "0"}}, {}),
        ({"type": "image", "pricing": {"image": "0"}}, {}),
        ({"type": "image", "pricing": {"image": "-1"}}, {}),
        ({"type": "image", "max_images": 4, "seconds": 3}, {}),
        ({"type": "image", "pricing": "free"}, {}),
    ],
)
def test_prices_of_what_is_not_sold_by_tokens_have_their_unit(entry: Json, price: Json) -> None:
    assert record({"id": "x", **entry}).price == pytest.approx(price)


@pytest.mark.parametrize(
    ("entry", "inputs", "outputs"),
    [
        ({"id": "whisper-1"}, ["audio"], ["text"]),
        ({"id": "tts-1"}, ["text"], ["audio"]),
        ({"id": "x", "metadata": {"tags": ["stt"]}}, ["audio"], ["text"]),
        ({"id": "suno_music"}, ["text"], ["music"]),
        ({"id": "x", "type": "music"}, ["text"], ["music"]),
        ({"id": "sora-2"}, [], ["video"]),
    ],
)
def test_the_modalities_tell_what_kind_of_sound(entry: Json, inputs: list[str], outputs: list[str]) -> None:
    found = record(entry)
    assert [list(found.input_modalities), list(found.output_modalities)] == [inputs, outputs]
