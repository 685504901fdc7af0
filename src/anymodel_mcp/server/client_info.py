"""The client of a request: host, protocol version and progress callback, read once from the request's context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context

from anymodel_mcp.hosts.model import Host
from anymodel_mcp.hosts.table import UNKNOWN, find_host
from anymodel_mcp.record import record

SendProgress = Callable[[float, str], Awaitable[None]]


@record
class ClientInfo:
    """The client of one call.

    Attributes:
        name: what the client calls itself; "" when it does not say.
        protocol: the negotiated protocol version; ISO dates compare as text.
        progress: sends one progress note (value, message); `None` when the call carries no token.
        views: the client shows views (MCP Apps).
    """

    host: Host = UNKNOWN
    name: str = ""
    protocol: str = "2025-11-25"
    progress: SendProgress | None = None
    views: bool = False

    @property
    def takes_links(self) -> bool:
        """Whether `resource_link` works: it exists since 2025-06-18, but some hosts drop it."""
        return self.host.links and self.protocol >= "2025-06-18"

    @property
    def takes_images(self) -> bool:
        """Whether picture blocks work: every version has them, but some hosts paste them as text."""
        return self.host.images


def client_name(request: ServerRequestContext[Any, Any]) -> str:
    """The client's name; over stateless HTTP, which has no handshake, it comes from the User-Agent."""
    params = request.session.client_params
    if params and params.client_info.name:
        return params.client_info.name
    headers = cast("Mapping[str, str]", getattr(request.request, "headers", None) or {})
    return headers.get("user-agent", "").partition("/")[0]


def read_peer(context: Context[Any, Any]) -> ClientInfo:
    """The client of a request."""
    request = context.request_context
    name = client_name(request)
    token = (request.meta or {}).get("progress_token")

    async def send(value: float, message: str) -> None:
        await request.session.report_progress(value, None, message)

    return ClientInfo(
        host=find_host(name),
        name=name,
        protocol=request.protocol_version,
        progress=send if token is not None else None,
    )
