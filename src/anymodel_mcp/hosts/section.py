"""Reads, adds and removes entries in the section of a file that holds a host's servers.

Each change is verified: a change that alters any other part of the file is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from anymodel_mcp.hosts.formats import FORMATS, Edit, UnreadableFile, UnsafeEdit, Values, decode
from anymodel_mcp.hosts.model import ConfigurableHost


def read(host: ConfigurableHost, text: str) -> Values:
    """The values of a text; empty for an empty text.

    Raises:
        UnreadableFile: the text is broken.
    """
    return FORMATS[host.format].read(text) if text.strip() else {}


def entries(host: ConfigurableHost, values: Mapping[str, Any]) -> list[tuple[str, Values]]:
    """All entries with their names."""
    return [(str(name), item) for name, item in _items(host, values.get(host.section)) if isinstance(item, dict)]


def lookup(host: ConfigurableHost, values: Mapping[str, Any], name: str) -> Values | None:
    """The entry of a name; `None` = there is none."""
    return next((item for other, item in entries(host, values) if other == name), None)


def find_entry(host: ConfigurableHost, content: bytes | None, name: str) -> dict[str, Any] | None:
    """The entry of a name in the bytes of a file.

    Raises:
        UnreadableFile: the file is broken.
    """
    return lookup(host, read(host, decode(content)[1]), name)


def put(
    host: ConfigurableHost, text: str, name: str, value: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Adds an entry and its inputs to the text; replaces an entry of the same name.

    Raises:
        UnreadableFile: the text is broken.
        UnsafeEdit: something else would be lost.
    """
    styled: Any = FORMATS[host.format].styled(value)

    def edit(values: Values) -> None:
        holder = _holder(host, values)
        place = _place(host, holder, name)
        if place is None:
            holder.append(styled) if host.listed else holder.update({name: styled})
        else:
            _update(holder[place], styled)
        if inputs:
            known = _inputs(values)
            values["inputs"] = [*known, *(i for i in inputs if i["id"] not in {k.get("id") for k in known})]

    return _edited(host, text if text.strip() or not host.new_text else host.new_text, edit, name, value)


def drop(host: ConfigurableHost, text: str, name: str) -> str:
    """Removes an entry and the inputs made for it from the text.

    Raises:
        UnreadableFile: the text is broken.
        UnsafeEdit: something else would be lost.
    """

    def edit(values: Values) -> None:
        holder = _holder(host, values)
        del holder[_place(host, holder, name)]
        if own_inputs(values, name):
            values["inputs"] = [i for i in _inputs(values) if not _is_own(i, name)]

    return _edited(host, text, edit, name, None)


def own_inputs(values: Mapping[str, Any], name: str) -> list[Values]:
    """The inputs that `install` made for an entry."""
    return [i for i in _inputs(values) if _is_own(i, name)]


def _items(host: ConfigurableHost, holder: Any) -> list[tuple[Any, Any]]:
    """Names and items of the section; an item of a list without a name has the name `None`."""
    if host.listed:
        items = cast("list[Any]", holder) if isinstance(holder, list) else []
        return [(cast("Values", i).get("name") if isinstance(i, dict) else None, i) for i in items]
    return list(cast("Values", holder).items()) if isinstance(holder, dict) else []


def _holder(host: ConfigurableHost, values: Values) -> Any:
    if values.get(host.section) is None:
        values[host.section] = [] if host.listed else {}
    holder: Any = values[host.section]
    if not isinstance(holder, list if host.listed else dict):
        raise UnreadableFile(f"{host.section} is not {'a list' if host.listed else FORMATS[host.format].noun}")
    return cast("Any", holder)


def _place(host: ConfigurableHost, holder: Any, name: str) -> Any:
    """Key or index of the entry; `None` = there is none."""
    found = next((i for i, (other, _) in enumerate(_items(host, holder)) if other == name), None)
    if found is None:
        return None
    place = found if host.listed else name
    if not isinstance(holder[place], dict):
        raise UnreadableFile(f"{host.section}.{name} is not an entry")
    return place


def _update(present: Values, value: Mapping[str, Any]) -> None:
    """Makes the present entry equal to `value`; changes only what differs, so that comments and order stay."""
    for key in [k for k in present if k not in value]:
        del present[key]
    for key, part in value.items():
        if key not in present or present[key] != part:
            present[key] = part


def _inputs(values: Mapping[str, Any]) -> list[Values]:
    found: Any = values.get("inputs", [])
    if not isinstance(found, list):
        raise UnreadableFile("inputs is not a list")
    return [i for i in cast("list[Any]", found) if isinstance(i, dict)]


def _is_own(item: Values, name: str) -> bool:
    return str(item.get("id", "")).startswith(f"{name}-")


def _edited(host: ConfigurableHost, text: str, edit: Edit, name: str, value: Mapping[str, Any] | None) -> str:
    """Applies the change and checks that only the entry differs."""
    before = read(host, text)
    changed = FORMATS[host.format].edit(text, edit)
    try:
        after = read(host, changed)
    except UnreadableFile as exc:
        raise UnsafeEdit("it cannot be changed without touching the rest") from exc
    if _rest(host, before, name) != _rest(host, after, name) or lookup(host, after, name) != value:
        raise UnsafeEdit("it cannot be changed without touching the rest")
    if FORMATS[host.format].has_comments and _comments(text) - _comments(changed):
        raise UnsafeEdit("rewriting it would lose a comment")
    return changed


def _comments(text: str) -> Counter[str]:
    return Counter(comment.strip() for comment in re.findall(r"(?:^|\s)#[^\n]*", text))


def _rest(host: ConfigurableHost, values: Values, name: str) -> tuple[Values, list[tuple[Any, Any]]]:
    """Everything but the inputs and the entry (of two with one name, the first)."""
    items = _items(host, values.get(host.section))
    place = next((i for i, (other, _) in enumerate(items) if other == name), -1)
    rest = {k: v for k, v in values.items() if k not in ("inputs", host.section)}
    return rest, [item for i, item in enumerate(items) if i != place]
