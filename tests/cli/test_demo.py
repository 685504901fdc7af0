"""The demo: what a newcomer sees, and what stands there when a part of it fails."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from anymodel_mcp.cli.demo import run_demo
from anymodel_mcp.cli.demo.models import pick_models
from anymodel_mcp.cli.demo.relay import open_relay
from anymodel_mcp.cli.demo.screen import find_command, shortened
from anymodel_mcp.cli.demo.script import missing_words
from anymodel_mcp.cli.screen import Terminal
from anymodel_mcp.errors import AnyModelError, ConfigError, ProviderError
from anymodel_mcp.local.engine import Engine
from tests.waiting import HANG_S

Progress = Callable[[str, int | None, int | None], None]


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def make_terminal(stdout: io.StringIO, environ: Mapping[str, str] | None = None) -> Terminal:
    return Terminal(
        environ=environ or {}, stdin=None, stdout=stdout, stderr=stdout, home=Path("/nowhere"), platform=sys.platform
    )


@asynccontextmanager
async def dead_engine(*, cache_dir: Path, on_progress: Progress | None = None) -> AsyncGenerator[Engine]:
    """An engine at whose address nobody answers."""

    async def wait() -> AnyModelError:
        await anyio.sleep_forever()
        raise AssertionError

    assert on_progress is not None
    on_progress("Fetching the model", 0, 100_000_000)
    on_progress("Fetching the model", 50_000_000, 100_000_000)
    on_progress("Starting the model", None, None)
    yield Engine(
        base_url="http://127.0.0.1:9/v1", api_key="a-key-of-the-demo", model="m", pid=1, failure=lambda: None, wait=wait
    )


async def nothing() -> Mapping[str, int]:
    """No local engine is running."""
    return {}


def failing(error: AnyModelError) -> Callable[..., object]:
    @asynccontextmanager
    async def engine(*, cache_dir: Path, on_progress: Progress | None = None) -> AsyncGenerator[Engine]:
        if on_progress:
            on_progress("Fetching the model", 0, 100)
        raise error
        yield  # pyright: ignore[reportUnreachable] makes it a generator

    return engine


async def test_a_missing_engine_is_told_in_three_lines() -> None:
    out = io.StringIO()
    error = ConfigError("The local engine is not installed.", fix="Install the local engine with: pip install x")
    status = await run_demo(make_terminal(out), engine=failing(error), find=nothing)  # type: ignore[arg-type] a context manager all the same
    assert status == 2
    assert "The local engine is not installed." in out.getvalue()
    assert "pip install x" in out.getvalue()


async def test_an_interrupted_download_leaves_a_tidy_terminal() -> None:
    out = Tty()
    error = ProviderError("The model could not be downloaded: no network", kind="connection", provider="local")
    status = await run_demo(make_terminal(out, {"TERM": "xterm"}), engine=failing(error), find=nothing)  # type: ignore[arg-type] a context manager all the same
    assert status == 1
    assert "no network" in out.getvalue()
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h")  # the cursor is back


async def test_a_server_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no such module >&2\nexit 1\n", encoding="utf-8")
    broken.chmod(0o755)
    out = io.StringIO()
    status = await run_demo(make_terminal(out), engine=dead_engine, find=nothing, python=str(broken))
    assert status == 1
    assert "the demo lost its server" in out.getvalue()
    assert "the server said: no such module" in out.getvalue()


async def test_a_model_that_does_not_answer_is_shown_as_the_error_that_the_tool_gives() -> None:
    out = io.StringIO()
    with anyio.fail_after(HANG_S):
        status = await run_demo(make_terminal(out), engine=dead_engine, find=nothing)
    assert status == 1
    assert "Fetching the model (100 MB, once)" in out.getvalue()
    assert "127.0.0.1" in out.getvalue()
    assert "a-key-of-the-demo" not in out.getvalue()


@pytest.mark.parametrize("environ", [{"TERM": "xterm-256color"}, {"TERM": "xterm-256color", "NO_COLOR": "1"}])
async def test_a_terminal_gets_a_bar_and_colours_unless_it_wants_none(environ: Mapping[str, str]) -> None:
    out = Tty()
    await run_demo(make_terminal(out, environ), engine=dead_engine, find=nothing, python="/nowhere/python")
    assert ("\x1b[1;32m" in out.getvalue() or "\x1b[1;31m" in out.getvalue()) == ("NO_COLOR" not in environ)
    assert "/100.0 MB" in out.getvalue()
    assert "Starting the model" in out.getvalue()


def test_the_command_is_named_as_the_shell_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / ".venv" / "bin"
    place.mkdir(parents=True)
    python = place / "python"
    assert find_command({"PATH": ""}, str(python)) == "anymodel-mcp"
    script = place / ("anymodel-mcp.exe" if sys.platform == "win32" else "anymodel-mcp")
    script.write_text("", encoding="utf-8")
    script.chmod(0o755)
    assert find_command({"PATH": ""}, str(python)) == shlex.quote(str(script))
    monkeypatch.chdir(tmp_path)
    assert find_command({"PATH": ""}, str(python)) == shlex.quote(str(script.relative_to(tmp_path)))
    assert find_command({"PATH": str(place)}, str(python)) == "anymodel-mcp"


@pytest.mark.parametrize(
    ("text", "shown", "missing"),
    [
        ("One two.", "", "One two."),
        ("One two.", "One two.", ""),
        ("One\n\ntwo three.", "One two", " three."),
        ("One two three.", "One two ", "three."),
        ("One two three.", "One twofold", "\n\nThe whole answer:\nOne two three."),
        ("One two three.", "three.", "\n\nThe whole answer:\nOne two three."),
        ("", "", ""),
    ],
    ids=["nothing shown", "all shown", "flat", "space at the edge", "another", "gap", "empty"],
)
def test_what_the_notes_left_out_is_shown_from_the_result(text: str, shown: str, missing: str) -> None:
    assert missing_words(text, shown) == missing


@pytest.mark.parametrize(
    ("ids", "chat", "embedding"),
    [
        ([], None, None),
        (["nomic-embed-text:latest"], None, "nomic-embed-text:latest"),
        (["nomic-embed-text", "llama3.2:3b", "qwen3:8b"], "llama3.2:3b", "nomic-embed-text"),
        (["whisper-1", "qwen3:8b"], "qwen3:8b", None),
    ],
)
def test_a_model_for_each_purpose_is_picked(ids: list[str], chat: str | None, embedding: str | None) -> None:
    assert pick_models(ids) == (chat, embedding)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        ("short\n\n[a note]", "short\n\n[a note]"),
        ("one two three four\n\n[a note]", "one two … (18 characters in all)\n\n[a note]"),
    ],
)
def test_a_long_answer_is_shortened_and_its_notes_stay(text: str, shown: str) -> None:
    assert shortened(text, 10) == shown


async def test_the_relay_sees_the_connection_that_answers_close() -> None:
    """Another connection that closes meanwhile is not the one."""

    async def answer(stream: SocketStream) -> None:
        async with stream:
            await stream.send(await stream.receive())
            await anyio.sleep_forever()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as model, anyio.create_task_group() as group:
        group.start_soon(model.serve, answer)
        async with open_relay("127.0.0.1", model.extra(SocketAttribute.local_port)) as relay:
            with anyio.fail_after(HANG_S):
                idle = await anyio.connect_tcp("127.0.0.1", relay.port)
                await idle.send(b"first")
                assert await idle.receive() == b"first"
                busy = await anyio.connect_tcp("127.0.0.1", relay.port)
                await busy.send(b"second")
                assert await busy.receive() == b"second"
                closed = relay.answering
                assert closed is not None
                await idle.aclose()
                await anyio.wait_all_tasks_blocked()
                assert not closed.is_set()
                await busy.aclose()
                await closed.wait()
        group.cancel_scope.cancel()
