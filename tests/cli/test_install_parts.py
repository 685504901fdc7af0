"""The parts of `install` that are easier seen alone: variables, program, editors, diff."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given, settings
from hypothesis import strategies as st

from anymodel_mcp import __version__
from anymodel_mcp.cli.changes import Change, draw_diff, may_hold_keys
from anymodel_mcp.cli.install.variables import find_variables
from anymodel_mcp.cli.program import find_program, name_origin
from anymodel_mcp.hosts.formats import UnreadableFile, UnsafeEdit, find_line
from anymodel_mcp.hosts.section import drop, put, read
from anymodel_mcp.hosts.table import CONFIGURABLE

# --- variables ------------------------------------------------------------------------------------------------------

SECRET = "0123456789abcdef"


def names(environ: dict[str, str], config: str | None = None) -> dict[str, bool]:
    return {v.name: v.is_key for v in find_variables(environ, config)}


VARIABLES = [
    pytest.param({}, None, {}, id="nothing set"),
    pytest.param({"OPENAI_API_KEY": SECRET, "HOME": "/x"}, None, {"OPENAI_API_KEY": True}, id="the key of OpenAI"),
    pytest.param({"OPENAI_API_KEY": " "}, None, {}, id="an empty one counts as not set"),
    pytest.param({"OPENAI_BASE_URL": "http://x/v1"}, None, {"OPENAI_BASE_URL": False}, id="an address is no key"),
    pytest.param(
        {"OPENAI_BASE_URL": "http://a:b@x/v1"}, None, {"OPENAI_BASE_URL": True}, id="an address with a password"
    ),
    pytest.param({"DEEPSEEK_API_KEY": SECRET}, None, {}, id="the key of a provider that is not turned on"),
    pytest.param(
        {"DEEPSEEK_API_KEY": SECRET, "ANYMODEL_PROVIDERS": "deepseek, nosuch,,"},
        None,
        {"ANYMODEL_PROVIDERS": False, "DEEPSEEK_API_KEY": True},
        id="the key of a provider that is turned on",
    ),
    pytest.param(
        {"ANYMODEL_MODEL": "m", "ANYMODEL_HTTP_TOKEN": SECRET, "ANYMODEL_HTTP_PORT": "1"},
        None,
        {"ANYMODEL_MODEL": False},
        id="what only HTTP needs is left out",
    ),
    pytest.param(
        {"DEEPSEEK_API_KEY": SECRET, "OPENAI_API_KEY": SECRET},
        "[providers.deepseek]\n",
        {"DEEPSEEK_API_KEY": True},
        id="a provider of the file, its own variable",
    ),
    pytest.param(
        {"WORK": SECRET, "DEEPSEEK_API_KEY": SECRET},
        '[providers.deepseek]\napi_key_env = "WORK_KEY"\n[providers.w]\napi_key_env = "WORK"\n',
        {"WORK": True},
        id="a provider of the file, another variable",
    ),
    pytest.param(
        {"DEEPSEEK_API_KEY": SECRET},
        '[providers.deepseek]\napi_key_command = "pass x"\n',
        {},
        id="a provider of the file that has its key elsewhere",
    ),
    pytest.param(
        {"ANYMODEL_PROVIDERS": '{"x": {"base_url": "https://x", "api_key": "plain"}}'},
        None,
        {"ANYMODEL_PROVIDERS": True},
        id="JSON with a key in it",
    ),
    pytest.param(
        {"ANYMODEL_MODEL": "sk-0123456789abcdefghij"}, None, {"ANYMODEL_MODEL": True}, id="the shape of a key"
    ),
    pytest.param({"OPENAI_API_KEY": SECRET}, "providers = 3", {"OPENAI_API_KEY": True}, id="a wrong file"),
    pytest.param({"OPENAI_API_KEY": SECRET}, "= broken", {"OPENAI_API_KEY": True}, id="a broken file"),
]


@pytest.mark.parametrize(("environ", "config", "expected"), VARIABLES)
def test_variables_are_those_that_our_configuration_reads(
    environ: dict[str, str], config: str | None, expected: dict[str, bool]
) -> None:
    assert names(environ, config) == expected


def test_a_variable_hides_its_value() -> None:
    assert SECRET not in repr(find_variables({"OPENAI_API_KEY": SECRET}))


# --- program --------------------------------------------------------------------------------------------------------


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_program_of_this_environment_is_named_absolutely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = executable(tmp_path / "venv/bin/anymodel-mcp")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv/bin/python"))
    assert find_program({}, tmp_path) == (str(program),)


def test_without_a_script_the_module_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin/python"))
    assert find_program({}, tmp_path) == (str(tmp_path / "bin/python"), "-m", "anymodel_mcp")


@pytest.mark.parametrize("where", ["path", "local", "variable"])
def test_from_the_cache_of_uvx_the_server_is_started_by_uvx(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache is cleaned some day; uvx by its absolute path makes it again."""
    cached = tmp_path / ".cache/uv/archive-v0/AbC/bin"
    executable(cached / "anymodel-mcp")
    monkeypatch.setattr(sys, "executable", str(cached / "python"))
    folder = tmp_path / (".local/bin" if where == "local" else "tools")
    suffix = ".exe" if os.name == "nt" else ""
    uvx = executable(folder / f"uvx{suffix}")
    env = {"path": {"PATH": str(folder)}, "local": {}, "variable": {"UV": str(folder / "uv")}}[where]
    program = find_program(env, tmp_path)
    assert program[:2] == (str(uvx), "--from")
    assert program[2].startswith("anymodel-mcp")
    assert program[3] == "anymodel-mcp"


def test_from_a_cache_without_uvx_the_script_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = executable(tmp_path / "uv/environments-v2/x/bin/anymodel-mcp")
    monkeypatch.setattr(sys, "executable", str(script.parent / "python"))
    assert find_program({"PATH": ""}, tmp_path) == (str(script),)


@pytest.mark.parametrize(("version", "is_used"), [(__version__, True), ("0.0.1", False), ("", False)])
def test_from_the_cache_of_uvx_a_lasting_installation_of_this_version_is_named(
    version: str, is_used: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = tmp_path / ".cache/uv/archive-v0/AbC/bin"
    executable(cached / "anymodel-mcp")
    monkeypatch.setattr(sys, "executable", str(cached / "python"))
    installed = executable(tmp_path / ".local/bin/anymodel-mcp")
    installed.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    uvx = executable(tmp_path / ".local/bin/uvx")
    program = find_program({"PATH": "/usr/bin:/bin"}, tmp_path)
    assert program[0] == str(installed if is_used else uvx)


def test_a_link_into_the_cache_is_no_lasting_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = executable(tmp_path / ".cache/uv/archive-v0/AbC/bin/anymodel-mcp")
    monkeypatch.setattr(sys, "executable", str(cached.parent / "python"))
    uvx = executable(tmp_path / ".local/bin/uvx")
    (tmp_path / ".local/bin/anymodel-mcp").symlink_to(cached)
    assert find_program({"PATH": ""}, tmp_path)[0] == str(uvx)


ORIGINS = [
    (None, False, "anymodel-mcp"),
    (None, True, "anymodel-mcp[local]"),
    ('{"url": "file:///a.whl", "archive_info": {}}', False, "anymodel-mcp @ file:///a.whl"),
    (
        '{"url": "https://h.example/r.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}',
        True,
        "anymodel-mcp[local] @ git+https://h.example/r.git@abc",
    ),
]


@pytest.mark.parametrize(("direct_url", "with_engine", "expected"), ORIGINS)
def test_uvx_is_told_where_this_version_came_from(direct_url: str | None, with_engine: bool, expected: str) -> None:
    assert name_origin(direct_url, with_engine=with_engine) == expected


# --- formats --------------------------------------------------------------------------------------------------------

HOST = {row.name: row for row in CONFIGURABLE}
# no line ends but \n, no control characters: YAML refuses them unescaped, and no configuration has them
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufeff"), max_size=12
)
NAMES = TEXT.filter(bool)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)


def in_json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=2, ensure_ascii=False)


def in_toml(values: dict[str, Any]) -> str:
    return tomlkit.dumps(values)  # pyright: ignore[reportUnknownMemberType] tomlkit


WRITERS = {"claude-code": in_json, "codex": in_toml, "goose": in_json}


@pytest.mark.parametrize("host", WRITERS)
@settings(deadline=None, max_examples=50)  # the YAML of ruamel is slow
@given(values=OBJECTS, entry=OBJECTS)
def test_any_file_takes_an_entry_and_gives_it_back(host: str, values: dict[str, Any], entry: dict[str, Any]) -> None:
    """Or it is left as it is: never is anything else changed."""
    row = HOST[host]
    values = {k: v for k, v in values.items() if k not in (row.section, "inputs")}
    text = WRITERS[host](values)
    try:
        changed = put(row, text, "x", entry)
        assert read(row, changed) == {**values, row.section: {"x": entry}}
        assert read(row, put(row, changed, "x", entry)) == read(row, changed)
        assert read(row, drop(row, changed, "x")).get(row.section) in ({}, None)
    except UnsafeEdit:
        assert host != "claude-code"


@given(text=st.text(st.sampled_from(list('{}[],:"\\/*\n ab1.-eu')), max_size=40))
def test_whatever_json_reads_is_read_alike(text: str) -> None:
    try:
        expected: Any = json.loads(text)
    except ValueError:
        expected = None
    try:
        found = read(HOST["claude-code"], text)
    except UnreadableFile:
        assert not isinstance(expected, dict)
        return
    assert not isinstance(expected, dict) or found == expected


LINES = [
    ('{"a": {"b": 1}}', ("a",), 1),
    ('{\n"a": {\n"b": 1}}', ("a", "b"), 3),
    ('{\n"x": "\\"a\\": {",\n// "a": {\n"a": {}}', ("a",), 4),
    ('{"x": [{"a": {"b": 1}}],\n"a": {"c": 1,\n"b": 2}}', ("a", "b"), 3),
    ('{"x": {"a": 1}}', ("a",), 0),
    ("", ("a",), 0),
    ("}}}", ("a",), 0),
]


@pytest.mark.parametrize(("text", "path", "line"), LINES)
def test_the_line_of_a_key_is_found(text: str, path: tuple[str, ...], line: int) -> None:
    assert find_line(text, path) == line


def test_yaml_strings_that_older_readers_take_for_something_else_are_quoted() -> None:
    value = {"cmd": "x", "envs": {"A": "yes", "B": "1.10", "C": "a: b", "D": "null", "E": "/opt/x"}}
    changed = put(HOST["goose"], "a: on # mine\nb: 'x'\n", "x", value)
    assert changed.startswith("a: on # mine\nb: 'x'\n")
    for text in ('"yes"', '"1.10"', '"a: b"', '"null"', "E: /opt/x"):
        assert text in changed


# --- diff -----------------------------------------------------------------------------------------------------------

HIDDEN = [
    ('"GITHUB_TOKEN": "plain"', "plain"),
    ('"args": ["--api-key=plain1"]', "plain1"),
    ("api_key = 'plain'", "plain"),
    ("OPENAI_API_KEY: plain", "plain"),
    ('"Authorization": "Basic cGxhaW4="', "cGxhaW4="),
    ('"x": "abcDEF0123456789abcDEF0123"', "abcDEF0123456789abcDEF0123"),
    ('"x": "sk-proj-abcdefghijklmnopqrstuvwx"', "sk-proj-abcdefghijklmnopqrstuvwx"),
    ('"url": "https://user:word@host/"', "user:word"),
    ('"x": "livesecret"', "livesecret"),
    ('"my_secret": "${not a reference"', "not a reference"),
]
SHOWN = [
    '"OPENAI_API_KEY": "${OPENAI_API_KEY}"',
    '"OPENAI_API_KEY": "${env:OPENAI_API_KEY}"',
    '"OPENAI_API_KEY": "$OPENAI_API_KEY"',
    '"OPENAI_API_KEY": "{env:OPENAI_API_KEY}"',
    '"OPENAI_API_KEY": "${input:anymodel-OPENAI_API_KEY}"',
    "OPENAI_API_KEY: ${{ secrets.OPENAI_API_KEY }}",
    'OPENAI_API_KEY: "${{ secrets.OPENAI_API_KEY }}"',
    'env_vars = ["OPENAI_API_KEY"]',
    '"command": "/home/jane/.local/share/uv/tools/anymodel-mcp-0123456789abcdef/bin/anymodel-mcp"',
    '"id": "anymodel-OPENAI_API_KEY",',
    '"password": true',
    '"max_tokens": 4096,',
]


def diff_of(line: str) -> str:
    return "\n".join(draw_diff(Change(path=Path("x"), before=b"", after=f"{line}\n".encode()), ["livesecret"]))


@pytest.mark.parametrize(("line", "secret"), HIDDEN)
def test_the_diff_hides_what_may_be_a_key(line: str, secret: str) -> None:
    assert secret not in diff_of(line)


@pytest.mark.parametrize("line", SHOWN)
def test_the_diff_shows_what_is_none(line: str) -> None:
    assert f"+{line}" in diff_of(line)


@pytest.mark.parametrize(("line", "secret"), HIDDEN)
def test_a_backup_with_what_may_be_a_key_is_found(line: str, secret: str) -> None:
    assert may_hold_keys(f"a\n{line}\n".encode(), ["livesecret"])


@pytest.mark.parametrize("line", SHOWN)
def test_a_backup_without_one_is_not(line: str) -> None:
    assert not may_hold_keys(f"{line}\n".encode(), ["livesecret"])
