"""A loopback upstream that plays raw bytes: every frame its own write, resets as resets, stalls as stalls.

Plain sockets under anyio, because a reset needs the socket itself: an `anyio` stream says FIN before it says RST.
Requests are read by h11 and kept with their times; what answers them is a function, so that faults need no subclass.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlsplit

import anyio
import h11
from anyio.abc import TaskGroup

if sys.platform == "linux":
    import fcntl
    import termios

PACE_S = 0.001
"""Between two frames, so that the reader meets them one by one."""

_READ_BYTES = 65_536
_RESET_LINGER = struct.pack("ii", 1, 0)
_ARRIVAL_TRIES = 1000


@dataclass(slots=True, kw_only=True)
class Seen:
    """One request as it arrived; times are those of the event loop's clock.

    Attributes:
        target: path and query, as sent.
        headers: names in lower case; of repeated ones the last.
        answered_at: when the last byte of the answer was written.
        gone_at: when the caller closed the connection before the answer was whole.
        messages: what the caller sent over an upgraded connection; filled by what answers it.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    at: float
    answered_at: float | None = None
    gone_at: float | None = None
    messages: list[Any] = field(default_factory=list[Any])

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)

    def form_fields(self) -> Counter[str]:
        """How often each field of a multipart body is named."""
        head = f"content-type: {self.headers.get('content-type', '')}\r\n\r\n".encode("latin-1")
        message = BytesParser().parsebytes(head + self.body)
        names: list[str] = []
        for part in message.walk():
            name = part.get_param("name", header="content-disposition")
            if isinstance(name, str):
                names.append(name)
        return Counter(names)


class PeerGoneError(Exception):
    """The caller closed or reset the connection."""


class Line:
    """One connection, as the answering side sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.keep = False
        """Whether another request may follow on this connection."""

    async def read(self) -> bytes:
        """What comes next; empty at the end."""
        while True:
            try:
                return self._sock.recv(_READ_BYTES)
            except BlockingIOError:
                pass
            except OSError:
                return b""
            try:
                await anyio.wait_readable(self._sock)
            except (OSError, anyio.ClosedResourceError):
                return b""

    async def send(self, data: bytes) -> None:
        """Writes all of `data`, at once where the socket takes it.

        Raises:
            PeerGoneError: nobody reads any more.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._sock)
            except OSError as exc:
                raise PeerGoneError from exc

    async def stall(self) -> None:
        """Says nothing more, until the caller leaves."""
        await anyio.sleep_forever()

    def half_close(self) -> None:
        """Ends this direction; the other stays open."""
        self._sock.shutdown(socket.SHUT_WR)

    async def reset(self) -> None:
        """Ends the connection with RST, after all that was written has arrived.

        A reset throws away what the system still holds back for the caller's acknowledgements: many small writes.
        """
        for _ in range(_ARRIVAL_TRIES):
            if not _unacknowledged(self._sock):
                break
            await anyio.sleep(PACE_S)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_LINGER)
        self.close()

    @property
    def closed(self) -> bool:
        """Whether this side has ended the connection."""
        return self._sock.fileno() < 0

    def close(self) -> None:
        """Ends the connection with FIN (or as `reset` left it)."""
        if not self.closed:
            anyio.notify_closing(self._sock)
            self._sock.close()


def _unacknowledged(sock: socket.socket) -> int:
    """Bytes that the other side's system has not got yet; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]


Answer = Callable[[Seen, Line], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One whole answer.

    Attributes:
        frames: written one by one.
        framing: how the end of the body is marked: by `content-length`, by the end of the connection, or in chunks.
        end: after the last frame: another request may follow, FIN, RST, or silence on an open connection.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    frames: Sequence[bytes] = ()
    framing: Literal["length", "close", "chunked"] = "length"
    end: Literal["keep", "close", "reset", "stall"] = "keep"

    def head(self) -> bytes:
        """Status line and headers; a length is added where the framing wants it and none is given."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.framing == "length":
            headers.setdefault("content-length", str(sum(map(len, self.frames))))
        elif self.framing == "chunked":
            headers.setdefault("transfer-encoding", "chunked")
        if self.end != "keep" or self.framing == "close":
            headers.setdefault("connection", "close")
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}", *(f"{n}: {v}" for n, v in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"


def chunk(data: bytes) -> bytes:
    """One chunk of the chunked coding; empty data is the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def play(reply: Reply, line: Line) -> None:
    """Writes one reply exactly as it says."""
    await line.send(reply.head())
    for frame in reply.frames:
        await anyio.sleep(PACE_S)
        await line.send(chunk(frame) if reply.framing == "chunked" and frame else frame)
    if reply.framing == "chunked" and reply.end in ("keep", "close"):
        await line.send(chunk(b""))
    if reply.end == "stall":
        await line.stall()
    elif reply.end == "reset":
        await line.reset()
    line.keep = reply.end == "keep" and reply.framing != "close"


class Upstream:
    """One listening port and all that arrived there."""

    def __init__(self, answer: Answer, tasks: TaskGroup) -> None:
        self._answer = answer
        self._tasks = tasks
        self._sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._sock.setblocking(False)
        self.port: int = self._sock.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.seen: list[Seen] = []
        self.open_connections = 0
        self.idle = anyio.Event()
        """Set whenever no connection is open; a new event after that."""

    async def listen(self) -> None:
        """Serves until cancelled."""
        try:
            while True:
                try:
                    sock, _ = self._sock.accept()
                except BlockingIOError:
                    await anyio.wait_readable(self._sock)
                    continue
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._tasks.start_soon(self._serve, sock)
        finally:
            self._sock.close()

    async def _serve(self, sock: socket.socket) -> None:
        self.open_connections += 1
        line = Line(sock)
        try:
            rest = b""
            while True:
                seen, rest = await _read_request(line, rest)
                if seen is None:
                    return
                self.seen.append(seen)
                await self._reply(seen, line)
                if not line.keep:
                    return
        finally:
            line.close()
            self.open_connections -= 1
            if not self.open_connections:
                self.idle.set()
                self.idle = anyio.Event()

    async def _reply(self, seen: Seen, line: Line) -> None:
        """Answers while watching whether the caller is still there."""
        line.keep = False
        if "upgrade" in seen.headers:  # what answers it reads the line itself
            with suppress(PeerGoneError):
                await self._answer(seen, line)
            return

        async def watch(scope: anyio.CancelScope) -> None:
            # Pipelined requests are not served: nobody here sends them, and their bytes would hide a caller's leaving.
            while await line.read():
                pass
            if not line.closed:
                seen.gone_at = anyio.current_time()
                scope.cancel()

        async with anyio.create_task_group() as both:
            both.start_soon(watch, both.cancel_scope)
            try:
                await self._answer(seen, line)
                seen.answered_at = anyio.current_time()
            except PeerGoneError:
                seen.gone_at = anyio.current_time()
                line.keep = False
            both.cancel_scope.cancel()
        if seen.gone_at is not None:
            line.keep = False


async def _read_request(line: Line, rest: bytes) -> tuple[Seen | None, bytes]:
    """The next request and the bytes after it; `None` where the caller leaves or speaks no HTTP."""
    parser = h11.Connection(h11.SERVER)
    head: h11.Request | None = None
    body = bytearray()
    if rest:
        parser.receive_data(rest)
    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError:
            return None, b""
        if event is h11.NEED_DATA:
            if parser.they_are_waiting_for_100_continue:
                await line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            parser.receive_data(await line.read())
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _to_seen(head, bytes(body)), parser.trailing_data[0]
        else:
            return None, b""


def _to_seen(head: h11.Request, body: bytes) -> Seen:
    return Seen(
        method=head.method.decode(),
        target=head.target.decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers},
        body=body,
        at=anyio.current_time(),
    )


class Upstreams:
    """As many upstreams as are asked for, all ended together."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks

    def open(self, answer: Answer) -> Upstream:
        """A new port whose requests `answer` answers."""
        upstream = Upstream(answer, self._tasks)
        self._tasks.start_soon(upstream.listen)
        return upstream


@asynccontextmanager
async def open_upstreams() -> AsyncGenerator[Upstreams, None]:
    """A place for upstreams; leaving it ends them and their connections."""
    async with anyio.create_task_group() as tasks:
        yield Upstreams(tasks)
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def open_upstream(answer: Answer) -> AsyncGenerator[Upstream, None]:
    """One upstream."""
    async with open_upstreams() as upstreams:
        yield upstreams.open(answer)


def serve(replies: Sequence[Reply]) -> Answer:
    """Answers with one reply after another; after the last, the last one again; 500 where there is none."""
    turn = 0

    async def answer(seen: Seen, line: Line) -> None:
        nonlocal turn
        reply = replies[min(turn, len(replies) - 1)] if replies else Reply(status=500)
        turn += 1
        await play(reply, line)

    return answer
