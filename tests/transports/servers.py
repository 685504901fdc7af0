"""A small server for the loops: tools that wait, leak, crash and talk. Run as a process: see `main`."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.shared.exceptions import MCPError

from anymodel_mcp.config import HttpSettings, Limits
from anymodel_mcp.transports.http import run_http
from anymodel_mcp.transports.stdio import run_stdio

AnyContext = Context[Any, Any]


class Events:
    """What happened inside a server, for the test that drives it; a process of its own tells on stderr too."""

    def __init__(self, *, loud: bool = False) -> None:
        self._loud = loud
        self.started = anyio.Event()
        self.cancelled = anyio.Event()
        self.released = anyio.Event()
        self.opened = 0
        self.closed = 0

    def tell(self, what: str) -> None:
        if self._loud:
            sys.stderr.write(f"<{what}>\n")
            sys.stderr.flush()

    @asynccontextmanager
    async def life(self, server: MCPServer[Any]) -> AsyncGenerator[None]:
        self.opened += 1
        try:
            yield
        finally:
            self.closed += 1
            self.tell("closed")

    async def wait(self, ctx: AnyContext, notes: int = 0) -> str:
        """Sends some notes, then waits for ever."""
        for number in range(notes):
            await ctx.report_progress(number, None, f"note {number}")
        self.started.set()
        self.tell("started")
        try:
            await anyio.sleep_forever()
        finally:
            self.cancelled.set()
            self.tell("cancelled")
        return ""

    async def hold(self) -> str:
        """Answers once it is released."""
        self.started.set()
        await self.released.wait()
        return "held"


async def note(ctx: AnyContext) -> str:
    """Sends one note."""
    await ctx.report_progress(1, None, "half")
    return "noted"


async def echo(text: str) -> str:
    """Says it back."""
    return text


async def leak() -> str:
    """Lets a cancellation out that nobody asked for."""
    raise anyio.get_cancelled_exc_class()


async def lone() -> str:
    """Answers with halves of surrogate pairs."""
    return "a\ud83d\ude00b\udc00c"


async def refuse() -> str:
    """Fails with a protocol error whose text UTF-8 cannot carry."""
    raise MCPError(code=-32602, message="no \udc00", data={"why": "\ud800"})


async def big(size: int) -> str:
    """Answers at length."""
    return "x" * size


async def shout() -> str:
    """Prints where the protocol runs."""
    sys.stdout.write("not protocol\n")
    return "said"


def build(events: Events) -> MCPServer[Any]:
    """The server."""
    server = MCPServer[Any]("fixture", version="1", log_level="CRITICAL", lifespan=events.life)
    for tool in (echo, note, events.wait, events.hold, leak, lone, refuse, big, shout):
        server.tool(structured_output=False)(tool)
    return server


def build_loud() -> MCPServer[Any]:
    """The server of a process of its own."""
    return build(Events(loud=True))


@asynccontextmanager
async def _life_that_never_closes(server: MCPServer[Any]) -> AsyncGenerator[None]:
    yield
    with anyio.CancelScope(shield=True):
        await anyio.sleep_forever()


def build_stuck() -> MCPServer[Any]:
    """A server that cannot stop."""
    return MCPServer[Any]("stuck", log_level="CRITICAL", lifespan=_life_that_never_closes)


def main(arguments: list[str]) -> int:
    """`stdio`, `stuck`, or `http PORT WORKERS`."""
    if arguments[0] == "stuck":
        return run_stdio(build_stuck, Limits())
    if arguments[0] == "stdio":
        return run_stdio(build_loud, Limits())
    settings = HttpSettings(port=int(arguments[1]), workers=int(arguments[2]))
    return run_http(build_loud, settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
