"""A raw JSON-RPC client over a child's pipes, and an upstream that answers at once: nothing of an SDK in the way."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHUNKS = 20


class Child:
    """A stdio server as a child process."""

    def __init__(self, argv: list[str], env: dict[str, str]) -> None:
        self.started = time.perf_counter()
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("ANYMODEL", "OPENAI"))}
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**clean, **env}
        )
        self._id = 0

    def ask(self, method: str, params: dict[str, Any] | None = None) -> tuple[dict[str, Any], int]:
        """One request; gives its answer and the answer's bytes. Notifications on the way are passed over."""
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params or {}})
        assert self._process.stdout
        while True:
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError("the server ended")
            message = json.loads(line)
            if message.get("id") == self._id:
                if "error" in message:
                    raise RuntimeError(str(message["error"]))
                return message["result"], len(line)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def open(self) -> int:
        """Handshake and tools/list; gives the bytes of the list."""
        info = {"name": "benchmark", "version": "1"}
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info})
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self.ask("tools/list")[1]

    def call(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One tool call."""
        result = self.ask("tools/call", {"name": name, "arguments": arguments})[0]
        if result.get("isError"):
            raise RuntimeError(result["content"][0]["text"])
        return result

    def rss_mib(self) -> float:
        """Resident memory."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _chunk(text: str, finish: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(head).encode() + b"\n\n"


_STREAM = b"".join(_chunk("word ", None) for _ in range(CHUNKS)) + _chunk("", "stop") + b"data: [DONE]\n\n"
_WHOLE = json.dumps(
    {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "word " * CHUNKS}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": CHUNKS, "total_tokens": CHUNKS + 1},
    }
).encode()


def _answer(kind: str, body: bytes) -> bytes:
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


STREAMED = _answer("text/event-stream", _STREAM)
WHOLE = _answer("application/json", _WHOLE)


class InstantUpstream:
    """Answers every request on loopback at once, streamed where a stream is asked for; in a process of its own."""

    def __enter__(self) -> str:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout
        return f"http://127.0.0.1:{self._process.stdout.readline().strip()}/v1"

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()


def _serve_one(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in data:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                ),
                0,
            )
            while len(data) < length:
                data += connection.recv(65536)
            body, data = data[:length], data[length:]
            connection.sendall(STREAMED if b'"stream":true' in body.replace(b" ", b"") else WHOLE)


def main() -> None:
    """Serves until it receives the stop signal."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve_one, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
