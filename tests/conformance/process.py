"""One program of others, run with a time limit, and its outcome."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import anyio

_TIME_LIMIT_S = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A line of the table.

    Attributes:
        said: what it printed.
        problems: empty when all is well.
    """

    title: str
    said: str = ""
    problems: tuple[str, ...] = ()
    seconds: float = 0.0

    def with_fields(self, *problems: str) -> Self:
        """The same with more problems."""
        return replace(self, problems=(*self.problems, *problems))


async def run(title: str, command: Sequence[str], cwd: Path | None = None) -> Outcome:
    """Runs a command; a status that is not 0, and a run without end, are problems."""
    begun = time.monotonic()
    try:
        with anyio.fail_after(_TIME_LIMIT_S):
            done = await anyio.run_process(command, check=False, stdin=subprocess.DEVNULL, cwd=cwd)
    except TimeoutError:
        return Outcome(title=title, problems=(f"no end after {_TIME_LIMIT_S} s",), seconds=time.monotonic() - begun)
    outcome = Outcome(title=title, said=done.stdout.decode(errors="replace"), seconds=time.monotonic() - begun)
    if done.returncode:
        tail = (done.stderr + done.stdout).decode(errors="replace").strip()[-1500:]
        return outcome.with_fields(f"status {done.returncode}: {tail}")
    return outcome
