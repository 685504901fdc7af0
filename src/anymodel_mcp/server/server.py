"""The MCP server, and the one place where errors become results for the model.

The SDK's tool manager stays empty: `list_tools` and `call_tool`, its public seams, serve our own tools, because its
signature reader parses strings that happen to be JSON and drops unknown names (mcp 2.3.0, func_metadata.py).
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
    PromptArgument,
    PromptMessage,
    TextContent,
    Tool,
    ToolAnnotations,
)
from mcp.types import Prompt as ListedPrompt
from pydantic import AnyUrl

from anymodel_mcp import __version__
from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.outcomes import failed, with_warnings
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import AnyModelError, ArgumentError, ConfigError
from anymodel_mcp.greeting.visible import ALWAYS, DEFAULT_SET, instructions, listed_tools
from anymodel_mcp.media.images import Scaled
from anymodel_mcp.redact import Redactor, one_line
from anymodel_mcp.server.client_info import ClientInfo, read_peer
from anymodel_mcp.server.per_client import require_prompt_arguments
from anymodel_mcp.server.prompts import Prompt, argument_problem, fill, prompts_of
from anymodel_mcp.server.render import Attachment, cap_of, fits, page, render
from anymodel_mcp.server.resources import register
from anymodel_mcp.server.services import Services
from anymodel_mcp.server.views import URI, Views, bound_tools, document, shows_views
from anymodel_mcp.tools import TOOLS, get_result
from anymodel_mcp.tools.arguments import parse, schema
from anymodel_mcp.tools.context import HostLimits, ToolSpec
from anymodel_mcp.types import Outcome

log = logging.getLogger(__name__)

NAME = "anymodel"
UNKNOWN_HOST_DEADLINE_S = 50.0
_TOOLS_IN_ADVICE = re.compile(r"\b(list_models|get_result)\b")
_FULL_PICTURE_BYTES = 700_000  # base64 of it stays below the 1,048,576 characters that Claude Desktop takes


class AnyModelServer(MCPServer[Services]):
    """The MCP server; `services` exist while it runs.

    Args:
        settings: the configuration.
        open_services: opens the services while the server runs.
        redactor: shared by the process.
        config_error: why there is no configuration; every call answers with it.
    """

    def __init__(
        self,
        settings: Settings,
        open_services: Callable[[], AbstractAsyncContextManager[Services]],
        *,
        redactor: Redactor,
        config_error: ConfigError | None = None,
    ) -> None:
        self.anymodel_settings = settings
        self.redactor = redactor
        self._config_error = config_error
        self._open = open_services
        self._services: Services | None = None
        super().__init__(
            NAME,
            title="AnyModel",
            version=__version__,
            instructions=redactor.clean(
                instructions(settings.visible, [tool.name for tool in _listed(settings)], one_line)
            ),
            log_level="WARNING",
            lifespan=_lifespan,
            cache_hints={"tools/list": CacheHint(ttl_ms=300_000, scope="public")},
        )
        prefix = settings.tools.prefix
        self._specs = {prefix + tool.name: tool for tool in _callable(settings)}
        self._listed = [_listing(prefix + tool.name, tool) for tool in _listed(settings)]
        self._prompts = prompts_of(settings.prompts, [tool.name for tool in _listed(settings)], prefix)
        if not self._prompts:
            self._withdraw_prompts()
        self.middleware.append(require_prompt_arguments)
        self._bound = bound_tools(settings.views)
        if self._bound:
            self.middleware.append(Views([prefix + name for name in self._bound]))
        register(self, lambda: self.services, self._prompts)

    @property
    def services(self) -> Services:
        """The services of the running server.

        Raises:
            RuntimeError: the server is not running.
        """
        if self._services is None:
            raise RuntimeError("the server is not running")
        return self._services

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[Services]:
        """Opens and closes the services; the SDK enters it once per process."""
        async with self._open() as services:
            self._services = services
            try:
                yield services
            finally:
                self._services = None

    def hand_back_calls(self) -> None:
        """Answers all open calls with partial text and a handle: the process is about to end."""
        if self._services is not None:
            self._services.calls.hand_back()

    async def list_tools(self) -> list[Tool]:
        """Our tools, and those that were registered on this server otherwise."""
        if self._services is not None:
            self._services.providers.preload_soon()
        return [*self._listed, *await super().list_tools()]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Services, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Runs a tool; every failure is returned as a result that says what to do.

        Raises:
            MCPError: -32602, there is no such tool.
        """
        spec = self._specs.get(name)
        if spec is None:
            if any(tool.name == name for tool in await super().list_tools()):
                return await super().call_tool(name, arguments, context)
            raise self._wrong_parameter(f"Unknown tool: {one_line(name[:100])}{_near(name, self._specs)}")
        peer = self._peer(context)
        cap = cap_of(peer, self.anymodel_settings.limits.max_output_bytes)
        prefix = self.anymodel_settings.tools.prefix
        started = anyio.current_time()
        outcome = await self._outcome(spec, arguments, peer, cap.limit)
        try:
            shown = [await self._show(picture, outcome.inline) for picture in outcome.pictures]
            defects = [f"{picture.defect}; it was saved unchanged" for picture in shown if picture.defect]
            outcome = with_warnings(outcome, *defects)
            if outcome.result_id is None and not fits(outcome, cap):
                outcome = await self._stored(outcome, spec, peer)
            elif self._needs_handle(spec, outcome, peer):
                outcome = await self._stored(outcome, spec, peer)
                again = f"{prefix}{get_result.TOOL.name}(id={outcome.result_id!r}) gives this result again"
                outcome = replace(outcome, notes=(*outcome.notes, again))
        except anyio.get_cancelled_exc_class():
            self.services.calls.store_undelivered(outcome, spec.name, peer.name)
            raise
        if prefix:
            outcome = replace(outcome, advice=_TOOLS_IN_ADVICE.sub(rf"{prefix}\1", outcome.advice))
        text = page(
            outcome, cap=cap, waited_s=anyio.current_time() - started, fetch_by=f"{prefix}{get_result.TOOL.name}"
        )
        return render(outcome, text=text, peer=peer, redactor=self.redactor, shown=shown)

    def _peer(self, context: Context[Services, Any] | None) -> ClientInfo:
        """The client of a request; `None` = the call comes from this process."""
        if context is None:
            return ClientInfo()
        return replace(read_peer(context), views=bool(self._bound) and shows_views(context.request_context))

    def _needs_handle(self, spec: ToolSpec, outcome: Outcome, peer: ClientInfo) -> bool:
        """Whether a view could not find this result: some hosts give it `content` alone."""
        if not peer.views or spec.name not in self._bound or outcome.error is not None or outcome.result_id is not None:
            return False
        return not (outcome.pictures and peer.takes_links)

    async def _stored(self, outcome: Outcome, spec: ToolSpec, peer: ClientInfo) -> Outcome:
        return replace(outcome, result_id=await self.services.calls.store_result(outcome, spec.name, peer.name))

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Services, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """The document of the view, for clients that show views; else a resource that was registered."""
        peer = self._peer(context)
        if str(uri) == URI and peer.views:
            return [document(peer.host)]
        return await super().read_resource(uri, context)

    async def list_prompts(self) -> list[ListedPrompt]:
        """Our prompts, and whatever was registered on this server besides."""
        return [*(self._listed_prompt(prompt) for prompt in self._prompts.values()), *await super().list_prompts()]

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Services, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """The text of a prompt, with the argument in it.

        Raises:
            MCPError: -32602, there is no such prompt (the SDK answers -32603), or it has no such argument.
        """
        prompt = self._prompts.get(name)
        if prompt is None:
            names = [known.name for known in await self.list_prompts()]
            if name in names:
                return await super().get_prompt(name, arguments, context)
            raise self._wrong_parameter(f"Unknown prompt: {one_line(name[:100])}{_near(name, names)}")
        peer = self._peer(context)
        given = {key: value for key, value in (arguments or {}).items() if key not in peer.host.extra_arguments}
        if problem := argument_problem(prompt, given):
            raise self._wrong_parameter(problem)
        text = fill(prompt, given.get(prompt.argument, ""), typed_before=peer.host.typed_before)
        message = PromptMessage(role="user", content=TextContent(type="text", text=self.redactor.keys(text)))
        return GetPromptResult(description=self.redactor.clean(prompt.description), messages=[message])

    def _listed_prompt(self, prompt: Prompt) -> ListedPrompt:
        argument = PromptArgument(name=prompt.argument, description=prompt.argument_help)
        return ListedPrompt(name=prompt.name, description=self.redactor.clean(prompt.description), arguments=[argument])

    def _withdraw_prompts(self) -> None:
        """Stops advertising prompts: the SDK declares the capability whether or not there are any (mcp 2.3.0)."""
        for method in ("prompts/list", "prompts/get"):
            self._lowlevel_server._request_handlers.pop(method, None)  # pyright: ignore[reportPrivateUsage] no public way

    def _wrong_parameter(self, message: str) -> MCPError:
        return MCPError(code=INVALID_PARAMS, message=self.redactor.clean(message))

    async def _outcome(self, spec: ToolSpec, arguments: dict[str, Any], peer: ClientInfo, limit: int) -> Outcome:
        wait_budget = self._wait_budget(peer)
        try:
            if self._config_error is not None:
                raise self._config_error
            parsed = parse(spec.arguments, arguments, peer.host.extra_arguments)
            limits = HostLimits(wait_budget_s=wait_budget, max_bytes=limit, progress=peer.progress)
            if spec.direct:
                return await spec.run(self.services.context(Call(spec.name, peer.name), limits), parsed)

            async def work(call: Call) -> Outcome:
                return await spec.run(self.services.context(call, limits), parsed)

            return await self.services.calls.run(
                spec.name, peer.name, work, wait_budget_s=wait_budget, progress=peer.progress
            )
        except ArgumentError as error:
            return failed(replace(error.failure, message=f"{spec.name}: {error.failure.message}"), "")
        except AnyModelError as error:
            return failed(error.failure, error.failure.partial_text or "")

    def _wait_budget(self, peer: ClientInfo) -> float | None:
        """Seconds until this host must have an answer; `None` = no limit."""
        configured = self.anymodel_settings.limits.soft_deadline_s
        if configured == 0 or peer.host.deadline_s == 0 or (peer.progress is not None and peer.host.progress_extends):
            return None
        known_longer = peer.host.deadline_s > UNKNOWN_HOST_DEADLINE_S
        if known_longer or configured is None:
            return peer.host.deadline_s
        return configured

    async def _show(self, name: str, inline: str) -> Attachment:
        artifacts = self.services.artifacts
        known = artifacts.describe(name)
        if known and not known[0].startswith("image/"):
            return Attachment(name=name, mime=known[0], bytes=known[1])
        try:
            content, mime = await artifacts.open_saved(name)
        except AnyModelError:
            return Attachment(name=name, mime="application/octet-stream", bytes=0)
        if mime.startswith(("audio/", "video/")):
            return Attachment(name=name, mime=mime, bytes=len(content))
        scaled = await self._preview(content)
        preview: tuple[bytes, str] | None = None
        if inline == "full" and len(content) <= _FULL_PICTURE_BYTES and mime.startswith("image/"):
            preview = (content, mime)
        elif inline != "none" and scaled.content:
            preview = (scaled.content, scaled.mime)
        defect = scaled.note if scaled.broken else ""
        return Attachment(name=name, mime=mime, bytes=len(content), preview=preview, defect=defect)

    async def _preview(self, content: bytes) -> Scaled:
        """A preview, if one can be made; a failed preview must not fail the saved picture."""
        try:
            return await self.services.artifacts.preview(content)
        except Exception as error:  # decoders can raise anything on unknown bytes
            log.warning("no preview could be made: %s", type(error).__name__)
            return Scaled(content=None)


@asynccontextmanager
async def _lifespan(server: MCPServer[Services]) -> AsyncGenerator[Services]:
    assert isinstance(server, AnyModelServer)
    async with server.running() as services:
        yield services


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _callable(settings: Settings) -> list[ToolSpec]:
    """The tools that can be called: the enabled ones, or all if none is named."""
    enabled = settings.tools.enabled
    return list(TOOLS) if not enabled or DEFAULT_SET in enabled else _listed(settings)


def _listed(settings: Settings) -> list[ToolSpec]:
    """The listed tools in listing order, always with `get_result`, because answers refer to it.

    Raises:
        ConfigError: a name is not a tool.
    """
    enabled = settings.tools.enabled
    names = [*(tool.name for tool in TOOLS), DEFAULT_SET]
    for name in enabled:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            raise ConfigError(
                f"tools.enabled names {name!r}, which is no tool",
                fix=f"Did you mean {near[0]!r}?" if near else f"The tools are {', '.join(names)}.",
            )
    listed = listed_tools(needs_of_tools(), settings.visible)
    return [tool for tool in TOOLS if tool.name in listed]


def needs_of_tools() -> dict[str, str]:
    """Returns what each tool needs to be listed, by name and in listing order."""
    return {tool.name: ALWAYS if tool.direct else tool.needs for tool in TOOLS}


def _listing(name: str, tool: ToolSpec) -> Tool:
    hints = ToolAnnotations(open_world_hint=True, read_only_hint=tool.read_only)
    if not tool.read_only:
        hints = ToolAnnotations(open_world_hint=True, read_only_hint=False, destructive_hint=False)
    return Tool(name=name, description=tool.description, input_schema=schema(tool.arguments), annotations=hints)
