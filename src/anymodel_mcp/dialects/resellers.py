"""Rows of those who serve models of many makers; first the five systems that this project was asked to serve first."""

from __future__ import annotations

from anymodel_mcp.dialects.fields import Feature, ProviderRow

CHECKED = "2026-11-20"
_NO_PICTURES: frozenset[Feature] = frozenset({"images", "image_edits"})
_CHAT_AND_NO_LIST: frozenset[Feature] = frozenset(
    {"images", "image_edits", "embeddings", "completions", "responses", "models"}
)

ROWS: tuple[ProviderRow, ...] = (
    # the systems that this project was asked to serve first
    ProviderRow(
        name="opendatasky",
        title="OpenDataSky",
        base_url="http://server.opendatasky.com/v1/api/open-ai/ds",
        key_env="OPENDATASKY_API_KEY",
        docs_url="https://opendatasky.com/document/en/chat.html",
        checked=CHECKED,
        quirks={"lacks": _CHAT_AND_NO_LIST},
        models=("gpt-4o", "gpt-4o-mini", "claude-3.5-sonnet", "glm-4-flash"),
        note="Plain http: the key travels unencrypted. Chat only; no model list.",
    ),
    ProviderRow(
        name="acedatacloud",
        title="Ace Data Cloud",
        base_url="https://api.acedata.cloud/openai",
        key_env="ACEDATACLOUD_API_TOKEN",
        docs_url="https://github.com/AceDataCloud/OpenAIAPI",
        checked=CHECKED,
        quirks={"lacks": frozenset({"completions"}), "task_path": "tasks"},
        note="No /v1 in the address. Pictures may come as a ticket, which is waited for.",
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
        note="Its own limit is 16 tokens, so that one is always sent.",
    ),
    ProviderRow(
        name="rixapi",
        title="RixAPI and its resellers",
        base_url=None,
        url_hint="https://RESELLER/v1",
        key_env="RIXAPI_API_KEY",
        docs_url="https://apiai.apifox.cn",
        checked=CHECKED,
        quirks={},
        note="The base URL is the reseller's; without /v1 its web page answers.",
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
        note="Gemini's effort goes into the model's name, Qwen's own options into `parameters`.",
    ),
    # hosts of many makers' models
    ProviderRow(
        name="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        docs_url="https://openrouter.ai/docs",
        checked=CHECKED,
        quirks={
            "reasoning": "openrouter",
            "reasoning_efforts": ("none", "minimal", "low", "medium", "high", "xhigh"),
            "reasoning_back": "always",
            "image_dialect": "openrouter",
            "embed_encoding": "float",  # base64 gave empty data
            "lacks": frozenset({"image_edits"}),
        },
        note="The cost of each call is told.",
    ),
    ProviderRow(
        name="siliconflow",
        title="SiliconFlow",
        base_url="https://api.siliconflow.cn/v1",
        key_env="SILICONFLOW_API_KEY",
        docs_url="https://docs.siliconflow.cn",
        checked=CHECKED,
        quirks={
            "reasoning": "enable_thinking",
            "image_dialect": "siliconflow",
            "image_response_format": None,
            "embed_batch": 32,
            "file_parts": "none",
            "lacks": frozenset({"image_edits", "responses"}),
        },
        note="International: https://api.siliconflow.com/v1. Picture URLs live one hour.",
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
            "lacks": frozenset({"images", "image_edits", "embeddings", "completions"}),
        },
    ),
    ProviderRow(
        name="together",
        title="Together AI",
        base_url="https://api.together.xyz/v1",
        key_env="TOGETHER_API_KEY",
        docs_url="https://docs.together.ai/reference",
        checked=CHECKED,
        quirks={
            "image_dialect": "together",
            "image_response_format": "base64",
            "file_parts": "none",
            "lacks": frozenset({"image_edits", "responses"}),
        },
    ),
    ProviderRow(
        name="fireworks",
        title="Fireworks AI",
        base_url="https://api.fireworks.ai/inference/v1",
        key_env="FIREWORKS_API_KEY",
        docs_url="https://docs.fireworks.ai/api-reference/introduction",
        checked=CHECKED,
        quirks={"lacks": _NO_PICTURES},
    ),
    ProviderRow(
        name="deepinfra",
        title="DeepInfra",
        base_url="https://api.deepinfra.com/v1/openai",
        key_env="DEEPINFRA_API_KEY",
        docs_url="https://deepinfra.com/docs/openai_api",
        checked=CHECKED,
        quirks={"lacks": frozenset({"responses"})},
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
        quirks={
            "embed_input_type": "nvidia",
            "embed_batch": 20,
            "embed_encoding": "float",
            "file_parts": "none",
            "lacks": _NO_PICTURES,
        },
        note="Embeddings are told whether a text is a query or a passage.",
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
        title="Hugging Face router",
        base_url="https://router.huggingface.co/v1",
        key_env="HF_TOKEN",
        docs_url="https://huggingface.co/docs/inference-providers",
        checked=CHECKED,
        quirks={"file_parts": "none", "lacks": frozenset({"images", "image_edits", "embeddings", "completions"})},
        note="A suffix of the model (`:groq`) picks the host behind it.",
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
