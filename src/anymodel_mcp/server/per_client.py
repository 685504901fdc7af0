"""Answers that differ by client: middleware over the wire form, so that all other clients get the same bytes."""

from __future__ import annotations

from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from anymodel_mcp.hosts.table import find_host
from anymodel_mcp.server.client_info import client_name
from anymodel_mcp.types import Json


async def require_prompt_arguments(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Lists the arguments of prompts as required for hosts that drop what is typed otherwise; none is needed."""
    result = await call_next(ctx)
    if (
        ctx.method != "prompts/list"
        or not isinstance(result, dict)
        or not find_host(client_name(ctx)).fills_required_only
    ):
        return result
    for prompt in cast("list[Json]", result.get("prompts", [])):
        for argument in prompt.get("arguments") or ():
            argument["required"] = True
    return result
