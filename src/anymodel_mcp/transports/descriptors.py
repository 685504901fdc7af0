"""The standard descriptors: taken away from everybody else in the process, and given back. Imports nothing heavy.

While they are claimed, fd 0 is the null device and fd 1 is stderr: whatever a library prints, or a child inherits,
misses the wire.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def claim(fd: int) -> int:
    """Returns a private copy of a standard descriptor and puts a stand-in in its place.

    All three standard descriptors must be open: see `ensure_stdio`.
    """
    open_stand_in: Callable[[], int] = (lambda: os.open(os.devnull, os.O_RDONLY)) if fd == 0 else (lambda: os.dup(2))
    wire = _duplicate(fd)
    stand_in = open_stand_in()
    os.dup2(stand_in, fd)
    os.close(stand_in)
    _rebind(fd)
    return wire


def give_back(fd: int, wire: int) -> None:
    """Puts the claimed descriptor back.

    The private copy stays open: a thread may still read it, and its number must not come to mean another file.
    """
    os.dup2(wire, fd)
    _rebind(fd)


def flush_stdout() -> None:
    """Writes what was printed to wherever fd 1 leads now."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):  # closed, or none: pythonw
        return


def _duplicate(fd: int) -> int:
    """A private copy above the standard three, not inherited."""
    low: list[int] = []
    copy = os.dup(fd)
    while copy <= 2:
        low.append(copy)
        copy = os.dup(copy)
    for spare in low:
        os.close(spare)
    return copy


def ensure_stdio() -> None:
    """Opens the null device for whichever of stdin and stderr the process was started without.

    Else the next file or socket of this process would take their numbers, and its bytes for the wire's.

    Raises:
        OSError: standard output is closed.
    """
    if not _is_open(0):
        os.open(os.devnull, os.O_RDONLY)
    os.fstat(1)
    if not _is_open(2):
        os.open(os.devnull, os.O_WRONLY)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _rebind(fd: int) -> None:
    """Lets children on Windows inherit the stand-in too: they take the system's handle, not the descriptor."""
    if sys.platform == "win32":
        import ctypes
        import msvcrt

        handle = ctypes.c_void_p(msvcrt.get_osfhandle(fd))
        ctypes.windll.kernel32.SetStdHandle(ctypes.c_ulong(-10 - fd), handle)  # STD_INPUT_HANDLE, STD_OUTPUT_HANDLE
