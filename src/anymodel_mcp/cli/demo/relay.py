"""A relay between the server and the model that sees when the server closes a connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import anyio
from anyio.abc import SocketAttribute, SocketStream

_LOST = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError)


@dataclass(slots=True)
class Relay:
    """A running relay.

    Attributes:
        port: on the loopback address.
        answering: is set when the server closes the connection over which the model sent its latest bytes; `None` =
            it has sent none yet.
    """

    port: int
    answering: anyio.Event | None = None


@asynccontextmanager
async def open_relay(host: str, port: int) -> AsyncGenerator[Relay]:
    """A relay to a server on this machine, until the block ends."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    relay = Relay(port=listener.extra(SocketAttribute.local_port))

    async def pass_on(client: SocketStream) -> None:
        with suppress(OSError):
            async with client, await anyio.connect_tcp(host, port) as model:
                await _relay(relay, client, model)

    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, pass_on)
        try:
            yield relay
        finally:
            group.cancel_scope.cancel()


async def _relay(relay: Relay, client: SocketStream, model: SocketStream) -> None:
    """Copies both ways until either side closes."""
    closed = anyio.Event()

    async def answer() -> None:
        with suppress(*_LOST):
            while True:
                data = await model.receive()
                relay.answering = closed
                await client.send(data)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(answer)
        with suppress(*_LOST):
            while True:
                await model.send(await client.receive())
        closed.set()
        group.cancel_scope.cancel()
