"""The ASGI application: paths, guards and bodies before the SDK's session manager, and an end for open streams."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import INVALID_REQUEST, JSONRPCMessage, JSONRPCNotification, JSONRPCRequest
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic_core import to_json

from anymodel_mcp.config import HttpSettings
from anymodel_mcp.transports.accept import BOTH, fit, read_accept, without_session
from anymodel_mcp.transports.bodies import (
    CLOSE,
    TIMES,
    ClientTimes,
    Disconnected,
    Judged,
    Receive,
    error_body,
    judge_body,
    never,
    read_body,
    replay,
)
from anymodel_mcp.transports.body_budget import BodyBudget
from anymodel_mcp.transports.cors import Message, Send, preflight, sharing
from anymodel_mcp.transports.framing import Refusal, encode
from anymodel_mcp.transports.guards import Denial, Guard
from anymodel_mcp.transports.open_requests import OpenRequests
from anymodel_mcp.transports.protocol_versions import lowlevel
from anymodel_mcp.transports.requests import guard_requests
from anymodel_mcp.transports.session_table import MAX_OPENING_BYTES, MAX_SESSIONS, SessionTable

Scope = dict[str, Any]
Headers = dict[bytes, bytes]

_LAST_ANSWERS_S = 1.0
"""How long answers that were handed back may take to be sent."""

_NO_CANCEL = "This server keeps no sessions: to cancel a request, close the connection that waits for its answer."
_JSON = (b"content-type", b"application/json")


class McpApp:
    """Serves one MCP endpoint and two probes over HTTP.

    Args:
        server: its lifespan is opened by `run`.
        settings: everything but the address.
        max_sessions: how many sessions of older protocol versions may be open.
        times: how long clients may take.
    """

    def __init__(
        self,
        server: MCPServer[Any],
        settings: HttpSettings,
        max_sessions: int = MAX_SESSIONS,
        times: ClientTimes = TIMES,
    ) -> None:
        guard_requests(server, replace_surrogates=True)
        self._settings = settings
        self._times = times
        self._path = "/" + settings.path.strip("/")
        self._guard = Guard(settings)
        self._manager = StreamableHTTPSessionManager(
            app=lowlevel(server),
            stateless=settings.stateless,
            max_request_body_size=settings.max_body_bytes,
            max_sessions=MAX_SESSIONS * 2,  # the table below keeps far fewer; those that it ends take a moment
        )
        self._sessions = SessionTable(self._end_session, max_sessions, max(1, max_sessions // 2))
        self._bodies = BodyBudget(2 * settings.max_body_bytes, settings.max_body_bytes * 3 // 2)
        self._requests = OpenRequests()
        self._open: dict[anyio.CancelScope, bool] = {}
        self._all_closed = anyio.Event()
        self._stopping = False

    def run(self) -> Any:
        """The context manager within which requests are served; it opens the server's lifespan."""
        return self._manager.run()

    async def stop(self, grace_s: float, hurry: anyio.Event, hand_back: Callable[[], None]) -> None:
        """Ends what is open: endless streams at once, calls when they end or are handed back.

        Args:
            grace_s: how long calls may go on.
            hurry: set when they must end at once.
            hand_back: answers the open calls with partial text and a handle.
        """
        self._stopping = True
        for scope in [scope for scope, endless in self._open.items() if endless]:
            scope.cancel()
        with anyio.move_on_after(grace_s):
            async with anyio.create_task_group() as either:
                either.start_soon(_cancel_at, hurry, either.cancel_scope)
                await self._wait_closed()
                either.cancel_scope.cancel()
        if self._open:
            hand_back()
            with anyio.move_on_after(_LAST_ANSWERS_S):
                await self._wait_closed()
        for scope in list(self._open):
            scope.cancel()
        await self._end_sessions()

    async def _wait_closed(self) -> None:
        while self._open:
            self._all_closed = anyio.Event()
            await self._all_closed.wait()

    async def _end_sessions(self) -> None:
        """Ends the sessions properly: cancelled ones would wait a second for a missing reader."""
        sessions = self._manager._server_instances  # pyright: ignore[reportPrivateUsage] there is no public door (2.3.0)
        for session in list(sessions.values()):
            await session.terminate()

    async def _end_session(self, name: str) -> None:
        session = self._manager._server_instances.get(name)  # pyright: ignore[reportPrivateUsage] as above
        if session is not None:
            await session.terminate()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path = scope["path"].rstrip("/") or "/"
        if path in ("/healthz", "/readyz"):
            await self._probe(path, send)
        elif path != (self._path.rstrip("/") or "/"):
            await _deny(send, Denial(404, f"Not found: the MCP endpoint is {self._path}"))
        else:
            await self._serve(scope, receive, send)

    async def _probe(self, path: str, send: Send) -> None:
        ready = not self._stopping
        status = 200 if ready or path == "/healthz" else 503
        await _answer(send, status, to_json({"status": "ok" if ready else "stopping"}))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"")
        if self._guard.lists_origin(origin.decode("latin-1")):
            send = sharing(send, origin)
            if scope["method"] == "OPTIONS":
                await _answer(send, 204, b"", preflight(headers.get(b"access-control-request-headers", b"")))
                return
        denial = Denial(503, "The server is stopping.") if self._stopping else self._guard.check(headers)
        if b"content-length" in headers and b"transfer-encoding" in headers:  # RFC 9112, 6.1: request smuggling
            denial = Denial(400, "Content-Length and Transfer-Encoding exclude each other.", (CLOSE,))
        if denial is not None:
            await _deny(send, denial)
            return
        scope = {**scope, "path": self._path, "raw_path": self._path.encode()}
        endless = scope["method"] == "GET" or headers.get(b"mcp-method") == b"subscriptions/listen"
        send = without_session(send)
        if scope["method"] == "POST" and not endless:
            accepted = read_accept(headers.get(b"accept"))
            if not (accepted.json or accepted.events):
                await _deny(send, Denial(406, "Answers are application/json or text/event-stream: accept one of them."))
                return
            scope["headers"] = [*((n, v) for n, v in scope["headers"] if n != b"accept"), (b"accept", BOTH)]
            send = fit(send, accepted)
        response = _Response(send)
        with self._opened(endless):
            try:
                await self._handle(scope, headers, receive, response)
            except Disconnected:
                return
        await response.finish()

    async def _handle(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            session = headers.get(b"mcp-session-id", b"").decode("latin-1")
            with self._sessions.using(session):
                await self._manager.handle_request(scope, receive, send)
            if scope["method"] == "DELETE":
                self._sessions.forget(session)
            return
        address = _address_of(scope)
        body = await read_body(
            receive, _length_of(headers), self._settings.max_body_bytes, self._bodies, address, self._times
        )
        judged = body if isinstance(body, Denial) else judge_body(body)
        if isinstance(judged, Denial):
            await _deny(send, judged)
        elif isinstance(judged, Refusal):
            await _answer(send, 400, encode(judged.as_error()))
        else:
            await self._dispatch(scope, headers, judged, receive, send)

    async def _dispatch(self, scope: Scope, headers: Headers, judged: Judged, receive: Receive, send: Send) -> None:
        """Passes a message to the SDK, unless the SDK would answer it wrongly or not at all."""
        message, session = judged.message, headers.get(b"mcp-session-id")
        legacy = _is_legacy(headers)
        if legacy and self._settings.stateless and _is_cancel(message):
            await _deny(send, Denial(400, _NO_CANCEL))
        elif legacy and session is None and not self._settings.stateless:
            await self._open_session(scope, judged, receive, send)
        elif not legacy or session is None or not isinstance(message, JSONRPCRequest):
            await self._manager.handle_request(scope, replay(judged.body, receive), send)
        else:
            with self._sessions.using(session.decode("latin-1")):
                await self._serve_session(scope, session, judged.body, message, send)

    async def _open_session(self, scope: Scope, judged: Judged, receive: Receive, send: Send) -> None:
        address = _address_of(scope)
        if len(judged.body) > MAX_OPENING_BYTES:
            await _deny(send, Denial(413, f"A session opens with a request of at most {MAX_OPENING_BYTES:,} bytes."))
        elif not await self._sessions.make_room(address):
            await _deny(send, Denial(503, "Too many sessions are open.", ((b"retry-after", b"5"),)))
        else:
            send = self._sessions.watch(send, address)
            await self._manager.handle_request(scope, replay(judged.body, receive), send)

    async def _serve_session(
        self, scope: Scope, session: bytes, body: bytes, message: JSONRPCRequest, send: Send
    ) -> None:
        async with self._requests.claim(session, message.id) as claimed:
            if isinstance(claimed, Refusal):
                await _answer(send, 400, encode(claimed.as_error()))
                return
            # A client of a session may leave and its call goes on: the id is in use until that has ended.
            await self._manager.handle_request(scope, replay(body, never), claimed.watch(send))

    @contextmanager
    def _opened(self, endless: bool) -> Generator[None]:
        with anyio.CancelScope() as scope:
            self._open[scope] = endless
            try:
                yield
            finally:
                del self._open[scope]
                self._all_closed.set()


class _Response:
    """A `send` that tracks how much was sent, so that an interrupted answer can be ended properly."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = False
        self._complete = False

    async def __call__(self, message: Message) -> None:
        await self._send(message)
        self._started = True
        self._complete = message["type"] == "http.response.body" and not message.get("more_body")

    async def finish(self) -> None:
        """Ends the answer if the handler did not."""
        if not self._started:
            await _deny(self._send, Denial(503, "The server is stopping."))
        elif not self._complete:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _length_of(headers: Headers) -> int | None:
    text = headers.get(b"content-length", b"")
    return int(text) if text.isdigit() else None


async def _cancel_at(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()


def _address_of(scope: Scope) -> str:
    return scope["client"][0] if scope.get("client") else ""


def _is_legacy(headers: Headers) -> bool:
    """Whether a request belongs to a version with a handshake: the SDK decides by the same header."""
    version = headers.get(b"mcp-protocol-version")
    return version is None or version.decode("latin-1") in HANDSHAKE_PROTOCOL_VERSIONS


def _is_cancel(message: JSONRPCMessage | None) -> bool:
    return isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled"


async def _deny(send: Send, denial: Denial) -> None:
    await _answer(send, denial.status, error_body(INVALID_REQUEST, denial.message), denial.headers)


async def _answer(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})
