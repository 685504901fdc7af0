"""Reads tokens and cost from the seven places and a dozen names that providers use.

The last non-empty figure of a call counts and nothing is added up: running totals, placeholders of zeros and copies
would make a sum wrong (survey of documentation and recorded responses, 2026-11-20).
"""

from __future__ import annotations

from typing import Any

from anymodel_mcp.types import Json, Usage
from anymodel_mcp.wire.decode.json_values import as_count, as_number, as_object, objects

_INPUT = ("prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "prompt_eval_count", "promptTokenCount")
_OUTPUT = ("completion_tokens", "output_tokens", "completionTokens", "outputTokens", "eval_count")
_TICKS_PER_USD = 10_000_000_000  # xAI: https://docs.x.ai/developers/cost-tracking (read 2026-11-21)
_TOTAL = ("total_tokens", "totalTokens")
_REASONING = ("reasoning_tokens", "thinking_tokens", "reasoningTokens")
_CACHED = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
_OUTPUT_DETAILS = ("completion_tokens_details", "output_tokens_details")
_INPUT_DETAILS = ("prompt_tokens_details", "input_tokens_details")


def find_usage(frame: Json) -> Json | None:
    """Finds the usage object in a body or chunk; one of zeros only if there is no other."""
    places: list[Any] = [frame.get("usage"), as_object(frame.get("x_groq")).get("usage"), frame.get("usageMetadata")]
    for choice in objects(frame.get("choices")):
        places += [choice.get("usage"), as_object(choice.get("message")).get("usage")]
    found = [as_object(place) for place in places if place]
    return next((usage for usage in found if has_figures(usage)), found[0] if found else None)


def has_figures(usage: Json) -> bool:
    """Whether it contains a count that is not zero."""
    return any((as_number(usage.get(name)) or 0) > 0 for name in (*_INPUT, *_OUTPUT, *_TOTAL))


def read_usage(usage: Json | None) -> Usage | None:
    """Reads the figures; `None` if there are none.

    `output` is everything generated: where a provider excludes reasoning (xAI, DeepInfra) or includes it only in the
    total (Gemini), reasoning is added.
    """
    if not usage:
        return None
    out_details = [as_object(usage.get(name)) for name in _OUTPUT_DETAILS]
    in_details = [as_object(usage.get(name)) for name in _INPUT_DETAILS]
    given, total = _first(_INPUT, usage), _first(_TOTAL, usage)
    reasoning = _first(_REASONING, *out_details, usage)
    output = _whole_output(given, _first(_OUTPUT, usage), total, reasoning)
    if given is None and output is not None and total is not None and total >= output:
        given = total - output
    if given is not None and output is not None:
        total = given + output
    cached = _first(_CACHED, *in_details, usage)
    cost = _cost(usage)
    if given is None and output is None and total is None and cost is None:
        return None
    return Usage(input=given, output=output, total=total, reasoning=reasoning, cached=cached, cost=cost)


def _whole_output(given: int | None, output: int | None, total: int | None, reasoning: int | None) -> int | None:
    """Everything generated."""
    if output is None:
        return total - given if total is not None and given is not None and total >= given else None
    if reasoning:
        apart = given is not None and total == given + output + reasoning
        return output + reasoning if apart or reasoning > output else output
    if total is not None and given is not None and total > given + output:
        return total - given
    return output


def _first(names: tuple[str, ...], *sources: Json) -> int | None:
    for source in sources:
        for name in names:
            count = as_count(source.get(name))
            if count is not None:
                return count
    return None


def _cost(usage: Json) -> float | None:
    cost = usage.get("cost")
    if isinstance(cost, dict):
        cost = as_object(cost).get("total_cost")  # Perplexity
    for value in (cost, usage.get("estimated_cost"), usage.get("total_cost")):
        number = as_number(value)
        if number is not None:
            return number
    ticks = as_number(usage.get("cost_in_usd_ticks"))
    return None if ticks is None else ticks / _TICKS_PER_USD
