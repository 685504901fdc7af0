"""What a tool is: a value that describes itself, and the job that its function is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from anymodel_mcp.app import App
from anymodel_mcp.calls.call import Call
from anymodel_mcp.server.client_info import ClientInfo
from anymodel_mcp.tools.arguments import Arguments
from anymodel_mcp.types import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One call of a tool: the app, who calls, and the call that takes words and progress.

    Attributes:
        wait_budget_s: how long this host waits for one answer.
        most_bytes: how much text it takes in one answer.
    """

    app: App
    peer: ClientInfo
    call: Call
    wait_budget_s: float = 50.0
    most_bytes: int = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool.

    Attributes:
        name: as listed, without the configured prefix.
        description: read by a model: the outcome, the next tool.
        arguments: the model of its arguments.
        run: what it does; runs as a call of the app, so it may outlive its request.
        read_only: nothing of the user's is changed; hosts then run calls side by side.
        direct: it runs in the request itself, because it waits on other calls.
    """

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Job, Any], Awaitable[Outcome]]
    read_only: bool = True
    direct: bool = False
