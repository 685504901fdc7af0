"""Rows of software that users run themselves: on their machine, or as a gateway at their own address."""

from __future__ import annotations

from anymodel_mcp.dialects.fields import AudioService, Feature, ProviderRow
from anymodel_mcp.dialects.gateways import PASSED_ON

CHECKED = "2026-11-20"
_NO_PICTURES: frozenset[Feature] = frozenset({"images", "image_edits"})
_BOTH: tuple[AudioService, ...] = ("transcription", "speech")

ROWS: tuple[ProviderRow, ...] = (
    ProviderRow(
        name="ollama",
        title="Ollama",
        base_url="http://localhost:11434/v1",
        key_env=None,
        docs_url="https://docs.ollama.com/api/openai-compatibility",
        checked=CHECKED,
        quirks={
            "reasoning_efforts": ("none", "low", "medium", "high"),
            "vision_urls": False,
            "file_parts": "none",
            "lacks": frozenset({"image_edits"}),
        },
        key_optional=True,
    ),
    ProviderRow(
        name="vllm",
        title="vLLM",
        base_url="http://localhost:8000/v1",
        key_env="VLLM_API_KEY",
        docs_url="https://docs.vllm.ai/en/latest/serving/openai_compatible_server/",
        checked=CHECKED,
        rerank=True,  # https://docs.vllm.ai/en/latest/serving/openai_compatible_server/, 2026-11-21
        quirks={"embed_encoding": "float", "file_parts": "none", "lacks": _NO_PICTURES},
        key_optional=True,
    ),
    ProviderRow(
        name="llamacpp",
        title="llama.cpp server",
        base_url="http://localhost:8080/v1",
        key_env="LLAMA_API_KEY",
        docs_url="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        checked=CHECKED,
        rerank=True,  # only where it was started with --reranking
        quirks={"vision_urls": False, "file_parts": "none", "lacks": _NO_PICTURES},
        key_optional=True,
    ),
    ProviderRow(
        name="local",
        title="Embedded engine",
        base_url=None,
        url_hint="none: the engine starts with the first call",
        key_env=None,
        docs_url="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        checked=CHECKED,
        quirks={"vision_urls": False, "file_parts": "none", "lacks": _NO_PICTURES},
        key_optional=True,
        max_parallel=4,  # the slots that `local/child.py` starts it with
        note="llama.cpp as a child process with a small model; needs the extra `local`.",
    ),
    ProviderRow(
        name="lmstudio",
        title="LM Studio",
        base_url="http://localhost:1234/v1",
        key_env=None,
        docs_url="https://lmstudio.ai/docs/developer/openai-compat",
        checked=CHECKED,
        quirks={
            "vision_urls": False,
            "embed_encoding": "float",
            "file_parts": "none",
            "lacks": _NO_PICTURES,
        },
        key_optional=True,
    ),
    ProviderRow(
        name="localai",
        title="LocalAI",
        base_url="http://localhost:8080/v1",
        key_env="LOCALAI_API_KEY",
        docs_url="https://localai.io/features/",
        checked=CHECKED,
        rerank=True,  # https://localai.io/features/reranker/, 2026-11-21
        quirks={"file_parts": "none", "image_input_field": "image"},
        key_optional=True,
        audio=_BOTH,
    ),
    ProviderRow(
        name="litellm",
        title="LiteLLM proxy",
        base_url="http://localhost:4000/v1",
        key_env="LITELLM_API_KEY",
        docs_url="https://docs.litellm.ai/docs/simple_proxy",
        checked=CHECKED,
        rerank=True,  # https://docs.litellm.ai/docs/rerank, 2026-11-28
        quirks={},
        apis=PASSED_ON,  # https://docs.litellm.ai/docs/completion/web_search, 2026-11-28
        key_optional=True,
        audio=_BOTH,
        note="Forwards to other providers, whose differences remain visible.",
    ),
    ProviderRow(
        name="newapi",
        title="new-api, one-api and gateways built on them",
        base_url=None,
        url_hint="https://HOST/v1",
        key_env="NEWAPI_API_KEY",
        docs_url="https://docs.newapi.pro/en/docs/api",
        checked=CHECKED,
        rerank=True,  # https://github.com/QuantumNous/new-api (relay/rerank), 2026-11-21
        quirks={},
        apis=PASSED_ON,
        audio=_BOTH,
        note="Without /v1 it returns a web page.",
    ),
)
"""In the order of the tables."""
