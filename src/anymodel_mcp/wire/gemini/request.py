"""Builds requests of the Gemini API.

https://ai.google.dev/api/generate-content (read 2026-11-21). `options` reach the body verbatim and last, key by key
inside `generationConfig` and `toolConfig`; `tool_choice` in OpenAI's form is translated.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import ChatRequest, Json
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.efforts import set_effort
from anymodel_mcp.wire.fields.messages import check_file_bytes, with_instruction
from anymodel_mcp.wire.fields.options import TOKEN_LIMITS, drop_refused, merge_options, protected_names
from anymodel_mcp.wire.fields.sampling import set_sampling, set_stop
from anymodel_mcp.wire.fields.search import set_search
from anymodel_mcp.wire.fields.structured import instruction
from anymodel_mcp.wire.gemini.parts import CARRIED, split_system, to_contents

__all__ = ["CARRIED", "build_generate"]

_CONFIG = {"temperature": "temperature", "top_p": "topP", "stop": "stopSequences", "thinkingConfig": "thinkingConfig"}
_SNAKE = {
    "generation_config": "generationConfig",
    "tool_config": "toolConfig",
    "safety_settings": "safetySettings",
    "system_instruction": "systemInstruction",
    "cached_content": "cachedContent",
}
"""The API takes both spellings, but not of one field in one request."""
_CHOICES = {"auto": "AUTO", "required": "ANY", "any": "ANY", "none": "NONE"}


def build_generate(request: ChatRequest, dialect: Dialect) -> WireRequest:
    """Builds a turn for `models/MODEL:generateContent`, or its streaming variant.

    Raises:
        ArgumentError: the files in it are too large for any provider.
    """
    check_file_bytes(request.messages)
    options = _native_options(request.options)
    config: dict[str, Any] = {}
    warnings = set_sampling(config, request.temperature, request.top_p, dialect)
    warnings += set_stop(config, request.stop, dialect)
    if request.reasoning_effort:
        warnings += _set_effort(config, request.reasoning_effort, dialect)
    config = {_CONFIG.get(name, name): value for name, value in config.items()}
    limit = request.max_tokens if request.max_tokens is not None else dialect.default_max_tokens
    if limit is not None:
        config["maxOutputTokens"] = limit
    messages = list(request.messages)
    if request.json_schema is not None:
        messages = _set_schema(config, request.json_schema, messages, dialect, with_tools=bool(request.tools))
    system, rest = split_system(messages)
    body: dict[str, Any] = {"contents": to_contents(rest, dialect.foreign_signature)}
    if system:
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if config:
        body["generationConfig"] = config
    tools = [*_tools(request.tools or ()), *as_list(options.pop("tools", None))]
    if tools:
        body["tools"] = tools
    search, search_warnings = set_search(body, replace(request, options=options), dialect)
    warnings += search_warnings
    stream = options.pop("stream", request.stream) is True
    model = as_text(options.pop("model", None)) or request.model
    warnings += drop_refused(body, dialect)
    warnings += merge_options(body, options)
    return WireRequest(
        path=f"{place_of(model)}:{'streamGenerateContent' if stream else 'generateContent'}",
        endpoint="generate",
        api="gemini",
        body=body,
        query={"alt": "sse"} if stream else {},
        stream=stream,
        protected=protected_names(request.options),
        search=search,
        warnings=tuple(warnings),
    )


def place_of(model: str) -> str:
    """The path of a model: its id, or the resource name from the model list."""
    name = quote(model, safe="/:@-_.~")
    return name if model.startswith(("models/", "tunedModels/", "publishers/", "projects/")) else f"models/{name}"


def _set_effort(config: dict[str, Any], effort: str, dialect: Dialect) -> list[str]:
    """Sets an effort as a level or a token budget, and requests the thoughts."""
    warnings = set_effort(config, effort, dialect)
    thinking = as_object(config.pop("thinking", None))
    if thinking.get("type") == "disabled":
        config["thinkingConfig"] = {"thinkingBudget": 0}
    elif "budget_tokens" in thinking:
        config["thinkingConfig"] = {"includeThoughts": True, "thinkingBudget": thinking["budget_tokens"]}
    return warnings


def _native_options(options: Json) -> Json:
    """The user's options, with `tool_choice`, token limit and snake-case names translated for this API."""
    skipped = {*TOKEN_LIMITS, "tool_choice"}
    native = {_SNAKE.get(name, name): value for name, value in options.items() if name not in skipped}
    limit = next((options[name] for name in TOKEN_LIMITS if options.get(name) is not None), None)
    if limit is not None:
        native["generationConfig"] = {"maxOutputTokens": limit, **as_object(native.get("generationConfig"))}
    choice = options.get("tool_choice")
    name = as_text(as_object(as_object(choice).get("function")).get("name"))
    calling: Json = {}
    if name:
        calling = {"mode": "ANY", "allowedFunctionNames": [name]}
    elif isinstance(choice, str):
        calling = {"mode": _CHOICES.get(choice, choice)}
    if calling:
        native["toolConfig"] = {"functionCallingConfig": calling, **as_object(native.get("toolConfig"))}
    return native


def _tools(tools: Any) -> list[Json]:
    """All functions in one tool; the API's own tools are unchanged."""
    functions = [as_object(tool.get("function")) for tool in objects(list(tools)) if tool.get("function")]
    others = [tool for tool in objects(list(tools)) if not tool.get("function")]
    declared = [_declaration(function) for function in functions]
    return [*([{"functionDeclarations": declared}] if declared else []), *others]


def _declaration(function: Json) -> Json:
    said = {"name": function.get("name"), "description": function.get("description")}
    schema = as_object(function.get("parameters"))
    if schema.get("properties") or schema.get("$ref") or schema.get("anyOf"):
        said["parametersJsonSchema"] = schema
    return {name: value for name, value in said.items() if value}


def _set_schema(
    config: dict[str, Any], schema: Json, messages: list[Json], dialect: Dialect, *, with_tools: bool
) -> list[Json]:
    """Requests an answer by a schema; with functions, which most models refuse together, by instruction."""
    if dialect.structured == "json_schema" and not with_tools:
        config["responseMimeType"] = "application/json"
        config["responseJsonSchema"] = schema
        return messages
    if dialect.structured == "json_object" and not with_tools:
        config["responseMimeType"] = "application/json"
    return with_instruction(messages, instruction(schema))
