"""Decides how a host's file changes. Pure: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from anymodel_mcp.cli.changes import Change
from anymodel_mcp.hosts.entry import Entry, merge_entry, stored_keys
from anymodel_mcp.hosts.formats import UnreadableFile, UnsafeEdit, decode
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.section import drop, find_entry, lookup, own_inputs, put, read


def plan_install(
    host: ConfigurableHost, path: Path, before: bytes | None, entry: Entry, secrets: Iterable[str] = ()
) -> Change:
    """The change that puts the entry into the file, in place of one of the same name.

    `secrets` are the values of the user's keys: a file that gets one of them is private.

    Raises:
        UnreadableFile: the file is broken.
        UnsafeEdit: it cannot be changed without losing something.
    """
    mark, text = decode(before)
    present = find_entry(host, before, entry.name)
    value = merge_entry(host, present, entry)
    private = bool(stored_keys(host, value, secrets))
    if present == value and not _missing_inputs(host, text, entry):
        return Change(path=path, before=before, after=before, private=private)
    changed = put(host, text, entry.name, value, entry.inputs)
    return Change(path=path, before=before, after=mark + changed.encode(), private=private)


def plan_uninstall(
    host: ConfigurableHost, path: Path, before: bytes | None, backups: Mapping[Path, bytes], name: str
) -> Change:
    """The change that removes the entry.

    If the file is what `install` made of one of the `backups` (newest first) or of no file, that state is restored
    byte for byte; otherwise only the entry is removed.

    Raises:
        UnreadableFile: the file is broken.
        UnsafeEdit: it cannot be changed without losing something.
    """
    mark, text = decode(before)
    values = read(host, text)
    value = lookup(host, values, name)
    if before is None or value is None:
        return Change(path=path, before=before, after=before)
    inputs = own_inputs(values, name)
    for backup, content in backups.items():
        if _replayed(host, content, name, value, inputs) == before:
            return Change(path=path, before=before, after=content, restored=backup)
    if _replayed(host, b"", name, value, inputs) == before:
        return Change(path=path, before=before, after=None)
    return Change(path=path, before=before, after=mark + drop(host, text, name).encode())


def _missing_inputs(host: ConfigurableHost, text: str, entry: Entry) -> bool:
    known = {i.get("id") for i in own_inputs(read(host, text), entry.name)} if entry.inputs else set[Any]()
    return any(i["id"] not in known for i in entry.inputs)


def _replayed(
    host: ConfigurableHost, base: bytes, name: str, value: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]
) -> bytes | None:
    """What `install` makes of a file without the entry; `None` = it has the entry, or cannot be changed."""
    try:
        mark, text = decode(base)
        if find_entry(host, base, name) is not None:
            return None
        return mark + put(host, text, name, value, inputs).encode()
    except (UnreadableFile, UnsafeEdit):
        return None
