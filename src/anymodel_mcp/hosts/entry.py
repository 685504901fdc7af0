"""The entry of this server in a host's configuration, and the environment in which the host then starts it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, cast

from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.record import record
from anymodel_mcp.redact import Redactor

# what launchd and systemd give to desktop apps; a shell's additions are missing (python-sdk#478, read 2026-11-20)
DESKTOP_PATHS = {
    "darwin": "/usr/bin:/bin:/usr/sbin:/sbin",
    "linux": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}
_REMOTE = frozenset({"url", "httpUrl", "serverUrl", "uri"})
_REFERENCE = re.compile(r"\$\{\{\s*secrets\.([\w-]+)\s*\}\}|\$?\{(?:\w+:)?([\w-]+)(?::-[^}]*)?\}|\$(\w+)|%(\w+)%")
_SECRET_NAME = re.compile(
    r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|AUTH|CREDENTIAL|COOKIE|HEADERS?)S?(_?\d+)?$", re.IGNORECASE
)
# environment sanitization of Gemini CLI 0.61.0, measured 2026-11-20
_SANITIZED = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|AUTH|CREDENTIAL|CREDS|PRIVATE|CERT", re.IGNORECASE)
# Codex 0.169.0 measured 2026-11-20; getDefaultEnvironment of the TypeScript SDK
_UNIX_BASICS = frozenset(
    {"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "LC_ALL", "TMPDIR", "TZ", "__CF_USER_TEXT_ENCODING"}
)
_WINDOWS_BASICS = frozenset(
    {
        "APPDATA",
        "COMSPEC",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "PATHEXT",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMFILES",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "TMP",
        "USERNAME",
        "USERPROFILE",
        "WINDIR",
    }
)
_BASICS = _UNIX_BASICS | _WINDOWS_BASICS


@record
class Variable:
    """An environment variable that is set; `is_key` = its value must not be shown, and is written only on request."""

    name: str
    value: str = field(repr=False)
    is_key: bool


@record
class Entry:
    """The entry to write into the host's file.

    Attributes:
        value: the entry itself.
        inputs: the values that the host asks its user for.
        notes: remarks for the user.
    """

    name: str
    value: Mapping[str, Any] = field(repr=False)
    inputs: Sequence[Mapping[str, Any]] = ()
    notes: tuple[str, ...] = ()


def build_entry(
    host: ConfigurableHost, name: str, command: Sequence[str], variables: Sequence[Variable], *, write_keys: bool
) -> Entry:
    """The entry that makes `host` start `command` with `variables`.

    A key that the host cannot look up is written as text with `write_keys`; otherwise it is left out, with a note.
    """
    keys = [v for v in variables if v.is_key]
    literal = [v for v in keys if host.keys == "literal" or v.name in host.withheld]
    named = [v for v in keys if v not in literal]
    env = {v.name: v.value for v in variables if not v.is_key}
    value: dict[str, Any] = {"name": name} if host.listed or host.names_key == "env_keys" else {}
    value |= host.fixed
    value |= {host.command_key: command[0], host.args_key: list(command[1:])} if host.args_key else {}
    value |= {} if host.args_key else {host.command_key: list(command)}
    if host.keys == "names" and named:
        value[host.names_key] = [v.name for v in named]
    if host.keys in ("reference", "ask"):
        env |= {v.name: host.reference.format(variable=v.name, id=f"{name}-{v.name}") for v in named}
    if write_keys:
        env |= {v.name: v.value for v in literal}
    if env or host.format == "json":
        value[host.env_key] = dict(sorted(env.items()))
    inputs = [_input(name, v) for v in named] if host.keys == "ask" else []
    return Entry(name=name, value=value, inputs=inputs, notes=_notes(host, named, literal, write_keys=write_keys))


def _input(name: str, variable: Variable) -> dict[str, Any]:
    return {
        "type": "promptString",
        "id": f"{name}-{variable.name}",
        "description": f"{variable.name} for {name}",
        "password": True,
    }


def _notes(
    host: ConfigurableHost, named: Sequence[Variable], literal: Sequence[Variable], *, write_keys: bool
) -> tuple[str, ...]:
    notes: list[str] = []
    if named:
        notes.append(f"{_names(named)}: the value is not written; {host.keys_hint.format(title=host.title)}.")
    if literal and write_keys:
        notes.append(
            f"{_names(literal)}: the value is stored unencrypted in this file, because {host.title} cannot look it up."
        )
    elif literal:
        notes.append(
            f"{_names(literal)}: left out, because {host.title} cannot look it up. Store it once for all hosts "
            "with `anymodel-mcp key set PROVIDER`, or use --write-keys to store the value unencrypted in this file."
        )
    return tuple(notes)


def _names(variables: Sequence[Variable]) -> str:
    return ", ".join(v.name for v in variables)


def merge_entry(host: ConfigurableHost, present: Mapping[str, Any] | None, entry: Entry) -> dict[str, Any]:
    """Merges the entry into the present one: fields, variables and keys that the user added are kept.

    An empty list or table that the present entry does not have is left out: some hosts do not write it.
    """
    if present is None or _REMOTE & present.keys():
        return {**entry.value, **host.defaults}
    ours = {key: part for key, part in entry.value.items() if key in present or part not in ({}, [])}
    merged = {**host.defaults, **present, **ours}
    ordered = {k: merged[k] for k in [*present, *merged]}
    kept: Any = present.get(host.env_key)
    if isinstance(kept, dict):
        ours = cast("dict[str, str]", entry.value.get(host.env_key, {}))
        written = {v for v, text in ours.items() if v not in kept or not _REFERENCE.fullmatch(text)}
        ordered[host.env_key] = {**cast("dict[str, Any]", kept), **{v: ours[v] for v in ours if v in written}}
    listed: Any = present.get(host.names_key) if host.names_key else None
    if isinstance(listed, list):
        ours = cast("list[str]", entry.value.get(host.names_key, []))
        ordered[host.names_key] = [*cast("list[Any]", listed), *(n for n in ours if n not in listed)]
    return ordered


def is_same_entry(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether two entries are equal, treating an empty list or table as absent."""
    first, second = ({k: v for k, v in e.items() if v not in ({}, [])} for e in (one or {}, other))
    return first == second


def stored_keys(
    host: ConfigurableHost, value: Mapping[str, Any] | None, secrets: Iterable[str] = ()
) -> tuple[str, ...]:
    """Names of the variables of an entry whose values are keys stored as text: by name, by shape, or in `secrets`."""
    redactor = Redactor(secrets)
    literal = {n: str(text) for n, text in _env(host, value or {}).items() if not _REFERENCE.fullmatch(str(text))}
    return tuple(n for n, text in literal.items() if text and (_SECRET_NAME.search(n) or redactor.clean(text) != text))


def _env(host: ConfigurableHost, value: Mapping[str, Any]) -> dict[str, Any]:
    found: Any = value.get(host.env_key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def server_environment(
    host: ConfigurableHost, value: Mapping[str, Any], environ: Mapping[str, str], platform: str
) -> dict[str, str]:
    """The environment in which the host, itself started in `environ`, starts the server of an entry."""
    given = {n: text for n, text in environ.items() if _is_passed(host, n)}
    if host.desktop and platform in DESKTOP_PATHS:
        given["PATH"] = DESKTOP_PATHS[platform]
    names: Any = value.get(host.names_key) if host.names_key else None
    for name in cast("list[Any]", names) if isinstance(names, list) else []:
        if name in environ:
            given[name] = environ[name]
    for name, text in _env(host, value).items():
        found = _looked_up(host, str(text), environ)
        if found is not None:
            given[name] = found
    return given


def _is_passed(host: ConfigurableHost, name: str) -> bool:
    if name in host.withheld:
        return False
    if host.inherits == "basics":
        return name.upper() in _BASICS
    return host.inherits == "all" or not _SANITIZED.search(name)


def _looked_up(host: ConfigurableHost, text: str, environ: Mapping[str, str]) -> str | None:
    """The value that the server gets; `None` = the host finds nothing under the name that it refers to."""
    match = _REFERENCE.fullmatch(text)
    if host.keys not in ("reference", "ask") or not match:
        return text
    name = next(group for group in match.groups() if group).rpartition("-")[2]  # the id of an input ends in the name
    return None if name in host.withheld else environ.get(name)
