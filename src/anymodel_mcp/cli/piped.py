"""Reads the text that is piped to a command."""

from __future__ import annotations

import codecs
import os
import select
import stat
import sys
import threading
from collections.abc import Callable
from typing import TextIO

from anymodel_mcp.errors import ArgumentError

MAX_BYTES = 20_000_000
HINT_AFTER_S = 3.0
SOCKET_WAIT_S = 0.5
_MAX_LINE = 100_000


def read_piped(
    stdin: TextIO | None,
    *,
    tell: Callable[[str], None],
    max_bytes: int = MAX_BYTES,
    hint_after_s: float = HINT_AFTER_S,
    socket_wait_s: float = SOCKET_WAIT_S,
) -> str:
    """Reads the text that is piped or redirected to this process; "" if there is none.

    Args:
        stdin: the stream.
        tell: is given a message if the pipe stays open and silent.
        max_bytes: the longest input.
        hint_after_s: when `tell` is called.
        socket_wait_s: how long a socket may stay empty before it counts as no input.

    Raises:
        ArgumentError: it is no text, or too long.
    """
    if stdin is None or stdin.closed or not _carries_data(stdin, socket_wait_s):
        return ""
    hint = threading.Timer(
        hint_after_s, tell, ["waiting for the end of standard input (a pipe is open; use < /dev/null to close it)"]
    )
    hint.daemon = True
    hint.start()
    try:
        raw = _read(stdin, max_bytes + 1)
    finally:
        hint.cancel()
    if len(raw) > max_bytes:
        raise ArgumentError(f"standard input is longer than {max_bytes // 1_000_000} MB", fix="Send a part of it.")
    return _text(raw)


def read_first_line(
    stdin: TextIO | None,
    *,
    tell: Callable[[str], None],
    hint_after_s: float = HINT_AFTER_S,
    socket_wait_s: float = SOCKET_WAIT_S,
) -> str:
    """Reads the first line that is piped or redirected to this process, stripped; "" if there is none.

    Raises:
        ArgumentError: it is no text.
    """
    if stdin is None or stdin.closed or not _carries_data(stdin, socket_wait_s):
        return ""
    hint = threading.Timer(hint_after_s, tell, ["waiting for a line on standard input (use < /dev/null to send none)"])
    hint.daemon = True
    hint.start()
    try:
        buffer = getattr(stdin, "buffer", None)
        raw = stdin.readline(_MAX_LINE).encode() if buffer is None else buffer.readline(_MAX_LINE)
    finally:
        hint.cancel()
    return _text(raw).strip()


def _read(stdin: TextIO, count: int) -> bytes:
    buffer = getattr(stdin, "buffer", None)
    if buffer is None:
        return stdin.read(count).encode("utf-8", "replace")
    return buffer.read(count)


def _carries_data(stdin: TextIO, socket_wait_s: float) -> bool:
    """True for pipes, files and sockets with data; false for a terminal and for what services have instead of one."""
    if stdin.isatty():
        return False
    try:
        mode = os.fstat(stdin.fileno()).st_mode
    except (OSError, ValueError):
        return True  # a stream without a file: a test's, or an embedding program's
    if stat.S_ISSOCK(mode):  # programs that start others often leave a socket open that nobody writes to
        return bool(select.select([stdin], [], [], socket_wait_s)[0])
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or sys.platform == "win32"


def _text(raw: bytes) -> str:
    """UTF-8, or UTF-16 with its mark, as PowerShell writes it.

    Raises:
        ArgumentError: the bytes are not text.
    """
    marked = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not marked and b"\0" in raw[:8192]:
        raise ArgumentError("standard input is not text", fix="Give pictures with --image and documents with --file.")
    try:
        return raw.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
