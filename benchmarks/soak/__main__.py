"""`python -m benchmarks.soak [PART ...]`: measures all parts, or the named ones; status 0 when all hold."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

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
BOUND_S = 900
"""No part may take longer."""


async def run(names: list[str]) -> bool:
    """Measures the named parts and prints each figure; gives whether all hold."""
    good = True
    for name in names:
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="anymodel-soak-") as folder, anyio.fail_after(BOUND_S):
            figures = await PARTS[name](Path(folder))
        good &= all(figure.holds for figure in figures)
        print(f"\n{name} ({time.monotonic() - begun:.0f} s)")
        print(*(f"  {figure}" for figure in figures), sep="\n", flush=True)
    return good


def main() -> int:
    """Exit status 0 when every figure holds, 1 when one does not, 2 for an unknown part."""
    names = sys.argv[1:] or list(PARTS)
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"Unknown part {unknown[0]!r}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    return 0 if anyio.run(run, names) else 1


if __name__ == "__main__":
    sys.exit(main())
