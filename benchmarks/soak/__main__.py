"""`python -m benchmarks.soak [--short] [--record] [PART ...]`: measures all parts, or the named ones.

Exit status 0 when all figures hold, 1 when one does not or a part fails, 2 for an unknown part. `--short` takes seconds
instead of minutes for each part; `--record` also writes the figures into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from datetime import date
from pathlib import Path

import anyio

from benchmarks.peers.table import write_section
from benchmarks.soak.figures import Figure
from benchmarks.soak.parts import PARTS, Measure

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BOUND_S = 900
"""No part may take longer."""


async def _measure(measure: Measure) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="anymodel-soak-") as folder, anyio.fail_after(BOUND_S):
        return await measure(Path(folder))


def _run(name: str, measure: Measure) -> tuple[bool, str]:
    """Whether all figures of a part hold, and its lines; a part that fails does not end the run."""
    begun = time.monotonic()
    try:
        figures = anyio.run(_measure, measure)
    except Exception as exc:
        traceback.print_exc()
        return False, f"MISS {name}: {type(exc).__name__}: {exc}"
    good = all(figure.holds for figure in figures)
    return good, "\n  ".join([f"{name} ({time.monotonic() - begun:.0f} s)", *map(str, figures)])


def main() -> int:
    """Measures and prints; gives the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description="Reliability figures with their bounds.")
    parser.add_argument("part", nargs="*", help=f"one of: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--short", action="store_true", help="seconds instead of minutes for each part")
    parser.add_argument("--record", action="store_true", help="also write the figures into docs/benchmarks.md")
    asked = parser.parse_args()
    if unknown := [name for name in asked.part if name not in PARTS]:
        parser.error(f"unknown part {unknown[0]!r}; there are {', '.join(PARTS)}")
    printed: list[str] = []
    missed: list[str] = []
    for name in asked.part or PARTS:
        if measure := PARTS[name].short if asked.short else PARTS[name].full:
            good, lines = _run(name, measure)
            print(lines, flush=True)
            printed.append(lines)
            missed += [] if good else [name]
    if asked.record:
        figures = "\n\n".join(printed)
        write_section(PAGE, "soak", f"Measured {date.today()} with `scripts/soak`:\n\n```\n{figures}\n```")
    print(
        f"{len(printed) - len(missed)} of {len(printed)} parts hold" + (f"; not {', '.join(missed)}" if missed else "")
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
