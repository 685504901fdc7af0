"""Figures as a table, for the terminal and for docs/benchmarks.md; what is better elsewhere, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.measure import Record
from benchmarks.peers.roster import EMPTY, OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        ratio: whether each figure stands beside the empty server's.
        compared: whether less is better, so that a peer with less is named under the table.
        remark: why a peer may be better here, in words.
        slack: a peer counts as better only if its figure is below ours by more than this part.
    """

    key: str
    label: str
    unit: str = ""
    digits: int = 0
    ratio: bool = False
    compared: bool = True
    slack: float = 0.1
    remark: str = ""


_NODE = "Node starts faster than Python; for Python, the empty server is the minimum."
_LOADED = "It loads everything at the start; this server opens its store with the first call."
_SHORT = "This server reports progress after 0.2 s, so short calls have none."
_ONCE = "They ask once; this server asks up to three times, because most refusals are brief."

ROWS = (
    Row(key="start", label="start to tools/list (median)", unit="ms", ratio=True, remark=_NODE),
    Row(key="tools", label="tools", compared=False),
    Row(key="list", label="tools/list on the wire", unit="bytes", remark="It has one tool."),
    Row(key="memory", label="idle memory", unit="MiB", ratio=True),
    Row(key="first", label="first chat", unit="ms", digits=1, remark=_LOADED),
    Row(key="p50", label="chat, p50", unit="ms", digits=2, ratio=True),
    Row(key="p99", label="chat, p99", unit="ms", digits=2, ratio=True, slack=0.25),
    Row(key="streams", label="asks the upstream for a stream", compared=False),
    Row(key="pair", label="two 1 s calls at once", unit="s", digits=2),
    Row(key="ping", label="ping during them", unit="ms", slack=1.0),
    Row(key="note", label="first progress of a 3 s call", unit="ms", remark=_SHORT),
    Row(key="notes", label="progress notifications in it", compared=False),
    Row(key="words", label="with the answer's text", compared=False),
    Row(key="busy", label="requests on a steady 429", compared=False),
    Row(key="busy_s", label="until the caller gets the error", unit="s", digits=1, slack=1.0, remark=_ONCE),
    Row(key="flagged", label="returned as an error (isError)", compared=False),
    Row(key="long", label="answer of 200,000 characters, on the wire", unit="bytes"),
    Row(key="cancel", label="cancel closes the upstream's connection after", unit="ms"),
    Row(key="alive", label="answers the next call after it", compared=False),
)


def build_grid(records: Sequence[Record]) -> list[list[str]]:
    """Head and rows of the table; a failure is a mark that `list_failures` explains."""
    empty = next((record for record in records if record.server.key == EMPTY), None)
    grid = [["", *(record.server.title for record in records)]]
    for row in ROWS:
        cells = [_cell(row, record, empty) for record in records]
        grid.append([row.label, *cells])
    return grid


def _cell(row: Row, record: Record, empty: Record | None) -> str:
    value = record.figures.get(row.key)
    if value is None:
        return "-"
    if isinstance(value, str):
        return value if value in ("yes", "no") else "failed"
    said = f"{_number(value, row.digits)} {row.unit}".strip()
    floor = empty.figures.get(row.key) if empty else None
    if row.ratio and record is not empty and isinstance(floor, (int, float)) and floor:
        said += f" ({value / floor:.2f}x)"
    return said


def _number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def to_text(grid: Sequence[Sequence[str]]) -> str:
    """Columns of equal width."""
    widths = [max(len(line[column]) for line in grid) for column in range(len(grid[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in grid
    )


def to_markdown(grid: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    head, *body = (f"| {' | '.join(line)} |" for line in grid)
    return "\n".join([head, "|---" + "|---:" * (len(grid[0]) - 1) + "|", *body])


def list_failures(records: Sequence[Record]) -> list[str]:
    """What stands behind each "failed"."""
    labels = {row.key: row.label for row in ROWS}
    return [
        f"{record.server.title}, {labels.get(key, key)}: {value.splitlines()[0][:200]}"
        for record in records
        for key, value in record.figures.items()
        if isinstance(value, str) and value not in ("yes", "no")
    ]


def list_better(records: Sequence[Record]) -> list[str]:
    """Where another server has the better figure than this one, a sentence each."""
    ours = next(record for record in records if record.server.key == OURS)
    found: list[str] = []
    for row in ROWS:
        own = ours.figures.get(row.key)
        if not row.compared:
            continue
        better = [record for record in records if record.asks and record is not ours and _beats(row, record, own)]
        if better:
            names = ", ".join(f"{record.server.title} ({_cell(row, record, None)})" for record in better)
            found.append(f"{row.label}: {names}; this server {_cell(row, ours, None)}. {row.remark}".strip())
    return found


def _beats(row: Row, record: Record, own: float | str | None) -> bool:
    theirs = record.figures.get(row.key)
    if not isinstance(theirs, (int, float)):
        return False
    return not isinstance(own, (int, float)) or theirs < own * (1 - row.slack / (1 + row.slack))


def write_section(path: Path, name: str, body: str, skeleton: str = "") -> None:
    """Puts `body` between a page's markers `<!-- name:begin -->` and `<!-- name:end -->`; the rest stays as it is.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    page = path.read_text(encoding="utf-8") if path.is_file() else skeleton
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{path.name} has no markers {begin} and {end}")
    path.write_text(f"{before}{begin}\n{body.strip()}\n{end}{after}", encoding="utf-8")
