"""`key set`, `key list`, `key remove` as a user runs them."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.key import list_keys, remove_key, set_key
from anymodel_mcp.config import Secret
from anymodel_mcp.config.places import read_key_store
from anymodel_mcp.errors import ConfigError
from tests.cli.dialogs import Typist
from tests.cli.terminals import Desk, make_desk

KEY = "sk-typed-0123456789abcdef-Zz"


def desk(folder: Path, stdin: str | None = None, environ: Mapping[str, str] | None = None) -> Desk:
    config = {"ANYMODEL_CONFIG": str(folder / "config.toml")}
    return make_desk(folder, stdin=stdin, environ={**config, **(environ or {})})


def run(
    folder: Path, *argv: str, stdin: str | None = None, expected: int = 0, environ: Mapping[str, str] | None = None
) -> Desk:
    """One command; what it prints never holds the key."""
    place = folder / "config.toml"
    if not place.exists():
        place.write_text("", encoding="utf-8")
    here = desk(folder, stdin, environ)
    assert run_command(list(argv), here.terminal) == expected, here.remarked
    assert KEY not in here.said + here.remarked
    return here


def test_a_key_is_stored_shown_by_its_fingerprint_and_removed(tmp_path: Path) -> None:
    said = run(tmp_path, "key", "set", "deepseek", stdin=f"{KEY}\nsecond line\n").said
    assert "https://api.deepseek.com" in said
    assert "anymodel-mcp setup --provider deepseek" in said
    stored = json.loads((tmp_path / "keys.json").read_text(encoding="utf-8"))
    assert stored == {"deepseek": {"origin": "https://api.deepseek.com", "key": KEY}}
    assert os.name == "nt" or stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    shown = json.loads(run(tmp_path, "key", "list", "--json").said)
    (entry,) = shown["keys"]
    assert entry["provider"] == "deepseek"
    assert entry["origin"] == "https://api.deepseek.com"
    assert entry["fingerprint"] in said
    assert entry["fingerprint"] in run(tmp_path, "key", "list").said
    run(tmp_path, "key", "remove", "deepseek")
    assert not (tmp_path / "keys.json").exists()
    assert json.loads(run(tmp_path, "key", "list", "--json").said)["keys"] == []


def test_other_keys_stay(tmp_path: Path) -> None:
    run(tmp_path, "key", "set", "deepseek", stdin=KEY)
    run(tmp_path, "key", "set", "OpenAI", stdin="Bearer 'sk-second-0123456789'")
    assert set(read_key_store(tmp_path / "config.toml").keys) == {"deepseek", "openai"}
    run(tmp_path, "key", "set", "deepseek", stdin="sk-third-0123456789")
    run(tmp_path, "key", "remove", "openai")
    (left,) = read_key_store(tmp_path / "config.toml").keys.values()
    assert left.secret == Secret("sk-third-0123456789")


def test_the_key_is_for_the_configured_address_or_the_one_that_is_given(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[providers.work]\nbase_url = "https://gw.example/v1"', encoding="utf-8")
    run(tmp_path, "key", "set", "work", stdin=KEY)
    run(tmp_path, "key", "set", "openai", "--base-url", "http://127.0.0.1:9/v1/chat/completions", stdin=KEY)
    keys = read_key_store(tmp_path / "config.toml").keys
    assert {name: key.origin for name, key in keys.items()} == {
        "work": "https://gw.example",
        "openai": "http://127.0.0.1:9",
    }


def test_the_command_that_corrects_a_key_for_another_address_runs(tmp_path: Path) -> None:
    run(tmp_path, "key", "set", "openai", stdin=KEY)
    elsewhere = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    refused = run(tmp_path, "config", "show", expected=2, environ=elsewhere)
    assert "key set openai" in refused.remarked
    run(tmp_path, "key", "set", "openai", stdin=KEY, environ=elsewhere)
    assert "key store" in run(tmp_path, "config", "show", environ=elsewhere).said


@pytest.mark.parametrize(
    ("argv", "stdin", "why"),
    [
        (["set", "deepseek"], "", "no key was given"),
        (["set", "deepseek"], None, "no key was given"),
        (["set", "deepseek"], "two words", "white space"),
        (["set", "nobody"], KEY, "--base-url"),
        (["set", "deepsek"], KEY, "did you mean deepseek"),
        (["set", "a/b"], KEY, "cannot be the name"),
        (["set", "work", "--base-url", "ftp://x"], KEY, "--base-url does not begin"),
        (["set", "local"], KEY, "--base-url"),
        (["remove", "deepseek"], None, "no key is stored"),
        (["set"], None, "key"),
    ],
)
def test_what_cannot_be_done_says_why_and_writes_nothing(
    tmp_path: Path, argv: list[str], stdin: str | None, why: str
) -> None:
    here = run(tmp_path, "key", *argv, stdin=stdin, expected=2)
    assert why in here.remarked
    assert not (tmp_path / "keys.json").exists()


def test_a_person_types_the_key_without_echo(tmp_path: Path) -> None:
    typist = Typist(answers=[KEY])
    set_key(typist.dialog(), tmp_path / "config.toml", "deepseek", "https://api.deepseek.com", keyring=None)
    assert typist.questions == ["Key for deepseek at https://api.deepseek.com: "]
    assert read_key_store(tmp_path / "config.toml").keys["deepseek"].secret == Secret(KEY)


def test_the_keyring_gets_the_key_and_the_file_does_not(tmp_path: Path) -> None:
    done: list[tuple[str, str, str]] = []

    def keyring(action: str, user: str, password: str) -> None:
        done.append((action, user, password))

    config = tmp_path / "config.toml"
    typist = Typist(answers=[KEY])
    set_key(typist.dialog(), config, "work", "https://gw.example/v1", keyring=keyring)
    assert KEY not in (tmp_path / "keys.json").read_text(encoding="utf-8")
    here = desk(tmp_path)
    list_keys(here.terminal, read_key_store(config), as_json=True)
    assert json.loads(here.said)["keys"][0]["place"] == "keyring"
    remove_key(typist.dialog(), config, "work", keyring)
    assert done == [("set", "work https://gw.example", KEY), ("del", "work https://gw.example", "")]
    assert not (tmp_path / "keys.json").exists()


def test_nothing_is_remembered_of_a_keyring_that_refuses(tmp_path: Path) -> None:
    def keyring(action: str, user: str, password: str) -> None:
        raise ConfigError("locked")

    with pytest.raises(ConfigError, match="locked"):
        set_key(Typist(answers=[KEY]).dialog(), tmp_path / "c.toml", "work", "https://gw.example", keyring=keyring)
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="no modes there")
def test_no_key_is_stored_where_everybody_can_replace_the_file(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    here = run(tmp_path, "key", "set", "deepseek", stdin=KEY, expected=2)
    assert "every user can write" in here.remarked
    assert not (tmp_path / "keys.json").exists()


@pytest.mark.parametrize("name", ["sk-proj-0123456789abcdefghijklmn", "AIzaSyA0123456789abcdefghijklmnopqrstuv"])
def test_a_key_is_not_taken_for_a_name(name: str, tmp_path: Path) -> None:
    made = make_desk(tmp_path)
    assert run_command(["key", "set", name], made.terminal) == 2
    assert "looks like a key" in made.remarked
    assert name not in made.remarked + made.said
