"""MCP spoken by hand over a child's pipes: nothing of an SDK in the way, every line timed and weighed."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]
CALL_S = 40.0
"""The longest that any answer is waited for."""


class NoAnswerError(Exception):
    """The server ended, or did not answer in time."""


class Answer:
    """The answer to one request, its bytes on the wire and when it came."""

    def __init__(self, message: Json, size: int) -> None:
        self.size = size
        self.at = time.monotonic()
        self.error: Json | None = message.get("error")
        self.result: Json = message.get("result") or {}

    @property
    def failed(self) -> bool:
        """Whether it says that something went wrong."""
        return self.error is not None or bool(self.result.get("isError"))

    @property
    def text(self) -> str:
        """The text that the calling model gets, or the error's."""
        if self.error is not None:
            return str(self.error.get("message", ""))
        return "".join(block.get("text", "") for block in self.result.get("content", []))


class Session:
    """A stdio server as a child process."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self.started = time.monotonic()
        self.folder = folder
        with (folder / "stderr.txt").open("ab") as log:
            self._process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(env),
                cwd=folder,
                start_new_session=True,
            )
        assert self._process.stdin
        assert self._process.stdout
        self._input = self._process.stdin
        self._output = self._process.stdout
        self._rest = bytearray()
        self._answers: dict[int, Answer] = {}
        self._number = 0
        self.notes: list[tuple[float, Json]] = []
        self.server: Json = {}

    def send(self, method: str, params: Json | None = None) -> int:
        """Sends a request; gives its id."""
        self._number += 1
        self._write({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params or {}})
        return self._number

    def notify(self, method: str, params: Json | None = None) -> None:
        """Sends a notification."""
        self._write({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def wait(self, number: int, seconds: float = CALL_S) -> Answer:
        """The answer to a request.

        Raises:
            NoAnswerError: none came.
        """
        if not self.pump(lambda: number in self._answers, seconds):
            raise NoAnswerError(f"no answer in {seconds:.0f} s")
        return self._answers.pop(number)

    def ask(self, method: str, params: Json | None = None, seconds: float = CALL_S) -> Answer:
        """One request and its answer."""
        return self.wait(self.send(method, params), seconds)

    def call(self, tool: str, arguments: Json, *, progress: bool = False) -> int:
        """Sends a tool call; gives its id."""
        params: Json = {"name": tool, "arguments": arguments}
        if progress:
            params["_meta"] = {"progressToken": "bench"}
        return self.send("tools/call", params)

    def open(self) -> Answer:
        """Handshake; gives the list of tools."""
        info = {"name": "benchmark", "version": "1"}
        greeting = self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}, 20)
        self.server = greeting.result.get("serverInfo", {})
        self.notify("notifications/initialized")
        return self.ask("tools/list", seconds=20)

    def pump(self, enough: Callable[[], bool], seconds: float) -> bool:
        """Reads until there is enough or the time is over; whether there was enough.

        Raises:
            NoAnswerError: the server ended.
        """
        end = time.monotonic() + seconds
        while not enough():
            left = end - time.monotonic()
            if left <= 0:
                return False
            readable, _, _ = select.select([self._output], [], [], left)
            if readable:
                self._read()
        return True

    def _read(self) -> None:
        piece = os.read(self._output.fileno(), 1 << 20)
        if not piece:
            raise NoAnswerError("the server ended")
        self._rest += piece
        while (end := self._rest.find(b"\n")) >= 0:
            line = bytes(self._rest[: end + 1])
            del self._rest[: end + 1]
            if line.strip():
                self._sort(json.loads(line), len(line))

    def _sort(self, message: Json, size: int) -> None:
        if "method" not in message:
            self._answers[message["id"]] = Answer(message, size)
        elif "id" in message:  # a request of the server: this client can do nothing
            error = {"code": -32601, "message": "not supported"}
            self._write({"jsonrpc": "2.0", "id": message["id"], "error": error})
        elif message["method"] == "notifications/progress":
            self.notes.append((time.monotonic(), message["params"]))

    def _write(self, message: Json) -> None:
        try:
            self._input.write(json.dumps(message).encode() + b"\n")
            self._input.flush()
        except OSError as exc:
            raise NoAnswerError("the server ended") from exc

    def rss_mib(self) -> float | None:
        """Resident memory of the server and its children; `None` where there is no /proc."""
        total, todo = 0.0, [self._process.pid]
        while todo:
            folder = Path(f"/proc/{todo.pop()}")
            try:
                status = (folder / "status").read_text(encoding="utf-8")
                children = (folder / "task" / folder.name / "children").read_text(encoding="utf-8")
            except OSError:
                continue
            total += sum(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))
            todo += map(int, children.split())
        return total or None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._input.close()
            self._process.wait(2)
        except (OSError, subprocess.TimeoutExpired):
            os.killpg(self._process.pid, signal.SIGKILL)  # the group is its own: its children end with it
            self._process.wait()
        self._output.close()
