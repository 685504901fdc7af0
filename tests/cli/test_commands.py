"""The command line as a whole: first words, help, misspelt names, exit statuses, no tracebacks."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from anymodel_mcp import __version__
from anymodel_mcp.__main__ import run
from anymodel_mcp.cli.arguments import config_last
from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.endings import status_of
from anymodel_mcp.cli.screen import Terminal, this_terminal
from anymodel_mcp.errors import ConfigError, ProviderError
from anymodel_mcp.hosts.table import CONFIGURABLE
from tests.cli.terminals import Screen, make_desk
from tests.cli.terminals import Screen as TypedText
from tests.waiting import HANG_S


def test_a_person_without_a_command_is_told_how_to_try_it(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, tty=True, environ={"NO_COLOR": "1"})
    assert run_command([], desk.terminal) == 0
    assert 0 < desk.said.index("anymodel-mcp setup") < desk.said.index("anymodel-mcp demo")


def test_the_first_three_lines_of_the_help_lead_to_an_answer(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    assert run_command(["--help"], desk.terminal) == 0
    first = desk.said.splitlines()[:3]
    wanted = ("anymodel-mcp setup", "anymodel-mcp demo", "anymodel-mcp ask")
    assert [command in line for command, line in zip(wanted, first, strict=True)] == [True] * 3
    for name in ("setup", "key", "demo", "ask", "models", "doctor", "install", "uninstall", "usage", "config", "serve"):
        assert f" {name} " in desk.said


@pytest.mark.parametrize(
    "name", ["ask", "models", "doctor", "install", "uninstall", "usage", "demo", "config", "setup", "key"]
)
def test_every_command_has_its_help(tmp_path: Path, name: str) -> None:
    desk = make_desk(tmp_path)
    assert run_command([name, "--help"], desk.terminal) == 0
    assert f"anymodel-mcp {name}" in desk.said


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    assert run_command(["--version"], desk.terminal) == 0
    assert desk.said.strip() == __version__


@pytest.mark.parametrize(
    ("argv", "why", "do"),
    [
        (["aks", "hi"], 'unknown command "aks"', "Did you mean ask?"),
        (["xyzzy"], 'unknown command "xyzzy"', "Commands: "),
        (["ask", "hi", "--modle", "x"], "unknown option: --modle", "Did you mean --model?"),
        (["config", "shw"], 'unknown command "shw"', "Did you mean show?"),
        (["Why is the sky blue?"], "this is a question", 'anymodel-mcp ask "Why is the sky blue?"'),
        (["ask", "hi", "--max-tokens", "many"], "--max-tokens", "anymodel-mcp ask --help"),
        (["models", "--capability", "smelling"], "--capability", "anymodel-mcp models --help"),
        (["uninstall"], "uninstall", "anymodel-mcp uninstall --help"),
        (["usage", "--since", "yesterday"], "--since 'yesterday' is not a duration or date", "Write 30m"),
        (["install", "curser"], "'curser' is not a known host", "Did you mean cursor"),
        (["ask", "hi", "--config", "/nowhere.toml"], "there is no configuration file", "anymodel-mcp doctor"),
    ],
    ids=[
        "command",
        "no-command",
        "option",
        "subcommand",
        "question",
        "number",
        "choice",
        "missing",
        "since",
        "host",
        "config",
    ],
)
def test_a_misspelt_line_is_answered_in_three_lines_with_the_way_out(
    tmp_path: Path, argv: list[str], why: str, do: str
) -> None:
    desk = make_desk(tmp_path)
    assert run_command(argv, desk.terminal) == 2
    lines = desk.remarked.splitlines()
    assert len(lines) == 3
    assert [line.split(":")[0] for line in lines] == ["error", "why", "do"]
    assert why in lines[1]
    assert do in lines[2]
    assert desk.said == ""


@pytest.mark.parametrize(
    ("argv", "moved"),
    [
        (["--config", "x", "ask", "hi"], ["ask", "--config", "x", "hi"]),
        (["--config=x", "config", "show"], ["config", "show", "--config=x"]),
        (["--config", "x"], ["--config", "x"]),
        (["ask", "--config", "x"], ["ask", "--config", "x"]),
        (["--config"], ["--config"]),
        ([], []),
    ],
)
def test_a_configuration_before_the_command_counts(argv: list[str], moved: list[str]) -> None:
    assert config_last(argv) == moved


def test_an_http_server_with_a_missing_configuration_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["serve", "--http", "--config", "/nowhere.toml"], make_desk(tmp_path).terminal) == 2
    assert "/nowhere.toml" in capsys.readouterr().err


def test_a_stream_that_cannot_be_reconfigured_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Screen())
    assert this_terminal().stdout is sys.stdout


def test_the_entry_point_leads_to_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (ConfigError("wrong", fix="fix it"), 2, "do:    fix it"),
        (ProviderError("slow", kind="rate_limit", provider="p", model="m", status=429, retry_after_s=7), 1, "in 7 s"),
        (ProviderError("odd", kind="server", retryable=True), 1, "try again"),
        (ExceptionGroup("several", [ConfigError("inner")]), 2, "inner"),
        (ValueError("bug"), 1, "a bug in this program: ValueError: bug"),
    ],
    ids=["ctrl-c", "config", "retry-after", "retryable", "group", "bug"],
)
def test_whatever_ends_a_command_has_a_status_and_no_traceback(
    tmp_path: Path, error: BaseException, status: int, words: str
) -> None:
    desk = make_desk(tmp_path)
    with pytest.raises(type(error)) as caught:
        raise error  # so that it has a place
    assert status_of(desk.terminal, ["ask"], caught.value) == status
    assert words in desk.remarked
    assert "Traceback" not in desk.remarked


def test_what_is_for_the_interpreter_passes(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        status_of(make_desk(tmp_path).terminal, ["ask"], SystemExit(3))


def test_install_and_uninstall_write_below_the_home_folder_and_dry_run_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / ".cursor" / "mcp.json"
    desk = make_desk(tmp_path)
    assert run_command(["install", "cursor", "--dry-run"], desk.terminal) == 0
    assert not path.exists()
    assert run_command(["install", "cursor", "--name", "other"], desk.terminal) == 2
    assert not path.exists()
    assert "Add --yes" in desk.said
    assert run_command(["install", "cursor", "--name", "other", "--yes"], desk.terminal) == 0
    assert "the server lists 6 tools" in desk.said
    assert '"other"' in path.read_text(encoding="utf-8")
    assert run_command(["uninstall", "cursor", "--name", "other"], desk.terminal) == 2
    assert path.exists()
    assert run_command(["uninstall", "cursor", "--name", "other", "-y"], desk.terminal) == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("answer", "status", "is_written"),
    [("y\n", 0, True), ("yes\n", 0, True), ("\n", 1, False), ("n\n", 1, False), ("", 1, False)],
)
def test_install_asks_before_it_writes(answer: str, status: int, *, is_written: bool, tmp_path: Path) -> None:
    desk = make_desk(tmp_path, tty=True)
    terminal = replace(desk.terminal, stdin=TypedText(answer, tty=True))
    assert run_command(["install", "cursor"], terminal) == status
    assert "Write it? [y/N]" in desk.said
    assert (tmp_path / ".cursor" / "mcp.json").exists() is is_written


def test_install_without_a_host_offers_those_that_are_here(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".codex").mkdir()
    desk = make_desk(tmp_path, environ={"PATH": ""})
    assert run_command(["install"], desk.terminal) == 2
    assert "--yes" in desk.said
    assert "1  cursor: " in desk.said
    assert "2  codex: " in desk.said
    assert not (tmp_path / ".cursor" / "mcp.json").exists()
    desk = make_desk(tmp_path, environ={"PATH": ""}, tty=True)
    terminal = replace(desk.terminal, stdin=TypedText("2\ny\n", tty=True))
    assert run_command(["install"], terminal) == 0
    assert (tmp_path / ".codex" / "config.toml").exists()
    assert not (tmp_path / ".cursor" / "mcp.json").exists()
    assert "codex exec" in desk.said
    assert run_command(["install", "--yes"], make_desk(tmp_path, environ={"PATH": ""}).terminal) == 0
    assert (tmp_path / ".cursor" / "mcp.json").exists()


def test_install_without_a_host_on_a_machine_without_any_says_so(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, environ={"PATH": ""})
    assert run_command(["install", "--yes"], desk.terminal) == 2
    assert "no known host was found" in desk.remarked
    assert "claude-desktop" in desk.remarked


def test_the_help_of_install_names_every_host(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    assert run_command(["install", "--help"], desk.terminal) == 0
    shown = re.sub(r"[\s│]+", " ", desk.said)
    assert [row.name for row in CONFIGURABLE if f" {row.name}" not in shown] == []


def test_install_passes_the_configuration_on(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text("[providers.ollama]\n", encoding="utf-8")
    desk = make_desk(tmp_path)
    assert run_command(["install", "cursor", "--yes", "--config", str(config)], desk.terminal) == 0
    assert str(config) in (tmp_path / ".cursor" / "mcp.json").read_text(encoding="utf-8")


async def _shown(_terminal: Terminal, *, embedded: bool) -> int:
    return 0 if embedded else 1


def test_demo_runs_on_this_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anymodel_mcp.cli.demo.run_demo", _shown)
    assert run_command(["demo", "--embedded"], make_desk(tmp_path).terminal) == 0


def test_serve_among_the_commands_serves(tmp_path: Path) -> None:
    code = (
        "from anymodel_mcp.cli.commands import build_commands; from anymodel_mcp.cli.screen import this_terminal; "
        "build_commands(this_terminal())(['serve'], result_action='return_value')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "HOME": str(tmp_path), "ANYMODEL_CONFIG": str(tmp_path / "nowhere.toml")},
        timeout=HANG_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"nowhere.toml" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_who_has_seen_enough_ends_the_command_quietly(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with os.fdopen(writer, "wb") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "anymodel_mcp", "config", "show", "--all"],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environ,
            timeout=HANG_S,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_ctrl_c_closes_the_connection_and_ends_with_130(tmp_path: Path) -> None:
    """The whole way: a terminal's interrupt while words arrive; the provider sees the connection go."""
    listener = socket.create_server(("127.0.0.1", 0))
    environ = {
        **os.environ,
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "OPENAI_API_KEY": "sk-0123456789abcdef",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{listener.getsockname()[1]}/v1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "anymodel_mcp", "ask", "-m", "m", "hi"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    )
    with process, listener:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(HANG_S)
            while not connection.recv(65_536):
                pass
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
            connection.sendall(b'data: {"choices": [{"index": 0, "delta": {"content": "words "}}]}\n\n')
            assert process.stdout
            assert process.stdout.read(6) == b"words "
            process.send_signal(signal.SIGINT)
            rest = connection.recv(65_536)
            while rest:  # the end of the request, then the end of the connection
                rest = connection.recv(65_536)
        _, said = process.communicate(timeout=HANG_S)
    assert process.returncode == 130
    assert b"stopped" in said
    assert b"Traceback" not in said


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell: str, tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    assert run_command(["completion", shell], desk.terminal) == 0
    for word in ("transcribe", "uninstall", "max-tokens"):
        assert word in desk.said
    assert run_command(["completion", "tcsh"], desk.terminal) == 2
