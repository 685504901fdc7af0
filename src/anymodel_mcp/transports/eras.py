"""Serves both eras of the protocol on one connection: each message goes to the era that its envelope names.

The SDK's loop locks a connection to the era of its first request, so that `server/discover` followed by `initialize`
ends it; hosts do send that (anthropics/claude-code#96183, github/copilot-cli#4525, seen 2026-11-20), and the
specification allows both eras on one process (2026-07-28, basic/versioning).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.server.connection import Connection
from mcp.server.lowlevel.server import Server
from mcp.server.mcpserver import MCPServer
from mcp.server.runner import ServerRunner, aclose_shielded, modern_on_request
from mcp.shared.dispatcher import DispatchContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.transport_context import TransportContext
from mcp_types import INTERNAL_ERROR, PROTOCOL_VERSION_META_KEY
from pydantic import ValidationError

logger = logging.getLogger(__name__)

Params = Mapping[str, Any] | None
RequestContext = DispatchContext[TransportContext]


def lowlevel(server: MCPServer[Any]) -> Server[Any]:
    """The SDK's inner server, to which `MCPServer` has no public door (mcp 2.3.0)."""
    return server._lowlevel_server  # pyright: ignore[reportPrivateUsage] the only way to own the run loop


def is_modern(method: str, params: Params) -> bool:
    """Whether a request carries the envelope of 2026-07-28 (and is not the handshake that this era dropped)."""
    meta = (params or {}).get("_meta")
    return method != "initialize" and isinstance(meta, Mapping) and PROTOCOL_VERSION_META_KEY in meta


@dataclass(slots=True)
class BothEras:
    """The handlers of one connection, for `JSONRPCDispatcher.run`.

    Args:
        server: the SDK's inner server.
        lifespan_state: what its lifespan gave.
    """

    server: Server[Any]
    lifespan_state: Any

    async def serve(self, dispatcher: JSONRPCDispatcher[TransportContext]) -> None:
        """Drives the dispatcher until its stream ends."""
        connection = Connection.for_loop(dispatcher)
        legacy = ServerRunner(self.server, connection, self.lifespan_state)
        modern = modern_on_request(self.server, self.lifespan_state)

        async def on_request(context: RequestContext, method: str, params: Params) -> dict[str, Any]:
            if not is_modern(method, params):
                return await _contained(context, legacy.on_request, method, params)
            route = classify_inbound_request({"method": method, "params": params})
            if isinstance(route, InboundLadderRejection):
                raise MCPError(code=route.code, message=route.message, data=route.data)
            return await _contained(context, modern, method, params)

        try:
            await dispatcher.run(on_request, legacy.on_notify)
        finally:
            await aclose_shielded(connection)


async def _contained(context: RequestContext, handle: Any, method: str, params: Params) -> dict[str, Any]:
    """The handler's result, with everything that it should not have let out turned into an error answer.

    A `CancelledError` counts only if somebody cancels this request: one that leaks out of a tool (which awaited a
    task that it had cancelled) would otherwise end the connection. Exception texts never reach the wire: the legacy
    era of the SDK sends them.
    """
    try:
        return await handle(context, method, params)
    except (MCPError, ValidationError):  # the dispatcher has answers for these
        raise
    except anyio.get_cancelled_exc_class():
        if anyio.current_effective_deadline() == -float("inf"):
            raise
        logger.warning("%s: a cancellation that nobody asked for came out of the handler", method)
    except Exception:
        logger.exception("%s: the handler failed", method)
    raise MCPError(code=INTERNAL_ERROR, message="Internal server error")
