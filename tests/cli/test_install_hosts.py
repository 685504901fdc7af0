"""`install` with the hosts themselves: those on the machine, their own commands, the entry started as they would."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from anymodel_mcp.cli.install import find_configurable, install, install_found, uninstall
from anymodel_mcp.cli.trial import try_server
from anymodel_mcp.errors import ConfigError
from tests.cli.test_install import ENV, KEY, PROGRAM, Screen, answering, entry_in, machine, run, undo

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins for host programs are shell scripts")

# What the real commands do: claude 2.1.329 and gemini 0.61.0, measured 2026-11-28; code: mcpManagementCli.ts
WRITER = f"""#!{sys.executable}
import json, os, pathlib, sys
words, home = sys.argv[1:], pathlib.Path(os.environ["HOME"])
with open(home / "calls", "a") as log:
    print(json.dumps(words), file=log)
path, section = {{
    "claude": (home / ".claude.json", "mcpServers"),
    "gemini": (home / ".gemini/settings.json", "mcpServers"),
    "code": (home / ".config/Code/User/mcp.json", "servers"),
}}[pathlib.Path(sys.argv[0]).name]
held = json.loads(path.read_text()) if path.exists() else {{}}
servers = held.setdefault(section, {{}})
if words[0] == "--add-mcp":
    entry = json.loads(words[1])
    name = entry.pop("name")
    held["inputs"] = entry.pop("inputs", [])
    servers[name] = entry
elif words[1] == "remove":
    sys.exit("no such server") if words[-1] not in servers else servers.pop(words[-1])
elif words[1] == "add-json":
    sys.exit("it exists already") if words[-2] in servers else servers.update({{words[-2]: json.loads(words[-1])}})
else:
    scope = words.index("--scope")
    env = dict(w.split("=", 1) for w in words[2:scope] if w != "-e")
    name, command, *args = [w for w in words[scope + 2:] if w != "--"]
    servers[name] = {{"command": command, **({{"args": args}} if args else {{}}), **({{"env": env}} if env else {{}})}}
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(json.dumps(held))
"""
OWN = {"claude-code": "claude", "gemini": "gemini", "vscode": "code"}


def script(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def environ(home: Path, **more: str) -> dict[str, str]:
    return {**ENV, "HOME": str(home), "PATH": f"{home / 'bin'}", **more}


def calls(home: Path) -> list[list[str]]:
    log = home / "calls"
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


@pytest.mark.parametrize(("host", "program"), OWN.items())
def test_a_host_with_a_command_of_its_own_writes_the_entry_itself(host: str, program: str, tmp_path: Path) -> None:
    script(tmp_path / "bin", program, WRITER)
    row = find_configurable(host)
    env, command = environ(tmp_path), ("/opt/uvx", "--from", "a b", "anymodel-mcp")
    path = machine(tmp_path, Screen()).locate(row)
    screen = run(host, tmp_path, env=env, command=command, dry_run=True)
    assert calls(tmp_path) == []
    screen = run(host, tmp_path, env=env, command=command)
    assert f"{row.title} writes the entry itself: {tmp_path}/bin/{program} " in screen.text
    assert "+++" not in screen.text
    by_command = entry_in(row, path.read_bytes())
    assert by_command is not None
    assert KEY not in json.dumps(calls(tmp_path))
    assert KEY not in screen.text
    (tmp_path / "other").mkdir()
    run(host, tmp_path / "other", command=command)
    assert by_command == entry_in(row, machine(tmp_path / "other", Screen()).locate(row).read_bytes())
    screen = run(host, tmp_path, env={**env, "ANYMODEL_MODEL": "m2"}, command=command)
    changed = entry_in(row, path.read_bytes()) or {}
    assert changed["env"]["ANYMODEL_MODEL"] == "m2"
    undone = Screen()
    assert uninstall(host, machine(tmp_path, undone, env)) == 0
    assert entry_in(row, path.read_bytes()) is None
    assert ("removes the entry itself" in undone.text) is bool(row.remove_command)


@pytest.mark.parametrize(("host", "program"), OWN.items())
def test_what_a_host_leaves_out_because_it_is_empty_is_no_difference(host: str, program: str, tmp_path: Path) -> None:
    script(tmp_path / "bin", program, WRITER)
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}"}
    screen = run(host, tmp_path, env=env)
    assert "writes the entry itself" in screen.text
    assert "It did not write the entry" not in screen.text
    assert "Nothing to do" in run(host, tmp_path, env=env).text
    assert len(calls(tmp_path)) == 1


FAILING = {
    "it fails": "#!/bin/sh\necho boom: $OPENAI_API_KEY >&2\nexit 3\n",
    "it does nothing": "#!/bin/sh\nexit 0\n",
    "it cannot be run": "#!/nowhere/interpreter\n",
}


@pytest.mark.parametrize("text", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize(("host", "program"), OWN.items())
def test_when_the_hosts_command_does_not_do_it_the_file_is_changed(
    host: str, program: str, text: str, tmp_path: Path
) -> None:
    script(tmp_path / "bin", program, text)
    screen = run(host, tmp_path, env=environ(tmp_path))
    assert "It did not write the entry" in screen.text
    assert "+++" in screen.text
    assert KEY not in screen.text
    row = find_configurable(host)
    assert entry_in(row, machine(tmp_path, Screen()).locate(row).read_bytes()) is not None


@pytest.mark.parametrize(("host", "program"), OWN.items())
def test_what_the_user_added_goes_by_file(host: str, program: str, tmp_path: Path) -> None:
    """Nothing that the user wrote into the entry, perhaps a key, is shown on a command line or lost."""
    row = find_configurable(host)
    path = machine(tmp_path, Screen()).locate(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({row.section: {"anymodel": {"command": "x", "env": {"MINE": "typed-in-key"}}}}), "utf-8")
    script(tmp_path / "bin", program, WRITER)
    screen = run(host, tmp_path, env=environ(tmp_path))
    assert calls(tmp_path) == []
    assert "typed-in-key" in path.read_text("utf-8")
    assert "writes the entry itself" not in screen.text


@pytest.mark.parametrize("name", ["claude.cmd", "claude.bat"])
def test_a_batch_file_is_never_given_arguments(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cmd.exe would interpret them."""
    script(tmp_path / "bin", name, WRITER)

    def which(_program: str, path: str = "") -> str:
        return f"{path}/{name}"

    monkeypatch.setattr("shutil.which", which)
    run("claude-code", tmp_path, env=environ(tmp_path))
    assert calls(tmp_path) == []


def typing(*answers: str) -> Callable[[str], str]:
    """A user who types these answers."""
    rest = list(answers)

    def ask(_question: str) -> str:
        return rest.pop(0)

    return ask


# --- hosts on this machine ------------------------------------------------------------------------------------------


def test_hosts_are_found_on_path_and_by_their_folders(tmp_path: Path) -> None:
    script(tmp_path / "bin", "cn", "#!/bin/sh\n")
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".config/goose").mkdir(parents=True)
    (tmp_path / ".claude").mkdir()
    screen = Screen()
    asked = replace(machine(tmp_path, screen, environ(tmp_path)), yes=False, ask=None)
    assert install_found(asked, command=PROGRAM, start=answering) == 2
    assert [line.split()[1] for line in screen if line.startswith("  ")] == [
        "claude-code:",
        "cursor:",
        "goose:",
        "continue:",
    ]
    assert "--yes" in screen[-1]
    assert not (tmp_path / ".cursor/mcp.json").exists()


@pytest.mark.parametrize(
    ("answer", "status", "chosen"),
    [
        ("1", 0, {"cursor"}),
        ("goose, cursor", 0, {"cursor", "goose"}),
        ("all", 0, {"cursor", "goose"}),
        ("1 1 1", 0, {"cursor"}),
        ("", 1, set[str]()),
    ],
)
def test_the_user_chooses_among_them(answer: str, status: int, chosen: set[str], tmp_path: Path) -> None:
    files = {"cursor": tmp_path / ".cursor/mcp.json", "goose": tmp_path / ".config/goose/config.yaml"}
    for path in files.values():
        path.parent.mkdir(parents=True)
    asked = replace(machine(tmp_path, Screen(), {}), yes=False, ask=typing(answer, "y", "y"))
    assert install_found(asked, command=PROGRAM, start=answering) == status
    assert {name for name, path in files.items() if path.exists()} == chosen


def test_a_choice_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    asked = replace(machine(tmp_path, Screen(), {}), yes=False, ask=typing("7"))
    with pytest.raises(ConfigError, match="'7' is not one of them"):
        install_found(asked, command=PROGRAM, start=answering)


def test_one_broken_file_does_not_keep_the_others_from_being_written(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor/mcp.json").write_bytes(b"{")
    (tmp_path / ".codex").mkdir()
    screen = Screen()
    assert install_found(machine(tmp_path, screen, {}), command=PROGRAM, start=answering) == 2
    assert "is left as it is" in screen.text
    assert (tmp_path / ".codex/config.toml").exists()


# --- the entry, started -----------------------------------------------------------------------------------------------

SERVER = f"""#!{sys.executable}
import json, os, sys
open(os.path.join(os.path.dirname(sys.argv[0]), "env"), "w").write(json.dumps(dict(os.environ)))
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "tools/list":
        print(json.dumps({{"jsonrpc": "2.0", "id": message["id"], "result": {{"tools": [1, 2, 3]}}}}), flush=True)
"""
SURROUNDINGS = {
    "PATH": "/usr/bin:/bin",
    "SOME_SECRET": "s",
    "OTHER": "o",
    "OPENAI_API_KEY": KEY,
    "ANYMODEL_MODEL": "m1",
}
GIVEN = [
    ("claude-code", {"OPENAI_API_KEY", "ANYMODEL_MODEL", "SOME_SECRET", "OTHER", "PATH", "HOME"}),
    ("gemini", {"OPENAI_API_KEY", "ANYMODEL_MODEL", "OTHER", "PATH", "HOME"}),
    ("codex", {"OPENAI_API_KEY", "ANYMODEL_MODEL", "PATH", "HOME"}),
    ("claude-desktop", {"ANYMODEL_MODEL", "PATH", "HOME"}),
    ("copilot", {"ANYMODEL_MODEL", "SOME_SECRET", "OTHER", "PATH", "HOME"}),
    ("goose", {"OPENAI_API_KEY", "ANYMODEL_MODEL", "SOME_SECRET", "OTHER", "PATH", "HOME"}),
    ("continue", {"OPENAI_API_KEY", "ANYMODEL_MODEL", "SOME_SECRET", "OTHER", "PATH", "HOME"}),
    ("opencode", {"OPENAI_API_KEY", "ANYMODEL_MODEL", "SOME_SECRET", "OTHER", "PATH", "HOME"}),
]


@pytest.mark.parametrize(("host", "names"), GIVEN)
def test_the_entry_is_started_in_the_environment_that_the_host_gives(
    host: str, names: set[str], tmp_path: Path
) -> None:
    server = script(tmp_path / "opt", "server", SERVER)
    env = {**SURROUNDINGS, "HOME": str(tmp_path)}
    screen = Screen()
    assert install(host, machine(tmp_path, screen, env), command=(str(server),)) == 0
    assert f"Started as {find_configurable(host).title} starts it, the server lists 3 tools" in screen.text
    given = json.loads((tmp_path / "opt/env").read_text("utf-8"))
    assert given.keys() - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == names
    assert given.get("OPENAI_API_KEY", KEY) == KEY


DEAD = [
    ("#!/bin/sh\necho no module named x: $OPENAI_API_KEY >&2\nexit 1\n", "no module named x"),
    ("#!/bin/sh\nexit 4\n", "status 4"),
    ("#!/nowhere/python\n", "cannot be started"),
    ("#!/bin/sh\necho not json; read x; read y; read z\n", "status 0"),
]


@pytest.mark.parametrize(("text", "words"), DEAD, ids=lambda value: value[:24])
def test_an_entry_that_does_not_answer_is_reported(text: str, words: str, tmp_path: Path) -> None:
    server = script(tmp_path, "server", text)
    screen = Screen()
    env = {**SURROUNDINGS, "HOME": str(tmp_path)}
    assert install("claude-code", machine(tmp_path, screen, env), command=(str(server),)) == 1
    assert "did not answer" in screen.text
    assert words in screen.text
    assert KEY not in screen.text


def test_the_real_server_answers(tmp_path: Path) -> None:
    found = try_server((sys.executable, "-m", "anymodel_mcp"), {"PATH": "/usr/bin", "HOME": str(tmp_path)}, ())
    assert (found.tools, found.problem) == (6, "")


def test_codex_is_told_what_its_exec_blocks_and_is_not_made_to_require_the_server(tmp_path: Path) -> None:
    screen = run("codex", tmp_path)
    assert "`codex exec`" in screen.text
    assert "generate_image" in screen.text
    assert b"required" not in (tmp_path / ".codex/config.toml").read_bytes()
    assert undo("codex", tmp_path)
