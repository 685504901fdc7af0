"""The text of docs/benchmarks.md around the figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from benchmarks.peers import table, upstream
from benchmarks.peers.install import package_names
from benchmarks.peers.measure import Record

SKELETON = """# Benchmarks

The scripts that measure write their figures here; nothing between two markers is edited by hand.
Times change on a busy machine: compare the columns of one run, not the tables of two runs.

`benchmarks/compare --own` measures again and writes all sections; `benchmarks/compare --dry --only pal` prints a short
table. It needs Python 3.11 and a package index: the first run installs every server into its own environment in
`.work/peers`, which takes a minute or two. Measuring takes about three minutes, stays on loopback, needs no key, and
stops every process that it starts.

## Compared with similar servers

<!-- compare:begin -->
<!-- compare:end -->

## Overhead over an empty server and a plain request

<!-- overhead:begin -->
<!-- overhead:end -->

## Reading a stream

<!-- decode:begin -->
<!-- decode:end -->

## Reliability

Against a faulty upstream on loopback. `scripts/soak` prints these figures; `scripts/soak --record` writes them here.

<!-- soak:begin -->
<!-- soak:end -->
"""

HOW = f"""Each server runs over stdio as a child process in its own environment, with the same JSON-RPC client and
the same upstream, a process on loopback that answers at once. Starts and chats alternate between the servers, so that
load on the machine affects every column. In brackets: the ratio to the empty server in the same run.

- **start**: from creating the process to the answer to `tools/list`, with a warm file cache.
- **on the wire**: the size of the JSON-RPC line, which a host pays for with every conversation and every answer.
- **idle memory**: resident memory, after the start and a pause.
- **first chat**: many servers create their HTTP client here. **chat**: streamed or not, as each server does by default.
  On a busy machine, the p99 of every column is mostly other work.
- **two 1 s calls**: the upstream takes a second for each; about 1 s means in parallel. **ping**: while both run.
- **progress**: {upstream.WORDS_COUNT} words, one every {upstream.WORD_GAP_S} s; from the call to the first
  `notifications/progress`.
- **steady 429**: every request is refused, without `Retry-After`: how many are sent, and how long the caller waits.
- **cancel**: from `notifications/cancelled` to the end of the connection at the upstream, where the cost stops; "no":
  the request runs to its end ({upstream.STALL_S:.0f} s here).
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
        "Where another server has the better figure:",
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
