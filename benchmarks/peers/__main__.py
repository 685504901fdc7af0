"""Measures this server beside an empty one and its peers, prints the table and writes it into docs/benchmarks.md.

    benchmarks/compare [--starts 9] [--calls 720] [--only ours,pal] [--own] [--dry]

The first run installs every server into an environment of its own under .work/peers (some minutes; then kept).
Measuring takes under six minutes, stays on loopback, and ends every process that it starts.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.peers import table
from benchmarks.peers.install import InstallError, install, node, versions
from benchmarks.peers.measure import Bench, Record
from benchmarks.peers.page import SKELETON, compare_section
from benchmarks.peers.roster import EMPTY, OURS, PLACE, ROOT, SERVERS
from benchmarks.peers.upstream import BenchUpstream

PAGE = ROOT / "docs" / "benchmarks.md"
MOST_S = 340.0
OWN = {"overhead": "overhead.py", "decode": "decode.py"}


def _records(only: Sequence[str]) -> tuple[list[Record], Path | None]:
    """The servers that could be installed."""
    PLACE.mkdir(parents=True, exist_ok=True)
    program: Path | None = None
    records: list[Record] = []
    for server in sorted(SERVERS, key=lambda server: bool(server.shares)):
        if only and server.key not in {*only, EMPTY, OURS}:
            continue
        record = Record(server=server)
        try:
            if server.npm:
                program = node()
            install(server)
            record.versions = versions(server, program)
        except (InstallError, OSError, subprocess.SubprocessError) as exc:
            print(f"{server.title} could not be installed: {exc}", file=sys.stderr)
            continue
        records.append(record)
    order = [server.key for server in SERVERS]
    return sorted(records, key=lambda record: order.index(record.server.key)), program


def _measure(records: Sequence[Record], program: Path | None, starts: int, calls: int) -> float:
    begun = time.monotonic()
    with BenchUpstream() as upstream:
        bench = Bench(upstream, program, begun + MOST_S)
        bench.measure_starts(records, starts)
        bench.measure_chats(records, calls)
        for record in records:
            if record.asks:
                bench.measure_conduct(record)
    return time.monotonic() - begun


def _run_own(python: Path, script: str) -> str:
    """What one of this server's own benchmarks prints."""
    done = subprocess.run(
        [str(python), str(ROOT / "benchmarks" / script)], capture_output=True, text=True, check=False, timeout=300
    )
    return (done.stdout or done.stderr[-2000:]).strip()


def _write_own(python: Path) -> None:
    today = datetime.now(UTC).date()
    for name, script in OWN.items():
        printed = _run_own(python, script)
        print(f"\n{script}\n{printed}")
        body = f"Measured {today} with `python benchmarks/{script}`:\n\n```\n{printed}\n```"
        table.write_section(PAGE, name, body, SKELETON)


def main() -> int:
    """Measures, prints, writes; 1 where this server itself could not be measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--starts", type=int, default=9, help="starts of each server")
    parser.add_argument("--calls", type=int, default=720, help="chats of each server")
    parser.add_argument("--only", default="", help="keys of peers, with commas: pal,mcp-openrouter,...")
    parser.add_argument("--own", action="store_true", help="also run overhead.py and decode.py, and record them")
    parser.add_argument("--dry", action="store_true", help="print only; leave docs/benchmarks.md as it is")
    options = parser.parse_args()
    records, program = _records([key for key in options.only.split(",") if key])
    if not {EMPTY, OURS} <= {record.server.key for record in records}:
        return 1
    took = _measure(records, program, options.starts, options.calls)
    print(table.to_text(table.build_grid(records)))
    for line in (*table.list_failures(records), *(f"better: {line}" for line in table.list_better(records))):
        print(line)
    print(f"measured in {took:.0f} s")
    if not options.dry:
        system = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        section = compare_section(records, system=system, today=datetime.now(UTC).date())
        table.write_section(PAGE, "compare", section, SKELETON)
    if options.own:
        ours = next(record.server for record in records if record.server.key == OURS)
        _write_own(Path(ours.command(None)[0]).with_name("python"))
    failed = any(record.server.key == OURS and table.list_failures([record]) for record in records)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
