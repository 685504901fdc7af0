"""Pictures scaled in a child process: one at a time, killed on timeout or when the call is cancelled."""

from __future__ import annotations

from functools import partial
from typing import Literal

from anymodel_mcp.isolate import IsolationError, Limits, run_isolated
from anymodel_mcp.media.images import Scaled, scale

_LIMITS = Limits(seconds=20, memory_mb=400)


async def scale_isolated(
    content: bytes, *, max_edge: int, max_bytes: int, to: Literal["jpeg", "any"] = "any"
) -> Scaled:
    """Runs `scale` with limits on time and memory; a picture that exceeds them counts as undecodable."""
    work = partial(scale, max_edge=max_edge, max_bytes=max_bytes, to=to)
    try:
        return await run_isolated(work, content, limits=_LIMITS, queue="pictures")
    except IsolationError as error:
        return Scaled(content=None, note=f"the picture cannot be decoded: {error}", broken=True)
