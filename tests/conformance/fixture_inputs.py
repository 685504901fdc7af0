"""Fixtures of the suite that need input of the client in the middle of a request (2026-07-28, SEP-2322)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolResult,
    ClientCapabilities,
    InputRequiredResult,
    TextContent,
)

AnyContext = Context[Any, Any]
Requests = Mapping[str, Any]
ToolAnswer = CallToolResult | InputRequiredResult


def _elicit(message: str, **properties: str) -> dict[str, Any]:
    form = {"type": "object", "properties": {name: {"type": kind} for name, kind in properties.items()}}
    return {
        "method": "elicitation/create",
        "params": {"mode": "form", "message": message, "requestedSchema": form | {"required": list(properties)}},
    }


def _sample(text: str) -> dict[str, Any]:
    message = {"role": "user", "content": {"type": "text", "text": text}}
    return {"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 100}}


_ROOTS: dict[str, Any] = {"method": "roots/list", "params": {}}
_CONFIRM = {"confirm": _elicit("Please confirm", ok="boolean")}
_NAME = {"user_name": _elicit("What is your name?", name="string")}


def _require(requests: Requests, state: str | None = None) -> InputRequiredResult:
    wire: dict[str, Any] = {"resultType": "input_required", "inputRequests": dict(requests)}
    return InputRequiredResult.model_validate(wire if state is None else wire | {"requestState": state})


def _text(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)])


def _has_all(ctx: AnyContext, requests: Requests) -> bool:
    return set(requests) <= set(ctx.input_responses or {})


def _asking(requests: Requests, done: str, state: str | None = None) -> Callable[[AnyContext], Any]:
    """A tool that asks once and is done when everything is answered."""

    async def tool(ctx: AnyContext) -> ToolAnswer:
        return _text(done) if _has_all(ctx, requests) else _require(requests, state)

    return tool


async def _two_rounds(ctx: AnyContext) -> ToolAnswer:
    if ctx.request_state == "round-2" and _has_all(ctx, {"step2": None}):
        return _text("Both steps are done")
    if ctx.request_state == "round-1" and _has_all(ctx, {"step1": None}):
        return _require({"step2": _elicit("Step 2: What is your favorite color?", color="string")}, "round-2")
    return _require({"step1": _elicit("Step 1: What is your name?", name="string")}, "round-1")


async def _within_capabilities(ctx: AnyContext) -> ToolAnswer:
    has = ctx.client_capabilities or ClientCapabilities()
    requests: dict[str, Any] = {}
    if has.sampling is not None:
        requests["greeting"] = _sample("Say hello")
    if has.elicitation is not None:
        requests |= _NAME
    return _text("Nothing to ask with") if not requests or _has_all(ctx, requests) else _require(requests)


async def _need_sampling(ctx: AnyContext) -> ToolAnswer:
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        raise MCPError(
            code=MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs sampling",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return _text("sampling is there")


def add_input_fixtures(server: MCPServer[Any]) -> None:
    """Registers them."""
    many = {
        **_NAME,
        "greeting": _sample("Generate a greeting"),
        "client_roots": _ROOTS,
    }
    prefix = "test_input_required_result_"
    tools: dict[str, Callable[[AnyContext], Any]] = {
        f"{prefix}elicitation": _asking(_NAME, "Hello!"),
        f"{prefix}sampling": _asking({"capital_question": _sample("What is the capital of France?")}, "Paris"),
        f"{prefix}list_roots": _asking({"client_roots": _ROOTS}, "Roots seen"),
        f"{prefix}request_state": _asking(_CONFIRM, "state-ok", "asked"),
        f"{prefix}tampered_state": _asking(_CONFIRM, "state-ok", "asked"),
        f"{prefix}multiple_inputs": _asking(many, "All inputs are there", "asked"),
        f"{prefix}multi_round": _two_rounds,
        f"{prefix}capabilities": _within_capabilities,
        "test_streaming_elicitation": _asking(_NAME, "Hello!"),
        "test_missing_capability": _need_sampling,
    }
    for name, tool in tools.items():
        server.tool(name=name, description=f"Fixture {name}.", structured_output=False)(tool)

    @server.prompt(name=f"{prefix}prompt", description="A prompt that asks first.")
    async def prompt(ctx: AnyContext) -> Any:
        requests = {"user_context": _elicit("What context should the prompt use?", context="string")}
        return "With context" if _has_all(ctx, requests) else _require(requests)

    _ = prompt
