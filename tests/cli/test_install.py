"""`install` and `uninstall` as a user runs them, on a home folder of the test's own."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.cli.files import remove_file, replace_file
from anymodel_mcp.cli.install import Machine, find_configurable, install, uninstall
from anymodel_mcp.cli.install.found import locate
from anymodel_mcp.cli.install.plan import plan_install
from anymodel_mcp.cli.trial import Trial
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.entry import build_entry
from anymodel_mcp.hosts.formats import decode
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.section import find_entry, read
from anymodel_mcp.hosts.table import CONFIGURABLE
from tests.cli.install_cases import JSONC_FILES, starting_files

PROGRAM = ("/opt/some where/bin/anymodel-mcp",)
KEY = "sk-test-0123456789abcdef-Zz"
ENV = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://gateway.example/v1", "ANYMODEL_MODEL": "m1", "HOME": "/x"}


class Screen(list[str]):
    @property
    def text(self) -> str:
        return "\n".join(self)


def machine(home: Path, screen: Screen, env: Mapping[str, str] = ENV, platform: str = "linux") -> Machine:
    """A user who agrees to everything."""
    return Machine(
        env=env,
        home=home,
        platform=platform,
        write=screen.append,
        yes=True,
        now=lambda: datetime(2026, 11, 21, 4, 5, 6, tzinfo=UTC),
    )


def answering(_command: object, _env: object, _secrets: object) -> Trial:
    """The entry starts: what these tests are not about."""
    return Trial(tools=6)


def run(
    host: str,
    home: Path,
    *,
    env: Mapping[str, str] = ENV,
    platform: str = "linux",
    dry_run: bool = False,
    write_keys: bool = False,
    name: str = "anymodel",
    command: tuple[str, ...] = PROGRAM,
    expected: int = 0,
) -> Screen:
    screen = Screen()
    status = install(
        host,
        machine(home, screen, env, platform),
        dry_run=dry_run,
        name=name,
        command=command,
        write_keys=write_keys,
        start=answering,
    )
    assert status == expected
    return screen


def undo(host: str, home: Path, *, dry_run: bool = False, name: str = "anymodel", expected: int = 0) -> Screen:
    screen = Screen()
    assert uninstall(host, machine(home, screen), dry_run=dry_run, name=name) == expected
    return screen


def files_below(home: Path) -> dict[str, bytes]:
    return {str(p.relative_to(home)): p.read_bytes() for p in sorted(home.rglob("*")) if p.is_file()}


def entry_in(row: ConfigurableHost, content: bytes, name: str = "anymodel") -> dict[str, Any] | None:
    return find_entry(row, content, name)


def cases() -> Iterator[object]:
    for row in CONFIGURABLE:
        for title, content in starting_files(row.format, row.section, listed=row.listed).items():
            yield pytest.param(row, content, id=f"{row.name}: {title}")


@pytest.mark.parametrize(("row", "content"), list(cases()))
def test_install_then_uninstall_gives_the_same_bytes(row: ConfigurableHost, content: bytes, tmp_path: Path) -> None:
    path = locate(row, {}, tmp_path, "linux")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    run(row.name, tmp_path)
    changed = path.read_bytes()
    assert entry_in(row, changed) is not None
    assert KEY.encode() not in changed
    run(row.name, tmp_path)
    assert path.read_bytes() == changed
    undo(row.name, tmp_path)
    assert files_below(tmp_path) == {str(path.relative_to(tmp_path)): content}


@pytest.mark.parametrize(("row", "content"), list(cases()))
def test_without_backups_only_the_entry_goes(row: ConfigurableHost, content: bytes, tmp_path: Path) -> None:
    """Every value and every comment that was there before still is."""
    path = locate(row, {}, tmp_path, "linux")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    run(row.name, tmp_path)
    for backup in path.parent.glob("*.anymodel-backup-*"):
        backup.unlink()
    screen = Screen()
    if uninstall(row.name, machine(tmp_path, screen)):
        assert "by hand" in screen.text
        assert row.format == "yaml", "a comment would be lost"
        return
    left = path.read_bytes() if path.exists() else b""

    def values(raw: bytes) -> dict[str, Any]:
        found = read(row, decode(raw)[1])
        return {k: v for k, v in found.items() if v or k not in (row.section, "inputs")}

    expected = values(content) or values(row.new_text.encode())
    assert values(left) in (expected, values(content))
    assert b"\r\n" not in content or left.count(b"\r\n") == left.count(b"\n")
    assert [c for c in comments(row, content) if c not in comments(row, left)] == []


def comments(row: ConfigurableHost, content: bytes) -> list[bytes]:
    return re.findall(rb"#.*?(?=\r?$)", content, re.MULTILINE) if row.format != "json" else []


@pytest.mark.parametrize("row", CONFIGURABLE, ids=lambda row: row.name)
def test_a_missing_file_is_made_and_goes_again(row: ConfigurableHost, tmp_path: Path) -> None:
    screen = run(row.name, tmp_path)
    (made,) = files_below(tmp_path)
    assert entry_in(row, (tmp_path / made).read_bytes()) is not None
    assert "(no file)" in screen.text
    said = screen.text[screen.text.index(f"{row.title}: anymodel is installed. ") :]
    assert "{" not in said
    assert f"Started as {row.title} starts it, the server lists 6 tools" in said
    undo(row.name, tmp_path)
    assert files_below(tmp_path) == {}


@pytest.mark.parametrize("row", CONFIGURABLE, ids=lambda row: row.name)
def test_an_entry_that_stood_there_is_changed_in_place(row: ConfigurableHost, tmp_path: Path) -> None:
    run(row.name, tmp_path, command=("/old/anymodel-mcp", "--old"), env={})
    run(row.name, tmp_path, name="neighbour", command=("/n",), env={})
    screen = run(row.name, tmp_path)
    path = locate(row, {}, tmp_path, "linux")
    content = path.read_bytes()
    assert b"/old/" not in content
    assert entry_in(row, content, "neighbour") is not None
    assert PROGRAM[0] in str(entry_in(row, content))
    assert "Backup: " in screen.text
    undo(row.name, tmp_path)
    assert entry_in(row, path.read_bytes()) is None
    assert entry_in(row, path.read_bytes(), "neighbour") is not None


@pytest.mark.parametrize("row", CONFIGURABLE, ids=lambda row: row.name)
def test_a_dry_run_shows_the_change_and_writes_nothing(row: ConfigurableHost, tmp_path: Path) -> None:
    screen = run(row.name, tmp_path, dry_run=True)
    assert "+" in screen.text
    assert screen[-1] == "Nothing was written (dry run)."
    assert files_below(tmp_path) == {}
    run(row.name, tmp_path)
    before = files_below(tmp_path)
    assert undo(row.name, tmp_path, dry_run=True)[-1] == "Nothing was written (dry run)."
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("row", CONFIGURABLE, ids=lambda row: row.name)
def test_no_key_is_shown_or_written_unless_it_is_asked_for(row: ConfigurableHost, tmp_path: Path) -> None:
    screen = run(row.name, tmp_path)
    assert KEY not in screen.text
    assert KEY.encode() not in b"".join(files_below(tmp_path).values())
    assert "Note: OPENAI_API_KEY: " in screen.text
    screen = run(row.name, tmp_path, write_keys=True)
    content = b"".join(files_below(tmp_path).values())
    assert KEY not in screen.text
    is_stored = row.keys == "literal" or "OPENAI_API_KEY" in row.withheld
    assert (KEY.encode() in content) == is_stored
    assert ("stored unencrypted" in screen.text) == is_stored


KEY_FIELDS: dict[str, tuple[str, object]] = {
    "claude-code": ("env", {"OPENAI_API_KEY": "${OPENAI_API_KEY}"}),
    "vscode": ("env", {"OPENAI_API_KEY": "${input:anymodel-OPENAI_API_KEY}"}),
    "cursor": ("env", {"OPENAI_API_KEY": "${env:OPENAI_API_KEY}"}),
    "windsurf": ("env", {"OPENAI_API_KEY": "${env:OPENAI_API_KEY}"}),
    "codex": ("env_vars", ["OPENAI_API_KEY"]),
    "gemini": ("env", {"OPENAI_API_KEY": "$OPENAI_API_KEY"}),
    "opencode": ("environment", {"OPENAI_API_KEY": "{env:OPENAI_API_KEY}"}),
    "goose": ("env_keys", ["OPENAI_API_KEY"]),
    "continue": ("env", {"OPENAI_API_KEY": "${{ secrets.OPENAI_API_KEY }}"}),
    "copilot": ("env", {}),
    "claude-desktop": ("env", {}),
    "zed": ("env", {}),
    "lmstudio": ("env", {}),
    "cline": ("env", {}),
}


@pytest.mark.parametrize(("host", "expected"), KEY_FIELDS.items(), ids=lambda value: str(value)[:14])
def test_each_host_gets_the_key_in_its_own_way(host: str, expected: tuple[str, object], tmp_path: Path) -> None:
    run(host, tmp_path, env={"OPENAI_API_KEY": KEY})
    row = find_configurable(host)
    entry = entry_in(row, locate(row, {}, tmp_path, "linux").read_bytes()) or {}
    assert entry[expected[0]] == expected[1]


def test_a_host_that_withholds_one_key_is_told_the_others_by_name(tmp_path: Path) -> None:
    env = {"OPENAI_API_KEY": KEY, "ANYMODEL_PROVIDERS": "deepseek", "DEEPSEEK_API_KEY": KEY}
    screen = run("copilot", tmp_path, env=env)
    row = find_configurable("copilot")
    entry = entry_in(row, locate(row, {}, tmp_path, "linux").read_bytes()) or {}
    assert entry["env"] == {"ANYMODEL_PROVIDERS": "deepseek", "DEEPSEEK_API_KEY": "${DEEPSEEK_API_KEY}"}
    assert "Note: DEEPSEEK_API_KEY: the value is not written" in screen.text
    assert "Note: OPENAI_API_KEY: left out" in screen.text


PATHS = [
    ("claude-desktop", "darwin", "Library/Application Support/Claude/claude_desktop_config.json"),
    ("claude-desktop", "win32", "AppData/Roaming/Claude/claude_desktop_config.json"),
    ("claude-desktop", "linux", ".config/Claude/claude_desktop_config.json"),
    ("claude-code", "linux", ".claude.json"),
    ("vscode", "darwin", "Library/Application Support/Code/User/mcp.json"),
    ("vscode", "linux", ".config/Code/User/mcp.json"),
    ("vscode", "win32", "AppData/Roaming/Code/User/mcp.json"),
    ("vscode-insiders", "linux", ".config/Code - Insiders/User/mcp.json"),
    ("cursor", "win32", ".cursor/mcp.json"),
    ("windsurf", "darwin", ".codeium/windsurf/mcp_config.json"),
    ("zed", "darwin", ".config/zed/settings.json"),
    ("zed", "win32", "AppData/Roaming/Zed/settings.json"),
    ("codex", "linux", ".codex/config.toml"),
    ("gemini", "linux", ".gemini/settings.json"),
    ("copilot", "linux", ".copilot/mcp-config.json"),
    ("opencode", "linux", ".config/opencode/opencode.json"),
    ("goose", "darwin", ".config/goose/config.yaml"),
    ("goose", "win32", "AppData/Roaming/Block/goose/config/config.yaml"),
    ("lmstudio", "win32", ".lmstudio/mcp.json"),
    ("continue", "linux", ".continue/config.yaml"),
    ("cline", "linux", ".cline/data/settings/cline_mcp_settings.json"),
    (
        "cline-vscode",
        "linux",
        ".config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",
    ),
    ("zed", "freebsd14", ".config/zed/settings.json"),
    ("vscode", "freebsd14", ".config/Code/User/mcp.json"),
]


@pytest.mark.parametrize(("host", "platform", "expected"), PATHS, ids=lambda value: value.split("/")[-1])
def test_each_host_has_its_file(host: str, platform: str, expected: str, tmp_path: Path) -> None:
    assert locate(find_configurable(host), {}, tmp_path, platform) == tmp_path / expected


def test_variables_of_the_host_move_its_file(tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    assert locate(find_configurable("codex"), {"CODEX_HOME": str(moved)}, tmp_path, "linux") == moved / "config.toml"
    path = moved / "m.json"
    assert locate(find_configurable("cline"), {"CLINE_MCP_SETTINGS_PATH": str(path)}, tmp_path, "linux") == path
    row = find_configurable("zed")
    assert locate(row, {"XDG_CONFIG_HOME": str(moved)}, tmp_path, "linux") == moved / "zed" / "settings.json"
    assert locate(row, {"APPDATA": str(moved)}, tmp_path, "win32") == moved / "Zed" / "settings.json"


def test_the_packaged_claude_desktop_of_windows_is_found(tmp_path: Path) -> None:
    (tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc").mkdir(parents=True)
    (tmp_path / "AppData/Roaming/Claude").mkdir(parents=True)
    (tmp_path / "AppData/Roaming/Claude/claude_desktop_config.json").write_bytes(b"{}")
    found = locate(find_configurable("claude-desktop"), {}, tmp_path, "win32")
    folder = tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    assert found == folder / "claude_desktop_config.json"


def test_the_name_that_is_there_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / ".config/opencode"
    folder.mkdir(parents=True)
    (folder / "opencode.jsonc").write_bytes(b'{\n  "theme": "x"\n}\n')
    run("opencode", tmp_path)
    assert [p.name for p in folder.glob("*.json*") if "backup" not in p.name] == ["opencode.jsonc"]
    (tmp_path / ".cache/lm-studio").mkdir(parents=True)
    run("lmstudio", tmp_path)
    assert (tmp_path / ".cache/lm-studio/mcp.json").is_file()


def test_an_unknown_host_is_answered_with_the_closest_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'claud' is not a known host") as caught:
        run("claud", tmp_path)
    assert "claude-code" in caught.value.failure.fix
    with pytest.raises(ConfigError) as caught:
        run("emacs-1234567", tmp_path)
    assert caught.value.failure.fix.startswith("Known: claude-desktop, ")


def test_a_host_may_be_spelt_loosely() -> None:
    assert find_configurable(" Claude Desktop ").name == "claude-desktop"
    assert find_configurable("CLAUDE_CODE").name == "claude-code"


@pytest.mark.parametrize("name", ["", "a b", "a.b", "-a", "ä", "x" * 41, "../x"])
def test_a_name_that_hosts_would_spoil_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot name a server"):
        run("cursor", tmp_path, name=name)


BROKEN: dict[str, list[tuple[bytes, str]]] = {
    "json": [
        (b'{\n  "a": 1,\n  "b": nope\n}\n', "line 3, column 8"),
        (b'{"a": 1', "line 1, column 8"),
        (b'{"a": "x\n"}', "invalid control character (line 1, column 9)"),
        (b'{"a" 1}', "expecting ':'"),
        (b'{"a": 1 "b": 2}', "expecting ','"),
        (b"{a: 1}", "in double quotes"),
        (b"[1, 2]", "is not an object"),
        (b"{} {}", "extra data"),
        (b"{ /* ", "line 1, column 6"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "cannot be read"),
        (b'{"SECTION": []}', "not an object"),
        (b'{"SECTION": {"anymodel": 3}}', "SECTION.anymodel is not an entry"),
    ],
    "toml": [
        (b"a = 1\nb = = 2\n", "line 2"),
        (b"SECTION = 3\n", "not a table"),
        (b'[a]\nx = "', "line 2"),
        (b"[SECTION]\nanymodel = 3\n", "is not an entry"),
    ],
    "yaml": [
        (b"a: 1\n b: [\n", "line 2"),
        (b"SECTION: 3\n", "SECTION is not a"),
        (b"- a\n- b\n", "not a mapping"),
        (b"SECTION:\nSECTION:\n", "duplicate key"),
        (b"a: 1\n---\nb: 1\n", "another document"),
        (b"a: !!python/object:os.system 1\n", "tag"),
        (b"a: \x07\n", "not allowed"),
    ],
}
NOT_TEXT = [(b"\xff\xfe{\x00}\x00", "UTF-16"), (b"{\n\xff}", "not UTF-8")]
UNSAFE: dict[str, list[tuple[bytes, str]]] = {
    "json": [(b'{"SECTION": {}, "SECTION": {}}', "appears twice"), (b'{"x": [{"b": 1, "b": 2}]}', "'b' appears twice")],
    "toml": [],
    "yaml": [(b"b: &b\n" + b"  x: {}\n" + b"SECTION: *b\n", "without touching the rest")],
}


def broken_cases(table: Mapping[str, list[tuple[bytes, str]]], more: list[tuple[bytes, str]]) -> Iterator[object]:
    for row in CONFIGURABLE:
        for content, words in [*table[row.format], *more]:
            if row.listed and b"&b" in content:
                continue
            filled, expected = content.replace(b"SECTION", row.section.encode()), words.replace("SECTION", row.section)
            yield pytest.param(row, filled, expected, id=f"{row.name}: {words} {len(content)}")


@pytest.mark.parametrize(("row", "content", "words"), list(broken_cases(BROKEN, NOT_TEXT)))
def test_a_broken_file_is_reported_and_left_as_it_is(
    row: ConfigurableHost, content: bytes, words: str, tmp_path: Path
) -> None:
    path = locate(row, {}, tmp_path, "linux")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        run(row.name, tmp_path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "by hand" in caught.value.failure.fix
    assert files_below(tmp_path) == {str(path.relative_to(tmp_path)): content}


@pytest.mark.parametrize(("row", "content", "words"), list(broken_cases(UNSAFE, [])))
def test_a_file_that_rewriting_would_spoil_is_left_as_it_is_and_the_block_is_shown(
    row: ConfigurableHost, content: bytes, words: str, tmp_path: Path
) -> None:
    path = locate(row, {}, tmp_path, "linux")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    screen = run(row.name, tmp_path, expected=1)
    assert f"{path} is left as it is" in screen.text
    assert words in screen.text
    assert PROGRAM[0] in screen.text
    assert files_below(tmp_path) == {str(path.relative_to(tmp_path)): content}


def jsonc_cases() -> Iterator[object]:
    for row in CONFIGURABLE:
        for title, content in JSONC_FILES.items() if row.format == "json" else ():
            yield pytest.param(row, content.replace(b"SECTION", row.section.encode()), id=f"{row.name}: {title}")


@pytest.mark.parametrize(("row", "content"), list(jsonc_cases()))
def test_a_json_file_with_comments_is_never_rewritten(row: ConfigurableHost, content: bytes, tmp_path: Path) -> None:
    """The block is shown with path and line; put in there by hand, it is an entry, and `uninstall` finds its line."""
    path = locate(row, {}, tmp_path, "linux")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    screen = run(row.name, tmp_path, write_keys=True, expected=1)
    assert path.read_bytes() == content
    assert f"{path} is left as it is: it has comments or trailing commas" in screen.text
    assert KEY not in screen.text
    written = follow(screen, content.decode())
    path.write_bytes(written.encode())
    entry = entry_in(row, path.read_bytes())
    assert entry is not None
    assert entry[row.command_key] in (PROGRAM[0], list(PROGRAM))
    assert "Nothing to do" in run(row.name, tmp_path).text
    screen = undo(row.name, tmp_path, expected=1)
    found = re.search(r"Remove 'anymodel' from .* \(line (\d+)\) by hand", screen.text)
    assert found
    assert '"anymodel"' in written.split("\n")[int(found[1]) - 1]
    assert path.read_bytes() == written.encode()


def follow(screen: Screen, text: str) -> str:
    """The text after a user has done what the screen says."""
    for start in [i for i, line in enumerate(screen) if line.startswith("Add this inside")]:
        block = "\n".join(takewhile(lambda line: line.startswith("  "), screen[start + 1 :]))
        named = re.search(r"'(\w+)' in line (\d+)", screen[start])
        lines = text.splitlines(keepends=True)
        begin = len("".join(lines[: int(named[2]) - 1])) if named else 0
        key = text.index(f'"{named[1]}"', begin) if named else 0
        pattern = r"[{\[]" if named else r"^\s*\{"
        opening = re.compile(pattern, re.MULTILINE).search(text, key)
        assert opening
        text = f"{text[: opening.end()]}\n{block},\n{text[opening.end() :]}"
    return text


def test_uninstall_of_a_broken_file_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_bytes(b"{")
    with pytest.raises(ConfigError, match="left as it is") as caught:
        undo("claude-code", tmp_path)
    assert "remove the entry by hand" in caught.value.failure.fix
    assert path.read_bytes() == b"{"


def test_uninstall_where_nothing_is_says_so(tmp_path: Path) -> None:
    assert "has no anymodel" in undo("cursor", tmp_path).text
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor/mcp.json").write_bytes(b'{"mcpServers": {"other": {}}}')
    assert "has no anymodel" in undo("cursor", tmp_path).text


def test_what_the_user_added_to_the_entry_stays(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_bytes(
        b'{\n  "mcpServers": {\n    "anymodel": {\n      "command": "/old",\n      "timeout": 5000,\n'
        b'      "env": {"OPENAI_API_KEY": "typed-in", "MINE": "1", "ANYMODEL_MODEL": "old"}\n    }\n  }\n}\n'
    )
    screen = run("claude-code", tmp_path)
    entry = entry_in(find_configurable("claude-code"), path.read_bytes()) or {}
    assert entry["command"] == PROGRAM[0]
    assert entry["timeout"] == 5000
    assert entry["env"] == {
        "OPENAI_API_KEY": "typed-in",
        "MINE": "1",
        "ANYMODEL_MODEL": "m1",
        "OPENAI_BASE_URL": ENV["OPENAI_BASE_URL"],
    }
    assert "typed-in" not in screen.text


def test_a_remote_entry_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    path = tmp_path / ".cursor/mcp.json"
    path.write_bytes(b'{"mcpServers": {"anymodel": {"url": "https://x.example/mcp", "headers": {}}}}')
    run("cursor", tmp_path)
    assert set(entry_in(find_configurable("cursor"), path.read_bytes()) or {}) == {"command", "args", "env"}


def test_names_that_codex_passes_on_are_joined(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    path = tmp_path / ".codex/config.toml"
    path.write_bytes(
        b'[mcp_servers.anymodel]\n# mine\ncommand = "/old" # why\nargs = []\nenv_vars = ["MINE"]\n'
        b"tool_timeout_sec = 900\n"
    )
    run("codex", tmp_path)
    content = path.read_text("utf-8")
    assert 'env_vars = ["MINE", "OPENAI_API_KEY"]' in content
    assert content.startswith(f'[mcp_servers.anymodel]\n# mine\ncommand = "{PROGRAM[0]}" # why\n')
    assert "tool_timeout_sec = 900" in content


def test_a_toml_table_of_servers_on_one_line_takes_the_entry(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    path = tmp_path / ".codex/config.toml"
    path.write_bytes(b'model = "m" # mine\nmcp_servers = { a = { command = "a" } }\n')
    run("codex", tmp_path)
    row = find_configurable("codex")
    assert entry_in(row, path.read_bytes(), "a") == {"command": "a"}
    assert (entry_in(row, path.read_bytes()) or {})["command"] == PROGRAM[0]
    assert b"# mine" in path.read_bytes()


@pytest.mark.parametrize(
    ("host", "content"),
    [
        ("codex", b'[mcp_servers.anymodel]\ncommand = "x"\n\n# about the next\n[profiles.x]\nmodel = "y"\n'),
        ("goose", b"extensions:\n  anymodel:\n    cmd: x\n# about the next\nGOOSE_MODEL: x\n"),
    ],
)
def test_no_comment_is_lost_with_the_entry(host: str, content: bytes, tmp_path: Path) -> None:
    path = locate(find_configurable(host), {}, tmp_path, "linux")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    screen = undo(host, tmp_path, expected=1)
    assert "lose a comment" in screen.text
    assert "by hand" in screen.text
    assert path.read_bytes() == content


def test_vs_code_asks_for_the_key_and_keeps_other_questions(tmp_path: Path) -> None:
    folder = tmp_path / ".config/Code/User"
    folder.mkdir(parents=True)
    path = folder / "mcp.json"
    start = b'{\n\t"inputs": [\n\t\t{ "id": "mine", "type": "promptString" }\n\t],\n\t"servers": {}\n}\n'
    path.write_bytes(start)
    run("vscode", tmp_path)
    row = find_configurable("vscode")
    values = read(row, path.read_text("utf-8"))
    assert [i["id"] for i in values["inputs"]] == ["mine", "anymodel-OPENAI_API_KEY"]
    assert values["inputs"][1]["password"] is True
    assert values["servers"]["anymodel"]["env"]["OPENAI_API_KEY"] == "${input:anymodel-OPENAI_API_KEY}"
    path.write_bytes(path.read_bytes() + b"\n")
    undo("vscode", tmp_path)
    assert read(row, path.read_text("utf-8")) == read(row, start.decode())


def test_inputs_that_are_no_list_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / ".config/Code/User"
    folder.mkdir(parents=True)
    (folder / "mcp.json").write_bytes(b'{"inputs": 3}')
    with pytest.raises(ConfigError, match="inputs is not a list"):
        run("vscode", tmp_path)


def test_other_peoples_keys_in_the_diff_are_hidden(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor/mcp.json").write_bytes(
        b'{\n  "mcpServers": {\n    "gh": {\n      "env": {"GITHUB_TOKEN": "plainword"},\n'
        b'      "args": ["abcDEF0123456789abcDEF0123"],\n      "headers": {"Authorization": "Basic Zm9v"}\n'
        b"    }\n  }\n}\n"
    )
    screen = run("cursor", tmp_path)
    for secret in ("plainword", "abcDEF0123456789abcDEF0123", "Zm9v"):
        assert secret not in screen.text
    assert '"GITHUB_TOKEN": [key removed]' in screen.text
    assert '"OPENAI_API_KEY": "${env:OPENAI_API_KEY}"' in screen.text


def test_a_link_is_followed_and_mode_and_backup_are_kept(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "claude.json"
    real.parent.mkdir()
    real.write_bytes(b"{}\n")
    real.chmod(0o640)
    (tmp_path / ".claude.json").symlink_to(real)
    screen = run("claude-code", tmp_path)
    assert (tmp_path / ".claude.json").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    backup = tmp_path / ".claude.json.anymodel-backup-20261121-040506"
    assert f"Backup: {backup}" in screen
    assert backup.read_bytes() == b"{}\n"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    undo("claude-code", tmp_path)
    assert (tmp_path / ".claude.json").is_symlink()
    assert real.read_bytes() == b"{}\n"
    assert not backup.exists()


def test_a_new_file_is_the_users_alone(tmp_path: Path) -> None:
    run("cursor", tmp_path)
    assert stat.S_IMODE((tmp_path / ".cursor/mcp.json").stat().st_mode) == 0o600


def test_two_backups_in_one_second_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    for number in range(3):
        path.write_bytes(b'{"n": %d}' % number)
        run("claude-code", tmp_path)
    backups = sorted(p.name for p in tmp_path.glob("*.anymodel-backup-*"))
    assert [name.partition("backup-")[2] for name in backups] == [
        "20261121-040506",
        "20261121-040506-2",
        "20261121-040506-3",
    ]
    undo("claude-code", tmp_path)
    assert path.read_bytes() == b'{"n": 2}'


def test_a_backup_of_the_same_bytes_is_enough(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    for _ in range(2):
        path.write_bytes(b'{"n": 1}')
        assert "Backup: " in run("claude-code", tmp_path).text
    assert len(list(tmp_path.glob("*.anymodel-backup-*"))) == 1


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".claude.json").mkdir()
    with pytest.raises(ConfigError, match="is not a file"):
        run("claude-code", tmp_path)


def test_a_place_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    (tmp_path / ".cursor").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"cannot (read|write) .*mcp\.json"):
        run("cursor", tmp_path)


def test_a_link_that_goes_in_a_circle_is_told_of(tmp_path: Path) -> None:
    (tmp_path / ".claude.json").symlink_to(tmp_path / ".claude.json")
    with pytest.raises(ConfigError, match="cannot read"):
        run("claude-code", tmp_path)


def test_a_file_of_absurd_size_is_refused(tmp_path: Path) -> None:
    with (tmp_path / ".claude.json").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(ConfigError, match="larger than 64 MB"):
        run("claude-code", tmp_path)


def test_a_file_that_changes_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    """Claude Code rewrites its file while it runs."""
    path = tmp_path / ".claude.json"
    path.write_bytes(b"{}")

    def ask(_question: str) -> str:
        path.write_bytes(b'{"numStartups": 2}')
        return "y"

    asking = replace(machine(tmp_path, Screen(), {}), ask=ask, yes=False)
    with pytest.raises(ConfigError, match="has changed in the meantime"):
        install("claude-code", asking, command=PROGRAM, start=answering)
    assert path.read_bytes() == b'{"numStartups": 2}'


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_of_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_bytes(b"{}")
    os.chown(path, 1234, 1234)
    run("claude-code", tmp_path)
    assert path.stat().st_uid == 1234


def test_who_has_configured_nothing_is_told(tmp_path: Path) -> None:
    assert "no provider is configured yet" in run("cursor", tmp_path, env={}).text
    assert "no provider is configured yet" not in run("cursor", tmp_path).text


def test_planning_touches_no_file() -> None:
    row = find_configurable("codex")
    entry = build_entry(row, "anymodel", PROGRAM, (), write_keys=False)
    change = plan_install(row, Path("/nowhere/config.toml"), None, entry)
    assert change.after == f'[mcp_servers.anymodel]\ncommand = "{PROGRAM[0]}"\nargs = []\n'.encode()
    assert not change.is_empty


def test_a_file_that_cannot_be_replaced_is_left_whole(tmp_path: Path) -> None:
    """The new text was written beside it already: that goes again."""
    target = tmp_path / "file"
    target.mkdir()
    with pytest.raises(ConfigError, match="cannot write"):
        replace_file(target, b"x")
    with pytest.raises(ConfigError, match="cannot remove"):
        remove_file(target)
    assert list(tmp_path.iterdir()) == [target]


def test_a_backup_that_is_no_longer_readable_is_passed_over(tmp_path: Path) -> None:
    run("codex", tmp_path, env={})
    path = tmp_path / ".codex/config.toml"
    path.with_name("config.toml.anymodel-backup-1").write_bytes(b"= broken")
    path.with_name("config.toml.anymodel-backup-2").write_bytes(path.read_bytes())
    undo("codex", tmp_path)
    assert not path.exists()


def test_a_list_with_one_name_twice_keeps_both(tmp_path: Path) -> None:
    """Taking one of them out would leave the other."""
    path = tmp_path / ".continue/config.yaml"
    path.parent.mkdir()
    content = b"mcpServers:\n  - name: anymodel\n    command: a\n  - name: anymodel\n    command: b\n"
    path.write_bytes(content)
    assert "without touching the rest" in undo("continue", tmp_path, expected=1).text
    assert path.read_bytes() == content


def test_a_windows_path_survives_every_format(tmp_path: Path) -> None:
    program = r"C:\Users\Jörg \"X\"\Scripts\anymodel-mcp.exe"
    for row in CONFIGURABLE:
        run(row.name, tmp_path, command=(program,), platform="win32")
        entry = entry_in(row, locate(row, {}, tmp_path, "win32").read_bytes()) or {}
        command = entry[row.command_key]
        assert command in (program, [program])
