"""The stdio loop: one connection on standard input and output.

It ends when the host closes the pipe, or on SIGTERM or SIGINT even while the pipe stays open. Either way the lifespan
closes (texts kept, upstream connections shut) and the exit status is 0.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Self

import anyio
import anyio.lowlevel
from mcp.server.mcpserver import MCPServer
from mcp.shared.jsonrpc_dispatcher import JSONRPCDispatcher
from mcp.shared.message import ServerMessageMetadata, SessionMessage
from mcp.shared.subscriptions import SUBSCRIPTION_ID_META_KEY
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from anymodel_mcp.config import Limits
from anymodel_mcp.transports.descriptors import ensure_stdio
from anymodel_mcp.transports.framing import LineSplitter, Oversized, Refusal, encode, parse_line, refuse_oversized
from anymodel_mcp.transports.handover import Handover
from anymodel_mcp.transports.pipes import ByteReader, ByteWriter, claim_stdio
from anymodel_mcp.transports.protocol_versions import BothEras, lowlevel
from anymodel_mcp.transports.requests import guard_requests
from anymodel_mcp.transports.shutdown import ExitGuard, watch_signals

_GRACE_S = 0.5
"""How long pending answers may still be sent after the host closed its end."""

_FLUSH_S = 0.2
"""How long the last answers may take to be written."""

_STOP_S = 1.8
"""The limit of the whole shutdown: hosts kill after two seconds."""

_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"

_LINES_PER_TURN = 16
"""How many lines are taken before other tasks get a turn, when a host sends them faster than they are served."""


class StdioStreams:
    """Both directions of the connection, as the two streams that the SDK's dispatcher uses.

    One object, because the ends know of each other: a spoilt line is answered on the spot, and after the host has
    closed its end the stream stays open for a moment while answers are still owed.

    Args:
        reader: where lines come from.
        writer: where they go.
        limits: `max_line_bytes` is used.
        on_end: called when the host has closed its end.
        handover: what is read, and partly answered, already.
    """

    last_context = None

    def __init__(
        self,
        reader: ByteReader,
        writer: ByteWriter,
        limits: Limits,
        on_end: Callable[[], None],
        handover: Handover | None = None,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_end = on_end
        self._max_bytes = limits.max_line_bytes
        self._splitter = LineSplitter(limits.max_line_bytes)
        self._lines: deque[bytes | Oversized] = deque()
        self._taken = 0
        self._ended = False
        self._owed = 0
        self._settled = anyio.Event()
        self._answered = list(handover.muted) if handover else []
        self._acknowledged = list(handover.listening) if handover else []
        if handover is not None:
            self._lines.extend(handover.replay)
            self._lines.extend(self._splitter.feed(handover.rest))

    # what the dispatcher reads

    async def receive(self) -> SessionMessage | Exception:
        """Returns the next valid message.

        Raises:
            anyio.EndOfStream: the host closed its end.
        """
        while True:
            message = await self._next_message()
            if message is not None:
                return message

    async def _next_message(self) -> SessionMessage | None:
        while not self._lines:
            await self._fill()
        self._taken += 1
        if self._taken % _LINES_PER_TURN == 0:
            await anyio.lowlevel.checkpoint()
        line = self._lines.popleft()
        parsed = refuse_oversized(line, self._max_bytes) if isinstance(line, Oversized) else parse_line(line)
        if isinstance(parsed, Refusal):
            with suppress(anyio.BrokenResourceError):  # the task that watches the writer ends the connection
                await self._writer.write(encode(parsed.as_error()))
            return None
        if isinstance(parsed, JSONRPCRequest):
            self._owed += 1
            return SessionMessage(parsed, ServerMessageMetadata(on_request_unanswered=self._on_unanswered))
        return None if parsed is None else SessionMessage(parsed)

    async def _fill(self) -> None:
        if self._ended:
            await self._settle()
            raise anyio.EndOfStream
        data = await self._reader.read()
        if not data:
            self._ended = True
            self._on_end()
        self._lines.extend(self._splitter.feed(data) if data else self._splitter.finish())

    async def _settle(self) -> None:
        with anyio.move_on_after(_GRACE_S):
            while self._owed > 0:
                self._settled = anyio.Event()
                await self._settled.wait()

    async def _on_unanswered(self) -> None:
        self._pay()

    def _pay(self) -> None:
        self._owed -= 1
        self._settled.set()

    # what it writes

    async def send(self, item: SessionMessage, /) -> None:
        """Writes one message.

        Raises:
            anyio.BrokenResourceError: the host has stopped reading.
        """
        try:
            if not self._is_repeated(item.message):
                await self._writer.write(encode(item.message))
        finally:
            if isinstance(item.message, JSONRPCResponse | JSONRPCError):
                self._pay()
        if isinstance(item.message, JSONRPCNotification):
            await anyio.lowlevel.checkpoint()  # a client that only sends notifications must not block the loop

    def _is_repeated(self, message: JSONRPCMessage) -> bool:
        """Whether the client has this message already; each is left out once."""
        if isinstance(message, JSONRPCResponse | JSONRPCError):
            return _take_out(self._answered, message.id)
        if isinstance(message, JSONRPCNotification) and message.method == _ACKNOWLEDGED:
            return _take_out(self._acknowledged, (message.params or {}).get("_meta", {}).get(SUBSCRIPTION_ID_META_KEY))
        return False

    # the interface of a stream

    async def aclose(self) -> None:
        """Does nothing: the descriptors are closed by their owner."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        return None


def _take_out(ids: list[int | str], id: Any) -> bool:
    """Removes an id; `False` = it is not there. 1 and "1" are two ids."""
    if not ids or id not in ids:
        return False
    ids.remove(id)
    return True


async def serve_stdio(
    server: MCPServer[Any],
    limits: Limits,
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    handover: Handover | None = None,
    on_stop: Callable[[], None] | None = None,
) -> int:
    """Serves one host over stdio until it closes the pipe, or until SIGTERM or SIGINT.

    Args:
        server: its lifespan is opened once.
        limits: `max_line_bytes` is used.
        stdin: descriptor to use instead of fd 0; both or none are given.
        stdout: descriptor to use instead of fd 1.
        handover: a connection whose greeting is answered, with its descriptors.
        on_stop: called when the shutdown begins, perhaps more than once.

    Returns:
        The exit status: 0.

    """
    if handover is None and stdin is not None and stdout is not None:
        handover = Handover(stdin, stdout)
    if handover is not None:
        await _serve(server, limits, handover, on_stop)
    else:
        with claim_stdio() as (wire_in, wire_out):
            await _serve(server, limits, Handover(wire_in, wire_out), on_stop)
    return 0


async def _serve(
    server: MCPServer[Any], limits: Limits, handover: Handover, on_stop: Callable[[], None] | None
) -> None:
    guard_requests(server)
    inner = lowlevel(server)
    begin_end = on_stop or (lambda: None)
    writer = ByteWriter(handover.stdout)
    streams = StdioStreams(ByteReader(handover.stdin), writer, limits, begin_end, handover)
    # Outside the lifespan, so that a cancellation by a signal does not interrupt its clean-up.
    serving = anyio.CancelScope()

    def stop() -> None:
        begin_end()
        serving.cancel()

    async def write_out() -> None:
        await writer.run()
        stop()  # the reader has closed the pipe

    async with anyio.create_task_group() as tasks:
        await tasks.start(watch_signals, stop)
        tasks.start_soon(write_out)
        async with inner.lifespan(inner) as state:
            with serving:
                await BothEras(inner, state).serve(
                    JSONRPCDispatcher(streams, streams, inline_methods=frozenset({"initialize"}))
                )
        with anyio.move_on_after(_FLUSH_S):
            await writer.flush()
        tasks.cancel_scope.cancel()


def run_stdio(build: Callable[[], MCPServer[Any]], limits: Limits, handover: Handover | None = None) -> int:
    """Runs the stdio server as this process: what the command calls.

    Args:
        build: makes the server.
        limits: `max_line_bytes` is used.
        handover: a connection whose greeting is answered; `None` = standard input and output.

    Returns:
        The exit status: 0 after a stop, 1 where standard output is closed.
    """
    guard = ExitGuard(_STOP_S)
    try:
        ensure_stdio()
        server = build()
        return anyio.run(partial(serve_stdio, server, limits, handover=handover, on_stop=guard.arm))
    except OSError as exc:
        sys.stderr.write(f"anymodel-mcp: standard input and output cannot be used: {exc.strerror or exc}\n")
        return 1
    except KeyboardInterrupt:
        return 0
