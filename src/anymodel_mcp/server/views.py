"""The view (MCP Apps, SEP-1865): one HTML document in which a host shows pictures, sound, video and running jobs.

It is an addition for clients that declare the extension with our MIME type, in `initialize` or in the envelope of a
request; for all others, no answer changes by a byte. The document is not listed: hosts find its address at the tools.
https://github.com/modelcontextprotocol/ext-apps/blob/main/specification/2026-01-26/apps.mdx (read 2026-11-28)
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents

from anymodel_mcp.config import ViewSettings
from anymodel_mcp.hosts.model import Host
from anymodel_mcp.hosts.table import find_host
from anymodel_mcp.server.client_info import client_name
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_object

EXTENSION_ID = "io.modelcontextprotocol/ui"
MIME_TYPE = "text/html;profile=mcp-app"
URI = "ui://anymodel/view"
BOUND = ("generate_image", "speak", "create_media")
"""Their results are files or running jobs. `get_result` is not among them: it also gives the rest of chat answers, and
hosts tell their model not to repeat what a bound tool's view shows, even where no view appears
(modelcontextprotocol/ext-apps#671, anthropics/claude-code#95499; read 2026-11-28)."""
_TOOL_META: Json = {"ui": {"resourceUri": URI}, "ui/resourceUri": URI}
"""The second key is the old one; Claude still needs it (anthropics/claude-ai-mcp#71, read 2026-11-28)."""
_FILE = Path(__file__).with_name("view.html")


def bound_tools(settings: ViewSettings) -> tuple[str, ...]:
    """Returns the names of the tools whose results are shown in the view."""
    if not settings.enabled:
        return ()
    return (*BOUND, "chat") if settings.chat else BOUND


def document(host: Host) -> ReadResourceContents:
    """Returns the document for `resources/read`; it asks for no domain, so that only `data:` URLs load."""
    ui: Json = {"prefersBorder": False}
    if host.asks_for_data:
        ui["csp"] = {"resourceDomains": ["data:"]}
    return ReadResourceContents(content=_FILE.read_text(encoding="utf-8"), mime_type=MIME_TYPE, meta={"ui": ui})


def shows_views(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether the client of a request declares the extension with our MIME type, and its host's row allows views."""
    declared: Any
    if ctx.method == "initialize":
        extensions = as_object(as_object((ctx.params or {}).get("capabilities")).get("extensions"))
        declared = extensions.get(EXTENSION_ID)
    else:
        capabilities = ctx.session.client_capabilities
        declared = (capabilities.extensions or {}).get(EXTENSION_ID) if capabilities else None
    types = as_object(declared).get("mimeTypes")
    return isinstance(types, list) and MIME_TYPE in types and find_host(_name(ctx)).views


def _name(ctx: ServerRequestContext[Any, Any]) -> str:
    if ctx.method != "initialize":
        return client_name(ctx)
    return str(as_object((ctx.params or {}).get("clientInfo")).get("name") or "")


class Views:
    """Middleware that declares the extension and binds the tools, for clients that show views.

    Args:
        bound: the names of the bound tools as they are listed.
    """

    def __init__(self, bound: Collection[str]) -> None:
        self._bound = frozenset(bound)

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Adds to the wire form of an answer."""
        result = await call_next(ctx)
        if ctx.method not in _ADDITIONS or not isinstance(result, dict) or not shows_views(ctx):
            return result
        if ctx.method == "tools/list":
            return self._with_bindings(result)
        return _with_extension(result)

    def _with_bindings(self, result: Json) -> Json:
        tools = [
            {**tool, "_meta": {**tool.get("_meta", {}), **_TOOL_META}} if tool.get("name") in self._bound else tool
            for tool in cast("list[Json]", result.get("tools", []))
        ]
        scope = {"cacheScope": "private"} if "cacheScope" in result else {}  # the list is this client's own
        return {**result, **scope, "tools": tools}


_ADDITIONS = ("initialize", "server/discover", "tools/list")


def _with_extension(result: Json) -> Json:
    capabilities = as_object(result.get("capabilities"))
    extensions: Json = {**as_object(capabilities.get("extensions")), EXTENSION_ID: {}}
    return {**result, "capabilities": {**capabilities, "extensions": extensions}}
