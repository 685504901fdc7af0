"""Embeddings requests of the Gemini API.

https://ai.google.dev/api/embeddings (read 2026-11-28). All texts go in one request, `batchEmbedContents`; `options` are
fields of each of its parts, as in `embedContent`.
"""

from __future__ import annotations

from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import EmbeddingsRequest
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.options import drop_refused, merge_options, protected_names
from anymodel_mcp.wire.gemini.request import place_of

_TASKS = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}


def build_batch(request: EmbeddingsRequest, dialect: Dialect) -> WireRequest:
    """One batch of inputs."""
    place = place_of(request.model)
    settings: dict[str, Any] = {}
    if request.dimensions is not None:
        settings["outputDimensionality"] = request.dimensions
    if dialect.embed_input_type == "gemini":
        settings["taskType"] = _TASKS[request.purpose]
    warnings = tuple(drop_refused(settings, dialect))
    merge_options(settings, request.options)
    parts = [{"model": place, "content": {"parts": [{"text": text}]}, **settings} for text in request.inputs]
    return WireRequest(
        path=f"{place}:batchEmbedContents",
        endpoint="embeddings",
        api="gemini",
        body={"requests": parts},
        protected=protected_names(request.options),
        warnings=warnings,
    )
