"""An upstream on loopback that does what a word in the prompt asks for, whatever model and client a server has.

Runs as a process of its own, so that no measured server shares its interpreter: `python upstream.py` prints its port.
`GET /bench/take` gives what has arrived since it was last asked, with times of the machine's monotonic clock.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.request import ProxyHandler, build_opener

MODEL = "bench-model"
INSTANT, SECOND, WORDS, STALL, BUSY, LONG = (
    f"bench-{word}" for word in ("instant", "second", "words", "stall", "busy", "long")
)
LONG_CHARS = 200_000
WORDS_COUNT, WORD_GAP_S = 30, 0.1
STALL_S = 4.0
_CHUNKS = 20
_EVENTS = "text/event-stream"
_JSON = "application/json"


class _CallerLeftError(Exception):
    """The connection was closed before the answer was whole."""


def _event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
    return b"data: " + json.dumps(head).encode() + b"\n\n"


_END = _event("", "stop") + b"data: [DONE]\n\n"


def _whole(text: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": _CHUNKS, "total_tokens": _CHUNKS + 1}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL}
    return json.dumps({**head, "choices": [choice], "usage": usage}).encode()


def long_text() -> str:
    """The answer of 200,000 characters."""
    return ("lorem ipsum dolor sit amet " * (LONG_CHARS // 27 + 1))[:LONG_CHARS]


def _reply(kind: str, body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


_TEXT = "word " * _CHUNKS
_INSTANT = {
    True: _reply(_EVENTS, _event("word ") * _CHUNKS + _END),
    False: _reply(_JSON, _whole(_TEXT)),
}
_BUSY_BODY = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
_BUSY = _reply(_JSON, json.dumps(_BUSY_BODY).encode(), "429 Too Many Requests")
_MODELS = _reply(_JSON, json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode())
_MISSING = _reply(_JSON, b'{"error":{"message":"not found"}}', "404 Not Found")
_OPEN_STREAM = f"HTTP/1.1 200 OK\r\ncontent-type: {_EVENTS}\r\nconnection: close\r\n\r\n".encode()


class Connection:
    """One connection: its requests one after another."""

    def __init__(self, sock: socket.socket, log: list[dict[str, Any]]) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._log = log
        self._data = b""

    def serve(self) -> None:
        """Answers until the caller leaves."""
        with self._sock, contextlib.suppress(OSError, _CallerLeftError):
            while request := self._read():
                if not self._answer(*request):
                    return

    def _read(self) -> tuple[str, bytes] | None:
        while b"\r\n\r\n" not in self._data:
            if not self._more():
                return None
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        while len(self._data) < length:
            if not self._more():
                return None
        body, self._data = self._data[:length], self._data[length:]
        return first.split(" ")[1], body

    def _more(self) -> bool:
        piece = self._sock.recv(262_144)
        self._data += piece
        return bool(piece)

    def _answer(self, path: str, body: bytes) -> bool:
        """Whether another request may follow on this connection."""
        if path in ("/bench/take", "/bench/peek"):
            taken = list(self._log)
            if path == "/bench/take":
                del self._log[: len(taken)]
            self._sock.sendall(_reply(_JSON, json.dumps(taken).encode()))
            return True
        if not path.endswith("/chat/completions"):
            self._sock.sendall(_MODELS if path.endswith("/v1/models") else _MISSING)
            return True
        stream = b'"stream":true' in body.replace(b" ", b"")
        seen = {"at": time.monotonic(), "stream": stream, "gone": None}
        self._log.append(seen)
        try:
            return self._play(body, stream=stream)
        except (OSError, _CallerLeftError):
            seen["gone"] = time.monotonic()
            raise

    def _play(self, body: bytes, *, stream: bool) -> bool:
        if BUSY.encode() in body:
            self._sock.sendall(_BUSY)
        elif LONG.encode() in body:
            text = long_text()
            self._sock.sendall(_reply(_EVENTS, _event(text) + _END) if stream else _reply(_JSON, _whole(text)))
        elif SECOND.encode() in body:
            self._wait(1.0)
            self._sock.sendall(_INSTANT[stream])
        elif WORDS.encode() in body or STALL.encode() in body:
            return self._slowly(stream=stream, stalled=STALL.encode() in body)
        else:
            self._sock.sendall(_INSTANT[stream])
        return True

    def _slowly(self, *, stream: bool, stalled: bool) -> bool:
        pauses = [STALL_S] if stalled else [WORD_GAP_S] * WORDS_COUNT
        if not stream:
            self._wait(sum(pauses))
            self._sock.sendall(_reply(_JSON, _whole("word " * len(pauses))))
            return True
        self._sock.sendall(_OPEN_STREAM)
        for pause in pauses:
            self._sock.sendall(_event("word "))
            self._wait(pause)
        self._sock.sendall(_END)
        return False

    def _wait(self, seconds: float) -> None:
        """Lets time pass, unless the caller leaves.

        Raises:
            _CallerLeftError: the caller left.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            readable, _, _ = select.select([self._sock], [], [], left)
            if readable and not self._sock.recv(1, socket.MSG_PEEK):
                raise _CallerLeftError


@dataclass(frozen=True, slots=True)
class Arrival:
    """One chat request as the upstream saw it; `gone` is when the caller left before the answer was whole."""

    at: float
    stream: bool
    gone: float | None


class BenchUpstream:
    """The upstream as a child process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._opener = build_opener(ProxyHandler({}))
        self.origin = ""

    def take(self) -> list[Arrival]:
        """What arrived since the last time."""
        return self._ask("take")

    def peek(self) -> list[Arrival]:
        """The same, left there."""
        return self._ask("peek")

    def _ask(self, what: str) -> list[Arrival]:
        with self._opener.open(f"{self.origin}/bench/{what}", timeout=5) as response:
            return [Arrival(**entry) for entry in json.load(response)]

    def __enter__(self) -> Self:
        argv = [sys.executable, __file__]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
        assert self._process.stdout
        self.origin = f"http://127.0.0.1:{self._process.stdout.readline().strip()}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Serves until the parent closes the pipe."""
    log: list[dict[str, Any]] = []

    def accept(server: socket.socket) -> None:
        while True:
            connection = Connection(server.accept()[0], log)
            threading.Thread(target=connection.serve, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        sys.stdin.read()


if __name__ == "__main__":
    main()
