"""The ASGI application: paths, guards and bodies before the SDK's session manager, and an end for open streams."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import anyio
from mcp.server.mcpserver import MCPServer
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import INVALID_REQUEST
from pydantic_core import to_json

from anymodel_mcp.config import HttpSettings
from anymodel_mcp.transports.bodies import Disconnected, Receive, error_body, judge_body, read_body, replay
from anymodel_mcp.transports.cors import Message, Send, preflight, sharing
from anymodel_mcp.transports.framing import Refusal, encode
from anymodel_mcp.transports.guards import Denial, Guard
from anymodel_mcp.transports.protocol_versions import lowlevel
from anymodel_mcp.transports.requests import guard_requests

Scope = dict[str, Any]
Headers = dict[bytes, bytes]

_JSON = (b"content-type", b"application/json")


class McpApp:
    """Serves one MCP endpoint and two probes over HTTP.

    Args:
        server: its lifespan is opened by `run`.
        settings: everything but the address.
    """

    def __init__(self, server: MCPServer[Any], settings: HttpSettings) -> None:
        guard_requests(server, mend=True)
        self._settings = settings
        self._path = "/" + settings.path.strip("/")
        self._guard = Guard(settings)
        self._manager = StreamableHTTPSessionManager(
            app=lowlevel(server), stateless=settings.stateless, max_request_body_size=settings.max_body_bytes
        )
        self._open: dict[anyio.CancelScope, bool] = {}
        self._all_closed = anyio.Event()
        self._stopping = False

    def run(self) -> Any:
        """The context manager within which requests are served; it opens the server's lifespan."""
        return self._manager.run()

    async def stop(self, grace_s: float) -> None:
        """Ends what is open: streams without an end of their own at once, calls after `grace_s` seconds."""
        self._stopping = True
        for scope in [scope for scope, endless in self._open.items() if endless]:
            scope.cancel()
        with anyio.move_on_after(grace_s):
            while self._open:
                self._all_closed = anyio.Event()
                await self._all_closed.wait()
        for scope in list(self._open):
            scope.cancel()
        await self._end_sessions()

    async def _end_sessions(self) -> None:
        """Ends the sessions in form: those that the manager cancels wait a second for a reader who is gone."""
        sessions = self._manager._server_instances  # pyright: ignore[reportPrivateUsage] there is no public door (2.3.0)
        for session in list(sessions.values()):
            await session.terminate()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path = scope["path"].rstrip("/") or "/"
        if path in ("/healthz", "/readyz"):
            await self._probe(path, send)
        elif path != (self._path.rstrip("/") or "/"):
            await _deny(send, Denial(404, f"Nothing is here: the MCP endpoint is {self._path}"))
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
        if denial is not None:
            await _deny(send, denial)
            return
        scope = {**scope, "path": self._path, "raw_path": self._path.encode()}
        endless = scope["method"] == "GET" or headers.get(b"mcp-method") == b"subscriptions/listen"
        response = _Response(send)
        with self._opened(endless):
            try:
                await self._handle(scope, headers, receive, response)
            except Disconnected:
                return
        await response.finish()

    async def _handle(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            body = await read_body(receive, _length_of(headers), self._settings.max_body_bytes)
            judged = body if isinstance(body, Denial) else judge_body(body)
            if isinstance(judged, Denial):
                await _deny(send, judged)
                return
            if isinstance(judged, Refusal):
                await _answer(send, 400, encode(judged.as_error()))
                return
            receive = replay(judged, receive)
        await self._manager.handle_request(scope, receive, send)

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
    """A `send` that knows how far the answer got, so that one that was broken off can be ended in form."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._started = False
        self._complete = False

    async def __call__(self, message: Message) -> None:
        await self._send(message)
        self._started = True
        self._complete = message["type"] == "http.response.body" and not message.get("more_body")

    async def finish(self) -> None:
        """Ends the answer, if the handler could not."""
        if not self._started:
            await _deny(self._send, Denial(503, "The server is stopping."))
        elif not self._complete:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _length_of(headers: Headers) -> int | None:
    text = headers.get(b"content-length", b"")
    return int(text) if text.isdigit() else None


async def _deny(send: Send, denial: Denial) -> None:
    await _answer(send, denial.status, error_body(INVALID_REQUEST, denial.message), denial.headers)


async def _answer(send: Send, status: int, body: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})
