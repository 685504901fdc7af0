"""The parts of `setup` by themselves: what is found here, the menu, the configuration file, the way back."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import anyio
import pytest

from anymodel_mcp.cli.setup.discovery import ENGINES, Engine, find_engines, find_key_variables
from anymodel_mcp.cli.setup.menu import SHOWN, Option, choose, search
from anymodel_mcp.cli.setup.plan import Plan, render_config, render_stored
from anymodel_mcp.cli.setup.rollback import keep_files
from anymodel_mcp.config import Secret
from anymodel_mcp.config.key_store import StoredKey
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from tests.cli.dialogs import Typist
from tests.raw_upstream import Line, Reply, Seen, open_upstream, play

KEY = Secret("sk-0123456789abcdef-Zz")


def listing(*owners: str) -> bytes:
    return json.dumps(
        {"object": "list", "data": [{"id": f"m{n}", "owned_by": o} for n, o in enumerate(owners)]}
    ).encode()


def test_each_engine_is_looked_for_where_its_row_says() -> None:
    assert {e.row for e in ENGINES} == {"ollama", "lmstudio", "llamacpp", "vllm", "localai"}
    assert all(f":{e.port}/" in f"{PROVIDERS[e.row].base_url}" for e in ENGINES)


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        (Reply(frames=[listing("library", "library")]), {"any": 2}),
        (Reply(frames=[listing("llamacpp")]), {"llamacpp": 1}),
        (Reply(frames=[b'{"object": "list", "data": null}']), {"any": 0}),
        (Reply(frames=[b"<html>another server</html>"]), {}),
        (Reply(frames=[b'{"status": "ok"}']), {}),
        (Reply(frames=[b'{"data": 5}']), {}),
        (Reply(frames=[b"[" * 100_000]), {}),
        (Reply(frames=[b'{"data": ["x"]}' + b" " * 2_000_000]), {}),
        (Reply(status=401, frames=[b'{"data": []}']), {}),
        (Reply(status=302, headers={"location": "http://127.0.0.1:1/v1/models"}), {}),
        (Reply(frames=[b'{"data": ['], end="stall", headers={"content-length": "99"}), {}),
        (Reply(frames=[b'{"data": ['], end="reset", headers={"content-length": "99"}), {}),
    ],
    ids=[
        "two models",
        "llama.cpp",
        "no model yet",
        "html",
        "other json",
        "no list",
        "deep",
        "huge",
        "wants a key",
        "redirect",
        "silent",
        "reset",
    ],
)
async def test_only_what_lists_models_is_an_engine(reply: Reply, found: dict[str, int]) -> None:
    async def answer(seen: Seen, line: Line) -> None:
        assert "authorization" not in seen.headers
        await play(reply, line)

    async with open_upstream(answer) as server:
        engines = [
            Engine(row="any", port=server.port, not_owner="llamacpp"),
            Engine(row="llamacpp", port=server.port, owner="llamacpp"),
        ]
        with anyio.fail_after(30):
            assert await find_engines(engines, within_s=2) == found
        assert len(server.seen) == 1


def test_key_variables_are_found_by_name_and_placeholders_are_none() -> None:
    environ = {"DEEPSEEK_API_KEY": "x", "OPENAI_API_KEY": " ", "GROQ_API_KEY": "${GROQ_API_KEY}", "OTHER_API_KEY": "y"}
    assert find_key_variables(environ) == {"deepseek": "DEEPSEEK_API_KEY"}


MANY = [Option(value=f"vendor/model-{n}", words="cheap" if n == 7 else "") for n in range(40)]


@pytest.mark.parametrize(
    ("answers", "chosen"),
    [
        (["2"], "vendor/model-1"),
        (["vendor/model-33"], "vendor/model-33"),
        (["VENDOR/MODEL-33"], "vendor/model-33"),
        (["cheap"], "vendor/model-7"),
        (["model-3", "2"], "vendor/model-30"),
        (["nothing like it", "0", "99", "-1", "cheap"], "vendor/model-7"),
        (["?", "40"], "vendor/model-39"),
        (["", "1"], "vendor/model-0"),
        (["http://x"], "http://x"),
    ],
)
def test_a_menu_takes_numbers_names_and_parts_of_names(answers: list[str], chosen: str) -> None:
    typist = Typist(answers=answers)
    other = choose(typist.dialog(), "Which? ", MANY, other=lambda text: text if "://" in text else None)
    assert other == chosen
    assert len(typist.questions) == len(answers)
    assert f"... {40 - SHOWN} more" in typist.shown


def test_an_empty_answer_takes_the_default_and_a_search_takes_all_words() -> None:
    assert choose(Typist(answers=[""]).dialog(), "Which? ", MANY, default="d") == "d"
    assert [o.value for o in search(MANY, "vendor CHEAP")] == ["vendor/model-7"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a comment\n",
        'default_model = "a/b" # mine\n\n[aliases]\nfast = "a/b"\n',
        '[providers.a]\nbase_url = "https://a.example/v1"\n\n[limits]\nmax_concurrent_calls = 3\n',
        '[providers]\n[providers.a]\nbase_url = "https://a.example/v1"\n',
        'providers = { a = { base_url = "https://a.example/v1" } }\n',
        'providers.a.base_url = "https://a.example/v1"\n',
        '[providers.work]\nbase_url = "https://old.example/v1" # old\napi_key_env = "WORK_KEY"\nmax_attempts = 1\n',
        '[providers.work.overrides."o4-*"]\napi = "responses"\n',
        "[limits]\r\nmax_concurrent_calls = 3\r\n",
    ],
    ids=["empty", "comment", "top", "other", "super", "inline", "dotted", "own", "nested", "crlf"],
)
def test_a_file_keeps_everything_else(text: str) -> None:
    plan = Plan(provider="work", base_url="https://gw.example/v1", key=KEY, default_model="work/m")
    before: dict[str, Any] = tomllib.loads(text)
    changed = render_config(text, plan)
    after = tomllib.loads(changed)
    assert after["default_model"] == "work/m"
    own = {k: v for k, v in before.get("providers", {}).get("work", {}).items() if k != "api_key_env"}
    assert after["providers"]["work"] == {**own, "base_url": "https://gw.example/v1"}
    rest = {k: v for k, v in after["providers"].items() if k != "work"}
    assert rest == {k: v for k, v in before.get("providers", {}).items() if k != "work"}
    assert {k: v for k, v in after.items() if k not in ("providers", "default_model")} == {
        k: v for k, v in before.items() if k not in ("providers", "default_model")
    }
    assert KEY.reveal() not in changed
    assert all(comment in changed for comment in ("# only a comment", "# mine") if comment in text)
    assert render_config(changed, plan) == changed


@pytest.mark.parametrize("base_url", ["https://api.deepseek.com", "local:"])
def test_a_known_address_is_not_written(base_url: str) -> None:
    name = "local" if base_url == "local:" else "deepseek"
    plan = Plan(provider=name, base_url=base_url)
    assert tomllib.loads(render_config("", plan)) == {"providers": {name: {}}}


def test_an_address_that_is_written_in_another_way_stays() -> None:
    text = '[providers.work]\nbase_url = "https://gw.example/v1/"\n'
    assert render_config(text, Plan(provider="work", base_url="https://gw.example/v1")) == text


def test_a_stored_key_goes_when_its_provider_moves() -> None:
    keys = {"work": StoredKey(origin="https://old.example", secret=KEY), "x": StoredKey(origin="https://x.example")}
    assert set(render_stored(keys, Plan(provider="work", base_url="https://old.example/v1"))) == {"work", "x"}
    assert set(render_stored(keys, Plan(provider="work", base_url="https://new.example/v1"))) == {"x"}
    new = render_stored(keys, Plan(provider="work", base_url="https://new.example/v1", key=KEY), in_keyring=True)
    assert new["work"] == StoredKey(origin="https://new.example", secret=None)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ConfigError("no"), OSError(28, "full")], ids=repr)
def test_files_come_back_as_they_were(tmp_path: Path, error: BaseException) -> None:
    there, new = tmp_path / "there.json", tmp_path / "a" / "b" / "new.json"
    there.write_bytes(b"before")
    there.chmod(0o640)

    def write() -> None:
        with keep_files([there, new]):
            there.write_bytes(b"after")
            there.chmod(0o600)
            (tmp_path / "there.json.anymodel-backup-1").write_bytes(b"before")
            new.parent.mkdir(parents=True)
            new.write_bytes(b"x")
            raise error

    with pytest.raises(type(error)):
        write()
    assert there.read_bytes() == b"before"
    assert os.name == "nt" or there.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["there.json"]


def test_files_stay_where_nothing_goes_wrong(tmp_path: Path) -> None:
    with keep_files([tmp_path / "new"]):
        (tmp_path / "new").write_bytes(b"x")
    assert (tmp_path / "new").read_bytes() == b"x"
