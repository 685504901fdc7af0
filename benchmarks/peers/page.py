"""The words of docs/benchmarks.md around the figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from benchmarks.peers import table, upstream
from benchmarks.peers.install import package_names
from benchmarks.peers.measure import Record

SKELETON = """# Benchmarks

Figures are written here by the scripts that measure them; nothing between two markers is written by hand.
A shared or busy machine moves the times: compare columns of one run, not tables of two.

`benchmarks/compare --own` measures again and writes all sections; `benchmarks/compare --dry --only pal` prints a short
table. It needs Python 3.11 and a package index: its first run installs every server into an environment of its own
under `.work/peers` (a minute or two), which is kept. Measuring takes about three minutes, stays on
loopback, needs no key, and ends every process that it starts.

## Beside the servers that do the same job

<!-- compare:begin -->
<!-- compare:end -->

## Over an empty server and a bare request

<!-- overhead:begin -->
<!-- overhead:end -->

## Reading a stream

<!-- decode:begin -->
<!-- decode:end -->

## Reliability

Over an upstream with faults, on loopback; `scripts/soak` prints these, `scripts/soak --record` writes them here.

<!-- soak:begin -->
<!-- soak:end -->
"""

HOW = f"""Each server runs over stdio as a child process in an environment of its own, driven by the same raw JSON-RPC
client, against the same upstream, a process on loopback that answers at once. Starts and chats are taken in turns, so
that a busy moment of the machine meets every column. In brackets: the ratio to the empty server of the same run.

- **start**: from creating the process to the answer of `tools/list`, file cache warm.
- **on the wire**: the bytes of the JSON-RPC line: what a host pays for with every conversation, and with every answer.
- **idle memory**: resident, after the start and a pause.
- **first chat**: here many servers make their HTTP client. **chat**: as each server asks by default, streamed or not.
  The p99 of a busy machine is mostly its other work, in every column.
- **two 1 s calls**: the upstream takes a second for each; about 1 s means side by side. **ping**: while both run.
- **progress**: {upstream.WORDS_COUNT} words, one each {upstream.WORD_GAP_S} s; from the call to the first
  `notifications/progress`.
- **steady 429**: every request is refused, without `Retry-After`; how many are made, and until the caller is answered.
- **cancel**: from `notifications/cancelled` to the end of the connection at the upstream, where the paying ends; "no":
  the request runs on to its end ({upstream.STALL_S:.0f} s here).
"""


def compare_section(records: Sequence[Record], *, system: str, today: date) -> str:
    """The section between the markers `compare`."""
    lines = [
        f"Measured {today} by `benchmarks/compare` ({system}).",
        "",
        table.to_markdown(table.build_grid(records)),
        "",
    ]
    failures, better = table.list_failures(records), table.list_better(records)
    if failures:
        lines += ["Failed:", "", *(f"- {line}" for line in failures), ""]
    lines += [
        "Where a peer has the better figure:",
        "",
        *(f"- {line}" for line in better or ["nowhere in this run."]),
        "",
    ]
    lines += ["How each was run:", "", *(_about(record) for record in records), "", HOW]
    return "\n".join(lines)


def _about(record: Record) -> str:
    names = ", ".join(f"`{name}`" for name in package_names(record.server))
    said = f"- **{record.server.title}** ({record.versions})"
    return (
        f"{said}: {record.server.about}."
        if not names or "checkout" in names
        else f"{said}: {names}; {record.server.about}."
    )
