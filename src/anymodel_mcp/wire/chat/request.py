"""Builds chat requests in the form that one provider and model accept.

Rules of every request builder: a field that was not asked for is not sent, and never as null; `options` are merged
last, verbatim, and are listed in `protected`, so that no repair changes them (a null in them removes a field of ours);
whatever is dropped or changed is listed in `warnings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import ChatRequest, Json
from anymodel_mcp.wire.exchange import Endpoint, WireRequest
from anymodel_mcp.wire.fields.efforts import set_effort
from anymodel_mcp.wire.fields.messages import check_file_bytes, with_instruction, with_sound_form, with_system_role
from anymodel_mcp.wire.fields.options import TOKEN_PARAMS, drop_refused, merge_options, nest_fields, protected_names
from anymodel_mcp.wire.fields.sampling import set_sampling, set_stop
from anymodel_mcp.wire.fields.search import set_search
from anymodel_mcp.wire.fields.structured import instruction, schema_format


def build_chat(request: ChatRequest, dialect: Dialect) -> WireRequest:
    """Builds a turn for `chat/completions`.

    Raises:
        ArgumentError: the files in it are too large for any provider.
    """
    check_file_bytes(request.messages)
    body: dict[str, Any] = {"model": request.model}
    messages = with_system_role(request.messages, dialect.system_role)
    body["messages"] = with_sound_form(messages, dialect.audio_input)
    warnings = set_sampling(body, request.temperature, request.top_p, dialect)
    set_token_limit(body, request.max_tokens, dialect.token_param, dialect)
    warnings += set_stop(body, request.stop, dialect)
    if request.tools:
        body["tools"] = list(request.tools)
    if request.reasoning_effort:
        warnings += set_effort(body, request.reasoning_effort, dialect)
    if dialect.reasoning_split:
        body["reasoning_split"] = True
    if request.json_schema is not None:
        _set_schema(body, request.json_schema, dialect)
    search, search_warnings = set_search(body, request, dialect)
    nest_fields(body, dialect)
    if search and search.name not in body:
        search = replace(search, name=f"{dialect.fields_in}.{search.name}")
    wire = finish_body(
        body,
        request.options,
        dialect,
        path="chat/completions",
        endpoint="chat",
        stream=request.stream,
        warnings=[*warnings, *search_warnings],
    )
    return replace(wire, search=search, api="chat")


def set_token_limit(body: dict[str, Any], asked: int | None, name: str, dialect: Dialect) -> None:
    """Sets the limit of generated tokens: the caller's, else the dialect's default, else none."""
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


def finish_body(
    body: dict[str, Any],
    options: Json,
    dialect: Dialect,
    *,
    path: str,
    endpoint: Endpoint,
    stream: bool,
    warnings: Sequence[str],
) -> WireRequest:
    """Completes the body with `stream` and the user's options; returns the request."""
    all_warnings = [*warnings, *drop_refused(body, dialect)]
    if any(options.get(name) is not None for name in TOKEN_PARAMS):  # providers refuse two limits in one request
        for name in TOKEN_PARAMS:
            body.pop(name, None)
    if options.get("stream", stream) is True:
        body["stream"] = True
        if dialect.stream_options:
            body["stream_options"] = {"include_usage": True}
    all_warnings += merge_options(body, options)
    return WireRequest(
        path=path,
        endpoint=endpoint,
        body=body,
        stream=body.get("stream") is True,
        protected=protected_names(options),
        warnings=tuple(all_warnings),
    )
