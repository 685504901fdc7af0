"""Serves both eras of the protocol on one connection: the envelope of each message selects the era.

The SDK's loop locks a connection to the era of its first request, so that `server/discover` followed by `initialize`
ends it; hosts do send that (anthropics/claude-code#96183, github/copilot-cli#4525, seen 2026-11-20), and the
specification allows both eras on one process (2026-07-28, basic/versioning).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.connection import Connection
from mcp.server.lowlevel.server import Server
from mcp.server.mcpserver import MCPServer
from mcp.server.runner import ServerRunner, aclose_shielded, modern_on_request
from mcp.shared.dispatcher import DispatchContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.transport_context import TransportContext
from mcp_types import PROTOCOL_VERSION_META_KEY

Params = Mapping[str, Any] | None
RequestContext = DispatchContext[TransportContext]


def lowlevel(server: MCPServer[Any]) -> Server[Any]:
    """The SDK's low-level server, which `MCPServer` does not expose (mcp 2.3.0)."""
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
        lifespan_state: the value that its lifespan yielded.
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
                return await legacy.on_request(context, method, params)
            route = classify_inbound_request({"method": method, "params": params})
            if isinstance(route, InboundLadderRejection):
                raise MCPError(code=route.code, message=route.message, data=route.data)
            return await modern(context, method, params)

        try:
            await dispatcher.run(on_request, legacy.on_notify)
        finally:
            await aclose_shielded(connection)
