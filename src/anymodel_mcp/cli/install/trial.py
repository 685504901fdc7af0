"""Starts an entry as its host would, and asks it for its tools."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, cast

from anymodel_mcp import __version__
from anymodel_mcp.redact import Redactor

_START_S = 60  # uvx may have to download first
_END_S = 5
_GREETING = (
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "anymodel-mcp-install", "version": __version__},
        },
    },
    {"method": "notifications/initialized"},
    {"id": 2, "method": "tools/list"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a start of the entry gave.

    Attributes:
        tools: how many tools the server listed; 0 = it did not answer.
        seconds: how long that took.
        problem: why it did not answer.
    """

    tools: int = 0
    seconds: float = 0
    problem: str = ""


def try_server(command: Sequence[str], env: Mapping[str, str], secrets: Sequence[str]) -> Trial:
    """Starts the command with exactly this environment and lists its tools."""
    begun = time.monotonic()
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                list(command),
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as exc:
            return Trial(problem=f"{command[0]} cannot be started: {exc.strerror or type(exc).__name__}")
        watchdog = threading.Timer(_START_S, _kill, [process])
        watchdog.start()
        try:
            tools = _ask(process)
        finally:
            watchdog.cancel()
            _end(process)
        errors.seek(0)
        lines = errors.read(64_000).decode("utf-8", "replace").strip().splitlines()
    if tools:
        return Trial(tools=tools, seconds=time.monotonic() - begun)
    reason = Redactor(secrets).clean(lines[-1]) if lines else f"it ended with status {process.returncode}"
    return Trial(problem=reason if time.monotonic() - begun < _START_S else f"no answer within {_START_S} s")


def _ask(process: subprocess.Popen[bytes]) -> int:
    """How many tools the server lists; 0 = it ended before."""
    stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    with contextlib.suppress(OSError):
        stdin.write(b"".join(json.dumps({"jsonrpc": "2.0", **line}).encode() + b"\n" for line in _GREETING))
        stdin.flush()
    for line in stdout:
        with contextlib.suppress(ValueError):
            message: Any = json.loads(line)
            if isinstance(message, dict) and cast("dict[str, Any]", message).get("id") == 2:
                result: Any = cast("dict[str, Any]", message).get("result") or {}
                return len(result.get("tools", ()))
    return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        cast("IO[bytes]", process.stdin).close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()
    cast("IO[bytes]", process.stdout).close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
