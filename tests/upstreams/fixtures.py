"""Session fixtures: base URLs (with `/v1`) of real processes on loopback that nobody here wrote.

    llmock_url    chat, streams, tools, schema, embeddings, pictures (SVG); faults by POST to `/_llmock/scenario`
    aimock_url    chat, streams, tools, pictures, errors as aimock.json says; embeddings from a hash of the text
    xpyd_url      chat, the legacy completions, embeddings of the model "sim"
    dasllama_url  another real engine with the same model (dasllama.MODEL), which can be made to call a tool
    engine        the embedded engine with its real model: base_url, api_key, model

Each is installed at first use (install.py, dasllama.py) and started once for each process of pytest. Only the engine
needs its key. Tests that use it or dasLLAMA are marked `pytest.mark.xdist_group("engine")`: one model at a time on a
small machine.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from anyio.from_thread import start_blocking_portal

from anymodel_mcp.local.engine import Engine, open_engine
from anymodel_mcp.local.weights import default_cache_dir
from tests.upstreams import dasllama, install

_START_TIMEOUT_S = 60
_END_TIMEOUT_S = 10


def find_free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, folder: Path, extra: Mapping[str, str] | None = None) -> Generator[str]:
    """The address of a server that `command` starts on `port`, with `extra` in its environment; ended on leaving."""
    log = folder / "log.txt"
    environ = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    environ |= {"HOME": str(folder), "PYTHONUNBUFFERED": "1"} | dict(extra or {})
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=environ
        )
        try:
            _wait_until_it_listens(process, port, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            try:
                process.wait(_END_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)  # a process of others: there is no event to wait for
    pytest.fail(f"{process.args!r} did not come up: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def llmock_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    install.ensure()
    port = find_free_port()
    command = [
        str(install.python_tool("llmock")),
        "serve",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "--log-level",
        "warning",
    ]
    with running(command, port, tmp_path_factory.mktemp("llmock")) as url:
        yield url


@pytest.fixture(scope="session")
def aimock_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    install.ensure()
    port = find_free_port()
    fixtures = Path(__file__).with_name("aimock.json")
    command = [str(install.node()), str(install.aimock_script()), "-p", str(port), "-f", str(fixtures), "-l", "100"]
    with running(command, port, tmp_path_factory.mktemp("aimock")) as url:
        yield url


@pytest.fixture(scope="session")
def xpyd_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    install.ensure()
    port = find_free_port()
    command = [str(install.python_tool("xpyd-sim")), "serve", "--mode", "dual", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--model", "sim", "--prefill-delay-ms", "5", "--decode-delay-per-token-ms", "1"]
    command += ["--eos-min-ratio", "1.0"]  # else it ends before max_tokens by chance
    with running(command, port, tmp_path_factory.mktemp("xpyd")) as url:
        yield url


@pytest.fixture(scope="session")
def dasllama_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    if reason := dasllama.missing():
        pytest.skip(reason)
    model = dasllama.ensure()
    port = find_free_port()
    command = [str(dasllama.server()), "--model", str(model), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--gpu", "off", "--threads", "2", "--ctx", "2048"]
    # else it writes its own form of the model beside it, 175 MB, which another session may be reading
    with running(command, port, tmp_path_factory.mktemp("dasllama"), {"DASLLAMA_IMAGE": "0"}) as url:
        yield url


@pytest.fixture(scope="session")
def engine() -> Generator[Engine]:
    """In a loop of its own thread: an async fixture of the session would keep the main thread's loop open for good."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_engine(cache_dir=default_cache_dir())) as running_engine,
    ):
        yield running_engine
