"""The server that the conformance suite asks for: the product's own factory and HTTP loop, plus the suite's fixtures.

What a scenario needs is in its own description: `conformance list --server`, and the descriptions in
@modelcontextprotocol/conformance 0.2.0-alpha.12 (read 2026-11-21). Run: python -m tests.conformance.fixture PORT
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp.types import (
    AudioContent,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)

from anymodel_mcp.app import build_server
from anymodel_mcp.config import HttpSettings, Settings
from anymodel_mcp.transports.http import run_http
from anymodel_mcp.transports.protocol_versions import lowlevel
from tests.conformance.fixture_inputs import add_input_fixtures

AnyContext = Context[Any, Any]

_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
_WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA=="
_IMAGE = ImageContent(type="image", data=_PNG, mime_type="image/png")

_DEFAULTS: dict[str, Any] = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
_LEVELS = [{"const": "low", "title": "Low"}, {"const": "medium", "title": "Medium"}, {"const": "high", "title": "High"}]
_ENUMS: dict[str, Any] = {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
    "titledSingle": {"type": "string", "oneOf": _LEVELS},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
    "titledMulti": {"type": "array", "items": {"anyOf": _LEVELS}},
}


def build_fixture() -> MCPServer[Any]:
    """The product with the suite's tools, resources, prompts and handlers on it."""
    server = build_server(Settings(), data_dir=Path(tempfile.mkdtemp(prefix="anymodel-conformance-")))
    _add_content_tools(server)
    _add_talking_tools(server)
    _add_elicitation_tools(server)
    _add_resources(server)
    _add_prompts(server)
    _add_legacy_handlers(server)
    add_input_fixtures(server)
    return server


def _embedded(uri: str, mime: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime, text=text))


def _add_content_tools(server: MCPServer[Any]) -> None:
    text = TextContent(type="text", text="This is a simple text response for testing.")
    resource = _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    mixed = _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    sound = AudioContent(type="audio", data=_WAV, mime_type="audio/wav")
    tools: dict[str, list[ContentBlock]] = {
        "test_simple_text": [text],
        "test_image_content": [_IMAGE],
        "test_audio_content": [sound],
        "test_embedded_resource": [resource],
        "test_multiple_content_types": [text, _IMAGE, mixed],
    }
    for name, content in tools.items():
        server.tool(name=name, description=f"Fixture {name}.", structured_output=False)(_giving(content))

    @server.tool(name="test_error_handling", description="Always fails.", structured_output=False)
    async def fail() -> CallToolResult:
        text = TextContent(type="text", text="This tool intentionally returns an error for testing")
        return CallToolResult(content=[text], is_error=True)


def _giving(content: Sequence[ContentBlock]) -> Callable[[], Awaitable[CallToolResult]]:
    async def give() -> CallToolResult:
        return CallToolResult(content=list(content))

    return give


def _add_talking_tools(server: MCPServer[Any]) -> None:
    @server.tool(description="Reports progress three times.", structured_output=False)
    async def test_tool_with_progress(ctx: AnyContext) -> str:
        for step in (0, 50, 100):
            await ctx.report_progress(step, 100, f"Completed step {step} of 100")
            await anyio.sleep(0.05)
        return "done"

    async def log_thrice(ctx: AnyContext) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            for step in ("started", "processing data", "completed"):
                await ctx.session.send_log_message(  # pyright: ignore[reportDeprecated] the suite asks for it
                    "info", f"Tool execution {step}", related_request_id=ctx.request_id
                )
                await anyio.sleep(0.05)
        return "logged"

    for name in ("test_tool_with_logging", "test_logging_tool"):
        server.tool(name=name, description="Logs three times.", structured_output=False)(log_thrice)

    @server.tool(description="Asks the client's model.", structured_output=False)
    async def test_sampling(prompt: str, ctx: AnyContext) -> str:
        question = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            answer = await ctx.session.create_message(  # pyright: ignore[reportDeprecated] the suite asks for it
                [question], max_tokens=100, related_request_id=ctx.request_id
            )
        return f"LLM response: {answer.content}"

    @server.tool(description="Changes the list of tools.", structured_output=False)
    async def test_trigger_tool_change(ctx: AnyContext) -> str:
        await ctx.notify_tools_changed()
        return "changed"

    @server.tool(description="Changes the list of prompts.", structured_output=False)
    async def test_trigger_prompt_change(ctx: AnyContext) -> str:
        await ctx.notify_prompts_changed()
        return "changed"


def _add_elicitation_tools(server: MCPServer[Any]) -> None:
    async def ask(ctx: AnyContext, message: str, properties: dict[str, Any]) -> str:
        form = {"type": "object", "properties": properties}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)
            answer = await ctx.session.elicit_form(message, form, related_request_id=ctx.request_id)
        return f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"

    @server.tool(description="Asks the user.", structured_output=False)
    async def test_elicitation(message: str, ctx: AnyContext) -> str:
        return await ask(ctx, message, {"username": {"type": "string"}, "email": {"type": "string"}})

    @server.tool(description="Asks with defaults.", structured_output=False)
    async def test_elicitation_sep1034_defaults(ctx: AnyContext) -> str:
        return await ask(ctx, "Please review", _DEFAULTS)

    @server.tool(description="Asks with choices.", structured_output=False)
    async def test_elicitation_sep1330_enums(ctx: AnyContext) -> str:
        return await ask(ctx, "Please choose", _ENUMS)


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", description="A text.", mime_type="text/plain")
    async def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", description="A picture.", mime_type="image/png")
    async def static_binary() -> bytes:
        return base64.b64decode(_PNG)

    @server.resource("test://watched-resource", description="Watched.", mime_type="text/plain")
    async def watched() -> str:
        return "Watched resource content"

    @server.resource("test://template/{id}/data", description="A template.", mime_type="application/json")
    async def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    _ = static_text, static_binary, watched, template


def _add_prompts(server: MCPServer[Any]) -> None:
    def say(text: str) -> UserMessage:
        return UserMessage(TextContent(type="text", text=text))

    @server.prompt(description="A prompt without arguments.")
    async def test_simple_prompt() -> list[UserMessage]:
        return [say("This is a simple prompt for testing.")]

    @server.prompt(description="A prompt with arguments.")
    async def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
        return [say(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]

    @server.prompt(description="A prompt with a resource.")
    async def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
        resource = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(resource), say("Please process the embedded resource above.")]

    @server.prompt(description="A prompt with a picture.")
    async def test_prompt_with_image() -> list[UserMessage]:
        return [UserMessage(_IMAGE), say("Please analyze the image above.")]


def _add_legacy_handlers(server: MCPServer[Any]) -> None:
    async def accept(ctx: ServerRequestContext[Any, Any], params: Any) -> EmptyResult:
        return EmptyResult()

    inner = lowlevel(server)
    inner.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)
    inner.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
    inner.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, accept)


if __name__ == "__main__":
    sys.exit(run_http(build_fixture, HttpSettings(port=int(sys.argv[1]))))
