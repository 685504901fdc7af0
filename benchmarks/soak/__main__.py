"""`python -m benchmarks.soak [--record] [PART ...]`: measures all parts, or the named ones; status 0 when all hold.

With `--record` the figures are also written into docs/benchmarks.md.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import anyio

from benchmarks.peers.table import write_section
from benchmarks.soak import cancels, growth, kills, lines, silence, streams
from benchmarks.soak.figures import Figure


async def _more_streams(folder: Path) -> list[Figure]:
    return await streams.measure(folder, streams=500, seconds=20, later_s=5.0)


PARTS: dict[str, Callable[[Path], Awaitable[list[Figure]]]] = {
    "kills": kills.measure,
    "cancels-stdio": cancels.measure_stdio,
    "cancels-http": cancels.measure_http,
    "silence": silence.measure,
    "malformed": lines.measure_malformed,
    "pipelined": lines.measure_pipelined,
    "growth": growth.measure,
    "streams-200": streams.measure,
    "streams-500": _more_streams,
}
PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BOUND_S = 900
"""No part may take longer."""


async def run(names: list[str], printed: list[str]) -> bool:
    """Measures the named parts, prints each figure and adds it to `printed`; gives whether all hold."""
    good = True
    for name in names:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="anymodel-soak-") as folder, anyio.fail_after(BOUND_S):
            figures = await PARTS[name](Path(folder))
        good &= all(figure.holds for figure in figures)
        printed += [f"\n{name} ({time.monotonic() - begun:.0f} s)", *(f"  {figure}" for figure in figures)]
        print(*printed[-len(figures) - 1 :], sep="\n", flush=True)
    return good


def main() -> int:
    """Exit status 0 when every figure holds, 1 when one does not, 2 for an unknown part."""
    record = "--record" in sys.argv[1:]
    names = [name for name in sys.argv[1:] if name != "--record"] or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"Unknown part {unknown[0]!r}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    printed: list[str] = []
    good = anyio.run(run, names, printed)
    if record:
        figures = "\n".join(printed).strip()
        write_section(PAGE, "soak", f"Measured {date.today()} with `scripts/soak`:\n\n```\n{figures}\n```")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
