"""Runs the demo: a model on this machine, this server, the official MCP client. No key is needed.

Nothing is simulated: the server is a child over stdio, started as any host starts it, and what is printed is what the
client received. The configuration is a temporary one: neither the user's keys nor the user's store have a part in it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast
from urllib.parse import urlsplit

import anyio
import tomlkit

from anymodel_mcp.cli.demo.models import DemoModel, FindEngines, OpenEngine, embedded_model, running_model
from anymodel_mcp.cli.demo.relay import Relay, open_relay
from anymodel_mcp.cli.demo.screen import Screen
from anymodel_mcp.cli.demo.script import HOST_WAITS_S, show_calls, show_limits
from anymodel_mcp.cli.screen import EXIT_FAILED, Terminal, print_error, report_error
from anymodel_mcp.cli.setup.discovery import find_engines
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.local.engine import open_engine
from anymodel_mcp.local.weights import default_cache_dir

if TYPE_CHECKING:
    from mcp import Client

_START_TIMEOUT_S = 30.0

SMALL = (
    "That was a model with 135 million parameters, small enough for a phone. It shows that everything works; for real "
    "questions, connect a real one, and your host (Claude, Cursor, VS Code, ...) can ask it. One command does it all:"
)
OWN = "That was {model} in {title}. To ask it from Claude, Cursor, VS Code and other hosts, one command does it all:"


async def run_demo(
    terminal: Terminal,
    *,
    embedded: bool = False,
    cache_dir: Path | None = None,
    engine: OpenEngine = open_engine,
    find: FindEngines = find_engines,
    python: str = sys.executable,
) -> int:
    """Shows what a host can do; returns the exit status.

    Args:
        terminal: where.
        embedded: use the embedded model even if a local engine is running.
        cache_dir: where the embedded model is kept.
        engine: starts the embedded model.
        find: finds the local engines that are running.
        python: runs the server.
    """
    screen = Screen(terminal)
    screen.title("What your host can do with AnyModel MCP, shown by real calls. No key is needed.")
    model = None if embedded else await running_model(find)
    if model is not None:
        screen.say(f"{model.title} is running on this machine: its model {model.chat} is used.")
        return await _drive(screen, model, python)
    if not embedded:
        screen.say("No Ollama, LM Studio, llama.cpp, vLLM or LocalAI is running, so a small model is started here.")
    started = time.monotonic()
    try:
        async with embedded_model(engine, cache_dir or default_cache_dir(), screen.progress) as running:
            screen.progress_done()
            terminal.redactor.add(running.api_key)
            screen.say(f"{running.chat} is ready after {time.monotonic() - started:.1f} s.")
            return await _drive(screen, running, python)
    except AnyModelError as error:
        screen.progress_done()
        return report_error(terminal, "the demo could not start its model", error)


async def _drive(screen: Screen, model: DemoModel, python: str) -> int:
    from mcp.shared.exceptions import MCPError

    lost: BaseException | None = None
    with tempfile.TemporaryDirectory(prefix="anymodel-demo-") as name:
        folder = Path(name)
        log = folder / "server.log"
        try:
            with log.open("w", encoding="utf-8") as errors:
                address = urlsplit(model.base_url)
                async with open_relay(address.hostname or "127.0.0.1", address.port or 80) as relay:
                    await _show(screen, model, relay, folder, python, errors)
        except* (MCPError, OSError) as group:  # a TimeoutError is an OSError
            lost = _innermost(group)
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    if lost is None:
        _end(screen, model)
        return EXIT_FAILED if screen.failed else 0
    why = f"{type(lost).__name__}: {lost}" + (f"; the server said: {' | '.join(said)}" if said else "")
    print_error(screen.terminal, "the demo lost its server", why, "Please report it with this text.")
    return EXIT_FAILED


async def _show(screen: Screen, model: DemoModel, relay: Relay, folder: Path, python: str, errors: TextIO) -> None:
    async with _open_client(model, relay, folder, python, errors) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        screen.say(
            f"Connected over stdio, as a host does, protocol {client.protocol_version}. Tools: {', '.join(tools)}."
        )
        await show_calls(screen, client, model)
    async with _open_client(model, relay, folder, python, errors, waits_s=HOST_WAITS_S) as client:
        await show_limits(screen, client, relay, model)


def _end(screen: Screen, model: DemoModel) -> None:
    if model.embedded:
        screen.title(SMALL)
        screen.advice("anymodel-mcp setup")
    else:
        screen.title(OWN.format(model=model.chat, title=model.title))
        screen.advice(f"anymodel-mcp setup --provider {model.provider} --model {model.chat}")


def _innermost(error: BaseException) -> BaseException:
    """The first error of a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


@asynccontextmanager
async def _open_client(
    model: DemoModel, relay: Relay, folder: Path, python: str, errors: TextIO, *, waits_s: float = 0
) -> AsyncGenerator[Client]:
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    config = folder / f"config-{waits_s:g}.toml"
    config.write_text(tomlkit.dumps(_settings(model, relay, folder, waits_s)), encoding="utf-8")
    # the client gives the child PATH, HOME and little else: no key of the user's, no ANYMODEL_ variable
    environ = {"ANYMODEL_CONFIG": str(config), "ANYMODEL_DEMO_KEY": model.api_key or "none"}
    # -P: nothing in the working directory can pass for a module of ours
    command = StdioServerParameters(command=python, args=["-P", "-m", "anymodel_mcp", "serve"], env=environ)
    with anyio.fail_after(_START_TIMEOUT_S) as starting:
        async with Client(stdio_client(command, errlog=errors)) as client:
            starting.deadline = float("inf")
            yield client


def _settings(model: DemoModel, relay: Relay, folder: Path, waits_s: float) -> Mapping[str, Any]:
    path = urlsplit(model.base_url).path
    chat = f"{model.provider}/{model.chat}"
    provider = {"base_url": f"http://127.0.0.1:{relay.port}{path}", "api_key_env": "ANYMODEL_DEMO_KEY"}
    return {
        "default_model": chat,
        "default_completion_model": chat,
        "default_embedding_model": f"{model.provider}/{model.embedding or model.chat}",
        "default_image_model": chat,
        "providers": {model.provider: provider},
        "limits": {"soft_deadline_s": waits_s},
        "files": {"output_dir": str(folder / "files")},
        "store": {"enabled": False},
    }
