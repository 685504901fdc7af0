"""What a tool gets for one call (`ToolContext`), and the description of a tool (`ToolSpec`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.conversations import Conversations
from anymodel_mcp.calls.progress import SendProgress
from anymodel_mcp.calls.runner import Calls
from anymodel_mcp.errors import Failure
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.media.inputs import Inputs
from anymodel_mcp.record import record
from anymodel_mcp.tools.arguments import Arguments
from anymodel_mcp.types import Json, Outcome
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.models import Models


@record
class HostLimits:
    """The limits of a call's client: time and size.

    Attributes:
        wait_budget_s: how long it waits for one answer; `None` = no limit.
        max_bytes: the most text in one answer, in bytes of UTF-8.
        progress: sends one progress note; `None` = not requested.
    """

    wait_budget_s: float | None = None
    max_bytes: int = 40_000
    progress: SendProgress | None = None


@record
class ToolContext:
    """The services of one call.

    Attributes:
        call: takes progress, partial text and paid outcomes.
        models: asks the models behind a name.
        catalog: the providers' model lists.
        inputs: reads files and URLs under the file policy.
        artifacts: saves pictures, sound and vectors, and opens them again.
        conversations: stored turns.
        calls: running calls and stored results.
        limits: of the client.
    """

    call: Call
    models: Models
    catalog: Catalog
    inputs: Inputs
    artifacts: Artifacts
    conversations: Conversations
    calls: Calls
    limits: HostLimits = HostLimits()


@record
class ToolSpec:
    """A tool.

    Attributes:
        name: as listed, without the configured prefix.
        description: read by a model: the outcome, the next tool.
        arguments: the model of its arguments.
        run: does the work; runs as a call of its own, so it may outlive its request.
        read_only: nothing of the user's is changed; hosts may then run calls in parallel.
        direct: runs within the request itself, because it waits for other calls.
        resume: continues a stored job of this tool after a restart; `None` = it has none.
        cancel: stops a stored job of this tool at its provider, as far as it can; `None` = it has none.
        needs: what a provider must offer for the tool to be listed; "" = nothing, `ON_REQUEST` = it is listed only if
            `tools.enabled` names it. It answers always.
    """

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[ToolContext, Any], Awaitable[Outcome]]
    read_only: bool = True
    direct: bool = False
    resume: Callable[[ToolContext, Json], Awaitable[Outcome]] | None = None
    cancel: Callable[[ToolContext, Json], Awaitable[Failure]] | None = None
    needs: Literal["", "transcription", "speech", "media", "on request"] = ""
