"""A measured figure beside its bound, and what can be read about a process from outside."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

BEAT_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; it holds while `value <= bound`.

    Attributes:
        timed: the value depends on the clock, so that a busy machine can exceed the bound; tests leave it out.
        note: what is worth knowing beside it, such as the first thing that went wrong.
    """

    name: str
    value: float
    bound: float
    unit: str = ""
    note: str = ""
    timed: bool = False

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.value <= self.bound

    def __str__(self) -> str:
        mark = "ok  " if self.holds else "MISS"
        note = f"  ({self.note})" if self.note else ""
        return f"{mark} {self.name}: {self.value:.6g} {self.unit} (bound {self.bound:g}){note}"


@dataclass(slots=True)
class Pulse:
    """Round trips of the cheapest request, made while something else is measured: the unit of that measurement."""

    times: list[float] = field(default_factory=list[float])

    def figure(self, name: str, waits: Sequence[float], share: float, *, most: float) -> Figure:
        """The `share`-percentile of `waits` in round trips of the same percentile: a slow machine slows both."""
        wait_s, ping_s = percentile(waits, share), percentile(self.times, share) or BEAT_S
        words = {0.5: "median", 1: "slowest"}.get(share, f"p{share * 100:g}")
        return Figure(
            name=f"{name}, {words}",
            value=wait_s / ping_s,
            bound=most,
            unit="pings",
            note=f"{wait_s:.3f} s, a ping {ping_s:.4f} s",
            timed=True,
        )


@asynccontextmanager
async def open_pulse(beat: Callable[[], Awaitable[object]]) -> AsyncGenerator[Pulse, None]:
    """Calls `beat` again and again until the end, and keeps how long each call took."""
    pulse = Pulse()

    async def run() -> None:
        while True:
            begun = anyio.current_time()
            await beat()
            pulse.times.append(anyio.current_time() - begun)
            await anyio.sleep(BEAT_S)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        yield pulse
        tasks.cancel_scope.cancel()


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of all lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def times(count: int, action: Callable[[], Awaitable[object]]) -> list[float]:
    """The seconds that each of `count` runs took, one after another."""
    taken: list[float] = []
    for _ in range(count):
        begun = anyio.current_time()
        await action()
        taken.append(anyio.current_time() - begun)
    return taken


def first(problems: Sequence[str]) -> str:
    """The first problem, cut, for a figure's note."""
    return problems[0][:300] if problems else ""


def rss_mib(pid: int) -> float:
    """Resident memory of a process in MiB; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    line = next((row for row in status.splitlines() if row.startswith("VmRSS")), "VmRSS: 0 kB")
    return int(line.split()[1]) / 1024


def cpu_s(pid: int) -> float:
    """Processor time of a process in seconds; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> int:
    """Open descriptors of a process; 0 where the system does not tell."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0
