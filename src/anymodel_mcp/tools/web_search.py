"""Web search in `chat`: the API that has it, and the loop that one provider wants."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from anymodel_mcp.dialects.resolve import find_row
from anymodel_mcp.types import CallStats, ChatRequest, ChatResult, Json
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.sums import total_usage
from anymodel_mcp.wire.fields.search import KIMI_SEARCH

_MOST_ROUNDS = 5
_UNLISTED = "openai"
"""The row of providers that are not listed: which APIs they have is not known."""


def with_search_api(endpoint: Endpoint) -> Endpoint:
    """The endpoint through the API in which this model can search."""
    dialect = endpoint.dialect
    if endpoint.api == "chat" and dialect.search == "none" and dialect.search_api:
        return endpoint.through(dialect.search_api)
    return endpoint


def search_note(endpoint: Endpoint) -> str:
    """What to say where no web search is known; "" where one is."""
    if endpoint.dialect.search != "none":
        return ""
    settings = endpoint.client.settings
    row = find_row(settings.dialect)
    others = [api for api, access in row.apis.items() if access.quirks.get("search")] if row else []
    known = f'; it knows one with api = "{others[0]}"' if others and settings.dialect != _UNLISTED else ""
    return f"search was left out: this server knows no web search for {settings.name} with {endpoint.model}{known}"


async def ask_searching(endpoint: Endpoint, request: ChatRequest, on_deltas: OnDeltas) -> tuple[ChatResult, CallStats]:
    """The answer; calls of a built-in search are returned to the provider, which then searches.

    https://platform.moonshot.ai/docs/guide/use-web-search (2026-11-28): the result of such a call is its arguments.
    """
    result, stats = await endpoint.send(endpoint.chat, request, on_deltas)
    for _ in range(_MOST_ROUNDS):
        if not _searches(result):
            break
        request = replace(request, messages=[*request.messages, *_echo(result)])
        earlier, spent = stats, result.usage
        result, stats = await endpoint.send(endpoint.chat, request, on_deltas)
        result = replace(result, usage=total_usage([spent, result.usage]))
        stats = _both(earlier, stats)
    return result, stats


def _searches(result: ChatResult) -> bool:
    calls = result.tool_calls
    return bool(calls) and not result.invalid_tool_calls and all(call.name == KIMI_SEARCH for call in calls)


def _echo(result: ChatResult) -> Sequence[Json]:
    """The turn that calls the search, and the answers to its calls."""
    words = [json.dumps(call.arguments, ensure_ascii=False) for call in result.tool_calls]
    calls = [
        {"id": call.id, "type": "builtin_function", "function": {"name": call.name, "arguments": said}}
        for call, said in zip(result.tool_calls, words, strict=True)
    ]
    turn: Json = {"role": "assistant", "content": result.text, **result.carry, "tool_calls": calls}
    answers: list[Json] = [
        {"role": "tool", "tool_call_id": call.id, "name": call.name, "content": said}
        for call, said in zip(result.tool_calls, words, strict=True)
    ]
    return [turn, *answers]


def _both(first: CallStats, second: CallStats) -> CallStats:
    """The second request's figures, with what both took."""
    return replace(
        second,
        attempts=first.attempts + second.attempts,
        first_delta_s=first.first_delta_s if first.first_delta_s is not None else second.first_delta_s,
        duration_s=first.duration_s + second.duration_s,
        warnings=tuple(dict.fromkeys((*first.warnings, *second.warnings))),
    )
