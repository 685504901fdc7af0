"""A measured figure beside its bound, and what can be read about a process from outside."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; it holds while `value <= bound`.

    Attributes:
        note: what is worth knowing beside it, such as the first thing that went wrong.
    """

    name: str
    value: float
    bound: float
    unit: str = ""
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.value <= self.bound

    def __str__(self) -> str:
        mark = "ok  " if self.holds else "MISS"
        note = f"  ({self.note})" if self.note else ""
        return f"{mark} {self.name}: {self.value:.6g} {self.unit} (bound {self.bound:g}){note}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of all lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


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
