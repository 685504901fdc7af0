"""A configuration that cannot be read: the host still sees a server, and each call says what is wrong and where."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from anymodel_mcp.server.render import ERROR_KEY
from tests.serving import child_environment, open_client, write_config
from tests.slow import slow

WORK = "[providers.work]\nbase_url = 'https://gw.example/v1'\n"
BROKEN: dict[str, tuple[str, Mapping[str, str], str]] = {
    "no TOML": ("default_model = ", {}, "is not valid TOML"),
    "unknown field": ("[http]\nprot = 1", {}, "did you mean port?"),
    "wrong type": ("[limits]\nmax_concurrent_calls = 'many'", {}, "limits.max_concurrent_calls"),
    "unknown tool": ("[tools]\nenabled = ['chatt']", {}, "Did you mean 'chat'?"),
    "no such file": ("", {"ANYMODEL_CONFIG": "/no/such/config.toml"}, "/no/such/config.toml"),
    "relative file": ("", {"ANYMODEL_CONFIG": "config.toml"}, "the relative path 'config.toml'"),
    "wrong variable": ("", {"ANYMODEL_STORE_ENABLED": "maybe"}, "environment ANYMODEL_STORE_ENABLED"),
    "provider without address": ("[providers.mine]\napi_key = 'k'", {}, "providers.mine.base_url"),
}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("chat", {"prompt": "x"}),
    ("complete", {"prompt": "x"}),
    ("embed", {"input": ["x"]}),
    ("generate_image", {"prompt": "x"}),
    ("list_models", {}),
    ("get_result", {"id": "r-1"}),
    ("chat", {"nonsense": 1}),
)


@pytest.mark.parametrize(("config", "environ", "says"), BROKEN.values(), ids=BROKEN.keys())
async def test_stdio_server_lists_its_tools_and_each_call_answers_with_the_sentence(
    config: str, environ: Mapping[str, str], says: str, tmp_path: Path
) -> None:
    with anyio.fail_after(60):
        async with open_client(config, tmp_path, transport="stdio", env=environ) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["chat", "complete", "embed", "generate_image", "list_models", "get_result"]
            for tool, arguments in CALLS:
                await _refused(client, tool, arguments, says)
    assert says.split("'")[0] in (tmp_path / "stderr.txt").read_text(encoding="utf-8")


async def _refused(client: Client, tool: str, arguments: dict[str, Any], says: str) -> None:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert says in result.model_dump_json().replace('\\"', '"')
    assert result.meta
    assert result.meta[ERROR_KEY]["kind"] == "config"


@pytest.mark.parametrize(
    ("command", "case"),
    [
        (["serve", "--http", "--port", "0"], "no TOML"),
        pytest.param(["serve", "--http", "--port", "0"], "relative file", marks=slow),
        pytest.param(["serve", "--http", "--port", "0"], "unknown tool", marks=slow),
        (["ask", "x"], "unknown field"),
        pytest.param(["models"], "relative file", marks=slow),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
async def test_http_and_commands_exit_with_status_2(command: list[str], case: str, tmp_path: Path) -> None:
    config, environ, says = BROKEN[case]
    environment = child_environment(write_config(config, tmp_path), tmp_path, environ)
    with anyio.fail_after(60):
        done = await anyio.run_process(
            [sys.executable, "-m", "anymodel_mcp", *command],
            env=environment, cwd=tmp_path, check=False, stderr=subprocess.STDOUT,
        )  # fmt: skip
    assert done.returncode == 2
    assert " ".join(says.split()) in " ".join(done.stdout.decode().split())
