"""Requests as values: what is asked, in the words that one provider and model understand.

Rules of every builder: a field that nobody asked for is not sent, and never a null; `options` come last, verbatim, and
are named in `protected`, so that no repair touches them (a null in them takes a field of ours away); whatever is lost
or changed on the way is told in `warnings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError, ConfigError
from anymodel_mcp.types import ChatRequest, CompletionRequest, EmbeddingsRequest, Json
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.efforts import set_effort
from anymodel_mcp.wire.fields.messages import check_file_bytes, with_instruction, with_system_role
from anymodel_mcp.wire.fields.options import TOKEN_PARAMS, drop_refused, merge_options, protected_names
from anymodel_mcp.wire.fields.sampling import set_sampling, set_stop
from anymodel_mcp.wire.fields.structured import instruction, schema_format
from anymodel_mcp.wire.images.request import build_image
from anymodel_mcp.wire.responses.request import build_responses

__all__ = [
    "build_chat",
    "build_completion",
    "build_embeddings",
    "build_image",
    "build_models",
    "build_responses",
    "build_task",
]

_INPUT_TYPES = {
    "nvidia": {"query": "query", "document": "passage"},
    "cohere": {"query": "search_query", "document": "search_document"},
}


def build_chat(request: ChatRequest, dialect: Dialect) -> WireRequest:
    """One turn at `chat/completions`.

    Raises:
        ArgumentError: the files in it are too large for any provider.
    """
    check_file_bytes(request.messages)
    body: dict[str, Any] = {"model": request.model}
    body["messages"] = with_system_role(request.messages, dialect.system_role)
    warnings = set_sampling(body, request.temperature, request.top_p, dialect)
    _set_token_limit(body, request.max_tokens, dialect.token_param, dialect)
    warnings += set_stop(body, request.stop, dialect)
    if request.tools:
        body["tools"] = list(request.tools)
    if request.reasoning_effort:
        warnings += set_effort(body, request.reasoning_effort, dialect)
    if dialect.reasoning_split:
        body["reasoning_split"] = True
    if request.json_schema is not None:
        _set_schema(body, request.json_schema, dialect)
    return _finished(
        body,
        request.options,
        dialect,
        path="chat/completions",
        endpoint="chat",
        stream=request.stream,
        warnings=warnings,
    )


def build_completion(request: CompletionRequest, dialect: Dialect) -> WireRequest:
    """One text at the legacy `completions`; its limit has always been called `max_tokens`."""
    body: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    warnings = set_sampling(body, request.temperature, None, dialect)
    _set_token_limit(body, request.max_tokens, "max_tokens", dialect)
    warnings += set_stop(body, request.stop, dialect)
    return _finished(
        body,
        request.options,
        dialect,
        path="completions",
        endpoint="completions",
        stream=request.stream,
        warnings=warnings,
    )


def _set_token_limit(body: dict[str, Any], asked: int | None, name: str, dialect: Dialect) -> None:
    limit = asked if asked is not None else dialect.default_max_tokens
    if limit is not None:
        body[name] = limit


def _set_schema(body: dict[str, Any], schema: Json, dialect: Dialect) -> None:
    if dialect.structured == "json_schema":
        body["response_format"] = {"type": "json_schema", "json_schema": schema_format(schema)}
        return
    if dialect.structured == "json_object":
        body["response_format"] = {"type": "json_object"}
    body["messages"] = with_instruction(body["messages"], instruction(schema))


def _finished(
    body: dict[str, Any],
    options: Json,
    dialect: Dialect,
    *,
    path: str,
    endpoint: Any,
    stream: bool,
    warnings: Sequence[str],
) -> WireRequest:
    """The body with the stream's switch and the user's options, as a request."""
    told = [*warnings, *drop_refused(body, dialect)]
    if any(options.get(name) is not None for name in TOKEN_PARAMS):  # two limits in one request are refused
        for name in TOKEN_PARAMS:
            body.pop(name, None)
    if options.get("stream", stream) is True:
        body["stream"] = True
        if dialect.stream_options:
            body["stream_options"] = {"include_usage": True}
    merge_options(body, options)
    return WireRequest(
        path=path,
        endpoint=endpoint,
        body=body,
        stream=body.get("stream") is True,
        protected=protected_names(options),
        warnings=tuple(told),
    )


def build_embeddings(request: EmbeddingsRequest, dialect: Dialect) -> tuple[WireRequest, ...]:
    """One request a batch, in the order of the inputs.

    Raises:
        ArgumentError: there is nothing to embed, or an input is empty.
    """
    inputs = list(request.inputs)
    if not inputs:
        raise ArgumentError("input is empty: give at least one text to embed", param="input")
    empty = [at for at, text in enumerate(inputs) if not text]
    if empty:
        raise ArgumentError(
            f"input[{empty[0]}] is empty: providers refuse empty texts", param="input", fix="Leave it out."
        )
    common: dict[str, Any] = {"model": request.model}
    settings: dict[str, Any] = {}
    if request.dimensions is not None:
        settings["dimensions"] = request.dimensions
    if dialect.embed_encoding is not None:
        settings["encoding_format"] = dialect.embed_encoding
    if dialect.embed_input_type != "none":
        settings["input_type"] = _INPUT_TYPES[dialect.embed_input_type][request.purpose]
    warnings = tuple(drop_refused(settings, dialect))
    protected = protected_names(request.options, form_only=("encoding_format",))
    size = max(1, dialect.embed_batch)
    batches: list[WireRequest] = []
    for start in range(0, len(inputs), size):
        body = {**common, "input": inputs[start : start + size], **settings}
        merge_options(body, request.options)
        batches.append(
            WireRequest(path="embeddings", endpoint="embeddings", body=body, protected=protected, warnings=warnings)
        )
    return tuple(batches)


def build_models(dialect: Dialect, query: Mapping[str, str]) -> WireRequest:
    """One page of the model list."""
    return WireRequest(method="GET", path=dialect.models_path, endpoint="models", query=dict(query))


def build_task(task_id: str, dialect: Dialect) -> WireRequest:
    """A question after work that was taken under a ticket.

    Raises:
        ConfigError: nobody has said where this provider answers such questions.
    """
    if not dialect.task_path:
        raise ConfigError(
            "no address is known where this provider tells how its tasks stand", fix="Set quirks.task_path."
        )
    return WireRequest(path=dialect.task_path, endpoint="tasks", body={"id": task_id, "action": "retrieve"})
