"""Builds embeddings requests: inputs in batches of the size that the provider accepts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import EmbeddingsRequest
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.options import drop_refused, merge_options, protected_names
from anymodel_mcp.wire.gemini.embeddings import build_batch

_INPUT_TYPES = {
    "nvidia": {"query": "query", "document": "passage"},
    "cohere": {"query": "search_query", "document": "search_document"},
    "gemini": {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"},
}


def split_batches(request: EmbeddingsRequest, dialect: Dialect) -> list[EmbeddingsRequest]:
    """Splits the inputs into batches of the size that the provider accepts, in order.

    Raises:
        ArgumentError: there is nothing to embed, or an input is empty.
    """
    inputs = list(request.inputs)
    if not inputs:
        raise ArgumentError("input is empty: give at least one text to embed", param="input")
    empty = next((at for at, text in enumerate(inputs) if not text), None)
    if empty is not None:
        raise ArgumentError(
            f"input[{empty}] is empty: providers refuse empty texts", param="input", fix="Leave it out."
        )
    size = max(1, dialect.embed_batch)
    return [replace(request, inputs=inputs[start : start + size]) for start in range(0, len(inputs), size)]


def build_embeddings(request: EmbeddingsRequest, dialect: Dialect) -> WireRequest:
    """Builds the request for one batch."""
    if dialect.embed_dialect == "gemini":
        return build_batch(request, dialect)
    body: dict[str, Any] = {"model": request.model, "input": list(request.inputs)}
    settings: dict[str, Any] = {}
    if request.dimensions is not None:
        settings["dimensions"] = request.dimensions
    if dialect.embed_encoding is not None:
        settings["encoding_format"] = dialect.embed_encoding
    if dialect.embed_input_type != "none":
        settings["input_type"] = _INPUT_TYPES[dialect.embed_input_type][request.purpose]
    warnings = tuple(drop_refused(settings, dialect))
    body |= settings
    merge_options(body, request.options)
    return WireRequest(
        path="embeddings",
        endpoint="embeddings",
        body=body,
        protected=protected_names(request.options, form_only=("encoding_format",)),
        warnings=warnings,
    )
