"""Decides what happens to a host's file: bytes in, bytes out; nothing is read or written here."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anymodel_mcp.cli.install.formats import UnreadableFile, UnsafeEdit
from anymodel_mcp.cli.install.section import drop, lookup, own_inputs, put, read
from anymodel_mcp.hosts.entry import Entry, merge_entry, stored_keys
from anymodel_mcp.hosts.model import ConfigurableHost

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one file.

    Attributes:
        before: its bytes now; `None` = there is no file.
        after: its bytes afterwards; `None` = no file.
        private: a key of the entry is in it, so nobody else may read it.
        restored: index of the backup that comes back; `None` = none.
    """

    path: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)
    private: bool = False
    restored: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.before == self.after


def decode(content: bytes | None) -> tuple[bytes, str]:
    """The byte order mark of a file, and its text.

    Raises:
        UnreadableFile: it is not UTF-8.
    """
    content = content or b""
    if content.startswith(_UTF16):
        raise UnreadableFile("it is saved as UTF-16; save it as UTF-8 first")
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    try:
        return mark, content[len(mark) :].decode()
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise UnreadableFile("it holds bytes that are not UTF-8", line=line, column=1) from exc


def find_entry(host: ConfigurableHost, content: bytes | None, name: str) -> dict[str, Any] | None:
    """The entry of a name in the bytes of a file.

    Raises:
        UnreadableFile: the file is broken.
    """
    return lookup(host, read(host, decode(content)[1]), name)


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
    host: ConfigurableHost, path: Path, before: bytes | None, backups: Sequence[bytes], name: str
) -> Change:
    """The change that takes the entry out.

    Where the file is what `install` made of one of the `backups` (newest first) or of nothing, that comes back byte for
    byte; else only the entry goes.

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
    for index, backup in enumerate(backups):
        if _replayed(host, backup, name, value, inputs) == before:
            return Change(path=path, before=before, after=backup, restored=index)
    if _replayed(host, b"", name, value, inputs) == before:
        return Change(path=path, before=before, after=None)
    return Change(path=path, before=before, after=mark + drop(host, text, name).encode())


def _missing_inputs(host: ConfigurableHost, text: str, entry: Entry) -> bool:
    known = {i.get("id") for i in own_inputs(read(host, text), entry.name)} if entry.inputs else set[Any]()
    return any(i["id"] not in known for i in entry.inputs)


def _replayed(
    host: ConfigurableHost, base: bytes, name: str, value: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]
) -> bytes | None:
    """What `install` makes of a file that has no such entry; `None` = it has one, or cannot be changed."""
    try:
        mark, text = decode(base)
        if find_entry(host, base, name) is not None:
            return None
        return mark + put(host, text, name, value, inputs).encode()
    except (UnreadableFile, UnsafeEdit):
        return None
