"""Quirks of an API itself, wherever it is served: they replace those that a row has for its chat endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anymodel_mcp.dialects.fields import ApiName, Quirks

API_QUIRKS: Mapping[ApiName, Quirks] = MappingProxyType(
    {
        # https://platform.claude.com/docs/en/api/messages (read 2026-11-21)
        # a chat endpoint's own field for web search is none of these APIs'
        "responses": {"search": "none"},
        "anthropic": {
            "search": "none",
            "default_max_tokens": 8192,  # the field is required
            "max_temperature": 1.0,
            "stop_limit": 0,
            "drop_params": frozenset(),
            "reasoning": "thinking_budget",
            "reasoning_efforts": ("none", "minimal", "low", "medium", "high", "xhigh", "max"),
            "reasoning_back": "always",  # signed blocks must come back within a tool loop, and may always
            "structured": "tool",  # output_config.format is not known to every server and model
            "vision_urls": True,
            "file_parts": "chat",
        },
        # https://ai.google.dev/api/generate-content (read 2026-11-21)
        "gemini": {
            "search": "none",
            "default_max_tokens": None,
            "stop_limit": 5,
            "drop_params": frozenset(),
            "reasoning": "thinking_budget",
            "reasoning_efforts": ("none", "minimal", "low", "medium", "high"),
            "reasoning_back": "always",
            "structured": "json_schema",
            "vision_urls": False,
            "file_parts": "chat",
            "embed_dialect": "gemini",
            "embed_input_type": "gemini",
            "embed_encoding": None,
            "embed_batch": 100,
            "image_dialect": "gemini",
        },
        # https://developers.openai.com/api/reference/resources/realtime (openai-openapi 2.3.0, read 2026-11-21)
        "realtime": {
            "default_max_tokens": None,
            "reasoning": "none",
            "reasoning_back": "none",
            "structured": "instruction",
            "vision_urls": False,
            "file_parts": "none",
            "audio_input": "openai",
            "search": "none",
        },
    }
)
"""The quirks of the other APIs are in the rows."""

API_HEADERS: Mapping[ApiName, Mapping[str, str]] = MappingProxyType({"anthropic": {"anthropic-version": "2023-06-01"}})
"""Sent with every request to a provider that is called through the API; the configuration may name other values."""
