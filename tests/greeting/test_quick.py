"""What the front reads from a simple configuration is what the whole configuration says; else it reads nothing."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anymodel_mcp.config import Settings, load
from anymodel_mcp.config.key_store import parse_keys
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.greeting import listing
from anymodel_mcp.greeting.quick import read_quickly
from anymodel_mcp.greeting.visible import Visible, instructions, listed_tools
from anymodel_mcp.redact import Redactor, one_line

KEY = "sk-5wQ9-27ab84f06d31"


def quickly(environ: dict[str, str], file: str = "", keys: str | None = None) -> Visible | None:
    return read_quickly(environ, tomllib.loads(file), keys, listing.PROVIDERS, listing.TOOLS)


def check(environ: dict[str, str], file: str = "", keys: str | None = None) -> bool:
    """Compares the two, with the words that clients see; returns whether the configuration is a simple one."""
    visible = quickly(environ, file, keys)
    if visible is None:
        return False
    whole = load(environ, file_text=file, file_name="config.toml", stored=parse_keys(keys, "keys.json"))
    assert visible == whole.visible
    listed = listed_tools(listing.TOOLS, visible)
    words = Redactor(whole.secrets()).clean(instructions(whole.visible, listed, one_line))
    assert instructions(visible, listed) == words
    return True


STORED = json.dumps({"deepseek": {"origin": "https://api.deepseek.com", "key": KEY}})
SIMPLE: dict[str, tuple[dict[str, str], str, str | None]] = {
    "nothing": ({}, "", None),
    "key": ({"OPENAI_API_KEY": KEY}, "", None),
    "short key": ({"OPENAI_API_KEY": "x", "OPENAI_BASE_URL": "http://127.0.0.1:11434/v1/"}, "", None),
    "address": ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://gateway.example/v1"}, "", None),
    "host of a known provider": ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://api.siliconflow.cn/v1"}, "", None),
    "known providers": (
        {"ANYMODEL_PROVIDERS": "deepseek, Groq", "DEEPSEEK_API_KEY": KEY, "ANYMODEL_MODEL": "deepseek/deepseek-chat"},
        "",
        None,
    ),
    "media": ({"ANYMODEL_PROVIDERS": "acedatacloud", "ACEDATACLOUD_API_TOKEN": KEY}, "", None),
    "placeholders": ({"OPENAI_API_KEY": KEY, "ANYMODEL_MODEL": "${user_config.model}", "ANYMODEL_X": ""}, "", None),
    "aliases": ({"ANYMODEL_ALIASES_FAST": "deepseek/a,groq/b"}, '[aliases]\nfast = "x"\nsmart = ["a/b", "c/d"]', None),
    "tools": ({"ANYMODEL_TOOLS_PREFIX": "any_"}, '[tools]\nenabled = ["default", "speak"]', None),
    "tools by variable": ({"ANYMODEL_TOOLS_ENABLED": '["chat","embed"]'}, '[tools]\nprefix = ""', None),
    "prompts": (
        {},
        '[prompts.standup]\ntext = "Write it.\\nRequest: {request}"\n'
        '[prompts.pick_model]\ntext = "x"\ndescription = "Mine"',
        None,
    ),
    "no prompts": ({}, "[prompts]\nenabled = false", None),
    "preload": ({"ANYMODEL_SERVER_PRELOAD": "call"}, '[server]\npreload = "idle"', None),
    "what setup writes": ({}, 'default_model = "deepseek/deepseek-chat"\n[providers.deepseek]', STORED),
    "what setup writes for a server here": (
        {},
        'default_model = "ollama/qwen3:8b"\n[providers.ollama]\nbase_url = "http://localhost:11434/v1"',
        None,
    ),
    "key in the keyring": (
        {},
        "[providers.deepseek]",
        json.dumps({"deepseek": {"origin": "https://api.deepseek.com", "keyring": True}}),
    ),
    "own provider": (
        {"WORK_KEY": KEY},
        '[providers.work]\nbase_url = "https://gateway.example:8443/v1"\napi_key_env = "WORK_KEY"',
        None,
    ),
    "speech model": ({"OPENAI_BASE_URL": "http://localhost:9999/v1", "ANYMODEL_SPEECH_MODEL": "tts"}, "", None),
}  # fmt: skip


@pytest.mark.parametrize("name", SIMPLE)
def test_a_simple_configuration_is_read_quickly(name: str) -> None:
    assert check(*SIMPLE[name])


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_known_provider_is_read_quickly_or_not_at_all(name: str) -> None:
    key = {row: KEY for row in [PROVIDERS[name].key_env] if row}
    at_home = check({"ANYMODEL_PROVIDERS": name, **key})
    assert at_home == bool(PROVIDERS[name].base_url), "only those without an address of their own need more"
    check({}, f'[providers.{name}]\nbase_url = "https://gateway.example/v1"\napi_key = "{KEY}"')
    if (home := PROVIDERS[name].base_url) is not None:
        check({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": home})
        check({}, f'[providers.other]\nbase_url = "{home}"\napi_key = "{KEY}"')


OTHERS: dict[str, tuple[dict[str, str], str, str | None]] = {
    "unknown variable": ({"ANYMODEL_LIMITS_MAX_LINE_BYTES": "x"}, "", None),
    "misspelt variable": ({"ANYMODEL_MODLE": "x"}, "", None),
    "variable of a provider": ({"ANYMODEL_PROVIDERS_OPENAI_AUTH": "none"}, "", None),
    "unknown section": ({}, "[limits]\nsoft_deadline_s = 1", None),
    "unknown key": ({}, 'modell = "x"', None),
    "wrong type": ({}, "default_model = 1", None),
    "control character": ({}, 'default_model = "a\\tb"', None),
    "key with a line end inside": ({"OPENAI_API_KEY": f"{KEY}\n{KEY}"}, "", None),
    "quoted key": ({"OPENAI_API_KEY": f'"{KEY}"'}, "", None),
    "no address": ({}, "[providers.work]", None),
    "address of an endpoint": ({"OPENAI_BASE_URL": "https://a.example/v1/chat/completions"}, "", None),
    "address without a scheme": ({"OPENAI_BASE_URL": "a.example/v1"}, "", None),
    "address with a password": ({"OPENAI_BASE_URL": "https://u:p@a.example/v1"}, "", None),
    "port out of range": ({"OPENAI_BASE_URL": "http://a.example:70000/v1"}, "", None),
    "unknown provider": ({"ANYMODEL_PROVIDERS": "deepsek"}, "", None),
    "unknown tool": ({}, '[tools]\nenabled = ["chatt"]', None),
    "tools as a string": ({}, '[tools]\nenabled = "chat"', None),
    "bad prefix": ({"ANYMODEL_TOOLS_PREFIX": "any tool"}, "", None),
    "bad preload": ({}, '[server]\npreload = "never"', None),
    "alias of an alias": ({}, '[aliases]\na = "b"\nb = "c"', None),
    "alias of itself": ({}, '[aliases]\na = "a"', None),
    "empty alias": ({}, "[aliases]\na = []", None),
    "two keys": ({"K": KEY}, f'[providers.groq]\napi_key = "{KEY}"\napi_key_env = "K"', None),
    "key of the file, address of a variable": (
        {"OPENAI_BASE_URL": "https://a.example/v1"},
        f'[providers.openai]\napi_key = "{KEY}"',
        None,
    ),
    "key for another address": ({}, '[providers.deepseek]\nbase_url = "https://a.example"', STORED),
    "broken key store": ({}, "[providers.deepseek]", "{"),
    "odd key store": ({}, "[providers.deepseek]", '{"deepseek": {"origin": "https://api.deepseek.com/"}}'),
    "list as key store": ({}, "[providers.deepseek]", "[]"),
    "prompt without text": ({}, "[prompts.a]", None),
    "bad prompt name": ({}, '[prompts."a b"]\ntext = "x"', None),
    "prompts by variable": ({"ANYMODEL_PROMPTS_A_TEXT": "x"}, "", None),
    "key like a provider": ({"OPENAI_API_KEY": "openai-openai"}, "", None),
    "key like a model": ({"OPENAI_API_KEY": "gpt-5-mini-2025", "ANYMODEL_MODEL": "gpt-5-mini-2025"}, "", None),
    "key like a word of the instructions": ({"OPENAI_API_KEY": "completions"}, "", None),
    "model like a key": ({"ANYMODEL_MODEL": "sk-0123456789abcdefghij"}, "", None),
    "invisible characters": ({"ANYMODEL_MODEL": "a\u200bb"}, "", None),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_simple_is_left_to_the_whole_configuration(name: str) -> None:
    environ, file, keys = OTHERS[name]
    assert quickly(environ, file, keys) is None


WORDS = st.sampled_from(
    ["", " ", "openai", "deepseek", "work", "a/b", "openai/gpt-5", "x y", "${x}", "é", "a,b", '["a","b"]', "[a", "chat",
     "default", "any_", "call", "idle", KEY, "sk-abcdefghijklmnopqrst", "ollama", "true", "\u200b", "http://localhost:8080/v1",
     "https://api.deepseek.com", "https://api.deepseek.com/v1/models", "http://a:80", "https://api.openai.com/v1"]
)  # fmt: skip
VARIABLES = st.sampled_from(
    ["OPENAI_API_KEY", "OPENAI_BASE_URL", "ANYMODEL_PROVIDERS", "DEEPSEEK_API_KEY", "ANYMODEL_MODEL",
     "ANYMODEL_DEFAULT_MODEL", "ANYMODEL_IMAGE_MODEL", "ANYMODEL_SPEECH_MODEL", "ANYMODEL_ALIASES_A",
     "ANYMODEL_ALIASES_CHAT", "ANYMODEL_TOOLS_ENABLED", "ANYMODEL_TOOLS_PREFIX", "ANYMODEL_SERVER_PRELOAD",
     "ANYMODEL_PROMPTS_ENABLED", "ANYMODEL_HTTP_TOKEN", "WORK_KEY"]
)  # fmt: skip
VALUES = WORDS | st.lists(WORDS, max_size=3) | st.booleans() | st.integers(-1, 2)
PROVIDER = st.dictionaries(
    st.sampled_from(["base_url", "api_key", "api_key_env", "models", "auth"]), VALUES, max_size=3
)
PROMPT = st.dictionaries(st.sampled_from(["text", "description", "x"]), VALUES, min_size=1, max_size=2)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "default_model": VALUES,
        "default_transcription_model": WORDS,
        "aliases": st.dictionaries(WORDS, VALUES, max_size=2),
        "tools": st.fixed_dictionaries({}, optional={"enabled": VALUES, "prefix": VALUES}),
        "server": st.fixed_dictionaries({}, optional={"preload": VALUES}),
        "prompts": st.dictionaries(
            st.sampled_from(["enabled", "standup", "use_model"]), PROMPT | st.booleans(), max_size=2
        ),
        "providers": st.dictionaries(st.sampled_from(["openai", "deepseek", "work", "a b"]), PROVIDER, max_size=2),
    },
)


def toml_of(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml_of(v)}" for k, v in value.items()) + "}"  # pyright: ignore[reportUnknownVariableType]
    return json.dumps(value)


@settings(max_examples=400, deadline=None)
@given(environ=st.dictionaries(VARIABLES, WORDS, max_size=4), file=FILES, stored=st.booleans())
def test_no_configuration_is_read_in_two_ways(environ: dict[str, str], file: dict[str, Any], stored: bool) -> None:
    text = "".join(f"{name} = {toml_of(value)}\n" for name, value in file.items())
    keys = STORED if stored else None
    try:
        load(environ, file_text=text, file_name="config.toml", stored=parse_keys(keys, "keys.json"))
    except ConfigError:
        assert quickly(environ, text, keys) is None, "a broken configuration shows nothing of itself"
    else:
        check(environ, text, keys)


def test_without_a_configuration_everything_has_its_default() -> None:
    assert quickly({}) == Settings().visible
