"""Standard input and output as byte streams that fit an event loop.

The SDK's transport uses worker threads: three hops a call, the largest part of a
call's cost (measured 2026-11-20). Here the loop is notified when the pipe is ready:

- reading: `os.read` after readiness gives what there is and does not block;
- writing: a pipe that polls as writable takes PIPE_BUF bytes without blocking, so pieces of that size are written while
  it polls so (https://docs.python.org/3/library/select.html, `PIPE_BUF`, read 2026-11-21). `O_NONBLOCK` is not set: it
  would sit on the open file that stderr, or the host, may share.

Where the loop cannot watch a descriptor (regular files, everything on Windows) threads do the same work. The reading
one is a daemon, because nothing can wake it from a read.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from anymodel_mcp.transports.descriptors import claim, flush_stdout, give_back

_READ_BYTES = 1 << 18
_ATOMIC_BYTES = int(getattr(select, "PIPE_BUF", 512))  # Windows has none, and writes in threads
_BACKLOG_BYTES = 1 << 20


class ByteReader:
    """Reads a descriptor piece by piece.

    Args:
        fd: closed by its owner, not here.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._threaded: _ThreadedReader | None = None

    async def read(self) -> bytes:
        """Reads the next bytes; empty at the end of the stream or on a broken pipe."""
        if self._threaded is None and await self._is_readable():
            return _read_some(self._fd)
        self._threaded = self._threaded or _ThreadedReader(self._fd)
        return await self._threaded.read()

    async def _is_readable(self) -> bool:
        """Waits until there is something to read; `False` where the loop cannot watch the descriptor."""
        if sys.platform == "win32":
            return False
        try:
            await anyio.wait_readable(self._fd)
        except OSError:  # a regular file under epoll, some devices under kqueue
            return False
        return True


def _read_some(fd: int) -> bytes:
    try:
        return os.read(fd, _READ_BYTES)
    except OSError:
        return b""


class _ThreadedReader:
    """A thread that reads one piece ahead."""

    def __init__(self, fd: int) -> None:
        self._piece: bytes | None = None
        self._arrived = anyio.Event()
        self._taken = threading.Event()
        token = anyio.lowlevel.current_token()
        threading.Thread(target=self._run, args=(fd, token), name="stdin", daemon=True).start()

    def _run(self, fd: int, token: anyio.lowlevel.EventLoopToken) -> None:
        with suppress(anyio.RunFinishedError):  # the loop may be closed when the host writes again
            data = b"more"
            while data:
                data = _read_some(fd)
                self._taken.clear()
                anyio.from_thread.run_sync(self._put, data, token=token)
                self._taken.wait()

    def _put(self, data: bytes) -> None:
        self._piece = data
        self._arrived.set()

    async def read(self) -> bytes:
        if self._piece != b"":  # the end of the stream is final
            await self._arrived.wait()
        piece, self._piece = self._piece or b"", None if self._piece else b""
        if piece:
            self._arrived = anyio.Event()
        self._taken.set()
        return piece


@dataclass(slots=True)
class _Waiting:
    """Bytes not written to the pipe yet, and the writer waiting for it."""

    data: memoryview
    done: anyio.Event


class ByteWriter:
    """Writes whole messages in order, even if the sending tasks are cancelled.

    A message is written at once if the pipe has room; otherwise it is queued, `run` writes it, and the sender waits: a
    slow reader slows down the senders. A cancelled sender never leaves half a message in the pipe.

    Args:
        fd: closed by its owner, not here.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._queue: deque[_Waiting] = deque()
        self._more = anyio.Event()
        self._watched = sys.platform != "win32"
        self._poll = _writable_poll(fd) if self._watched else None
        self.broken = False

    async def write(self, data: bytes) -> None:
        """Writes or queues `data`.

        Raises:
            anyio.BrokenResourceError: the reader has closed the pipe.
        """
        if self.broken:
            raise anyio.BrokenResourceError
        rest = memoryview(data)
        if not self._queue:
            rest = self._write_ready(rest)
        if self.broken:
            raise anyio.BrokenResourceError
        if not rest:
            return
        waiting = _Waiting(rest, anyio.Event())
        self._queue.append(waiting)
        self._more.set()
        await waiting.done.wait()
        if self.broken:
            raise anyio.BrokenResourceError

    async def run(self) -> None:
        """Writes queued messages until cancelled or until the reader closes the pipe."""
        while not self.broken:
            if not self._queue:
                self._more = anyio.Event()
                await self._more.wait()
                continue
            head = self._queue[0]
            head.data = self._write_ready(head.data)
            if head.data and not self.broken:
                await self._wait_and_write(head)
            if not head.data:
                self._queue.popleft().done.set()

    async def flush(self) -> None:
        """Waits until everything is written."""
        while self._queue and not self.broken:
            await self._queue[-1].done.wait()

    def _write_ready(self, data: memoryview) -> memoryview:
        """Writes what the pipe takes at once; returns the rest of `data`."""
        try:
            while data and self._poll is not None and self._poll():
                data = data[os.write(self._fd, data[:_ATOMIC_BYTES]) :]
        except OSError:
            self._break()
        return data

    async def _wait_and_write(self, head: _Waiting) -> None:
        if self._watched:
            try:
                await anyio.wait_writable(self._fd)
            except OSError:
                self._watched = False
            return
        try:
            # Not abandoned on cancel: half a message would corrupt the next one.
            written = await anyio.to_thread.run_sync(os.write, self._fd, head.data[:_BACKLOG_BYTES])
        except OSError:
            self._break()
        else:
            head.data = head.data[written:]

    def _break(self) -> None:
        self.broken = True
        for waiting in self._queue:
            waiting.done.set()
        self._more.set()


def _writable_poll(fd: int) -> Callable[[], bool]:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return lambda: bool(poll.poll(0))


@contextmanager
def claim_stdio() -> Generator[tuple[int, int]]:
    """Private descriptors of standard input and output, which nothing else in this process or its children has.

    All three standard descriptors must be open: see `ensure_stdio`.
    """
    flush_stdout()
    with _claimed(0) as wire_in, _claimed(1) as wire_out:
        try:
            yield wire_in, wire_out
        finally:
            flush_stdout()  # flush what was printed meanwhile to stderr, not after the last answer


@contextmanager
def _claimed(fd: int) -> Generator[int]:
    wire = claim(fd)
    try:
        yield wire
    finally:
        give_back(fd, wire)
