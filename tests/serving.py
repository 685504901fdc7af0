"""This server started for real, as a host starts it, with the official Python client at the other end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import anyio
import httpx2
from anyio.abc import Process
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.waiting import HANG_S

Transport = Literal["stdio", "http"]


MEASURE_CHILDREN = "MEASURE_CHILDREN"
"""Set = server processes record which lines run, if the tests do. It doubles the time that they take to start."""


def child_environment(config: Path, home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without the caller's keys, whose user folders all lie below `home`."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMPDIR") if name in os.environ}
    if MEASURE_CHILDREN in os.environ:
        kept |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    folders = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in ("CONFIG", "DATA", "CACHE", "STATE")}
    return kept | folders | {"HOME": str(home), "ANYMODEL_CONFIG": str(config)} | dict(extra or {})


def write_config(config: str, folder: Path) -> Path:
    """The configuration as a file below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.toml"
    path.write_text(config, encoding="utf-8")
    return path


@asynccontextmanager
async def open_client(
    config: str, folder: Path, *, transport: Transport, env: Mapping[str, str] | None = None, mode: str = "auto"
) -> AsyncGenerator[Client, None]:
    """A client of a server of its own; leaving it ends the server."""
    environment = child_environment(write_config(config, folder), folder, env)
    if transport == "http":
        async with open_http_server(environment, folder) as server, Client(server.url, mode=mode) as client:
            yield client
        return
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "anymodel_mcp"], env=environment, cwd=str(folder)
    )
    log = folder / "stderr.txt"
    with log.open("a", encoding="utf-8") as errlog:
        try:
            async with Client(stdio_client(parameters, errlog), mode=mode) as client:
                yield client
        except Exception as exc:
            exc.add_note(await _tail(log))
            raise


class HttpServer:
    """A running `serve --http`."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"{self.origin}/mcp"


@asynccontextmanager
async def open_http_server(
    environment: Mapping[str, str], folder: Path, *, arguments: tuple[str, ...] = ()
) -> AsyncGenerator[HttpServer, None]:
    """The server on a free loopback port; leaving it ends it by SIGTERM.

    Raises:
        RuntimeError: it is not ready in time, or ends by itself; the message holds what it said.
    """
    port = free_port()
    command = [sys.executable, "-m", "anymodel_mcp", "serve", "--http", "--port", str(port), *arguments]
    with (folder / "stderr.txt").open("ab") as log:
        process = await anyio.open_process(
            command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        await _wait_ready(process, port, folder / "stderr.txt")
        yield HttpServer(process, port)
    finally:
        await end_process(process)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


async def _wait_ready(process: Process, port: int, log: Path) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        with anyio.move_on_after(HANG_S):
            while process.returncode is None:
                try:
                    if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                        return
                except httpx2.TransportError:
                    await anyio.sleep(0.05)
    raise RuntimeError(f"the server is not ready; {await _tail(log)}")


async def _tail(log: Path) -> str:
    said = await anyio.Path(log).read_text(encoding="utf-8", errors="replace")
    return f"its stderr ends: {said[-2000:]}"


async def end_process(process: Process, within_s: float = 5) -> None:
    """Asks the process to end, and makes it where it does not."""
    with anyio.CancelScope(shield=True):
        if process.returncode is None:
            process.terminate()
            with anyio.move_on_after(within_s):
                await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
        await process.aclose()
