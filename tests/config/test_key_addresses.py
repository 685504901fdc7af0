"""A key goes only to the address that was configured beside it, whatever the environment says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.config import load
from anymodel_mcp.errors import ConfigError
from tests.raw_upstream import Reply, open_upstream, serve
from tests.serving import open_client

HOME = "https://gw.example/v1"
AWAY = "https://evil.example/v1"
WORK = f"[providers.work]\nbase_url = '{HOME}'\n"
START = "ANYMODEL_PROVIDERS_WORK_"
MOVED = {f"{START}BASE_URL": AWAY}
KEYS = {"FILE_KEY": "sk-of-the-file-1", "DEEPSEEK_API_KEY": "sk-of-the-row-1", "OPENAI_API_KEY": "sk-of-env-1234"}

REFUSED: dict[str, tuple[str, Mapping[str, str], str, str]] = {
    "key": (WORK + "api_key = 'sk-of-the-file-1'", MOVED, f"{START}BASE_URL", "work.api_key "),
    "variable's name": (WORK + "api_key_env = 'FILE_KEY'", MOVED, f"{START}BASE_URL", "work.api_key_env "),
    "unset variable": (WORK + "api_key_env = 'UNSET'", MOVED, f"{START}BASE_URL", "work.api_key_env "),
    "key file": (WORK + "api_key_file = '/key'", MOVED, f"{START}BASE_URL", "work.api_key_file "),
    "key command": (WORK + "api_key_command = 'pass x'", MOVED, f"{START}BASE_URL", "work.api_key_command "),
    "authorization header": (
        WORK + "headers = { Authorization = 'Bearer abc' }", MOVED, f"{START}BASE_URL", "headers.Authorization ",
    ),
    "api-key header": (WORK + "headers = { x-api-key = 'k' }", MOVED, f"{START}BASE_URL", "headers.x-api-key "),
    "opaque header": (
        WORK + "headers = { X-Team = 'a8f3c0de11b24f6e9' }", MOVED, f"{START}BASE_URL", "headers.X-Team ",
    ),
    "header beside a key of the environment": (
        WORK + "headers = { Cookie = 'session=abcdef' }",
        {**MOVED, f"{START}API_KEY": "sk-new-123456"}, f"{START}BASE_URL", "headers.Cookie ",
    ),
    "other path": (
        WORK + "api_key = 'sk-of-the-file-1'", {f"{START}BASE_URL": "https://gw.example/other"},
        f"{START}BASE_URL", "work.api_key ",
    ),
    "other port": (
        WORK + "api_key = 'sk-of-the-file-1'", {f"{START}BASE_URL": "https://gw.example:8443/v1"},
        f"{START}BASE_URL", "work.api_key ",
    ),
    "no TLS": (
        WORK + "api_key = 'sk-of-the-file-1'", {f"{START}BASE_URL": "http://gw.example/v1"},
        f"{START}BASE_URL", "work.api_key ",
    ),
    "built-in provider": (
        "[providers.deepseek]\napi_key = 'sk-of-the-file-1'", {"ANYMODEL_PROVIDERS_DEEPSEEK_BASE_URL": AWAY},
        "ANYMODEL_PROVIDERS_DEEPSEEK_BASE_URL", "deepseek.api_key ",
    ),
    "built-in provider, its own variable named": (
        "[providers.deepseek]\napi_key_env = 'DEEPSEEK_API_KEY'", {"ANYMODEL_PROVIDERS_DEEPSEEK_BASE_URL": AWAY},
        "ANYMODEL_PROVIDERS_DEEPSEEK_BASE_URL", "deepseek.api_key_env ",
    ),
    "built-in provider without an address": (
        "[providers.azure]\napi_key = 'sk-of-the-file-1'", {"ANYMODEL_PROVIDERS_AZURE_BASE_URL": AWAY},
        "ANYMODEL_PROVIDERS_AZURE_BASE_URL", "azure.api_key ",
    ),
    "habits of another provider": (
        "[providers.work]\nbase_url = 'https://gw.example/v1'\ndialect = 'azure'\napi_key = 'sk-of-the-file-1'", MOVED,
        f"{START}BASE_URL", "work.api_key ",
    ),
    "OPENAI_BASE_URL": (
        "[providers.openai]\napi_key = 'sk-of-the-file-1'", {"OPENAI_BASE_URL": AWAY},
        "OPENAI_BASE_URL", "openai.api_key ",
    ),
    "OPENAI_BASE_URL, another variable": (
        "[providers.openai]\napi_key_env = 'FILE_KEY'", {"OPENAI_BASE_URL": AWAY},
        "OPENAI_BASE_URL", "openai.api_key_env ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "environ", "variable", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_an_address_of_the_environment_gets_no_key_of_the_file(
    text: str, environ: Mapping[str, str], variable: str, field: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load({**KEYS, **environ}, file_text=text, file_name="/c.toml", read_file=lambda _: "sk-of-the-file-1")
    failure = caught.value.failure
    assert failure.kind == "config"
    assert f"environment {variable}" in failure.message
    assert field in failure.message
    assert "file /c.toml" in failure.message
    assert variable in failure.fix
    assert "sk-of" not in failure.message + failure.fix


def test_an_address_of_the_command_line_gets_no_key_of_the_file() -> None:
    with pytest.raises(ConfigError, match="command line"):
        load(
            {},
            file_text=WORK + "api_key = 'sk-of-the-file-1'",
            file_name="c",
            overrides={"providers.work.base_url": AWAY},
        )


TAKEN: dict[str, tuple[str, Mapping[str, str], str, str | None]] = {
    "both in the file": (WORK + "api_key = 'sk-of-the-file-1'", {}, HOME, "sk-of-the-file-1"),
    "key of the environment to the file's address": (WORK, {f"{START}API_KEY": "sk-new-123456"}, HOME, "sk-new-123456"),
    "both in the environment": (
        WORK + "api_key = 'sk-of-the-file-1'", {**MOVED, f"{START}API_KEY": "sk-new-123456"}, AWAY, "sk-new-123456",
    ),
    "reference of the environment": (
        WORK + "api_key = 'sk-of-the-file-1'", {**MOVED, f"{START}API_KEY_ENV": "FILE_KEY"}, AWAY, "sk-of-the-file-1",
    ),
    "the same address": (
        WORK + "api_key = 'sk-of-the-file-1'", {f"{START}BASE_URL": f"{HOME}/"}, HOME, "sk-of-the-file-1",
    ),
    "the built-in address": (
        "[providers.deepseek]\napi_key = 'sk-of-the-file-1'",
        {"ANYMODEL_PROVIDERS_DEEPSEEK_BASE_URL": "https://api.deepseek.com"},
        "https://api.deepseek.com", "sk-of-the-file-1",
    ),
    "no key at all": (WORK, MOVED, AWAY, None),
    "empty key": (WORK + "api_key = ''", MOVED, AWAY, None),
    "headers that describe": (
        WORK + "headers = { X-Title = 'my-research-assistant', Referer = 'https://a.example' }", MOVED, AWAY, None,
    ),
    "the pair of the environment, named by the file": (
        "[providers.openai]\napi_key_env = 'OPENAI_API_KEY'", {"OPENAI_BASE_URL": AWAY}, AWAY, "sk-of-env-1234",
    ),
    "a variable of a built-in provider stays at home": (
        "[providers.deepseek]\n", {"ANYMODEL_PROVIDERS_DEEPSEEK_BASE_URL": AWAY}, AWAY, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "environ", "base_url", "key"), TAKEN.values(), ids=TAKEN.keys())
def test_what_stands_together_goes_together(
    text: str, environ: Mapping[str, str], base_url: str, key: str | None
) -> None:
    (provider,) = load({**KEYS, **environ}, file_text=text, file_name="/c.toml").providers.values()
    assert provider.base_url == base_url
    assert (provider.api_key.reveal() if provider.api_key else None) == key


@pytest.mark.parametrize(
    "address", ["https://evil.example/list", "http://gw.example:443/list", "https://gw.example:444/list"]
)
def test_a_list_address_of_the_environment_stays_at_the_base_url(address: str) -> None:
    with pytest.raises(ConfigError, match=f"{START}MODELS_URL"):
        load({f"{START}MODELS_URL": address}, file_text=WORK + "api_key = 'sk-of-the-file-1'", file_name="c")


async def test_a_variable_moves_no_key_of_the_file_over_the_wire(tmp_path: Path) -> None:
    """The real server with a real listener: nothing is sent to the new address."""
    async with open_upstream(serve([Reply(frames=(b"{}",))])) as upstream:
        config = f"default_model = 'work/m'\n{WORK}api_key = 'sk-of-the-file-1'\n"
        environ = {f"{START}BASE_URL": f"{upstream.origin}/v1"}
        with anyio.fail_after(30):
            async with open_client(config, tmp_path, transport="stdio", env=environ) as client:
                result = await client.call_tool("chat", {"prompt": "hi"})
    assert result.is_error
    assert f"{START}BASE_URL" in result.model_dump_json()
    assert upstream.seen == []
