"""`complete`: continues a text, over the legacy endpoint."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.tools.answers import outcome_of
from anymodel_mcp.tools.arguments import Arguments, ChoiceOptions, Integer, Name, Number, Stops, Text
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.schemas import OPTIONS
from anymodel_mcp.types import CallStats, ChatResult, CompletionRequest, Outcome
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.models import Question
from anymodel_mcp.wire.apis import COMPLETIONS


class CompleteArguments(Arguments):
    """Arguments of `complete`."""

    prompt: Text
    model: Name | None = None
    max_tokens: Annotated[Integer, Field(ge=1)] | None = None
    temperature: Number | None = None
    stop: Stops | None = None
    stream: bool | None = None
    options: Annotated[ChoiceOptions, OPTIONS] | None = None


async def complete(ctx: ToolContext, arguments: CompleteArguments) -> Outcome:
    """Returns the completion of a prompt.

    Raises:
        AnyModelError: no model behind the name returned one.
    """
    if not arguments.prompt:
        raise ArgumentError("prompt is empty", param="prompt", fix="Give the text to continue.")

    async def send(endpoint: Endpoint, on_deltas: OnDeltas) -> tuple[ChatResult, CallStats]:
        request = CompletionRequest(
            model=endpoint.model,
            prompt=arguments.prompt,
            max_tokens=arguments.max_tokens,
            temperature=arguments.temperature,
            stop=arguments.stop,
            stream=arguments.stream is not False,
            options=arguments.options or {},
        )
        return await endpoint.send(COMPLETIONS, request, on_deltas)

    line = ctx.call.track(arguments.model or "default model")
    question = Question(name=arguments.model, purpose="completion", send=send, line=line, on_text=ctx.call.write)
    outcome = outcome_of(await ctx.models.ask(question), arguments.model)
    ctx.call.secure(outcome)
    return outcome


TOOL = ToolSpec(
    name="complete",
    description="Continues a text (legacy /completions; chat is the usual way).",
    arguments=CompleteArguments,
    run=complete,
)
