"""The entry that a host needs for this server: program, arguments, variables; keys by reference wherever it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from anymodel_mcp.cli.install.rows import HostRow
from anymodel_mcp.cli.install.variables import Variable

_REMOTE = frozenset({"url", "httpUrl", "serverUrl", "uri"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is to stand in the host's file.

    Attributes:
        value: the entry itself.
        inputs: what the host shall ask its user for.
        notes: what a person must know about it.
    """

    name: str
    value: Mapping[str, Any] = field(repr=False)
    inputs: Sequence[Mapping[str, Any]] = ()
    notes: tuple[str, ...] = ()


def build_entry(
    row: HostRow, name: str, command: Sequence[str], variables: Sequence[Variable], *, write_keys: bool
) -> Entry:
    """The entry of `row` that starts `command` with `variables`.

    With `write_keys` a key that the host cannot look up is written in clear; else it is left out, and a note says so.
    """
    keys = [v for v in variables if v.is_key]
    clear = [v for v in keys if row.keys == "clear" or v.name in row.withheld]
    named = [v for v in keys if v not in clear]
    env = {v.name: v.value for v in variables if not v.is_key}
    value: dict[str, Any] = {"name": name} if row.names_key == "env_keys" or row.format.listed else {}
    value |= row.fixed
    value |= {row.command_key: command[0], row.args_key: list(command[1:])} if row.args_key else {}
    value |= {} if row.args_key else {row.command_key: list(command)}
    if row.keys == "names" and named:
        value[row.names_key] = [v.name for v in named]
    if row.keys in ("reference", "ask"):
        env |= {v.name: row.reference.format(variable=v.name, id=f"{name}-{v.name}") for v in named}
    if write_keys:
        env |= {v.name: v.value for v in clear}
    if env or row.format.title == "JSON":
        value[row.env_key] = dict(sorted(env.items()))
    inputs = [_ask(name, v) for v in named] if row.keys == "ask" else []
    return Entry(name=name, value=value, inputs=inputs, notes=_notes(row, named, clear, write_keys=write_keys))


def _ask(name: str, variable: Variable) -> dict[str, Any]:
    return {
        "type": "promptString",
        "id": f"{name}-{variable.name}",
        "description": f"{variable.name} for {name}",
        "password": True,
    }


def _notes(row: HostRow, named: Sequence[Variable], clear: Sequence[Variable], *, write_keys: bool) -> tuple[str, ...]:
    notes: list[str] = []
    if named:
        hint = row.keys_hint.format(title=row.title)
        notes.append(f"{_names(named)}: not written, only named; {hint}.")
    if clear and write_keys:
        why = f"because {row.title} cannot look it up"
        notes.append(f"{_names(clear)}: stands in clear in this file from now on, {why}.")
    elif clear:
        notes.append(
            f"{_names(clear)}: left out, because {row.title} cannot look it up. Name the key in our own configuration "
            "file (api_key_command or api_key_file), or say --write-keys to have it in clear in this file."
        )
    return tuple(notes)


def _names(variables: Sequence[Variable]) -> str:
    return ", ".join(v.name for v in variables)


def merge(row: HostRow, present: Mapping[str, Any] | None, entry: Entry) -> dict[str, Any]:
    """The entry over what stands there: what the user added stays, a key that the user wrote in stays."""
    if present is None or _REMOTE & present.keys():
        return {**entry.value, **row.defaults}
    merged = {**row.defaults, **present, **entry.value}
    ordered = {k: merged[k] for k in [*present, *merged]}
    kept: Any = present.get(row.env_key)
    if isinstance(kept, dict):
        ours = cast("dict[str, str]", entry.value.get(row.env_key, {}))
        fixed = {v for v, text in ours.items() if v not in kept or not _is_reference(text)}
        ordered[row.env_key] = {**cast("dict[str, Any]", kept), **{v: ours[v] for v in ours if v in fixed}}
    listed: Any = present.get(row.names_key) if row.names_key else None
    if isinstance(listed, list):
        ours = cast("list[str]", entry.value.get(row.names_key, []))
        ordered[row.names_key] = [*cast("list[Any]", listed), *(n for n in ours if n not in listed)]
    return ordered


def _is_reference(text: str) -> bool:
    """Whether it is a name to look up: such a thing never takes the place of what the user wrote."""
    return text.startswith(("${", "$", "{env:"))
