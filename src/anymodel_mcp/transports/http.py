"""Runs uvicorn with a bounded shutdown, a clear error for a taken port, and a time limit for request heads."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import h11
import uvicorn
from mcp.server.mcpserver import MCPServer
from uvicorn.protocols.http.h11_impl import H11Protocol

from anymodel_mcp.config import HttpSettings
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.transports.asgi import McpApp
from anymodel_mcp.transports.bodies import TIMES, ClientTimes
from anymodel_mcp.transports.connections import BACKLOG, ConnectionTable, open_table
from anymodel_mcp.transports.guards import require_token
from anymodel_mcp.transports.session_table import MAX_SESSIONS
from anymodel_mcp.transports.shutdown import ExitGuard, HandsBack, watch_signals

_KEEP_ALIVE_S = 75
"""How long an idle connection stays open: longer than clients keep theirs, so that none closes during a new request."""

_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"

GRACE_S = 10.0
"""How long calls may still run after SIGTERM; then they are answered with partial text and a handle."""

_STOP_S = 2.8
"""The limit of a shutdown without grace period."""


class _Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 (0.54.0) with a time limit for heads and a limit on connections, which it lacks.

    It uses private names of the base class, so pyproject.toml pins the release.
    """

    _head_timer: Any = None
    _refused = False

    def __init__(self, table: ConnectionTable, head_s: float, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._table = table
        self._head_s = head_s

    def connection_made(self, transport: Any) -> None:
        address = (transport.get_extra_info("peername") or ("",))[0]
        if not self._table.admit(self, str(address)):
            self._refused = True
            transport.write(_BUSY)
            transport.close()
            return
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        if not self._refused:
            super().data_received(data)
            self._expect_head()

    def on_response_complete(self) -> None:
        self._table.set_waiting(self)
        super().on_response_complete()
        self._note_state()

    def connection_lost(self, exc: Exception | None) -> None:
        self._table.forget(self)
        self._forget_head()
        if not self._refused:
            super().connection_lost(exc)

    def close(self) -> None:
        """Closes the connection to make room for another one."""
        self.transport.close()

    def _expect_head(self) -> None:
        self._note_state()
        if self.conn.their_state is not h11.IDLE:
            self._forget_head()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self._head_s, self.transport.close)

    def _note_state(self) -> None:
        cycle: Any = self.cycle  # None until the first request, although its type does not say so
        if cycle is not None and not cycle.response_complete:
            self._table.set_busy(self)

    def _forget_head(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which end the process by the signal instead of with status 0."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def open_socket(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigError: the port is taken, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's delay (measured: 44 ms a call) off only where it reads
    # IPPROTO_TCP (`_set_nodelay` in asyncio/base_events.py, Python 3.11, read 2026-11-21).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":  # on Windows it would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host.strip("[]"), port))
        listener.listen(2048)
    except (OSError, OverflowError) as exc:
        listener.close()
        reason = getattr(exc, "strerror", None) or exc
        raise ConfigError(
            f"Cannot listen on {host}:{port}: {reason}.",
            fix="Stop what uses the port, or choose another one with --port or [http] port.",
        ) from exc
    return listener


def url_of(listener: socket.socket, settings: HttpSettings) -> str:
    """The URL for clients."""
    host = f"[{settings.host.strip('[]')}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}/{settings.path.strip('/')}"


async def serve_http(
    server: MCPServer[Any],
    settings: HttpSettings,
    *,
    listener: socket.socket | None = None,
    on_ready: Callable[[str], None] | None = None,
    on_stop: Callable[[], None] | None = None,
    stop: anyio.Event | None = None,
    table: ConnectionTable | None = None,
    max_sessions: int = MAX_SESSIONS,
    on_hurry: Callable[[], None] | None = None,
    grace_s: float = GRACE_S,
    times: ClientTimes = TIMES,
) -> int:
    """Serves MCP over HTTP until SIGTERM, SIGINT, or until `stop` is set.

    Args:
        server: its lifespan is opened once.
        settings: where to listen, and who may talk.
        listener: a listening socket to use instead of `host` and `port`.
        on_ready: called with the URL once connections are taken.
        on_stop: called when the shutdown begins.
        stop: an event that stops the server.
        table: the limits on connections; `None` = the usual ones.
        max_sessions: how many sessions of older protocol versions may be open.
        on_hurry: called when the shutdown must end at once: at SIGINT, or at a second signal.
        grace_s: how long open calls may go on after the end has begun.
        times: how long clients may take.

    Returns:
        The exit status: 0.

    Raises:
        ConfigError: the address cannot be used, or is open to others without a token.
    """
    require_token(settings)
    listener = listener or open_socket(settings.host, settings.port)
    ending, hurry = stop or anyio.Event(), anyio.Event()
    app = McpApp(server, settings, max_sessions, times)
    http = _Server(_uvicorn_config(app, table or open_table(), times))
    async with app.run(), anyio.create_task_group() as tasks:

        async def end() -> None:
            await ending.wait()
            if on_stop:
                on_stop()
            http.should_exit = True
            await app.stop(grace_s, hurry, server.hand_back_calls if isinstance(server, HandsBack) else _nothing)

        def end_now() -> None:
            if on_hurry:
                on_hurry()
            hurry.set()

        await tasks.start(watch_signals, ending.set, end_now)
        tasks.start_soon(end)
        if on_ready:
            on_ready(url_of(listener, settings))
        await http.serve(sockets=[listener])
        tasks.cancel_scope.cancel()
    return 0


def _nothing() -> None:
    """Does nothing: the default for servers whose calls cannot be handed back."""


def _uvicorn_config(app: McpApp, table: ConnectionTable, times: ClientTimes) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] uvicorn's types of ASGI are closed unions, ours the open ones of the standard
        http=partial(_Protocol, table, times.head_s),  # pyright: ignore[reportArgumentType] it is only called, like a class
        backlog=BACKLOG,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(GRACE_S) + 2,
        h11_max_incomplete_event_size=65_536,
    )


def run_http(build: Callable[[], MCPServer[Any]], settings: HttpSettings) -> int:
    """Runs the HTTP server as this process, or as several: what the command calls.

    Sessions of older protocol versions live in one process. With several workers there are none (`stateless`): every
    request stands for itself, calls and their progress work, and what a server sends on its own accord does not.

    Args:
        build: makes the server; with several workers it is called in each, so it must be picklable.
        settings: `workers` says how many processes.

    Returns:
        The exit status.

    Raises:
        ConfigError: the address cannot be used, or is open to others without a token.
    """
    require_token(settings)
    listener = open_socket(settings.host, settings.port)
    if settings.workers <= 1:
        return run_worker(build, settings, listener, _announce)
    from anymodel_mcp.transports.workers import supervise

    if not settings.stateless:
        sys.stderr.write(
            f"anymodel-mcp: {settings.workers} workers share no sessions, so the server is stateless: "
            "calls and progress work; clients of older protocol versions get no session.\n"
        )
        settings = replace(settings, stateless=True)
    _announce(url_of(listener, settings))
    return supervise(partial(run_worker, build, settings, listener), settings.workers)


def run_worker(
    build: Callable[[], MCPServer[Any]],
    settings: HttpSettings,
    listener: socket.socket,
    on_ready: Callable[[str], None] | None = None,
) -> int:
    """Runs one worker process."""
    patient, strict = ExitGuard(GRACE_S + _STOP_S), ExitGuard(_STOP_S)
    serve = partial(serve_http, listener=listener, on_ready=on_ready, on_stop=patient.arm, on_hurry=strict.arm)
    try:
        return anyio.run(partial(serve, build(), settings))
    except KeyboardInterrupt:
        return 0


def _announce(url: str) -> None:
    sys.stderr.write(f"anymodel-mcp: serving on {url}\n")
    sys.stderr.flush()
