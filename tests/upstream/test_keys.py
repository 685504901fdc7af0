"""`api_key_command`: run once for many calls, once more after a refusal, bounded in time and output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx2
import pytest

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.upstream.keys import KeyReader
from tests.fakes import FakeProvider, completion, connect, error_of, problem, provider, record_of, settings
from tests.waiting import HANG_S

_COUNTING = """
import sys, time
with open(sys.argv[1], "a", encoding="utf-8") as runs:
    runs.write("x")
time.sleep(float(sys.argv[2]))
print("key-" + (str(len(open(sys.argv[1], encoding="utf-8").read())) if sys.argv[3] == "new" else "same"))
"""


def _command(folder: Path, *, prints: str = "new", takes_s: float = 0.3) -> tuple[str, ...]:
    """Prints key-1, key-2, ... or always the same key; each run leaves a letter in a file."""
    return (sys.executable, "-c", _COUNTING, str(folder / "runs"), str(takes_s), prints)


def _runs(folder: Path) -> int:
    return len((folder / "runs").read_text(encoding="utf-8"))


def _accepts(accepted: Callable[[str], bool]) -> FakeProvider:
    def answer(request: httpx2.Request) -> httpx2.Response:
        good = accepted(request.headers["authorization"].removeprefix("Bearer "))
        return completion("ok") if good else problem(401, "the key has expired")

    return FakeProvider([answer])


async def _ask(fake: FakeProvider, folder: Path, calls: int, *, prints: str = "new") -> list[str]:
    """The kinds of failure of calls that are made at the same time; "" = answered."""
    chosen = settings(provider(api_key=None, key_command=_command(folder, prints=prints)))
    kinds: list[str] = []
    with anyio.fail_after(HANG_S):
        async with connect(fake, folder, chosen) as client, anyio.create_task_group() as group:

            async def call() -> None:
                result = await client.call_tool("chat", {"prompt": "x", "stream": False})
                kinds.append(error_of(result)["kind"] if result.is_error else "")
                if not result.is_error:
                    assert record_of(result)["status"] == "complete"

            for _ in range(calls):
                group.start_soon(call)
    return kinds


async def test_calls_at_the_same_time_run_it_once(tmp_path: Path) -> None:
    fake = _accepts(lambda key: key == "key-1")
    assert await _ask(fake, tmp_path, 8) == [""] * 8
    assert (_runs(tmp_path), len(fake.seen)) == (1, 8)


async def test_a_refused_key_is_renewed_once_for_all_and_the_requests_sent_again(tmp_path: Path) -> None:
    fake = _accepts(lambda key: key == "key-2")
    assert await _ask(fake, tmp_path, 8) == [""] * 8
    assert (_runs(tmp_path), len(fake.seen)) == (2, 16)


async def test_a_new_key_that_is_refused_too_ends_the_call(tmp_path: Path) -> None:
    fake = _accepts(lambda key: False)
    assert await _ask(fake, tmp_path, 1) == ["auth"]
    assert (_runs(tmp_path), len(fake.seen)) == (2, 2)


async def test_the_same_key_is_not_sent_again(tmp_path: Path) -> None:
    fake = _accepts(lambda key: False)
    assert await _ask(fake, tmp_path, 1, prints="same") == ["auth"]
    assert (_runs(tmp_path), len(fake.seen)) == (2, 1)


async def test_a_configured_key_is_not_renewed(tmp_path: Path) -> None:
    fake = _accepts(lambda key: False)
    with anyio.fail_after(HANG_S):
        async with connect(fake, tmp_path) as client:
            assert error_of(await client.call_tool("chat", {"prompt": "x"}))["kind"] == "auth"
    assert len(fake.seen) == 1


_BAD = {
    "endless output": (("yes",), "printed more than"),
    "a hang": (("sleep", "1000"), "took longer than 0.5 s"),
    "a hang with output": (("sh", "-c", "echo key; sleep 1000"), "took longer than 0.5 s"),
    "a failure": (("sh", "-c", "echo key; exit 3"), "exit status 3"),
    "nothing": (("true",), "printed no key"),
    "white space": (("echo", "  "), "printed no key"),
    "no such program": (("/nonexistent/program",), "cannot be run"),
    "a question": (("sh", "-c", "read answer && echo $answer"), "printed no key"),
}


@pytest.mark.skipif(os.name == "nt", reason="POSIX programs")
@pytest.mark.parametrize(("command", "says"), _BAD.values(), ids=_BAD)
async def test_a_command_that_gives_no_key_is_stopped_and_named(command: tuple[str, ...], says: str) -> None:
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            reader = KeyReader(provider(api_key=None, key_command=command), group, _ignore, command_s=0.5)
            with pytest.raises(ConfigError, match=says) as caught:
                await reader.read()
            assert "api_key_command" in caught.value.failure.message


@pytest.mark.skipif(os.name == "nt", reason="POSIX programs")
async def test_a_command_that_is_stopped_leaves_no_process_behind(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path / 'child'}; sleep 1000"
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as group:
            reader = KeyReader(provider(api_key=None, key_command=("sh", "-c", script)), group, _ignore, command_s=0.5)
            with pytest.raises(ConfigError):
                await reader.read()
        child = int((tmp_path / "child").read_text(encoding="utf-8"))
        while _alive(child):  # noqa: ASYNC110 a process tells nobody of its end
            await anyio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"  # nobody here collects it


def _ignore(_key: str) -> None:
    pass
