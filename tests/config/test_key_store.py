"""Keys of our own store: bound to one origin, behind every other source, never readable by others without a word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from anymodel_mcp.config import Secret, load, read_settings
from anymodel_mcp.config.key_store import (
    KeyStore,
    StoredKey,
    find_stored_key,
    fingerprint,
    origin_of,
    parse_keys,
    render_keys,
)
from anymodel_mcp.errors import ConfigError

KEY = "sk-stored-0123456789abcdef"
OTHER = "sk-other-0123456789abcdef"


def store(name: str = "deepseek", origin: str = "https://api.deepseek.com") -> KeyStore:
    return KeyStore(keys={name: StoredKey(origin=origin, secret=Secret(KEY))}, place="/home/me/keys.json")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com"),
        ("https://api.openai.com:443/v1", "https://api.openai.com"),
        ("http://localhost:11434/v1", "http://localhost:11434"),
        ("http://HOST/v1?x=y", "http://host"),
        ("http://[::1]:8080/v1", "http://[::1]:8080"),
        ("https://api.openai.com:8443", "https://api.openai.com:8443"),
    ],
)
def test_an_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin
    assert origin_of(origin) == origin


def test_what_is_written_is_what_is_read() -> None:
    keys = {**store().keys, "work": StoredKey(origin="https://gateway.example")}
    assert parse_keys(render_keys(keys), "p").keys == keys
    assert parse_keys(None, "p").keys == {}
    assert KEY not in repr(parse_keys(render_keys(keys), "p"))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"x"',
        '{"a": 1}',
        '{"a": {"origin": "https://x"}}',
        '{"a": {"key": "k"}}',
        '{"a": {"origin": "https://x/v1", "key": "k"}}',
        '{"a": {"origin": "https://x", "key": 5}}',
        "[" * 100_000,
    ],
)
def test_a_broken_store_is_an_error_that_names_it(text: str) -> None:
    with pytest.raises(ConfigError, match=r"keys\.json") as caught:
        parse_keys(text, "/home/me/keys.json")
    assert "key set" in caught.value.failure.fix


@pytest.mark.parametrize(
    ("environ", "file", "expected", "origin"),
    [
        ({}, "[providers.deepseek]", KEY, "key store /home/me/keys.json"),
        ({"ANYMODEL_PROVIDERS": "deepseek"}, "", KEY, "key store /home/me/keys.json"),
        ({"DEEPSEEK_API_KEY": OTHER}, "[providers.deepseek]", OTHER, "environment DEEPSEEK_API_KEY"),
        ({"ANYMODEL_PROVIDERS_DEEPSEEK_API_KEY": OTHER}, "[providers.deepseek]", OTHER, "environment"),
        ({}, f'[providers.deepseek]\napi_key = "{OTHER}"', OTHER, "file c.toml"),
        ({}, '[providers.deepseek]\napi_key_env = "UNSET"', KEY, "key store"),
        ({}, '[providers.deepseek]\nbase_url = "https://api.deepseek.com/beta"', KEY, "key store"),
    ],
)
def test_the_store_comes_after_environment_and_file(
    environ: dict[str, str], file: str, expected: str, origin: str
) -> None:
    settings = load(environ, file_text=file, file_name="c.toml", stored=store())
    found = settings.providers["deepseek"]
    assert found.api_key == Secret(expected)
    assert found.key_hint == ""
    assert settings.origins["providers.deepseek.api_key"].startswith(origin)
    assert expected in settings.secrets()


def test_a_stored_key_alone_configures_no_provider() -> None:
    assert not load({}, stored=store()).providers


@pytest.mark.parametrize(
    ("environ", "file", "where"),
    [
        ({"OPENAI_BASE_URL": "http://127.0.0.1:8/v1"}, "", "environment OPENAI_BASE_URL"),
        ({"ANYMODEL_PROVIDERS_OPENAI_BASE_URL": "https://evil.example/v1"}, "[providers.openai]", "environment"),
        ({}, '[providers.openai]\nbase_url = "https://evil.example/v1"', "file c.toml"),
        ({}, '[providers.openai]\nbase_url = "http://api.openai.com/v1"', "file c.toml"),
        ({}, '[providers.openai]\nbase_url = "https://api.openai.com:8443/v1"', "file c.toml"),
    ],
)
def test_a_key_for_another_origin_is_an_error(environ: dict[str, str], file: str, where: str) -> None:
    environ = {"ANYMODEL_PROVIDERS": "openai", **environ}
    with pytest.raises(ConfigError, match="only to the address") as caught:
        load(environ, file_text=file, file_name="c.toml", stored=store("openai", "https://api.openai.com"))
    assert where in str(caught.value)
    assert KEY not in str(caught.value)
    assert "key set openai" in caught.value.failure.fix


def test_a_key_of_another_source_goes_to_the_other_address() -> None:
    environ = {"OPENAI_BASE_URL": "https://gateway.example/v1", "OPENAI_API_KEY": OTHER}
    settings = load(environ, stored=store("openai", "https://api.openai.com"))
    assert settings.providers["openai"].api_key == Secret(OTHER)


def test_a_provider_that_sends_no_key_has_none_of_the_store() -> None:
    file = '[providers.deepseek]\nauth = "none"'
    assert load({}, file_text=file, file_name="c", stored=store()).providers["deepseek"].api_key is None


def test_a_key_in_the_keyring_is_read_by_a_command_that_imports_nothing_from_the_working_directory() -> None:
    keys = KeyStore(keys={"work": StoredKey(origin="https://x.example")}, place="p")
    key = find_stored_key(keys, "work", "https://x.example/v1", "file")
    assert key is not None
    assert key.secret is None
    assert key.command[1:] == ("-P", "-m", "keyring", "get", "anymodel-mcp", "work https://x.example")


def test_the_store_lies_beside_the_configuration_file_and_a_readable_one_is_reported(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[providers.deepseek]", encoding="utf-8")
    place = tmp_path / "keys.json"
    place.write_text(render_keys(store().keys), encoding="utf-8")
    place.chmod(0o644)
    settings = read_settings({"ANYMODEL_CONFIG": str(tmp_path / "config.toml")})
    assert settings.providers["deepseek"].api_key == Secret(KEY)
    assert os.name == "nt" or any(f"chmod 600 {place}" in warning for warning in settings.warnings)
    place.chmod(0o600)
    assert not read_settings({"ANYMODEL_CONFIG": str(tmp_path / "config.toml")}).warnings


@pytest.mark.parametrize("content", [b"\xff\xfe{", b"x" * 1_000_001])
def test_a_store_that_is_no_text_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "keys.json").write_bytes(content)
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"keys\.json"):
        read_settings({"ANYMODEL_CONFIG": str(tmp_path / "config.toml")})


def test_a_fingerprint_tells_keys_apart_and_shows_none() -> None:
    first, second = fingerprint(Secret(KEY)), fingerprint(Secret(OTHER))
    assert first != second
    assert len(first) == len("sha256:") + 8
    assert KEY[:6] not in first
