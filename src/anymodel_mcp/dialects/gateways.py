"""Rows of gateways that serve models of many vendors; first the five systems that this project started with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anymodel_mcp.dialects.fields import ApiAccess, ApiName, AudioService, Feature, ProviderRow

CHECKED = "2026-11-20"
_NO_PICTURES: frozenset[Feature] = frozenset({"images", "image_edits"})
_CHAT_AND_NO_LIST: frozenset[Feature] = frozenset(
    {"images", "image_edits", "embeddings", "completions", "responses", "models"}
)
_BOTH: tuple[AudioService, ...] = ("transcription", "speech")

_ACE_SERVICES = (
    "suno",
    "producer",
    "midjourney",
    "flux",
    "seedream",
    "nano-banana",
    "luma",
    "kling",
    "hailuo",
    "sora",
    "veo",
    "seedance",
    "wan",
    "grok",
    "minimax",
)  # https://github.com/AceDataCloud/MCPs, 2026-08-23
_RESOLD = (
    "suno",
    "udio",
    "midjourney",
    "flux",
    "recraft",
    "ideogram",
    "luma",
    "runway",
    "kling",
    "replicate",
    "minimax",
    "video",
)  # https://apiai.apifox.cn, 2026-11-21
PASSED_ON: Mapping[ApiName, ApiAccess] = MappingProxyType(
    {
        "responses": ApiAccess(quirks={"search": "web_search"}),
        "anthropic": ApiAccess(quirks={"search": "web_search_20250305"}),
        "gemini": ApiAccess(quirks={"search": "google_search"}),
    }
)
"""APIs that a gateway passes on as they are: https://github.com/QuantumNous/new-api (relay), 2026-11-28."""

ROWS: tuple[ProviderRow, ...] = (
    # the systems that this project started with
    ProviderRow(
        name="opendatasky",
        title="OpenDataSky",
        base_url="http://server.opendatasky.com/v1/api/open-ai/ds",
        key_env="OPENDATASKY_API_KEY",
        docs_url="https://opendatasky.com/document/en/chat.html",
        checked=CHECKED,
        quirks={"lacks": _CHAT_AND_NO_LIST},
        models=("gpt-4o", "gpt-4o-mini", "claude-3.5-sonnet", "glm-4-flash"),
        note="Plain HTTP: the key is sent unencrypted. Chat only; no model list.",
    ),
    ProviderRow(
        name="acedatacloud",
        title="Ace Data Cloud",
        base_url="https://api.acedata.cloud/openai",
        key_env="ACEDATACLOUD_API_TOKEN",
        docs_url="https://github.com/AceDataCloud/OpenAIAPI",
        checked=CHECKED,
        services=_ACE_SERVICES,
        quirks={"lacks": frozenset({"completions"}), "task_path": "tasks"},
        note="No /v1 in the base URL. Pictures may be created in a background task, which the server waits for.",
    ),
    ProviderRow(
        name="ionos",
        title="IONOS AI Model Hub",
        base_url="https://openai.inference.de-txl.ionos.com/v1",
        key_env="IONOS_API_TOKEN",
        docs_url="https://api.ionos.com/docs/inference-openai/v1",
        checked=CHECKED,
        quirks={
            "default_max_tokens": 2048,  # the endpoint's own default is 16
            "stop_limit": 4,
            "image_size_separator": "*",
            "lacks": frozenset({"image_edits", "responses"}),
        },
        note="Its default limit is 16 tokens, so a limit is always sent.",
    ),
    ProviderRow(
        name="rixapi",
        title="RixAPI and its resellers",
        base_url=None,
        url_hint="https://RESELLER/v1",
        key_env="RIXAPI_API_KEY",
        docs_url="https://apiai.apifox.cn",
        checked=CHECKED,
        rerank=True,  # https://github.com/QuantumNous/new-api (relay/rerank), 2026-11-21
        services=_RESOLD,
        quirks={},
        apis=PASSED_ON,
        audio=_BOTH,
        note="The base URL is the reseller's; without /v1 it returns a web page.",
    ),
    ProviderRow(
        name="leapx",
        title="LeapX Hub",
        base_url=None,
        url_hint="https://HOST/v1",
        key_env="LEAPX_API_KEY",
        docs_url="https://docs.leapx-hub.com/en/api-reference/endpoint/chat-openai",
        checked=CHECKED,
        quirks={"file_parts": "responses", "lacks": frozenset({"completions"})},
        note="Gemini's effort is part of the model name; Qwen's own options go into `parameters`.",
    ),
    # hosts of many vendors' models
    ProviderRow(
        name="openrouter",
        list_prices=True,
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        docs_url="https://openrouter.ai/docs",
        checked=CHECKED,
        services=("openrouter",),
        # https://openrouter.ai/docs/api/reference/responses/web-search, 2026-11-28
        apis={"responses": ApiAccess(quirks={"search": "plugins"})},
        quirks={
            "reasoning": "openrouter",
            "reasoning_efforts": ("none", "minimal", "low", "medium", "high", "xhigh"),
            "reasoning_back": "always",
            "search": "plugins",  # https://openrouter.ai/docs/guides/features/plugins/web-search, 2026-11-28
            "image_dialect": "openrouter",
            "embed_encoding": "float",  # base64 gave empty data
            # https://openrouter.ai/docs/guides/overview/multimodal/stt and /tts, 2026-11-28
            "transcription_form": "json",
            "speech_format": "mp3",  # its own default is raw pcm
            "lacks": frozenset({"image_edits"}),
        },
        audio=_BOTH,
        note="Returns the cost of each call.",
    ),
    ProviderRow(
        name="siliconflow",
        title="SiliconFlow",
        base_url="https://api.siliconflow.cn/v1",
        key_env="SILICONFLOW_API_KEY",
        docs_url="https://docs.siliconflow.cn",
        checked=CHECKED,
        rerank=True,  # https://docs.siliconflow.cn/cn/api-reference/rerank/create-rerank, 2026-11-28
        services=("siliconflow",),
        quirks={
            "reasoning": "enable_thinking",
            "image_dialect": "siliconflow",
            "image_response_format": None,
            "embed_batch": 32,
            "file_parts": "none",
            "audio_max_mb": 50,
            "lacks": frozenset({"image_edits", "responses"}),
        },
        audio=_BOTH,
        note="International: https://api.siliconflow.com/v1. Picture URLs expire after one hour.",
    ),
    ProviderRow(
        name="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        key_env="GROQ_API_KEY",
        docs_url="https://console.groq.com/docs/openai",
        checked=CHECKED,
        quirks={
            "stop_limit": 4,
            "file_parts": "none",
            "speech_format": "wav",  # the only one that its speech models give
            "lacks": frozenset({"images", "image_edits", "embeddings", "completions"}),
        },
        audio=_BOTH,
    ),
    ProviderRow(
        name="together",
        list_prices=True,
        title="Together AI",
        base_url="https://api.together.xyz/v1",
        key_env="TOGETHER_API_KEY",
        docs_url="https://docs.together.ai/reference",
        checked=CHECKED,
        rerank=True,  # https://docs.together.ai/docs/rerank-overview, 2026-11-28
        services=("together",),
        quirks={
            "image_dialect": "together",
            "image_response_format": "base64",
            "file_parts": "none",
            "lacks": frozenset({"image_edits", "responses"}),
        },
        audio=_BOTH,
    ),
    ProviderRow(
        name="fireworks",
        title="Fireworks AI",
        base_url="https://api.fireworks.ai/inference/v1",
        key_env="FIREWORKS_API_KEY",
        docs_url="https://docs.fireworks.ai/api-reference/introduction",
        checked=CHECKED,
        quirks={"lacks": _NO_PICTURES},
        audio=("transcription",),
    ),
    ProviderRow(
        name="deepinfra",
        list_prices=True,
        title="DeepInfra",
        base_url="https://api.deepinfra.com/v1/openai",
        key_env="DEEPINFRA_API_KEY",
        docs_url="https://deepinfra.com/docs/openai_api",
        checked=CHECKED,
        quirks={"lacks": frozenset({"responses"})},
        audio=_BOTH,
    ),
    ProviderRow(
        name="cerebras",
        title="Cerebras",
        base_url="https://api.cerebras.ai/v1",
        key_env="CEREBRAS_API_KEY",
        docs_url="https://inference-docs.cerebras.ai",
        checked=CHECKED,
        quirks={"file_parts": "none", "lacks": frozenset({"images", "image_edits", "embeddings", "responses"})},
    ),
    ProviderRow(
        name="nvidia",
        title="NVIDIA NIM",
        base_url="https://integrate.api.nvidia.com/v1",
        key_env="NVIDIA_API_KEY",
        docs_url="https://docs.api.nvidia.com/nim/reference",
        checked=CHECKED,
        rerank=True,
        quirks={
            "embed_input_type": "nvidia",
            "embed_batch": 20,
            "embed_encoding": "float",
            "file_parts": "none",
            "rerank_form": "nvidia",
            "rerank_url": "ranking",
            "lacks": _NO_PICTURES,
        },
        note="Embeddings distinguish queries and passages.",
    ),
    ProviderRow(
        name="github",
        title="GitHub Models",
        base_url="https://models.github.ai/inference",
        key_env="GITHUB_TOKEN",
        docs_url="https://docs.github.com/en/rest/models",
        checked=CHECKED,
        quirks={
            "embed_batch": 16,
            "file_parts": "none",
            "lacks": frozenset({"images", "image_edits", "completions", "responses"}),
        },
        headers=(("x-github-api-version", "2022-11-28"),),
        models_url="https://models.github.ai/catalog/models",
    ),
    ProviderRow(
        name="huggingface",
        list_prices=True,
        title="Hugging Face router",
        base_url="https://router.huggingface.co/v1",
        key_env="HF_TOKEN",
        docs_url="https://huggingface.co/docs/inference-providers",
        checked=CHECKED,
        quirks={"file_parts": "none", "lacks": frozenset({"images", "image_edits", "embeddings", "completions"})},
        note="A suffix of the model (`:groq`) selects the inference provider.",
    ),
    ProviderRow(
        name="cloudflare",
        title="Cloudflare Workers AI",
        base_url=None,
        url_hint="https://api.cloudflare.com/client/v4/accounts/ACCOUNT_ID/ai/v1",
        key_env="CLOUDFLARE_API_TOKEN",
        docs_url="https://developers.cloudflare.com/workers-ai/configuration/open-ai-compatibility/",
        checked=CHECKED,
        quirks={
            "embed_batch": 100,
            "file_parts": "none",
            "lacks": frozenset({"images", "image_edits", "completions", "models"}),
        },
        models=("@cf/meta/llama-3.1-8b-instruct", "@cf/openai/gpt-oss-120b", "@cf/baai/bge-m3"),
    ),
)
"""In the order of the tables."""
