"""Decides what becomes of a host's file: bytes in, bytes out; nothing is read or written here."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anymodel_mcp.cli.install.entry import Entry, merge
from anymodel_mcp.cli.install.formats import Document, lookup, without
from anymodel_mcp.cli.install.json_read import is_strict
from anymodel_mcp.cli.install.json_text import add_item, drop_item
from anymodel_mcp.cli.install.refusal import RefusedEdit
from anymodel_mcp.cli.install.rows import HostRow

_IMPOSSIBLE = "it cannot be changed without touching the rest"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to become of one file.

    Attributes:
        before: its bytes now; `None` = there is no file.
        after: its bytes then; `None` = no file.
        restored: the backup whose bytes come back, by its place in the sequence given; `None` = none.
    """

    path: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)
    notes: tuple[str, ...] = ()
    restored: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.before == self.after


def decode(content: bytes | None) -> Document:
    """The text of a file.

    Raises:
        RefusedEdit: it is no UTF-8.
    """
    content = content or b""
    if content.startswith(_UTF16):
        raise RefusedEdit("it is saved as UTF-16; save it as UTF-8 first")
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        return Document(content[len(mark) :].decode(), mark)
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise RefusedEdit("it holds bytes that are no UTF-8", line=line, column=1) from exc


def plan_install(row: HostRow, path: Path, before: bytes | None, entry: Entry) -> Change:
    """The change that puts the entry into the file, in place of one of the same name.

    Raises:
        RefusedEdit: the file cannot be read, or not be changed without touching the rest.
    """
    document = decode(before)
    text = document.text if document.text.strip() else row.new_text
    values = row.format.read(text)
    value = merge(row, _present(row, values, entry.name), entry)
    changed = _written(row, text, entry.name, value, entry.inputs)
    _prove(row, values, changed, entry.name, value)
    notes = entry.notes
    if row.strict and not is_strict(text):
        notes = (*notes, f"The file has comments or trailing commas, which {row.title} may not read.")
    return Change(path=path, before=before, after=document.encoded(changed), notes=notes)


def plan_uninstall(row: HostRow, path: Path, before: bytes | None, backups: Sequence[bytes], name: str) -> Change:
    """The change that takes the entry out.

    Where the file is what `install` made of one of the `backups` (newest first) or of nothing, that comes back byte for
    byte; else only the entry goes.

    Raises:
        RefusedEdit: the file cannot be read, or not be changed without touching the rest.
    """
    document = decode(before)
    values = row.format.read(document.text) if document.text.strip() else {}
    value = _present(row, values, name)
    if before is None or value is None:
        return Change(path=path, before=before, after=before)
    inputs = [i for i in _inputs(values) if str(i.get("id", "")).startswith(f"{name}-")]
    for index, backup in enumerate(backups):
        if _replayed(row, backup, name, value, inputs) == before:
            return Change(path=path, before=before, after=backup, restored=index)
    if _replayed(row, b"", name, value, inputs) == before:
        return Change(path=path, before=before, after=None)
    text = row.format.drop(document.text, (row.section, name))
    for item in inputs:
        text = drop_item(text, ("inputs",), str(item["id"]))
    _prove(row, values, text, name, None)
    return Change(path=path, before=before, after=document.encoded(text))


def _present(row: HostRow, values: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    return lookup(values, row.section, name, listed=row.format.listed)


def _inputs(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: Any = values.get("inputs")
    items: list[Any] = found if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType] a JSON array
    return [i for i in items if isinstance(i, dict)]


def _written(row: HostRow, text: str, name: str, value: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> str:
    text = row.format.put(text, (row.section, name), value)
    present = {i.get("id") for i in _inputs(row.format.read(text))} if inputs else set[Any]()
    for item in inputs:
        if item["id"] not in present:
            text = add_item(text, ("inputs",), item)
    return text


def _replayed(
    row: HostRow, base: bytes, name: str, value: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]
) -> bytes | None:
    """What `install` makes of a file that has no such entry; `None` = it has one, or cannot be read."""
    try:
        document = decode(base)
        text = document.text if document.text.strip() else row.new_text
        if _present(row, row.format.read(text), name) is not None:
            return None
        return document.encoded(_written(row, text, name, value, inputs))
    except RefusedEdit:
        return None


def _prove(row: HostRow, before: Mapping[str, Any], text: str, name: str, value: Mapping[str, Any] | None) -> None:
    """Refuses a changed text in which anything but the entry reads otherwise than before."""
    try:
        after = row.format.read(text)
    except RefusedEdit as exc:
        raise RefusedEdit(_IMPOSSIBLE) from exc
    if _rest(row, before, name) != _rest(row, after, name) or _present(row, after, name) != value:
        raise RefusedEdit(_IMPOSSIBLE)


def _rest(row: HostRow, values: Mapping[str, Any], name: str) -> dict[str, Any]:
    rest = without(values, row.section, name, listed=row.format.listed)
    return {key: value for key, value in rest.items() if key != "inputs"}
