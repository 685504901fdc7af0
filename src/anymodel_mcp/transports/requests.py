"""Middleware for the SDK's server, applied to every request on every transport."""

from __future__ import annotations

import logging
from typing import Any, cast

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR
from pydantic import BaseModel, ValidationError

from anymodel_mcp.transports.framing import replace_surrogates

logger = logging.getLogger(__name__)


def guard_requests(server: MCPServer[Any], *, replace_surrogates: bool = False) -> None:
    """Adds the guards to a server, once.

    Args:
        server: modified in place.
        replace_surrogates: also replace lone surrogates, which UTF-8 cannot encode; stdio does that itself.
    """
    guards = [contain, replace_surrogates_in_result] if replace_surrogates else [contain]
    server.middleware[:0] = [guard for guard in guards if guard not in server.middleware]


async def contain(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Turns exceptions that escape a handler into an error response.

    A `CancelledError` counts only if somebody cancels this request: one that leaks out of a tool (which awaited a task
    that it had cancelled) would otherwise end the connection. Texts of unknown exceptions never reach the wire: the
    SDK sends them to peers of the legacy era.
    """
    try:
        return await call_next(ctx)
    except (MCPError, ValidationError):  # the dispatchers handle these
        raise
    except anyio.get_cancelled_exc_class():
        if anyio.current_effective_deadline() == -float("inf"):
            raise
        logger.warning("%s: the handler raised a cancellation that was not requested", ctx.method)
    except Exception:
        logger.exception("%s: the handler failed", ctx.method)
    raise MCPError(code=INTERNAL_ERROR, message="Internal server error")


async def replace_surrogates_in_result(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Replaces lone surrogates in results and errors: one of them ends a legacy session of the SDK over HTTP."""
    try:
        result = await call_next(ctx)
    except MCPError as exc:
        error = exc.error
        raise MCPError(
            code=error.code, message=replace_surrogates(error.message), data=replace_surrogates(error.data)
        ) from exc
    return (
        result if result is None or isinstance(result, BaseModel) else cast("HandlerResult", replace_surrogates(result))
    )
