"""The engine's child process: what the parent makes of everything that a child may do."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.errors import AnyModelError, ConfigError, ProviderError
from anymodel_mcp.local.engine import child_command, count_threads, open_engine, run_child
from tests.waiting import HANG_S

READY = '{"base_url": "http://127.0.0.1:9/v1", "api_key": "k", "model": "m"}'
SAY_READY = f"import os, signal, sys, time; print('{READY}', flush=True);"


def child(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_child_ends_when_its_stdin_does(anyio_backend: str) -> None:
    async with run_child(child(SAY_READY + "sys.stdin.read()")) as engine:
        assert (engine.base_url, engine.api_key, engine.model) == ("http://127.0.0.1:9/v1", "k", "m")
        assert is_running(engine.pid)
        assert engine.failure() is None
        assert "k'" not in repr(engine)
    assert not is_running(engine.pid)


@pytest.mark.parametrize(
    "stubborn",
    ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN);"],
    ids=["deaf to its stdin", "deaf to SIGTERM too"],
)
async def test_a_stubborn_child_is_ended_too(stubborn: str) -> None:
    async with run_child(child(f"import signal; {stubborn} {SAY_READY} time.sleep(600)"), grace_s=0.2) as engine:
        pass
    assert not is_running(engine.pid)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("print('no json', flush=True); input()", ProviderError, r"it said b'no json"),
        ("print('[]', flush=True); input()", ProviderError, r"it said b'\[\]"),
        ("print('{}', flush=True); input()", ProviderError, r"it said b'\{\}"),
        ("print('x' * 100_000, flush=True); input()", ProviderError, "it said b'xxx"),
        (
            "import sys; sys.stderr.write('first\\nlast words\\n'); sys.exit(3)",
            ProviderError,
            r"ended before it was ready \(exit status 3\): first \| last words",
        ),
        ("import os; os.kill(os.getpid(), 9)", ProviderError, r"\(killed by SIGKILL, as the system does when memory"),
        ("import os; os.kill(os.getpid(), 4)", ConfigError, "needs AVX2"),
        (
            'print(\'{"error": "libgomp.so.1: cannot open shared object file", "cause": "import"}\')',
            ConfigError,
            "libgomp",
        ),
        ('print(\'{"error": "no such symbol", "cause": "import"}\')', ConfigError, "cannot be loaded: no such"),
        ('print(\'{"error": "bad file", "cause": "RuntimeError"}\')', ProviderError, "did not start: bad file"),
    ],
    ids=["text", "list", "empty", "endless", "exit", "killed", "old cpu", "libgomp", "broken wheel", "bad weights"],
)
async def test_a_child_that_does_not_start_says_why(code: str, error: type[AnyModelError], words: str) -> None:
    with pytest.raises(error, match=words):
        async with run_child(child(code)):
            pytest.fail("it is not ready")


async def test_libgomp_is_named_with_the_line_that_installs_it() -> None:
    said = '{"error": "libgomp.so.1: cannot open shared object file", "cause": "import"}'
    with pytest.raises(ConfigError) as caught:
        async with run_child(child(f"print('{said}')")):
            pytest.fail("it is not ready")
    assert "apt-get install -y libgomp1" in caught.value.failure.fix


async def test_a_silent_child_is_given_up() -> None:
    with pytest.raises(ProviderError, match=r"not ready after 0\.3 s"):
        async with run_child(child("input()"), start_timeout_s=0.3):
            pytest.fail("it is not ready")


async def test_a_child_that_dies_later_leaves_its_last_words() -> None:
    code = "import sys; sys.stderr.write('out of memory\\n'); sys.stderr.flush(); " + SAY_READY + "time.sleep(600)"
    async with run_child(child(code)) as engine:
        assert engine.failure() is None
        os.kill(engine.pid, 15)
        with anyio.fail_after(HANG_S):
            failure = await engine.wait()
        assert str(engine.failure()) == str(failure)
    assert failure.kind == "server"
    assert failure.failure.retryable
    assert "ended unexpectedly (killed by SIGTERM)" in str(failure)
    assert "out of memory" in str(failure)


async def test_weights_that_are_none_are_an_error_with_the_words_of_llama_cpp(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"junk" * 100)
    with pytest.raises(ProviderError, match=r"did not start: Failed to init server.*failed to load model"):
        async with run_child(child_command(tmp_path / "bad.gguf", 1)):
            pytest.fail("it is not ready")


async def test_a_library_that_cannot_load_names_what_the_system_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "xllamacpp.py").write_text(f"raise ImportError({said!r})", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigError, match="libgomp"):
        async with run_child(child_command(tmp_path / "any.gguf", 1)):
            pytest.fail("it is not ready")


async def test_an_interrupted_start_leaves_no_child(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = f"import os, sys, pathlib; pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); sys.stdin.read()"
    async with anyio.create_task_group() as tasks:

        async def start() -> None:
            async with run_child(child(code)):
                pytest.fail("it is not ready")

        tasks.start_soon(start)
        with anyio.fail_after(HANG_S):
            while not pid_file.exists() or not pid_file.read_text(encoding="ascii"):  # noqa: ASYNC110 another process
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert not is_running(int(pid_file.read_text(encoding="ascii")))


async def test_an_engine_that_is_not_installed_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        async with open_engine(cache_dir=tmp_path):
            pytest.fail("it is not installed")
    assert "pip install 'anymodel-mcp[local]'" in caught.value.failure.fix


def test_threads_are_the_cores_but_not_too_many() -> None:
    assert 1 <= count_threads() <= 8
