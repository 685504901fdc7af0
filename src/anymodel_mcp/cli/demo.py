"""`demo`: a real end-to-end run without a key: a model on this machine, this server, the official MCP client.

Nothing is simulated: the server is a child over stdio, started as any host starts it, and what is printed is what the
client received. The configuration is a temporary one: neither the user's keys nor the user's store have a part in it.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

import anyio
import tomlkit
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.status import Status
from rich.text import Text

from anymodel_mcp.cli.screen import EXIT_FAILED, Terminal, print_error, report_error
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.local.engine import Engine, open_engine
from anymodel_mcp.local.weights import default_cache_dir

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult

_CALL_TIMEOUT_S = 60.0
_START_TIMEOUT_S = 20.0
_MARK = " … "  # precedes the newest text in a progress note, see calls/progress.py

SYSTEM = "You are a helpful assistant."
QUESTION = "What is a large language model?"
BEGINNING = "The sun rises in the"
QUERY = "a sleepy pet"
TEXTS = [
    "The train to Berlin leaves at noon.",
    "Our cat sleeps all day.",
    "Boil the grains in water for fifteen minutes.",
]
HONEST = (
    "This model has 135 million parameters and fits on a phone. It proves that every part works; its answers are often "
    "wrong. Use a real one for real questions:"
)
NEXT = (
    ("export OPENAI_API_KEY=...", "OpenAI; others: ANYMODEL_PROVIDERS=deepseek and DEEPSEEK_API_KEY"),
    ("export OPENAI_BASE_URL=http://127.0.0.1:11434/v1", "or your own server, such as Ollama"),
    ("{command} doctor", "check the setup"),
    ('{command} ask "Why is the sky blue?"', "one question from the terminal"),
    ("{command} install claude-desktop", "or cursor, vscode, claude-code, ...: use it in your host"),
)


class OpenEngine(Protocol):
    """As `open_engine`."""

    def __call__(
        self, *, cache_dir: Path, on_progress: Callable[[str, int | None, int | None], None] | None = None
    ) -> AbstractAsyncContextManager[Engine]:
        """A running engine."""
        ...


async def run_demo(
    terminal: Terminal, *, cache_dir: Path | None = None, engine: OpenEngine = open_engine, python: str = sys.executable
) -> int:
    """Calls every tool and returns the exit status.

    `python` runs the server; `cache_dir` is where the model is kept.
    """
    screen = _Screen(terminal)
    screen.title("AnyModel MCP: a real model on this machine, this server, a real MCP client. No key is needed.")
    started = time.monotonic()
    try:
        async with engine(cache_dir=cache_dir or default_cache_dir(), on_progress=screen.progress) as running:
            screen.progress_done()
            terminal.redactor.add(running.api_key)
            screen.say(f"Model {running.model} answers after {time.monotonic() - started:.1f} s.")
            with tempfile.TemporaryDirectory(prefix="anymodel-demo-") as folder:
                return await _drive(screen, running, Path(folder), python)
    except AnyModelError as error:
        screen.progress_done()
        return report_error(terminal, "the demo could not start its model", error)


async def _drive(screen: _Screen, engine: Engine, folder: Path, python: str) -> int:
    from mcp.shared.exceptions import MCPError

    log = folder / "server.log"
    lost: BaseException | None = None
    try:
        with log.open("w", encoding="utf-8") as errors:
            async with _open_client(engine, folder, python, errors) as client:
                await _show(screen, client)
    except* (MCPError, OSError) as group:  # a TimeoutError is an OSError
        lost = _innermost(group)
    if lost is None:
        return EXIT_FAILED if screen.failed else 0
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-5:]
    why = f"{type(lost).__name__}: {lost}" + (f"; the server said: {' | '.join(said)}" if said else "")
    print_error(screen.terminal, "the demo lost its server", why, "Please report it with this text.")
    return EXIT_FAILED


def _innermost(error: BaseException) -> BaseException:
    """The first error of a group of groups."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


@asynccontextmanager
async def _open_client(engine: Engine, folder: Path, python: str, errors: TextIO) -> AsyncGenerator[Client]:
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    config = folder / "config.toml"
    config.write_text(tomlkit.dumps(_settings(engine, folder)), encoding="utf-8")
    # the client gives the child PATH, HOME and little else: no key of the user's, no ANYMODEL_ variable
    environ = {"ANYMODEL_CONFIG": str(config), "ANYMODEL_DEMO_KEY": engine.api_key}
    # -P: nothing in the working directory can pass for a module of ours
    command = StdioServerParameters(command=python, args=["-P", "-m", "anymodel_mcp", "serve"], env=environ)
    with anyio.fail_after(_START_TIMEOUT_S) as starting:
        async with Client(stdio_client(command, errlog=errors)) as client:
            starting.deadline = float("inf")
            yield client


def _settings(engine: Engine, folder: Path) -> Mapping[str, Any]:
    model = f"local/{engine.model}"
    return {
        "default_model": model,
        "default_completion_model": model,
        "default_embedding_model": model,
        "default_image_model": model,
        "providers": {"local": {"base_url": engine.base_url, "api_key_env": "ANYMODEL_DEMO_KEY"}},
        "files": {"output_dir": str(folder / "files")},
        "store": {"enabled": False},
    }


async def _show(screen: _Screen, client: Client) -> None:
    tools = [tool.name for tool in (await client.list_tools()).tools]
    screen.say(f"Connected over stdio, protocol {client.protocol_version}. Tools: {', '.join(tools)}.")
    chat = {"prompt": QUESTION, "system": SYSTEM, "temperature": 0, "max_tokens": 160}
    await _show_stream(screen, client, chat)
    await _show_call(
        screen, client, "complete", {"prompt": BEGINNING, "temperature": 0, "max_tokens": 40, "stop": ["."]}
    )
    await _show_call(screen, client, "embed", {"query": QUERY, "input": TEXTS})
    await _show_call(screen, client, "list_models", {})
    await _show_call(screen, client, "generate_image", {"prompt": "a lighthouse at night"}, refused=True)
    screen.title(HONEST)
    screen.advice(NEXT)


async def _show_stream(screen: _Screen, client: Client, arguments: Mapping[str, Any]) -> None:
    """Streams a chat: prints the text of the progress notes (four a second), and the rest from the result."""
    screen.call("chat", arguments)
    shown: list[str] = []

    async def on_note(progress: float, total: float | None, message: str | None) -> None:
        _, mark, words = (message or "").partition(_MARK)
        if mark:
            shown.append(words)
            screen.words(words)

    result = await client.call_tool(
        "chat", dict(arguments), progress_callback=on_note, read_timeout_seconds=_CALL_TIMEOUT_S
    )
    screen.words(missing_words(_text(result), "".join(shown)) if not result.is_error else "")
    screen.end_words()
    screen.result(result, shown=not result.is_error)
    screen.say(f"These words came in {len(shown)} progress notes while they were made; the result holds them all.")


def missing_words(text: str, shown: str) -> str:
    """What to print after `shown` to complete `text`: the rest, or the whole text if parts were skipped."""
    flat, head = " ".join(text.split()), shown.strip()
    if not flat.startswith(head):
        return f"\n\nThe whole answer:\n{text.strip()}"
    rest = flat[len(head) :]
    return rest.lstrip() if shown.endswith(" ") else rest


async def _show_call(
    screen: _Screen, client: Client, tool: str, arguments: Mapping[str, Any], *, refused: bool = False
) -> None:
    screen.call(tool, arguments)
    result = await client.call_tool(tool, dict(arguments), read_timeout_seconds=_CALL_TIMEOUT_S)
    screen.result(result, refused=refused)


def _text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


class _Screen:
    """The demo's output: colours and a progress bar on a terminal, plain lines in a file."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.failed = False
        self._console = terminal.out
        self._bar: Progress | None = None
        self._status: Status | None = None
        self._stage = ""

    def title(self, text: str) -> None:
        self._console.print(Text(f"\n{text}", style="bold"))

    def say(self, text: str) -> None:
        self._console.print(Text(self.terminal.redactor.clean(text), style="dim"))

    def advice(self, lines: Sequence[tuple[str, str]]) -> None:
        command = find_command(self.terminal.environ)
        typed = [line.replace("{command}", command) for line, _ in lines]
        width = max(len(line) for line in typed)
        for line, (_, why) in zip(typed, lines, strict=True):
            self._console.print(Text.assemble("  ", (line.ljust(width), "cyan"), (f"  # {why}", "dim")))

    def call(self, tool: str, arguments: Mapping[str, Any]) -> None:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items())
        self._console.print(Text.assemble("\n", ("> ", "bold green"), (tool, "bold cyan"), f" {shown}"))

    def words(self, text: str) -> None:
        self._console.print(Text(self.terminal.redactor.text(text)), end="")
        self.terminal.stdout.flush()

    def end_words(self) -> None:
        self._console.print()

    def result(self, result: CallToolResult, *, shown: bool = False, refused: bool = False) -> None:
        text = self.terminal.redactor.text(_text(result)).strip()
        if not shown or result.is_error:
            self._console.print(Text(text, style="yellow" if result.is_error else ""))
        if bool(result.is_error) != refused:
            self.failed = True

    def progress(self, message: str, done: int | None, total: int | None) -> None:
        if not self._console.is_terminal:
            if message != self._stage:
                self.say(f"{message}{f' ({total // 1_000_000} MB, once)' if total and not done else ''}")
            self._stage = message
            return
        if total is None:
            self.progress_done()
            self._status = Status(Text(message, style="dim"), console=self._console)
            self._status.start()
            return
        if self._bar is None:
            self.progress_done()
            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.add_task(message, total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], description=message, completed=done or 0)

    def progress_done(self) -> None:
        """Removes the progress bar and the spinner."""
        for live in (self._bar, self._status):
            if live is not None:
                live.stop()
        self._bar = self._status = None


def find_command(environ: Mapping[str, str], python: str = sys.executable) -> str:
    """The command that starts this program: its name if it is on PATH, else its full path."""
    script = Path(python).with_name("anymodel-mcp.exe" if sys.platform == "win32" else "anymodel-mcp")
    if shutil.which("anymodel-mcp", path=environ.get("PATH", "")) or not script.is_file():
        return "anymodel-mcp"
    here = Path.cwd()
    return shlex.quote(str(script.relative_to(here) if script.is_relative_to(here) else script))


def _short(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(repr(part) for part in cast('Sequence[object]', value))}]"
    return repr(value)
