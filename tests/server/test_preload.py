"""What the first call needs is loaded before the first call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.app import build_server
from anymodel_mcp.config import load
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.upstream.routing import Target
from tests.waiting import HANG_S

PROBE = """
import sys
from pathlib import Path
import anyio
from anymodel_mcp.config import load
from anymodel_mcp.app import build_server
from tests.waiting import HANG_S

async def main():
    server = build_server(load({"OPENAI_API_KEY": "sk-test-key-0123"}), data_dir=Path(sys.argv[1]))
    async with server.running() as services:
        assert "httpcore2" not in sys.modules, "the start loads it already"
        with anyio.fail_after(60):
            await server.list_tools()
            await services.providers.preloaded.wait()
        assert "httpcore2" in sys.modules

anyio.run(main)
"""


async def test_http_engine_is_loaded_soon_after_tools_were_listed(tmp_path: Path) -> None:
    done = await anyio.run_process([sys.executable, "-c", PROBE, str(tmp_path)], check=False, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, b"")


async def test_proxy_that_cannot_be_used_is_told_by_the_call_not_by_the_warm_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://[")
    server = build_server(load({"OPENAI_API_KEY": "sk-test-key-0123"}), data_dir=tmp_path)
    async with server.running() as services:
        with anyio.fail_after(HANG_S):
            await server.list_tools()
            await services.providers.preloaded.wait()
        with pytest.raises(ConfigError, match="proxy"):
            await services.providers.endpoint(Target("openai", "m"))


async def test_nothing_is_loaded_ahead_where_no_provider_is_configured(tmp_path: Path) -> None:
    server = build_server(load({}), data_dir=tmp_path)
    async with server.running() as services:
        await server.list_tools()
        await anyio.wait_all_tasks_blocked()
        assert not services.providers.preloaded.is_set()
