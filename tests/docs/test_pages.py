"""Pages and examples are compared with the code, never rewritten by a test."""

from __future__ import annotations

import dataclasses
import json
import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.config import (
    Files,
    HttpSettings,
    Limits,
    OwnPrompt,
    PromptSettings,
    StoreSettings,
    ToolSettings,
    ViewSettings,
    load,
)
from anymodel_mcp.config.providers import VARIABLE_KEYS
from anymodel_mcp.config.values import TOP_KEYS
from anymodel_mcp.dialects.fields import QUIRK_NAMES
from anymodel_mcp.dialects.providers import PROVIDERS

ROOT = Path(__file__).parents[2]
SERVERS: dict[str, Any] = json.loads((ROOT / "mcp.json.example").read_text(encoding="utf-8"))["mcpServers"]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_the_provider_table_is_printed_from_the_rows() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "providers-table"))
    printed: str = script["build_page"]()
    assert (ROOT / "docs" / "providers.md").read_text(encoding="utf-8") == printed, "scripts/providers-table > docs/..."
    for row in PROVIDERS.values():
        assert f"| `{row.name}`<br>" in printed
        assert row.docs_url in printed


@pytest.mark.parametrize("name", SERVERS)
def test_every_example_block_is_a_working_configuration(name: str) -> None:
    block = SERVERS[name]
    assert block["command"] == "uvx"
    found = load(block["env"])
    assert found.providers
    assert not found.warnings
    assert all(p.api_key is not None or not p.key_hint for p in found.providers.values())
    provider = (found.default_model or "").partition("/")[0]
    assert provider in found.providers or len(found.providers) == 1


def test_the_examples_show_a_key_several_providers_and_a_local_one() -> None:
    loaded = {name: load(block["env"]) for name, block in SERVERS.items()}
    assert [len(found.providers) for found in loaded.values()].count(1) >= 2
    assert max(len(found.providers) for found in loaded.values()) > 1
    assert any("ollama" in found.providers for found in loaded.values())


def test_the_file_of_the_page_loads() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    environ = {"OPENAI_API_KEY": "a-123456", "MY_DEEPSEEK_KEY": "b-123456", "WORK_API_KEY": "c-123456"}
    found = load(environ, file_text=text, file_name="config.toml")
    assert list(found.providers) == ["openai", "openrouter", "deepseek", "work"]
    assert all(p.api_key or p.key_command for p in found.providers.values())
    given = {key.partition(".")[0] for key in found.origins}
    assert {"limits", "files", "store", "http", "tools", "aliases", "providers", "default_model"} <= given


def test_the_page_names_every_quirk_and_every_variable_it_promises() -> None:
    table = PAGE[PAGE.index("| Quirk |") :]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == QUIRK_NAMES
    assert load({"ANYMODEL_HTTP_PORT": "1", "ANYMODEL_LIMITS_SOFT_DEADLINE_S": "2"}).origins.keys() == {
        "http.port",
        "limits.soft_deadline_s",
    }


def test_the_sentence_of_the_page_is_the_one_that_is_printed() -> None:
    place = "/home/me/.config/anymodel/config.toml"
    with pytest.raises(Exception, match=r"^http\.port") as caught:
        load({}, file_text='[http]\nport = "8765"', file_name=place)
    assert str(caught.value) in PAGE


def keys_of(settings: object) -> set[str]:
    """The fields of a section."""
    return {field.name for field in dataclasses.fields(settings)}  # pyright: ignore[reportArgumentType] a dataclass


def test_the_page_has_every_field_and_so_every_variable() -> None:
    """Each field's variable is `ANYMODEL_` + section + key; the page says so, and shows each key in its section."""
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    shown = tomllib.loads(text)
    sections = {
        "limits": Limits(),
        "files": Files(),
        "store": StoreSettings(),
        "http": HttpSettings(),
        "tools": ToolSettings(),
        "views": ViewSettings(),
    }
    assert shown["prompts"].pop("standup").keys() == keys_of(OwnPrompt(text=""))
    assert shown["prompts"].keys() == keys_of(PromptSettings()) - {"own"}
    for name, defaults in sections.items():
        assert shown[name].keys() == keys_of(defaults) - {"token"}, name
    fields = set(VARIABLE_KEYS) - {f"quirks_{name}" for name in QUIRK_NAMES}
    assert fields - set(re.findall(r"\w+", text)) == set()
    others = {"ANYMODEL_CONFIG", "ANYMODEL_PROVIDERS", "ANYMODEL_HTTP_TOKEN", "OPENAI_API_KEY", "OPENAI_BASE_URL"}
    assert [name for name in others.union(*TOP_KEYS.values()) if name not in PAGE] == []
