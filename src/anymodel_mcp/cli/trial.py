"""Starts a server as a host would, lists its tools and, if requested, asks its default model."""

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
from typing import IO, Any, cast

from anymodel_mcp import __version__
from anymodel_mcp.record import record
from anymodel_mcp.redact import Redactor, one_line, shorten

_START_S = 60  # uvx may have to download first
_ANSWER_S = 120  # a local engine may have to load its model
_END_S = 5
_SHOWN = 200
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


@record
class Trial:
    """The result of a start.

    Attributes:
        tools: how many tools the server listed; 0 = it did not answer.
        seconds: how long that took.
        problem: why it did not answer; "" = it did.
        answer: the beginning of the chat answer; "" = none was requested.
        refusal: why the chat failed.
    """

    tools: int = 0
    seconds: float = 0
    problem: str = ""
    answer: str = ""
    refusal: str = ""


def try_server(
    command: Sequence[str], env: Mapping[str, str], secrets: Sequence[str], *, prompt: str | None = None
) -> Trial:
    """Starts the command with exactly this environment, lists its tools and, with a prompt, asks its default model."""
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
        within_s = _START_S + (_ANSWER_S if prompt else 0)
        watchdog = threading.Timer(within_s, _kill, [process])
        watchdog.start()
        try:
            names = _list_tools(process)
            seconds = time.monotonic() - begun
            chat = next((name for name in names if name.endswith("chat")), None)
            answer, refusal = _chat(process, chat, prompt) if chat and prompt else ("", "")
        finally:
            watchdog.cancel()
            _end(process)
        errors.seek(0)
        lines = errors.read(64_000).decode("utf-8", "replace").strip().splitlines()
    if names:
        clean = Redactor(secrets).clean
        return Trial(tools=len(names), seconds=seconds, answer=_short(clean(answer)), refusal=_short(clean(refusal)))
    reason = Redactor(secrets).clean(lines[-1]) if lines else f"it ended with status {process.returncode}"
    return Trial(problem=reason if time.monotonic() - begun < within_s else f"no answer within {within_s} s")


def _list_tools(process: subprocess.Popen[bytes]) -> list[str]:
    """The names of the server's tools; empty = it ended before it answered."""
    tools: Any = _request(process, _GREETING, 2).get("tools")
    listed = cast("list[Any]", tools) if isinstance(tools, list) else []
    return [str(cast("dict[str, Any]", tool).get("name")) if isinstance(tool, dict) else "" for tool in listed]


def _chat(process: subprocess.Popen[bytes], tool: str, prompt: str) -> tuple[str, str]:
    """The answer of the default model, and why there is none."""
    call = {"id": 3, "method": "tools/call", "params": {"name": tool, "arguments": {"prompt": prompt}}}
    result = _request(process, [call], 3)
    content: list[Any] = result.get("content") or []
    text = "\n".join(str(block.get("text", "")) for block in content if isinstance(block, dict))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] JSON
    if not content or result.get("isError"):
        return "", text or "the server ended, or did not answer in time"
    return text, ""


def _request(process: subprocess.Popen[bytes], lines: Sequence[Mapping[str, Any]], wanted: int) -> dict[str, Any]:
    """Sends messages and returns the result with the wanted id; empty = the server ended before it answered."""
    stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    with contextlib.suppress(OSError):
        stdin.write(b"".join(json.dumps({"jsonrpc": "2.0", **line}).encode() + b"\n" for line in lines))
        stdin.flush()
    for line in stdout:
        with contextlib.suppress(ValueError):
            message: Any = json.loads(line)
            if isinstance(message, dict) and cast("dict[str, Any]", message).get("id") == wanted:
                found: Any = cast("dict[str, Any]", message).get("result")
                return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return {}


def _short(text: str) -> str:
    return shorten(one_line(text), _SHOWN)


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
