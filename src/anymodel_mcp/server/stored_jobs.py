"""Continues and stops stored jobs with the tool that submitted them."""

from __future__ import annotations

from anymodel_mcp.calls.call import Call
from anymodel_mcp.errors import ConfigError, Failure
from anymodel_mcp.server.services import Services
from anymodel_mcp.tools import TOOLS
from anymodel_mcp.types import Json, Outcome


async def resume_job(services: Services, call: Call, job: Json) -> Outcome:
    """Continues a stored job.

    Raises:
        AnyModelError: this version cannot continue it, or it failed.
    """
    spec = next((tool for tool in TOOLS if tool.name == call.tool), None)
    if spec is None or spec.resume is None:
        raise ConfigError(f"this version cannot continue jobs of {call.tool!r}", fix="Update anymodel-mcp.")
    return await spec.resume(services.context(call), job)


async def stop_job(services: Services, call: Call, job: Json) -> Failure:
    """Stops a job at its provider, if the provider offers that.

    Raises:
        AnyModelError: the provider refused.
    """
    spec = next((tool for tool in TOOLS if tool.name == call.tool), None)
    if spec is None or spec.cancel is None:
        return Failure(kind="cancelled", message="the call was cancelled")
    return await spec.cancel(services.context(call), job)
