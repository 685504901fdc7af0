"""Tables: columns for a person, a block for each row on a narrow terminal, tab-separated lines for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from anymodel_mcp.cli.screen import Terminal, write_out

_GAP = 3
_LEAST_TEXT = 12
"""A column of text is folded to this width, not further."""


def show_table(
    terminal: Terminal, columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()
) -> None:
    """Prints a table. No figure is cut or folded, whatever the width.

    A program gets a header and a line for each row, with tabs between the cells.

    Args:
        terminal: where.
        columns: the heads; the first column names the row.
        rows: the cells.
        right: the columns that hold numbers.
    """
    clean = terminal.redactor.clean
    console = terminal.out
    if not console.is_terminal:
        for row in (columns, *rows):
            write_out(terminal, "\t".join(" ".join(clean(cell).split()) for cell in row))
        return
    cells = [[clean(cell) for cell in row] for row in rows]
    used = [i for i in range(len(columns)) if any(row[i] for row in cells)]
    if _least_width(columns, cells, used, right) > console.width:
        for row in cells:
            console.print(_block(columns, row, used, console.width))
        return
    console.print(_table(columns, cells, used, right), soft_wrap=False)


def _least_width(
    columns: Sequence[str], rows: Sequence[Sequence[str]], used: Sequence[int], right: frozenset[int]
) -> int:
    """The width below which a figure or a name would be cut."""
    total = 0
    for index in used:
        natural = max(cell_len(columns[index]), *(cell_len(row[index]) for row in rows))
        total += natural if index in right or not index else min(natural, _LEAST_TEXT)
    return total + _GAP * (len(used) - 1)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], used: Sequence[int], right: frozenset[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for index in used:
        table.add_column(
            columns[index],
            justify="right" if index in right else "left",
            style=None if index else "cyan",
            no_wrap=not index or index in right,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(Text(row[i]) for i in used))
    return table


def _block(columns: Sequence[str], row: Sequence[str], used: Sequence[int], width: int) -> Text:
    """A row as a name, and below it `column value` pairs, as many to a line as fit."""
    first, *others = used
    text = Text(row[first], style="cyan")
    pairs = [(columns[i], row[i]) for i in others if row[i]]
    for line in _filled(pairs, width):
        text.append("\n ")
        for number, (head, value) in enumerate(line):
            text.append(" · " if number else " ", style="dim")
            text.append(f"{head} " if head else "", style="dim")
            text.append(value, style="default")
    return text


def _filled(pairs: Sequence[tuple[str, str]], width: int) -> Iterator[list[tuple[str, str]]]:
    line: list[tuple[str, str]] = []
    taken = 0
    for head, value in pairs:
        needed = cell_len(head) + cell_len(value) + 4
        if line and taken + needed > width:
            yield line
            line, taken = [], 0
        line.append((head, value))
        taken += needed
    if line:
        yield line
