"""Chat turns as requests of the Messages API.

https://platform.claude.com/docs/en/api/messages (read 2026-11-21). `options` reach the body verbatim and last, as in
every builder; two of them are translated: `tool_choice` in OpenAI's form, and `betas`, which is
a header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.dialects.native import API_HEADERS
from anymodel_mcp.types import ChatRequest, Json
from anymodel_mcp.wire.anthropic.blocks import CARRIED, split_system, to_messages
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.efforts import set_effort
from anymodel_mcp.wire.fields.messages import check_file_bytes, with_instruction
from anymodel_mcp.wire.fields.options import TOKEN_LIMITS, drop_refused, merge_options, protected_names
from anymodel_mcp.wire.fields.sampling import set_sampling, set_stop
from anymodel_mcp.wire.fields.search import set_search
from anymodel_mcp.wire.fields.structured import instruction, schema_format

__all__ = ["ANSWER_TOOL", "CARRIED", "build_messages", "forces_answer_tool"]

ANSWER_TOOL = "give_answer"
"""The tool that a model without structured output must call to answer."""

_DEFAULT_MAX_TOKENS = 8192
_CHOICES = {"auto": "auto", "required": "any", "none": "none", "any": "any"}
_LEAST_TOP_P = 0.95  # https://platform.claude.com/docs/en/build-with-claude/extended-thinking (read 2026-11-21)


def build_messages(request: ChatRequest, dialect: Dialect) -> WireRequest:
    """Builds a turn for `messages`.

    Raises:
        ArgumentError: the API does not take a part of a message, or the files are too large.
    """
    check_file_bytes(request.messages)
    options = _native_options(request.options)
    body: dict[str, Any] = {"model": request.model}
    if request.max_tokens is not None:
        body["max_tokens"] = request.max_tokens
    warnings = _set_thinking(body, request, dialect)
    _set_limit(body, dialect)
    warnings += set_sampling(body, request.temperature, request.top_p, dialect)
    warnings += _sampling_beside_thinking(body)
    warnings += _set_stop(body, request, dialect)
    tools = [_tool(tool) for tool in request.tools or ()]
    messages = list(request.messages)
    if request.json_schema is not None:
        messages = _set_schema(body, tools, request.json_schema, messages, dialect)
    system, rest = split_system(messages)
    if system:
        body["system"] = system
    body["messages"] = to_messages(rest)
    tools += as_list(options.pop("tools", None))
    if tools:
        body["tools"] = tools
    search, search_warnings = set_search(body, replace(request, options=options), dialect)
    warnings += search_warnings
    if options.get("stream", request.stream) is True:
        body["stream"] = True
    betas = options.pop("betas", None)
    warnings += drop_refused(body, dialect)
    warnings += merge_options(body, options)
    return WireRequest(
        path="messages",
        endpoint="messages",
        api="anthropic",
        body=body,
        default_headers=API_HEADERS["anthropic"],
        headers={"anthropic-beta": ",".join(map(str, as_list(betas)))} if as_list(betas) else {},
        stream=body.get("stream") is True,
        protected=protected_names(request.options),
        search=search,
        warnings=tuple(warnings),
    )


def forces_answer_tool(body: Json) -> bool:
    """Whether a request offers the tool that returns the answer."""
    return any(tool.get("name") == ANSWER_TOOL for tool in objects(body.get("tools")))


def _native_options(options: Json) -> Json:
    """The user's options, with OpenAI's `tool_choice` and token limit translated for this API."""
    native = {name: value for name, value in options.items() if name not in TOKEN_LIMITS}
    limit = next((options[name] for name in TOKEN_LIMITS if options.get(name) is not None), None)
    if limit is not None:
        native["max_tokens"] = limit
    choice = options.get("tool_choice")
    if isinstance(choice, str):
        native["tool_choice"] = {"type": _CHOICES.get(choice, choice)}
    elif name := as_text(as_object(as_object(choice).get("function")).get("name")):
        native["tool_choice"] = {"type": "tool", "name": name}
    return native


def _set_limit(body: dict[str, Any], dialect: Dialect) -> None:
    """Sets the token limit that the API requires, with room for thinking."""
    if "max_tokens" not in body:
        budget = as_object(body.get("thinking")).get("budget_tokens", 0)
        body["max_tokens"] = (dialect.default_max_tokens or _DEFAULT_MAX_TOKENS) + budget


def _set_thinking(body: dict[str, Any], request: ChatRequest, dialect: Dialect) -> list[str]:
    if not request.reasoning_effort:
        return []
    warnings = set_effort(body, request.reasoning_effort, dialect)
    if _thinks(body) and _lacks_thoughts(request.messages):
        body.pop("thinking")
        warnings.append("thinking was left out: the tool calls of this turn were made without it")
    return warnings


def _thinks(body: Json) -> bool:
    return as_object(body.get("thinking")).get("type") in ("enabled", "adaptive")


def _lacks_thoughts(messages: Sequence[Json]) -> bool:
    """Whether the turn continues tool calls that were made without thinking: thinking is refused then."""
    asked = max((i for i, turn in enumerate(messages) if turn.get("role") == "user"), default=-1)
    calling = [turn for turn in messages[asked + 1 :] if turn.get("tool_calls")]
    thought = ("thinking", "redacted_thinking")
    return bool(calling) and not any(b.get("type") in thought for b in objects(calling[-1].get(CARRIED)))


def _sampling_beside_thinking(body: dict[str, Any]) -> list[str]:
    """Removes what the API refuses together with thinking."""
    if not _thinks(body):
        return []
    dropped = [name for name, fits in (("temperature", 1), ("top_p", _LEAST_TOP_P)) if body.get(name, fits) < fits]
    for name in dropped:
        del body[name]
    return [f"{name} was left out: it cannot be set while the model thinks" for name in dropped]


def _set_stop(body: dict[str, Any], request: ChatRequest, dialect: Dialect) -> list[str]:
    stop = [word for word in request.stop or () if word.strip()]
    blank = len(request.stop or ()) - len(stop)
    warnings = set_stop(body, stop, dialect)
    if "stop" in body:
        body["stop_sequences"] = body.pop("stop")
    if blank:
        warnings.append(f"{blank} stop sequences of white space were left out: the Messages API refuses them")
    return warnings


def _tool(tool: Json) -> Json:
    """A function in this API's form; the API's own tools are returned unchanged."""
    function = as_object(tool.get("function"))
    if not function:
        return tool
    schema = as_object(function.get("parameters")) or {"type": "object", "properties": {}}
    kept = {k: function[k] for k in ("description", "strict") if function.get(k) is not None}
    marks = {k: tool[k] for k in ("cache_control",) if k in tool}
    return {"name": function.get("name"), **kept, "input_schema": {"type": "object", **schema}, **marks}


def _set_schema(
    body: dict[str, Any], tools: list[Json], schema: Json, messages: list[Json], dialect: Dialect
) -> list[Json]:
    """Requests an answer by a schema; returns the messages, with an instruction if nothing stronger is possible.

    `output_config.format` takes closed objects only. A forced tool takes every object schema, but
    cannot be forced while the model thinks.
    """
    form = schema_format(schema)
    if dialect.structured == "json_schema" and form.get("strict"):
        body["output_config"] = {
            **as_object(body.get("output_config")),
            "format": {"type": "json_schema", "schema": schema},
        }
        return messages
    if dialect.structured in ("instruction", "json_object") or schema.get("type") != "object" or _thinks(body):
        return with_instruction(messages, instruction(schema))
    others = bool(tools)
    tools.append({"name": ANSWER_TOOL, "description": "Gives the final answer.", "input_schema": schema})
    body["tool_choice"] = {"type": "any"} if others else {"type": "tool", "name": ANSWER_TOOL}
    return messages
