"""Formats results as records: documented keys, absent if unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from anymodel_mcp.redact import one_line
from anymodel_mcp.types import CallStats, ChatResult, Json, ModelRecord, Usage
from anymodel_mcp.upstream.routing import Target

REASONING_CHARS = 8000


def sparse(fields: Json) -> Json:
    """Removes unknown values: `None`, "", empty lists and objects."""
    return {k: v for k, v in fields.items() if v is not None and v != "" and v != [] and v != {} and v != ()}


def usage_record(usage: Usage | None) -> Json | None:
    """The record of tokens and cost, with known figures only."""
    return sparse(asdict(usage)) or None if usage else None


def stats_record(stats: CallStats) -> Json:
    """The record of the requests: attempts, times, rate limits."""
    return sparse(
        {
            "request_id": one_line(stats.request_id or ""),
            "attempts": stats.attempts,
            "first_delta_s": stats.first_delta_s,
            "duration_s": stats.duration_s,
            "rate_limit": dict(stats.rate_limit),
        }
    )


def head_record(target: Target, requested: str | None, answered: str | None) -> Json:
    """The record of the model that answered."""
    return {
        "provider": target.provider,
        "model": one_line(answered or "") or target.model,
        "requested_model": requested or target.model,
    }


def chat_record(result: ChatResult, stats: CallStats, target: Target, requested: str | None) -> Json:
    """The record of a chat or completion, without pictures and conversation."""
    reasoning = result.reasoning
    if len(reasoning) > REASONING_CHARS:
        reasoning = f"{reasoning[:REASONING_CHARS]} [cut: {len(reasoning)} characters in all]"
    record = {
        **head_record(target, requested, result.model),
        "id": one_line(result.id or ""),
        "finish_reason": result.finish_reason,
        "finish_raw": one_line(result.finish_raw or ""),
        "reasoning": reasoning,
        "refusal": result.refusal,
        "choices": list(result.choices),
        "citations": [sparse({"url": one_line(c.url), "title": one_line(c.title or "")}) for c in result.citations],
        "tool_calls": [
            {"id": one_line(c.id), "name": one_line(c.name), "arguments": c.arguments} for c in result.tool_calls
        ],
        "invalid_tool_calls": [
            {"id": one_line(c.id), "name": one_line(c.name), "arguments_raw": c.arguments_raw}
            for c in result.invalid_tool_calls
        ],
        "usage": usage_record(result.usage),
        "warnings": list(dict.fromkeys((*stats.warnings, *result.warnings))),
        **stats_record(stats),
    }
    return {**sparse(record), "status": "complete", "truncated": result.finish_reason == "length"}


def model_record(record: ModelRecord) -> Json:
    """The record of a model, without the provider's own entry."""
    fields: dict[str, Any] = {k: v for k, v in asdict(record).items() if k != "entry"}
    if record.price_per_million:
        fields["price_per_million"] = sparse(asdict(record.price_per_million))
    fields["price"] = dict(record.price)
    for name in ("input_modalities", "output_modalities", "capabilities"):
        fields[name] = list(fields[name])
    return sparse(fields)


def numbered(values: Sequence[str]) -> str:
    """A numbered list, one entry per line."""
    return "\n".join(f"{i}. {value}" for i, value in enumerate(values, 1))
