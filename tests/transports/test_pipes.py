from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from anymodel_mcp.transports import pipes
from anymodel_mcp.transports.pipes import ByteReader, ByteWriter
from tests.waiting import HANG_S


@pytest.fixture
def pipe() -> Generator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for fd in (reading, writing):
        with suppress(OSError):  # the test closed it
            os.close(fd)


async def read_all(fd: int, count: int) -> bytes:
    reader = ByteReader(fd)
    data = b""
    while len(data) < count:
        data += await reader.read()
    return data


async def test_a_reader_gives_what_there_is_and_then_the_end(pipe: tuple[int, int]) -> None:
    reader = ByteReader(pipe[0])
    os.write(pipe[1], b"abc")
    assert await reader.read() == b"abc"
    os.close(pipe[1])
    assert await reader.read() == b""


async def test_a_regular_file_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"x" * 300_000)
    fd = os.open(path, os.O_RDONLY)
    assert await read_all(fd, 300_000) == b"x" * 300_000
    os.close(fd)


async def test_a_descriptor_that_nobody_can_watch_is_read_by_a_thread(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    reader = ByteReader(pipe[0])
    os.write(pipe[1], b"abc")
    assert await reader.read() == b"abc"
    os.write(pipe[1], b"def")
    assert await reader.read() == b"def"
    os.close(pipe[1])
    assert await reader.read() == b""


def test_a_reading_thread_outlives_its_loop_without_a_word(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")

    async def start() -> None:
        with anyio.move_on_after(0.05):
            await ByteReader(pipe[0]).read()

    before = set(threading.enumerate())
    anyio.run(start)
    (thread,) = set(threading.enumerate()) - before
    os.write(pipe[1], b"late")
    thread.join(HANG_S)
    assert not thread.is_alive()


async def test_a_closed_descriptor_reads_as_the_end(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    with anyio.fail_after(HANG_S):
        assert await ByteReader(pipe[0]).read() == b""


async def test_a_small_message_is_written_at_once(pipe: tuple[int, int]) -> None:
    await ByteWriter(pipe[1]).write(b"abc\n")
    assert os.read(pipe[0], 10) == b"abc\n"


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "in threads"])
async def test_a_slow_reader_loses_nothing(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    if not watched:
        monkeypatch.setattr(sys, "platform", "win32")
    writer = ByteWriter(pipe[1])
    monkeypatch.undo()
    messages = [bytes([65 + n]) * 150_000 + b"\n" for n in range(8)]
    got: list[bytes] = []
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.run)
            async with anyio.create_task_group() as senders:
                for message in messages:
                    senders.start_soon(writer.write, message)
                got.append(await read_all(pipe[0], sum(map(len, messages))))
            await writer.flush()
            tasks.cancel_scope.cancel()
    assert got[0].splitlines(keepends=True) == messages


async def test_a_cancelled_sender_leaves_a_whole_message(pipe: tuple[int, int]) -> None:
    writer = ByteWriter(pipe[1])
    data = b""
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.run)
            async with anyio.create_task_group() as sender:
                sender.start_soon(writer.write, b"x" * 500_000 + b"\n")
                await anyio.wait_readable(pipe[0])
                sender.cancel_scope.cancel()
            tasks.start_soon(writer.write, b"next\n")
            data = await read_all(pipe[0], 500_006)
            tasks.cancel_scope.cancel()
    assert data == b"x" * 500_000 + b"\nnext\n"


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "in threads"])
async def test_a_reader_that_goes_breaks_every_sender(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    if not watched:
        monkeypatch.setattr(sys, "platform", "win32")
    writer = ByteWriter(pipe[1])
    broken: list[str] = []

    async def send(name: str) -> None:
        try:
            await writer.write(b"x" * 200_000)
        except anyio.BrokenResourceError:
            broken.append(name)

    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, "first")
            tasks.start_soon(send, "second")
            await anyio.wait_all_tasks_blocked()
            os.close(pipe[0])
            await writer.run()
        assert sorted(broken) == ["first", "second"]
        with pytest.raises(anyio.BrokenResourceError):
            await writer.write(b"third")
        await writer.flush()


async def test_a_reader_that_is_gone_already_breaks_the_first_write(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    writer = ByteWriter(pipe[1])
    with pytest.raises(anyio.BrokenResourceError):
        await writer.write(b"x")
    with anyio.fail_after(HANG_S):
        await writer.run()


async def test_a_pipe_that_cannot_be_watched_for_writing_goes_to_threads(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(fd: int) -> None:
        raise PermissionError

    monkeypatch.setattr(pipes.anyio, "wait_writable", refuse)
    writer = ByteWriter(pipe[1])
    with anyio.fail_after(HANG_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.run)
            tasks.start_soon(writer.write, b"x" * 300_000)
            assert len(await read_all(pipe[0], 300_000)) == 300_000
            tasks.cancel_scope.cancel()


def run(code: str, *redirections: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = ["sh", "-c", " ".join(['exec "$0" -c "$1"', *redirections]), sys.executable, code]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=HANG_S, check=False)


CLAIM = """
import os, subprocess, sys
from anymodel_mcp.transports.descriptors import ensure_stdio
from anymodel_mcp.transports.pipes import claim_stdio
ensure_stdio()
print("before")
with claim_stdio() as (wire_in, wire_out):
    print("printed")
    subprocess.run([sys.executable, "-c", "import sys; print('child', repr(sys.stdin.read()))"], check=True)
    os.write(wire_out, b"protocol " + os.read(wire_in, 100))
    print("late")
print("after")
"""


def test_only_the_protocol_reaches_stdout_while_it_is_claimed() -> None:
    done = run(CLAIM, stdin=b"in")
    assert done.stdout == b"before\nprotocol inafter\n"
    assert sorted(done.stderr.split(b"\n")) == sorted(b"printed\nchild ''\nlate\n".split(b"\n"))


def test_without_stderr_stray_output_is_lost_and_the_protocol_is_not() -> None:
    done = run(CLAIM, "2>&-", stdin=b"in")
    assert done.stdout == b"before\nprotocol inafter\n"


def test_a_closed_stdin_reads_as_the_end() -> None:
    done = run(CLAIM, "<&-")
    assert done.stdout == b"before\nprotocol after\n", done.stderr


def test_a_closed_stdout_is_an_error() -> None:
    done = run(CLAIM, ">&-", stdin=b"in")
    assert b"OSError" in done.stderr
