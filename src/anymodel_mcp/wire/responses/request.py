"""Builds requests of the Responses API (`input`, `instructions`, flat tools, `text.format`).

The shapes follow OpenAI's own API description (openai-openapi 2.3.0, as surveyed 2026-11-20).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import ChatRequest, Json
from anymodel_mcp.wire.content.call_items import call_item, result_item
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.efforts import set_effort
from anymodel_mcp.wire.fields.messages import check_file_bytes, text_of, with_instruction
from anymodel_mcp.wire.fields.options import drop_refused, merge_options, protected_names
from anymodel_mcp.wire.fields.sampling import set_sampling
from anymodel_mcp.wire.fields.search import set_search
from anymodel_mcp.wire.fields.structured import instruction, schema_format

_LIMITS = ("max_output_tokens", "max_tokens", "max_completion_tokens")


def build_responses(request: ChatRequest, dialect: Dialect) -> WireRequest:
    """Builds a turn for `responses`.

    Raises:
        ArgumentError: the files in it are too large for any provider.
    """
    check_file_bytes(request.messages)
    leading, messages = _instructions(request.messages)
    body: dict[str, Any] = {"model": request.model}
    if leading:
        body["instructions"] = leading
    if request.json_schema is not None:
        messages = _set_schema(body, request.json_schema, messages, dialect)
    body["input"] = [item for message in messages for item in _items(message)]
    warnings = set_sampling(body, request.temperature, request.top_p, dialect)
    limit = request.max_tokens if request.max_tokens is not None else dialect.default_max_tokens
    if limit is not None and not any(request.options.get(name) is not None for name in _LIMITS):
        body["max_output_tokens"] = limit
    if request.stop:
        warnings.append("stop was left out: the Responses API has no stop sequences")
    if request.tools:
        body["tools"] = [_flat_tool(tool) for tool in request.tools]
    if request.reasoning_effort:
        warnings += set_effort(body, request.reasoning_effort, dialect, nested=True)
    search, told = set_search(body, request, dialect)
    warnings += told
    if request.options.get("stream", request.stream) is True:
        body["stream"] = True
    warnings += drop_refused(body, dialect)
    warnings += merge_options(body, request.options)
    return WireRequest(
        path="responses",
        endpoint="responses",
        api="responses",
        body=body,
        stream=body.get("stream") is True,
        protected=protected_names(request.options),
        search=search,
        warnings=tuple(warnings),
    )


def _set_schema(body: dict[str, Any], schema: Json, messages: list[Json], dialect: Dialect) -> list[Json]:
    """Requests an answer by a schema; returns the messages, with an instruction if needed."""
    if dialect.structured == "json_schema":
        body["text"] = {"format": {"type": "json_schema", **schema_format(schema)}}
        return messages
    if dialect.structured == "json_object":
        body["text"] = {"format": {"type": "json_object"}}
    return with_instruction(messages, instruction(schema))


def _instructions(messages: Sequence[Json]) -> tuple[str, list[Json]]:
    """The text of the leading instructions, and the messages after them."""
    texts: list[str] = []
    for at, message in enumerate(messages):
        if message.get("role") not in ("system", "developer"):
            return "\n\n".join(t for t in texts if t), list(messages[at:])
        texts.append(text_of(message.get("content")))
    return "\n\n".join(t for t in texts if t), []


def _items(message: Json) -> list[Json]:
    """Converts a chat message to input items; items of this API are returned unchanged."""
    if "role" not in message:
        return [message]
    role, content = message["role"], message.get("content")
    if role == "tool":
        return [result_item(message)]
    calls = [call_item(call) for call in objects(message.get("tool_calls"))]
    if calls and content in (None, "", []):
        return calls
    parts = as_list(content)
    shaped = [_part(part, "output_text" if role == "assistant" else "input_text") for part in parts]
    return [{"role": role, "content": shaped if parts else content or ""}, *calls]


def _part(part: Any, text_type: str) -> Any:
    if isinstance(part, str):
        return {"type": text_type, "text": part}
    fields = as_object(part)
    kind = fields.get("type")
    if kind == "text":
        return {**fields, "type": text_type}
    if kind == "image_url":
        return _picture(fields.get("image_url"))
    if kind == "file" and isinstance(fields.get("file"), dict):
        return {"type": "input_file", **_file(fields["file"])}
    return part


def _picture(value: Any) -> Json:
    fields = as_object(value)
    if not fields:
        return {"type": "input_image", "image_url": value}
    detail = {"detail": fields["detail"]} if "detail" in fields else {}
    return {"type": "input_image", "image_url": fields.get("url"), **detail}


def _file(fields: Json) -> Json:
    """`filename`, `file_data` (a data URL), `file_id` or `file_url`; a link in `file_data` is a `file_url`."""
    data = as_text(fields.get("file_data"))
    return {"file_url": data} if data[:8].lower().startswith(("http://", "https://")) else fields


def _flat_tool(tool: Json) -> Json:
    function = as_object(tool.get("function"))
    return {"type": "function", **function} if function and tool.get("type", "function") == "function" else tool
