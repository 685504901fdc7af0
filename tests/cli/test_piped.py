"""What comes through a pipe: text in any encoding a shell writes, nothing from a terminal, no pictures as text."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anymodel_mcp.cli.piped import read_piped
from anymodel_mcp.errors import ArgumentError
from tests.cli.terminals import Screen
from tests.waiting import HANG_S


def _silent(_text: str) -> None:
    return


def _file(folder: Path, raw: bytes) -> io.TextIOWrapper:
    path = folder / "in"
    path.write_bytes(raw)
    return path.open(encoding="utf-8")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain\n", "plain\n"),
        ("zwölf".encode(), "zwölf"),
        (b"\xef\xbb\xbfmarked", "marked"),
        ("PowerShell".encode("utf-16"), "PowerShell"),
        (b"caf\xe9", "café"),
        (b"", ""),
    ],
    ids=["ascii", "utf-8", "bom", "utf-16", "latin-1", "empty"],
)
def test_text_of_a_file_is_read(tmp_path: Path, raw: bytes, text: str) -> None:
    with _file(tmp_path, raw) as stream:
        assert read_piped(stream, tell=_silent) == text


def test_bytes_that_are_no_text_are_refused_with_the_right_option(tmp_path: Path) -> None:
    with (
        _file(tmp_path, b"\x89PNG\r\n\x1a\n\0\0\0") as stream,
        pytest.raises(ArgumentError, match="not text") as caught,
    ):
        read_piped(stream, tell=_silent)
    assert "--image" in caught.value.failure.fix


def test_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    with _file(tmp_path, b"12345") as stream, pytest.raises(ArgumentError, match="longer than"):
        read_piped(stream, tell=_silent, max_bytes=4)


def test_a_terminal_is_not_read() -> None:
    assert read_piped(Screen("typed", tty=True), tell=_silent) == ""


def test_neither_a_missing_nor_a_closed_stream_is_read() -> None:
    closed = Screen("x")
    closed.close()
    assert read_piped(None, tell=_silent) == read_piped(closed, tell=_silent) == ""


def test_a_stream_without_a_file_is_read() -> None:
    assert read_piped(Screen("embedded"), tell=_silent) == "embedded"


def test_a_device_is_not_waited_on() -> None:
    with open(os.devnull, encoding="utf-8") as stream:
        assert read_piped(stream, tell=_silent) == ""


def test_a_pipe_that_stays_open_is_explained() -> None:
    reader, writer = os.pipe()
    told = threading.Event()

    def tell(text: str) -> None:
        assert "standard input" in text
        told.set()
        os.write(writer, b"at last")
        os.close(writer)

    with os.fdopen(reader, encoding="utf-8") as stream:
        assert read_piped(stream, tell=tell, hint_after_s=0) == "at last"
    assert told.is_set()


def test_a_socket_is_read_only_when_something_is_in_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, os.fdopen(os.dup(ours.fileno()), encoding="utf-8") as stream:
        assert read_piped(stream, tell=_silent, socket_wait_s=0) == ""
        theirs.sendall(b"words")
        theirs.shutdown(socket.SHUT_WR)
        assert read_piped(stream, tell=_silent) == "words"


def test_a_question_and_a_pipe_are_joined(tmp_path: Path) -> None:
    """The whole way, as a shell goes it; without a provider the answer is how to get one."""
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "anymodel_mcp", "ask", "summarise"],
        input=b"a text",
        env=environ,
        capture_output=True,
        timeout=HANG_S,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"anymodel-mcp demo" in done.stderr
