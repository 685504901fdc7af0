"""The parts of `install` that are easier seen alone: variables, program, editors, diff."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymodel_mcp.cli.install import json_text, toml_text, yaml_text
from anymodel_mcp.cli.install.json_read import read_nodes
from anymodel_mcp.cli.install.plan import Change
from anymodel_mcp.cli.install.program import find_program, name_origin
from anymodel_mcp.cli.install.refusal import RefusedEdit
from anymodel_mcp.cli.install.screen import draw_diff
from anymodel_mcp.cli.install.variables import find_variables

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


# --- editors --------------------------------------------------------------------------------------------------------

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), min_size=1, max_size=8)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="utf-8"), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)


@given(values=OBJECTS, entry=OBJECTS, indent=st.sampled_from([None, 0, 1, 2, 4, "\t"]), crlf=st.booleans())
def test_any_json_takes_an_entry_and_gives_it_back(
    values: dict[str, Any], entry: dict[str, Any], indent: int | str | None, crlf: bool
) -> None:
    values.pop("servers", None)
    text = json.dumps(values, indent=indent, ensure_ascii=False)
    text = text.replace("\n", "\r\n") if crlf else text
    changed = json_text.put(text, ("servers", "x"), entry)
    assert json.loads(changed) == {**values, "servers": {"x": entry}}
    assert json_text.put(changed, ("servers", "x"), entry) == changed
    assert json.loads(json_text.drop(changed, ("servers", "x"))) == {**values, "servers": {}}
    assert json_text.drop(changed, ("servers",)) == text


@given(text=st.text(st.sampled_from(list('{}[],:"\\/*\n ab1.-eu')), max_size=40))
def test_the_json_reader_agrees_with_the_standard_one(text: str) -> None:
    """Whatever the standard reader takes, ours takes with the same values; nothing else than a refusal is raised."""
    try:
        expected: Any = json.loads(text)
    except ValueError:
        expected = None
    try:
        found = read_nodes(text).value()
    except RefusedEdit:
        assert not isinstance(expected, dict)
        return
    assert expected is None or found == expected


@given(entry=st.dictionaries(KEYS, st.text(st.characters(codec="utf-8"), max_size=12), max_size=3), name=KEYS)
def test_any_text_survives_toml_and_yaml(entry: dict[str, str], name: str) -> None:
    toml = toml_text.put("a = 1\n", ("s", name), {"env": entry, "n": 1, "list": [name, ""]})
    assert toml_text.read(toml)["s"][name] == {"env": entry, "n": 1, "list": [name, ""]}
    assert toml_text.drop(toml, ("s", name)) == "a = 1\n"
    yaml = yaml_text.put("a: 1\n", ("s", name), {"env": entry, "n": 1, "on": True, "list": [name, ""]})
    assert yaml_text.read(yaml)["s"][name] == {"env": entry, "n": 1, "on": True, "list": [name, ""]}
    assert yaml_text.drop(yaml, ("s", name)) == "a: 1\ns: {}\n"


def test_a_toml_table_between_others_goes_alone() -> None:
    text = "[s.a] # a\r\nx = 1\r\n\r\n[s.b]\r\nx = 2\r\n\r\n# c\r\n[s.c]\r\nx = 3\r\n"
    changed = toml_text.drop(text, ("s", "b"))
    assert toml_text.read(changed) == {"s": {"a": {"x": 1}, "c": {"x": 3}}}
    assert changed.count("\r\n") == changed.count("\n")
    assert "[s.a] # a" in changed


def test_a_toml_entry_that_is_changed_keeps_its_place_and_loses_what_is_gone() -> None:
    text = "[s.b]\nx = 2 # two\ny = 3\n\n[t]\nz = 1\n"
    assert toml_text.put(text, ("s", "b"), {"x": 5}) == "[s.b]\nx = 5 # two\n\n[t]\nz = 1\n"


@pytest.mark.parametrize("edit", [json_text.drop, toml_text.drop, yaml_text.drop, yaml_text.drop_listed])
def test_dropping_what_is_not_there_changes_nothing(edit: Any) -> None:
    text = "{}" if edit is json_text.drop else ""
    assert edit(text, ("s", "x")) == text
    assert json_text.drop_item("{}", ("inputs",), "x") == "{}"


def test_a_yaml_entry_in_the_middle_is_replaced_alone() -> None:
    text = "s:\n  a: {x: 1}\n  # about b\n  b:\n    x: |\n      text\n\n  # about c\n  c:\n    x: 1"
    changed = yaml_text.put(text, ("s", "b"), {"x": "2"})
    assert changed == 's:\n  a: {x: 1}\n  # about b\n  b:\n    x: "2"\n  # about c\n  c:\n    x: 1'
    assert yaml_text.put(changed, ("s", "c"), {"x": 2}).endswith("  # about c\n  c:\n    x: 2")


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
