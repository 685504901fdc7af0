"""Rows of vendors that serve their own models."""

from __future__ import annotations

from anymodel_mcp.dialects.fields import ApiAccess, AudioService, Feature, ProviderRow

CHECKED = "2026-11-20"
_NO_PICTURES: frozenset[Feature] = frozenset({"images", "image_edits"})
_CHAT_ONLY: frozenset[Feature] = frozenset({"images", "image_edits", "embeddings", "completions", "responses"})
_CHAT_AND_NO_LIST: frozenset[Feature] = frozenset(
    {"images", "image_edits", "embeddings", "completions", "responses", "models"}
)
_EFFORTS_ON_OFF = ("none", "high")
_EFFORTS_DEEPSEEK = ("none", "low", "high", "max")  # https://api-docs.deepseek.com/guides/thinking_mode, 2026-11-28
_BOTH: tuple[AudioService, ...] = ("transcription", "speech")
_RESPONSES_SEARCH = ApiAccess(quirks={"search": "web_search"})
_CLAUDE_SEARCH = ApiAccess(quirks={"search": "web_search_20250305"})
_GOOGLE_SEARCH = ApiAccess(quirks={"search": "google_search"})

ROWS: tuple[ProviderRow, ...] = (
    ProviderRow(
        name="openai",
        title="OpenAI",
        base_url="https://api.openai.com/v1",
        key_env="OPENAI_API_KEY",
        docs_url="https://developers.openai.com/api/reference",
        checked=CHECKED,
        services=("video",),
        quirks={},
        # OpenAI takes the new name for every model and refuses the old one for most; gateways often know only the old
        own={
            "token_param": "max_completion_tokens",
            "transcription_stream": True,
            "speech_voice": "alloy",
            "search_api": "responses",  # most models search there only
        },
        # who serves these APIs in general; https://developers.openai.com/api/docs/guides/tools-web-search,
        # https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool, 2026-11-28
        apis={"responses": _RESPONSES_SEARCH, "anthropic": _CLAUDE_SEARCH, "gemini": _GOOGLE_SEARCH},
        audio=_BOTH,
        note="Providers that are not listed are treated like OpenAI.",
    ),
    ProviderRow(
        name="azure",
        title="Azure OpenAI and Foundry",
        base_url=None,
        url_hint="https://RESOURCE.openai.azure.com/openai/v1",
        key_env="AZURE_OPENAI_API_KEY",
        docs_url="https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
        checked=CHECKED,
        # https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/web-search, 2026-11-28
        quirks={"token_param": "max_completion_tokens", "file_parts": "none", "search_api": "responses"},
        apis={"responses": _RESPONSES_SEARCH},
        auth="header:api-key",
        note="The model is the name of the deployment; .../openai/deployments/NAME?api-version=... works too.",
    ),
    ProviderRow(
        name="anthropic",
        title="Anthropic",
        base_url="https://api.anthropic.com/v1",
        key_env="ANTHROPIC_API_KEY",
        docs_url="https://platform.claude.com/docs/en/api/messages",
        checked=CHECKED,
        quirks={"lacks": _CHAT_ONLY},
        # the compatible endpoint returns no reasoning, takes no documents and ignores most parameters:
        # https://platform.claude.com/docs/en/api/openai-sdk (read 2026-11-20)
        api="anthropic",
        apis={
            # https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool, 2026-11-28
            "anthropic": ApiAccess(quirks={"structured": "json_schema", "search": "web_search_20250305"}),
            "chat": ApiAccess(
                quirks={
                    "max_temperature": 1.0,
                    "reasoning": "thinking_budget",
                    "structured": "instruction",  # response_format is ignored silently
                    "file_parts": "none",
                }
            ),
        },
        headers=(("anthropic-version", "2023-06-01"),),
        note="The compatible endpoint returns no reasoning, takes no documents and ignores most parameters.",
    ),
    ProviderRow(
        name="gemini",
        title="Google Gemini (OpenAI-compatible endpoint)",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_env="GEMINI_API_KEY",
        docs_url="https://ai.google.dev/gemini-api/docs/openai",
        checked=CHECKED,
        services=("veo",),
        # the compatible endpoint documents no search: https://ai.google.dev/gemini-api/docs/openai, 2026-11-28
        apis={
            "gemini": ApiAccess(
                base_url="https://generativelanguage.googleapis.com/v1beta",
                quirks={"search": "google_search"},  # https://ai.google.dev/gemini-api/docs/google-search, 2026-11-28
            )
        },
        quirks={
            "reasoning_efforts": ("none", "minimal", "low", "medium", "high"),
            "reasoning_back": "always",
            "vision_urls": False,
            "file_parts": "none",
            "embed_batch": 100,
            "lacks": frozenset({"completions", "responses", "image_edits"}),
        },
        note="Refuses unknown fields; Gemini's own options go into `extra_body.google`.",
    ),
    ProviderRow(
        name="xai",
        title="xAI",
        base_url="https://api.x.ai/v1",
        key_env="XAI_API_KEY",
        docs_url="https://docs.x.ai/docs/api-reference",
        checked=CHECKED,
        services=("xai",),
        # chat answers 410: https://docs.x.ai/docs/guides/tools/overview, https://github.com/vercel/ai/pull/15713,
        # 2026-11-28
        quirks={"image_dialect": "xai", "search_api": "responses", "lacks": frozenset({"embeddings"})},
        apis={"responses": _RESPONSES_SEARCH},
        note="`search_parameters` was removed (410).",
    ),
    ProviderRow(
        name="deepseek",
        title="DeepSeek",
        base_url="https://api.deepseek.com",
        key_env="DEEPSEEK_API_KEY",
        docs_url="https://api-docs.deepseek.com",
        checked=CHECKED,
        apis={"anthropic": ApiAccess(base_url="https://api.deepseek.com/anthropic/v1")},
        quirks={
            "reasoning": "thinking_effort",
            "reasoning_efforts": _EFFORTS_DEEPSEEK,
            "reasoning_back": "tools",
            "structured": "json_object",
            "file_parts": "none",
            "lacks": _CHAT_ONLY,
        },
        note="Reasons by default, and then ignores `temperature`.",
    ),
    ProviderRow(
        name="dashscope",
        title="Qwen (Alibaba Cloud Model Studio)",
        base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        key_env="DASHSCOPE_API_KEY",
        docs_url="https://www.alibabacloud.com/help/en/model-studio/compatibility-of-openai-with-dashscope",
        checked=CHECKED,
        rerank=True,
        services=("dashscope",),
        apis={
            "responses": _RESPONSES_SEARCH,  # https://help.aliyun.com/en/model-studio/web-search, 2026-11-28
            # https://www.alibabacloud.com/help/en/model-studio/realtime, 2026-11-28
            "realtime": ApiAccess(base_url="https://dashscope-intl.aliyuncs.com/api-ws/v1"),
        },
        quirks={
            "reasoning": "enable_thinking",
            "structured": "json_object",
            "file_parts": "none",
            "embed_batch": 10,
            "search": "enable_search",  # https://help.aliyun.com/en/model-studio/web-search, 2026-11-28
            "audio_input": "data_url",
            "speech_form": "dashscope",  # https://www.alibabacloud.com/help/en/model-studio/qwen-tts-api, 2026-11-28
            "speech_voice": "Cherry",
            "rerank_form": "dashscope",
            "rerank_url": "/api/v1/services/rerank/text-rerank/text-rerank",
            "lacks": _NO_PICTURES,
        },
        audio=("speech",),
        note="In China: https://dashscope.aliyuncs.com/compatible-mode/v1. Some models can only stream.",
    ),
    ProviderRow(
        name="moonshot",
        title="Moonshot (Kimi)",
        base_url="https://api.moonshot.ai/v1",
        key_env="MOONSHOT_API_KEY",
        docs_url="https://platform.moonshot.ai/docs",
        checked=CHECKED,
        apis={"anthropic": ApiAccess(base_url="https://api.moonshot.ai/anthropic/v1")},
        quirks={
            "reasoning": "thinking",
            "reasoning_efforts": _EFFORTS_ON_OFF,
            "reasoning_back": "tools",
            "search": "kimi",  # https://platform.moonshot.ai/docs/guide/use-web-search, 2026-11-28
            "vision_urls": False,
            "file_parts": "none",
            "lacks": _CHAT_ONLY,
        },
        note="In China: https://api.moonshot.cn/v1.",
    ),
    ProviderRow(
        name="zhipu",
        title="Zhipu (GLM)",
        base_url="https://open.bigmodel.cn/api/paas/v4",
        key_env="ZHIPUAI_API_KEY",
        docs_url="https://docs.bigmodel.cn",
        checked=CHECKED,
        services=("zhipu",),
        apis={"anthropic": ApiAccess(base_url="https://open.bigmodel.cn/api/anthropic/v1")},
        quirks={
            "reasoning": "thinking",
            "reasoning_efforts": _EFFORTS_ON_OFF,
            "structured": "json_object",
            "search": "glm",  # https://docs.bigmodel.cn/cn/guide/tools/web-search, 2026-11-28
            "stop_limit": 1,
            "image_response_format": None,
            "file_parts": "none",
            # https://docs.bigmodel.cn/api-reference (text to speech), 2026-11-28
            "speech_format": "wav",
            "speech_voice": "tongtong",
            "lacks": frozenset({"completions", "responses", "image_edits"}),
        },
        audio=_BOTH,
        note="The version in the base URL is v4. Transcribes at most 30 s of sound.",
    ),
    ProviderRow(
        name="zai",
        title="Z.ai (GLM, international)",
        base_url="https://api.z.ai/api/paas/v4",
        key_env="ZAI_API_KEY",
        docs_url="https://docs.z.ai",
        checked=CHECKED,
        services=("zhipu",),
        apis={"anthropic": ApiAccess(base_url="https://api.z.ai/api/anthropic/v1")},
        quirks={
            "reasoning": "thinking",
            "reasoning_efforts": _EFFORTS_ON_OFF,
            "structured": "json_object",
            "search": "glm",  # https://docs.z.ai/guides/tools/web-search, 2026-11-28
            "stop_limit": 1,
            "image_response_format": None,
            "file_parts": "none",
            "lacks": frozenset({"completions", "responses", "image_edits"}),
        },
    ),
    ProviderRow(
        name="ark",
        title="Volcengine Ark (Doubao)",
        base_url="https://ark.cn-beijing.volces.com/api/v3",
        key_env="ARK_API_KEY",
        docs_url="https://www.volcengine.com/docs/82379",
        checked=CHECKED,
        services=("seedance",),
        quirks={
            "reasoning": "thinking",
            "reasoning_efforts": _EFFORTS_ON_OFF,
            "file_parts": "responses",
            "search_api": "responses",  # https://www.volcengine.com/docs/82379/1756990, 2026-11-28
            "lacks": frozenset({"completions", "image_edits"}),
        },
        apis={"responses": _RESPONSES_SEARCH},
        note="The model is a name or an endpoint id (ep-...). The version in the base URL is v3.",
    ),
    ProviderRow(
        name="minimax",
        title="MiniMax",
        base_url="https://api.minimax.io/v1",
        key_env="MINIMAX_API_KEY",
        docs_url="https://platform.minimax.io/docs",
        checked=CHECKED,
        services=("minimax",),
        apis={"anthropic": ApiAccess(base_url="https://api.minimax.io/anthropic/v1")},
        quirks={
            "reasoning": "none",
            "reasoning_split": True,
            "reasoning_back": "always",
            "structured": "instruction",
            "file_parts": "none",
            # https://platform.minimax.io/docs/api-reference/speech-t2a-http.md, 2026-11-21
            "speech_form": "minimax",
            "speech_format": "mp3",
            "speech_voice": "male-qn-qingse",
            "lacks": _CHAT_ONLY,
        },
        audio=("speech",),
        note="In China: https://api.minimaxi.com/v1.",
    ),
    ProviderRow(
        name="mistral",
        title="Mistral",
        base_url="https://api.mistral.ai/v1",
        key_env="MISTRAL_API_KEY",
        docs_url="https://docs.mistral.ai/api",
        checked=CHECKED,
        quirks={
            "stream_options": False,  # refused by older versions; usage comes anyway
            "file_parts": "none",
            "audio_input": "string",
            "transcription_times": "granularities",
            "lacks": frozenset({"images", "image_edits", "completions", "responses"}),
        },
        audio=_BOTH,
        note="`random_seed` instead of `seed`.",
    ),
    ProviderRow(
        name="cohere",
        title="Cohere (OpenAI-compatible endpoint)",
        base_url="https://api.cohere.ai/compatibility/v1",
        key_env="COHERE_API_KEY",
        docs_url="https://docs.cohere.com/docs/compatibility-api",
        checked=CHECKED,
        rerank=True,
        quirks={
            "embed_batch": 96,
            "embed_input_type": "cohere",
            "embed_encoding": "float",
            "file_parts": "none",
            "lacks": frozenset({"images", "image_edits", "completions", "responses"}),
        },
        # the compatibility endpoint has no rerank: https://docs.cohere.com/reference/rerank, 2026-11-21
        own={
            "rerank_url": "https://api.cohere.com/v2/rerank",
            "key_hosts": ("api.cohere.ai", "api.cohere.com"),
        },
    ),
    ProviderRow(
        name="perplexity",
        title="Perplexity",
        base_url="https://api.perplexity.ai",
        key_env="PERPLEXITY_API_KEY",
        docs_url="https://docs.perplexity.ai",
        checked=CHECKED,
        # https://docs.perplexity.ai/docs/sonar/quickstart, 2026-11-28
        quirks={"stream_options": False, "search": "always", "lacks": _CHAT_AND_NO_LIST},
        models=("sonar", "sonar-pro", "sonar-reasoning-pro", "sonar-deep-research"),
        note="Returns sources. Roles must alternate.",
    ),
)
"""In the order of the tables."""
