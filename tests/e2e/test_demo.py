"""`anymodel-mcp demo` as a newcomer starts it, with the real model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.local.weights import default_cache_dir, ensure_weights
from tests.e2e.test_local_provider import engines_below
from tests.slow import slow
from tests.waiting import HANG_S

pytestmark = pytest.mark.xdist_group("engine")


@slow
async def test_the_demo_shows_every_tool_at_work_and_leaves_nothing_behind(tmp_path: Path) -> None:
    await ensure_weights(default_cache_dir())
    environ = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    environ |= {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    # what the user has configured has no part in it: this provider would not answer
    environ |= {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "sk-nobody-may-see-this-key-000"}
    environ |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(default_cache_dir().parent)}
    command = [sys.executable, "-m", "anymodel_mcp", "demo", "--embedded"]
    with anyio.fail_after(2 * HANG_S):
        done = await anyio.run_process(command, env=environ, cwd=tmp_path, check=False, stderr=subprocess.STDOUT)
    shown = done.stdout.decode()
    assert done.returncode == 0, shown
    for words in ("> complete", "> embed", "> chat", "> get_result", "> generate_image", "over stdio, as a host does"):
        assert words in shown
    assert "the sea" in shown.split("> complete")[1].split("2. ")[0].split("\n", 1)[1]
    assert re.search(r"1\. 0\.\d+ #1: Our cat sleeps", shown)
    assert re.search(r'"name": "Anna Schmidt",\s+"age": 34,\s+"city": "Berlin"', shown)
    assert re.search(r"still running after 2 s.*> get_result id='r-", shown, re.DOTALL)
    assert "the connection to the model was closed" in shown
    assert "makes no pictures" in shown
    assert "anymodel-mcp setup --provider openai" in shown
    assert shown.rstrip().endswith("anymodel-mcp setup")
    assert "sk-nobody" not in shown
    assert "\x1b" not in shown
    assert engines_below(tmp_path) == []
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
