"""Suggests the right argument for a misspelt or misplaced one. Pure.

Models use names that they know from other APIs: OpenAI's requests, other tools, other providers.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from anymodel_mcp.types import Json

_LIKE_ENOUGH = 0.75
_MEANT: Mapping[str, tuple[str, ...]] = {
    "response_format": ("json_schema", "output_format"),
    "schema": ("json_schema",),
    "output_schema": ("json_schema",),
    "format": ("json_schema", "output_format"),
    "message": ("prompt",),
    "question": ("prompt",),
    "query": ("prompt",),
    "text": ("prompt", "input"),
    "content": ("prompt", "input"),
    "input": ("prompt",),
    "instruction": ("prompt",),
    "description": ("prompt",),
    "user_prompt": ("prompt",),
    "system_prompt": ("system",),
    "system_message": ("system",),
    "instructions": ("system",),
    "developer": ("system",),
    "texts": ("input",),
    "inputs": ("input",),
    "documents": ("input",),
    "sentences": ("input",),
    "prompt": ("input", "query"),
    "image": ("images",),
    "image_url": ("images",),
    "image_urls": ("images",),
    "file": ("files",),
    "attachments": ("files",),
    "max_completion_tokens": ("max_tokens",),
    "max_output_tokens": ("max_tokens",),
    "max_new_tokens": ("max_tokens",),
    "num_predict": ("max_tokens",),
    "stop_sequences": ("stop",),
    "reasoning": ("reasoning_effort",),
    "effort": ("reasoning_effort",),
    "functions": ("tools",),
    "thread_id": ("conversation",),
    "conversation_id": ("conversation",),
    "session_id": ("conversation",),
    "previous_response_id": ("conversation",),
    "model_id": ("model",),
    "model_name": ("model",),
    "engine": ("model",),
    "top_n": ("limit",),
    "count": ("n", "limit"),
    "num_images": ("n",),
    "number_of_images": ("n",),
    "page_size": ("limit",),
    "search": ("query",),
    "filter": ("query",),
    "result_id": ("id",),
    "call_id": ("id",),
    "handle": ("id",),
    "task_id": ("id",),
    "timeout": ("wait_s",),
    "wait": ("wait_s",),
}
"""Names of the same thing elsewhere: OpenAI, Anthropic, Cohere, Ollama, Hugging Face and other MCP servers."""

_REQUEST_FIELDS = frozenset(
    {
        "seed", "n", "top_k", "top_a", "min_p", "typical_p", "logit_bias", "logprobs", "top_logprobs",
        "presence_penalty", "frequency_penalty", "repetition_penalty", "user", "store", "metadata",
        "service_tier", "tool_choice",
        "parallel_tool_calls", "stream_options", "modalities", "prediction", "web_search_options", "thinking",
        "extra_body", "verbosity", "suffix", "best_of", "echo", "min_tokens", "stop_token_ids", "style", "steps",
        "encoding_format", "input_type", "negative_prompt", "aspect_ratio", "background", "moderation",
    }
)  # fmt: skip
"""Fields of providers' requests, some of them similar to our arguments."""


def meant_instead(name: str, known: Sequence[str]) -> str:
    """What to write instead of an unknown argument, as the end of a sentence.

    Args:
        name: the unknown one.
        known: the arguments that the tool has.
    """
    plain = name.lower().replace("-", "_")
    compact = {k.replace("_", ""): k for k in known}
    if same := compact.get(plain.replace("_", "")):
        return f"did you mean {same!r}?"
    for candidate in _MEANT.get(plain, ()):
        if candidate in known:
            return f"did you mean {candidate!r}?"
    if plain not in _REQUEST_FIELDS and (near := difflib.get_close_matches(plain, known, n=1, cutoff=_LIKE_ENOUGH)):
        return f"did you mean {near[0]!r}?"
    if "options" in known:
        return (
            f"a field of the provider's request goes into options, as options={{{name!r}: …}}; the arguments are "
            f"{', '.join(known)}"
        )
    return f"the arguments are {', '.join(known)}"


_FLAT = ("parameters", "input_schema", "inputSchema")


def wrapped_tool(tool: Json) -> Json:
    """A tool definition as chat endpoints take it; a flat one (Responses, Anthropic, MCP) is wrapped, others stay."""
    if (
        not isinstance(tool.get("name"), str)
        or "function" in tool
        or tool.get("type") not in (None, "function", "custom")
    ):
        return tool
    if tool.get("type") is None and not any(field in tool for field in (*_FLAT, "description")):
        return tool
    schema: Any = next((tool[field] for field in _FLAT if isinstance(tool.get(field), dict)), None)
    function: Json = {key: tool[key] for key in ("name", "description", "strict") if key in tool}
    if schema is not None:
        function["parameters"] = cast("Json", schema)
    return {"type": "function", "function": function}
