"""`install` and `uninstall` as a user runs them, on a home folder of the test's own."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from anymodel_mcp.cli.install import find_host_row, install, plan, uninstall
from anymodel_mcp.cli.install.files import locate, remove_file, replace_file
from anymodel_mcp.cli.install.formats import lookup
from anymodel_mcp.cli.install.plan import decode
from anymodel_mcp.cli.install.rows import HOSTS, HostRow
from anymodel_mcp.errors import ConfigError
from tests.cli.install_cases import starting_files

PROGRAM = ("/opt/some where/bin/anymodel-mcp",)
KEY = "sk-test-0123456789abcdef-Zz"
ENV = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://gateway.example/v1", "ANYMODEL_MODEL": "m1", "HOME": "/x"}


class Screen(list[str]):
    @property
    def text(self) -> str:
        return "\n".join(self)


def run(
    host: str,
    home: Path,
    *,
    env: dict[str, str] = ENV,
    platform: str = "linux",
    dry_run: bool = False,
    write_keys: bool = False,
    name: str = "anymodel",
    command: tuple[str, ...] = PROGRAM,
) -> Screen:
    screen = Screen()
    status = install(
        host,
        dry_run=dry_run,
        name=name,
        env=env,
        home=home,
        platform=platform,
        command=command,
        write=screen.append,
        write_keys=write_keys,
        now=lambda: datetime(2026, 11, 21, 4, 5, 6, tzinfo=UTC),
    )
    assert status == 0
    return screen


def undo(host: str, home: Path, *, platform: str = "linux", dry_run: bool = False, name: str = "anymodel") -> Screen:
    screen = Screen()
    status = uninstall(host, dry_run=dry_run, name=name, env=ENV, home=home, platform=platform, write=screen.append)
    assert status == 0
    return screen


def files_below(home: Path) -> dict[str, bytes]:
    return {str(p.relative_to(home)): p.read_bytes() for p in sorted(home.rglob("*")) if p.is_file()}


def entry_in(row: HostRow, content: bytes, name: str = "anymodel") -> dict[str, object] | None:
    return lookup(row.format.read(decode(content).text), row.section, name, listed=row.format.listed)


def cases() -> Iterator[object]:
    for row in HOSTS:
        for title, content in starting_files(row.format.title, row.section, listed=row.format.listed).items():
            yield pytest.param(row, content, id=f"{row.name}: {title}")


@pytest.mark.parametrize(("row", "content"), list(cases()))
def test_install_then_uninstall_gives_the_same_bytes(row: HostRow, content: bytes, tmp_path: Path) -> None:
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
def test_without_backups_only_the_entry_goes(row: HostRow, content: bytes, tmp_path: Path) -> None:
    """Every line that stood there before still does, in its order."""
    path = locate(row, {}, tmp_path, "linux")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    run(row.name, tmp_path)
    for backup in path.parent.glob("*.anymodel-backup-*"):
        backup.unlink()
    undo(row.name, tmp_path)
    left = path.read_bytes() if path.exists() else b""
    assert entry_in(row, left) is None if left.strip() else True
    words = b"".join(content.split()).replace(b"{}", b"").replace(b"[]", b"").replace(b"null", b"").replace(b",", b"")
    rest = b"".join(left.split()).replace(b",", b"")
    for extra in (f'"{row.section}":{{}}', f'"{row.section}":', '"inputs":[]', "{}", "[]", f"{row.section}:"):
        rest, words = rest.replace(extra.encode(), b""), words.replace(extra.encode(), b"")
    assert rest == words or not content.strip()


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row.name)
def test_a_missing_file_is_made_and_goes_again(row: HostRow, tmp_path: Path) -> None:
    screen = run(row.name, tmp_path)
    (made,) = files_below(tmp_path)
    assert entry_in(row, (tmp_path / made).read_bytes()) is not None
    assert "(no file)" in screen.text
    assert screen[-1].startswith(f"{row.title}: anymodel is installed. ")
    assert "{" not in screen[-1]
    undo(row.name, tmp_path)
    assert files_below(tmp_path) == {}


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row.name)
def test_an_entry_that_stood_there_is_changed_in_place(row: HostRow, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row.name)
def test_a_dry_run_shows_the_change_and_writes_nothing(row: HostRow, tmp_path: Path) -> None:
    screen = run(row.name, tmp_path, dry_run=True)
    assert "+" in screen.text
    assert screen[-1] == "Nothing was written (dry run)."
    assert files_below(tmp_path) == {}
    run(row.name, tmp_path)
    before = files_below(tmp_path)
    assert undo(row.name, tmp_path, dry_run=True)[-1] == "Nothing was written (dry run)."
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row.name)
def test_no_key_is_shown_or_written_unless_it_is_asked_for(row: HostRow, tmp_path: Path) -> None:
    screen = run(row.name, tmp_path)
    assert KEY not in screen.text
    assert KEY.encode() not in b"".join(files_below(tmp_path).values())
    assert "Note: OPENAI_API_KEY: " in screen.text
    screen = run(row.name, tmp_path, write_keys=True)
    content = b"".join(files_below(tmp_path).values())
    assert KEY not in screen.text
    in_clear = row.keys == "clear" or "OPENAI_API_KEY" in row.withheld
    assert (KEY.encode() in content) == in_clear
    assert ("stands in clear" in screen.text) == in_clear


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
    row = find_host_row(host)
    entry = entry_in(row, locate(row, {}, tmp_path, "linux").read_bytes()) or {}
    assert entry[expected[0]] == expected[1]


def test_a_host_that_withholds_one_key_is_told_the_others_by_name(tmp_path: Path) -> None:
    env = {"OPENAI_API_KEY": KEY, "ANYMODEL_PROVIDERS": "deepseek", "DEEPSEEK_API_KEY": KEY}
    screen = run("copilot", tmp_path, env=env)
    row = find_host_row("copilot")
    entry = entry_in(row, locate(row, {}, tmp_path, "linux").read_bytes()) or {}
    assert entry["env"] == {"ANYMODEL_PROVIDERS": "deepseek", "DEEPSEEK_API_KEY": "${DEEPSEEK_API_KEY}"}
    assert "Note: DEEPSEEK_API_KEY: not written" in screen.text
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
    assert locate(find_host_row(host), {}, tmp_path, platform) == tmp_path / expected


def test_variables_of_the_host_move_its_file(tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    assert locate(find_host_row("codex"), {"CODEX_HOME": str(moved)}, tmp_path, "linux") == moved / "config.toml"
    path = moved / "m.json"
    assert locate(find_host_row("cline"), {"CLINE_MCP_SETTINGS_PATH": str(path)}, tmp_path, "linux") == path
    row = find_host_row("zed")
    assert locate(row, {"XDG_CONFIG_HOME": str(moved)}, tmp_path, "linux") == moved / "zed" / "settings.json"
    assert locate(row, {"APPDATA": str(moved)}, tmp_path, "win32") == moved / "Zed" / "settings.json"


def test_the_packaged_claude_desktop_of_windows_is_found(tmp_path: Path) -> None:
    (tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc").mkdir(parents=True)
    (tmp_path / "AppData/Roaming/Claude").mkdir(parents=True)
    (tmp_path / "AppData/Roaming/Claude/claude_desktop_config.json").write_bytes(b"{}")
    found = locate(find_host_row("claude-desktop"), {}, tmp_path, "win32")
    folder = tmp_path / "AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
    assert found == folder / "claude_desktop_config.json"


def test_the_name_that_is_there_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / ".config/opencode"
    folder.mkdir(parents=True)
    (folder / "opencode.jsonc").write_bytes(b'{\n  // mine\n  "theme": "x",\n}\n')
    run("opencode", tmp_path)
    assert [p.name for p in folder.glob("*.json*") if "backup" not in p.name] == ["opencode.jsonc"]
    (tmp_path / ".cache/lm-studio").mkdir(parents=True)
    run("lmstudio", tmp_path)
    assert (tmp_path / ".cache/lm-studio/mcp.json").is_file()


def test_an_unknown_host_is_answered_with_the_closest_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no host is known as 'claud'") as caught:
        run("claud", tmp_path)
    assert "claude-code" in caught.value.failure.fix
    with pytest.raises(ConfigError) as caught:
        run("emacs-1234567", tmp_path)
    assert caught.value.failure.fix.startswith("Known: claude-desktop, ")


def test_a_host_may_be_spelt_loosely() -> None:
    assert find_host_row(" Claude Desktop ").name == "claude-desktop"
    assert find_host_row("CLAUDE_CODE").name == "claude-code"


@pytest.mark.parametrize("name", ["", "a b", "a.b", "-a", "ä", "x" * 41, "../x"])
def test_a_name_that_hosts_would_spoil_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no name for a server"):
        run("cursor", tmp_path, name=name)


def broken(row: HostRow) -> list[tuple[bytes, str]]:
    section = row.section.encode()
    if row.format.title == "TOML":
        return [(b"a = 1\nb = = 2\n", "line 2"), (b"mcp_servers = 3\n", "not a table"), (b'[a]\nx = "', "line 2")]
    if row.format.title == "YAML":
        return [
            (b"a: 1\n b: [\n", "line"),
            (section + b": 3\n", f"{row.section} is not a"),
            (b"- a\n- b\n", "not a block"),
            (b"{a: 1}\n", "not a block"),
            (section + b": {x: {name: x}}\n" if not row.format.listed else section + b": [{name: x}]\n", "one line"),
            (section + b": &a\n" + (b"- name: x\n" if row.format.listed else b"  x: {}\n"), "anchor"),
            (b"b: &b\n" + (b"- name: x\n" if row.format.listed else b"  x: {}\n") + section + b": *b\n", "anchor"),
            (section + b":\n" + section + b":\n", "twice"),
            (b"a: 1\n---\nb: 1\n", "line"),
            (b"a: !!python/object:os.system 1\n", "cannot be read"),
            (b"a: \x07\n", "left alone"),
        ]
    return [
        (b'{\n  "a": 1,\n  "b": nope\n}\n', "line 3, column 8"),
        (b'{"a": 1', "is expected here (line 1, column 8)"),
        (b'{"a": "x\n"}', "a string is not closed"),
        (b'{"a" 1}', '":" is expected here'),
        (b'{"a": 1 "b": 2}', '"," or "}" is expected'),
        (b"{a: 1}", "a key in double quotes"),
        (b"[1, 2]", "holds no object"),
        (b"{} {}", "text follows"),
        (b"{ /* ", "never closed"),
        (b'{"a": ' + b"[" * 300 + b"]" * 300 + b"}", "nested too deeply"),
        (b'{"' + section + b'": []}', "not an object"),
        (b'{"' + section + b'": null}', "not an object"),
        (b'{"' + section + b'": {}, "' + section + b'": {}}', "stands twice"),
    ]


def broken_cases() -> Iterator[object]:
    for name in ("claude-code", "zed", "codex", "goose", "continue"):
        row = find_host_row(name)
        everywhere = [(b"\xff\xfe{\x00}\x00", "UTF-16"), (b"{\n\xff}", "no UTF-8")]
        for content, words in [*broken(row), *everywhere]:
            yield pytest.param(name, content, words, id=f"{name}: {words} {len(content)}")


@pytest.mark.parametrize(("host", "content", "words"), list(broken_cases()))
def test_a_broken_file_is_told_of_and_left_alone(host: str, content: bytes, words: str, tmp_path: Path) -> None:
    path = locate(find_host_row(host), {}, tmp_path, "linux")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        run(host, tmp_path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "by hand" in caught.value.failure.fix
    assert files_below(tmp_path) == {str(path.relative_to(tmp_path)): content}


def test_uninstall_of_a_broken_file_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_bytes(b"{")
    with pytest.raises(ConfigError, match="left alone") as caught:
        undo("claude-code", tmp_path)
    assert "take the entry out by hand" in caught.value.failure.fix
    assert path.read_bytes() == b"{"


def test_uninstall_where_nothing_is_says_so(tmp_path: Path) -> None:
    assert "has no anymodel" in undo("cursor", tmp_path).text
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor/mcp.json").write_bytes(b'{"mcpServers": {"other": {}}}')
    assert "has no anymodel" in undo("cursor", tmp_path).text


def test_what_the_user_added_to_the_entry_stays(tmp_path: Path) -> None:
    path = tmp_path / ".claude.json"
    path.write_bytes(
        b'{\n  "mcpServers": {\n    "anymodel": {\n      "command": "/old", // mine\n      "timeout": 5000,\n'
        b'      "env": {"OPENAI_API_KEY": "typed-in", "MINE": "1", "ANYMODEL_MODEL": "old"}\n    }\n  }\n}\n'
    )
    screen = run("claude-code", tmp_path)
    content = path.read_text("utf-8")
    assert f'"command": "{PROGRAM[0]}", // mine' in content
    assert '"timeout": 5000' in content
    assert '"OPENAI_API_KEY": "typed-in", "MINE": "1", "ANYMODEL_MODEL": "m1"' in content
    assert "typed-in" not in screen.text
    assert "may not read" in screen.text


def test_a_remote_entry_of_the_same_name_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    path = tmp_path / ".cursor/mcp.json"
    path.write_bytes(b'{"mcpServers": {"anymodel": {"url": "https://x.example/mcp", "headers": {}}}}')
    run("cursor", tmp_path)
    assert set(entry_in(find_host_row("cursor"), path.read_bytes()) or {}) == {"command", "args", "env"}


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


def test_an_inline_toml_table_of_servers_is_refused_or_kept(tmp_path: Path) -> None:
    """A table written on one line cannot be added to from outside: TOML forbids it."""
    (tmp_path / ".codex").mkdir()
    path = tmp_path / ".codex/config.toml"
    content = b'mcp_servers = { a = { command = "a" } }\n'
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="left alone"):
        run("codex", tmp_path)
    assert path.read_bytes() == content


def test_vs_code_asks_for_the_key_and_keeps_other_questions(tmp_path: Path) -> None:
    folder = tmp_path / ".config/Code/User"
    folder.mkdir(parents=True)
    path = folder / "mcp.json"
    start = b'{\n\t"inputs": [\n\t\t{ "id": "mine", "type": "promptString" }, // keep\n\t],\n\t"servers": {}\n}\n'
    path.write_bytes(start)
    run("vscode", tmp_path)
    row = find_host_row("vscode")
    values = row.format.read(path.read_text("utf-8"))
    assert [i["id"] for i in values["inputs"]] == ["mine", "anymodel-OPENAI_API_KEY"]
    assert values["inputs"][1]["password"] is True
    assert values["servers"]["anymodel"]["env"]["OPENAI_API_KEY"] == "${input:anymodel-OPENAI_API_KEY}"
    path.write_bytes(path.read_bytes() + b"// later\n")
    undo("vscode", tmp_path)
    assert path.read_bytes() == start + b"// later\n"


def test_inputs_that_are_no_list_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / ".config/Code/User"
    folder.mkdir(parents=True)
    (folder / "mcp.json").write_bytes(b'{"inputs": 3}')
    with pytest.raises(ConfigError, match="inputs is not an array"):
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
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640
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
        assert run("claude-code", tmp_path)[-2].startswith("Backup: ")
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

    def write(line: str) -> None:
        if line.startswith("+++"):
            path.write_bytes(b'{"numStartups": 2}')

    with pytest.raises(ConfigError, match="has changed meanwhile"):
        install("claude-code", dry_run=False, env={}, home=tmp_path, platform="linux", command=PROGRAM, write=write)
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
    path = Path("/nowhere/config.toml")
    change = plan("codex", name="anymodel", variables=(), path=path, before=None, command=PROGRAM)
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
    with pytest.raises(ConfigError, match="without touching the rest"):
        undo("continue", tmp_path)
    assert path.read_bytes() == content


def test_an_entry_on_one_line_is_not_taken_out(tmp_path: Path) -> None:
    path = tmp_path / ".config/goose/config.yaml"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"extensions: {anymodel: {cmd: a}}\n")
    with pytest.raises(ConfigError, match="stands on one line"):
        undo("goose", tmp_path)


def test_an_entry_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / ".codex/config.toml"
    path.parent.mkdir()
    path.write_bytes(b"[mcp_servers]\nanymodel = 3\n")
    with pytest.raises(ConfigError, match="is not a table"):
        run("codex", tmp_path)


def test_a_windows_path_survives_every_format(tmp_path: Path) -> None:
    program = r"C:\Users\Jörg \"X\"\Scripts\anymodel-mcp.exe"
    for row in HOSTS:
        run(row.name, tmp_path, command=(program,), platform="win32")
        entry = entry_in(row, locate(row, {}, tmp_path, "win32").read_bytes()) or {}
        command = entry[row.command_key]
        assert command in (program, [program])
