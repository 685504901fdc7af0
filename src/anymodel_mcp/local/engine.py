"""The embedded engine: a child process with a real model behind llama.cpp's OpenAI-compatible server.

`open_engine` yields it once it answers, and always ends it. No task and no cancel scope lives
across the `yield`, so that one task may open it and another close it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, cast

import anyio
from anyio.abc import Process

from anymodel_mcp.errors import AnyModelError, ConfigError, ProviderError
from anymodel_mcp.local.weights import INSTALL_HINT, Progress, ensure_weights
from anymodel_mcp.record import record
from anymodel_mcp.redact import Redactor

START_TIMEOUT_S = 60.0
GRACE_S = 2.0
_MAX_READY_BYTES = 65_536
_TAIL_BYTES = 4_000
_TAIL_LINES = 6
_MOST_THREADS = 8  # with more threads a model of 135 M parameters gets slower
_ILLEGAL_INSTRUCTION = frozenset({-getattr(signal, "SIGILL", 4), 0xC000001D, 0xC000001D - (1 << 32)})
_LIBGOMP = "The local engine needs the system library libgomp.so.1 (OpenMP), which is not installed."


@record
class Engine:
    """A running engine.

    Attributes:
        base_url: with `/v1`; a loopback address.
        api_key: made at random for this process.
        model: the id under which it lists its one model, for chat, completions and embeddings.
        failure: `None` while it runs, else why it ended.
        wait: returns the reason when it has ended.
    """

    base_url: str
    api_key: str = field(repr=False)
    model: str
    pid: int
    failure: Callable[[], AnyModelError | None] = field(repr=False)
    wait: Callable[[], Awaitable[AnyModelError]] = field(repr=False)


def child_command(weights: Path, threads: int) -> list[str]:
    """The command that starts the child; -P keeps modules of the working directory out."""
    return [sys.executable, "-P", "-m", "anymodel_mcp.local.child", str(weights), "--threads", str(threads)]


def count_threads() -> int:
    """The number of threads to use: the cores of this process, up to the useful maximum."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, _MOST_THREADS))


@asynccontextmanager
async def open_engine(
    *,
    cache_dir: Path,
    on_progress: Progress | None = None,
    threads: int | None = None,
) -> AsyncGenerator[Engine]:
    """Starts an engine and always ends it on exit; its weights are downloaded into `cache_dir` if needed.

    It uses `threads` threads; default: one per core, at most eight.

    Raises:
        ConfigError: a requirement is not installed, or the cache cannot be written.
        ProviderError: the weights cannot be fetched, or the engine does not come up.
    """
    if find_spec("xllamacpp") is None or find_spec("filelock") is None:
        raise ConfigError("The local engine is not installed.", fix=INSTALL_HINT)
    weights = await ensure_weights(cache_dir, on_progress=on_progress)
    if on_progress:
        on_progress("Starting the model", None, None)
    async with run_child(child_command(weights, threads or count_threads())) as engine:
        yield engine


@asynccontextmanager
async def run_child(
    command: list[str], *, start_timeout_s: float = START_TIMEOUT_S, grace_s: float = GRACE_S
) -> AsyncGenerator[Engine]:
    """Runs the engine that `command` starts, by the rules in `child.py`.

    Args:
        command: the child's command line.
        start_timeout_s: how long it may take to say where it listens.
        grace_s: how long it may take to end by itself, and after SIGTERM.

    Raises:
        ConfigError: a system library or the right processor is missing.
        ProviderError: it ended, or did not report its address in time.
    """
    # spinning threads starve whoever shares the cores: 39 instead of 6.5 tokens a second beside one busy process on two
    # cores (measured 2026-11-20); read when the library loads, hence the environment
    environ = {"OMP_WAIT_POLICY": "passive", **os.environ}
    with tempfile.TemporaryFile() as log:
        process = await anyio.open_process(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environ
        )
        try:
            ready = await _read_ready(process, log, start_timeout_s)
            yield Engine(
                base_url=ready["base_url"],
                api_key=ready["api_key"],
                model=ready["model"],
                pid=process.pid,
                failure=lambda: None if process.returncode is None else _death(process, log),
                wait=partial(_wait, process, log),
            )
        finally:
            with anyio.CancelScope(shield=True):
                await _end(process, grace_s)


async def _read_ready(process: Process, log: IO[bytes], timeout_s: float) -> dict[str, str]:
    assert process.stdout is not None
    data = b""
    try:
        with anyio.fail_after(timeout_s):
            while b"\n" not in data and len(data) < _MAX_READY_BYTES:
                data += await process.stdout.receive()
    except anyio.EndOfStream:
        await _hear_out(process)
        raise _startup_error(process, log, "it ended before it was ready") from None
    except TimeoutError:
        raise _startup_error(process, log, f"it was not ready after {timeout_s:g} s") from None
    try:
        ready = cast("dict[str, Any]", json.loads(data.partition(b"\n")[0]))
        if "error" in ready:
            await _hear_out(process)
            raise _told_error(str(ready["error"]), str(ready.get("cause")), log)
        return {name: str(ready[name]) for name in ("base_url", "api_key", "model")}
    except (ValueError, KeyError, TypeError) as exc:
        raise _startup_error(process, log, f"it said {data[:80]!r} instead of where it listens") from exc


async def _hear_out(process: Process) -> None:
    """Reads the remaining output of a child that is about to end."""
    with anyio.move_on_after(GRACE_S):
        await process.wait()


def _told_error(error: str, cause: str, log: IO[bytes]) -> AnyModelError:
    if "libgomp" in error:
        return ConfigError(_LIBGOMP, fix="Debian and Ubuntu: apt-get install -y libgomp1. Fedora: dnf install libgomp.")
    if cause == "import":
        return ConfigError(f"The local engine cannot be loaded: {Redactor().clean(error)}", fix=INSTALL_HINT)
    return ProviderError(
        f"The local engine did not start: {error.rstrip('.')}{_tail(log)}", kind="server", provider="local"
    )


def _startup_error(process: Process, log: IO[bytes], why: str) -> AnyModelError:
    return _cpu_error(process) or ProviderError(
        f"The local engine did not start: {why}{_status(process)}{_tail(log)}", kind="server", provider="local"
    )


async def _wait(process: Process, log: IO[bytes]) -> AnyModelError:
    await process.wait()
    return _death(process, log)


def _death(process: Process, log: IO[bytes]) -> AnyModelError:
    fix = "Call again: a new one is started."
    why = f"The local engine ended unexpectedly{_status(process)}{_tail(log)}"
    return _cpu_error(process) or ProviderError(why, kind="server", provider="local", retryable=True, fix=fix)


def _cpu_error(process: Process) -> ConfigError | None:
    if process.returncode not in _ILLEGAL_INSTRUCTION:
        return None
    return ConfigError(
        "This processor cannot run the local engine (illegal instruction): its build needs AVX2, FMA and F16C.",
        fix="Use a provider instead, such as Ollama on this machine or an API with a key.",
    )


def _status(process: Process) -> str:
    code = process.returncode
    if code is None:
        return ""
    if code < 0:
        name = next((s.name for s in signal.Signals if s == -code), str(-code))
        return f" (killed by {name}{', as the system does when memory runs out' if name == 'SIGKILL' else ''})"
    return f" (exit status {code})"


def _tail(log: IO[bytes]) -> str:
    """The last lines of the child's stderr, for the end of a sentence."""
    size = log.seek(0, os.SEEK_END)
    log.seek(max(0, size - _TAIL_BYTES))
    lines = log.read().decode(errors="replace").split("\n")
    lines = [Redactor().clean(line).strip() for line in lines if line.strip()][-_TAIL_LINES:]
    return ": " + " | ".join(lines) if lines else "."


async def _end(process: Process, grace_s: float) -> None:
    """Ends the child: closes stdin, then SIGTERM, then SIGKILL."""
    assert process.stdin is not None
    await process.stdin.aclose()
    for insist in (process.terminate, process.kill):
        with anyio.move_on_after(grace_s):
            await process.wait()
        if process.returncode is not None:
            break
        insist()
    await process.aclose()
