"""Reads a provider's key from its value, a variable, a file or a command. No error message contains a key."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from anymodel_mcp.config.settings import Secret
from anymodel_mcp.config.values import Found, Layers, meant, split_list, variable_of
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import record
from anymodel_mcp.wire.decode.json_values import as_list

SOURCES = ("api_key", "api_key_env", "api_key_file", "api_key_command")
"""The fields that name a key; a provider has at most one of them."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")
_NO_TEXT = "it is not a text file"
_VARIABLE = re.compile(r"[A-Za-z_]\w*")


@record
class Key:
    """A key, the command that prints it, or a hint about what to set.

    Attributes:
        file_field: the field of the file that names this key; `None` = it comes from the environment, or there is none.
    """

    secret: Secret | None = None
    command: tuple[str, ...] = ()
    hint: str = ""
    file_field: str | None = None


def clean_key(found: Found) -> Secret:
    """Returns a key in the form for a header: without surrounding white space and quotes.

    Raises:
        ConfigError: it contains characters that a header cannot contain.
    """
    text = str(found.value).strip()
    if len(text) > 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    text = re.sub(r"^bearer\s+", "", text, flags=re.IGNORECASE)
    if not _SENDABLE.fullmatch(text):
        raise found.wrong("contains white space or characters that a header cannot contain: paste only the key")
    return Secret(text)


def read_key(
    layers: Layers, name: str, table: Mapping[str, Any], own_variable: str | None, read_file: Callable[[str], str]
) -> Key:
    """Reads the key of a provider.

    Args:
        layers: all sources.
        name: the provider's.
        table: its section of the file.
        own_variable: the variable of the known provider, if its key may go to this address.
        read_file: returns the text of a file.

    Raises:
        ConfigError: two sources at once, one that cannot be read, or a key that cannot be sent.
    """
    section = f"providers.{name}"
    if given := _only(section, _in_environment(layers, section), "environment"):
        return _from_source(layers, name, given, read_file)
    if found := _only(section, _in_file(layers, section, table), layers.file_origin):
        key = _from_source(layers, name, found, read_file)
        return replace(key, file_field=_field_of(found, own_variable))
    return _from_variable(layers, name, own_variable) if own_variable else Key(hint=f"set api_key_env in [{section}]")


def _in_environment(layers: Layers, section: str) -> list[Found]:
    """The key fields that are set by a variable."""
    found: list[Found] = []
    for source in SOURCES:
        variable = variable_of(section, source)
        if text := meant(layers.environ.get(variable)):
            listed = source == "api_key_command" and text.startswith("[")
            value = split_list(text) if listed else text
            found.append(Found(name=f"{section}.{source}", origin=f"environment {variable}", value=value))
    return found


def _in_file(layers: Layers, section: str, table: Mapping[str, Any]) -> list[Found]:
    return [
        Found(name=f"{section}.{source}", origin=layers.file_origin, value=table[source])
        for source in SOURCES
        if source in table
    ]


def _field_of(found: Found, own_variable: str | None) -> str | None:
    """The field that names the key, if only the file names it."""
    empty = isinstance(found.value, str) and meant(found.value) is None
    source = found.name.rpartition(".")[2]
    return None if empty or (source == "api_key_env" and found.value == own_variable) else source


def _only(section: str, found: list[Found], place: str) -> Found | None:
    if len(found) > 1:
        first, second = (one.name.removeprefix(f"{section}.") for one in found[:2])
        raise ConfigError(f"[{section}] ({place}) has both {first} and {second}: keep one of them", param=section)
    return found[0] if found else None


def _from_source(layers: Layers, name: str, found: Found, read_file: Callable[[str], str]) -> Key:
    source = found.name.rpartition(".")[2]
    if source == "api_key_command":
        return _from_command(layers, name, found)
    if not isinstance(found.value, str):
        raise found.wrong("must be a string")
    text = meant(found.value)
    if text is None:
        return Key(hint=f"set {found.name} in {layers.file_origin}")
    if source == "api_key":
        return _given(layers, name, text, found.origin)
    if source == "api_key_env":
        if not _VARIABLE.fullmatch(text):
            raise found.wrong("must be the name of a variable, such as WORK_API_KEY; a key itself goes under api_key")
        return _from_variable(layers, name, text)
    return _from_file(layers, name, found, text, read_file)


def _given(layers: Layers, name: str, text: str, origin: str) -> Key:
    layers.origins[f"providers.{name}.api_key"] = origin
    return Key(secret=clean_key(Found(name=f"providers.{name}.api_key", origin=origin, value=text)))


def _from_variable(layers: Layers, name: str, variable: str) -> Key:
    text = meant(layers.environ.get(variable))
    return _given(layers, name, text, f"environment {variable}") if text else Key(hint=f"set {variable}")


def _from_file(layers: Layers, name: str, found: Found, path: str, read_file: Callable[[str], str]) -> Key:
    try:
        text = read_file(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or _NO_TEXT if isinstance(error, OSError | UnicodeError) else error
        raise found.wrong(
            f"names a file that cannot be read ({path!r}: {why}): write the key into it or correct the path"
        ) from error
    if meant(text) is None:
        raise found.wrong(f"names an empty file ({path!r}): write the key into it")
    return _given(layers, name, text.strip(), f"file {path}")


def _from_command(layers: Layers, name: str, found: Found) -> Key:
    value: Any = found.value
    try:
        words = shlex.split(value) if isinstance(value, str) else as_list(value)
    except ValueError as error:
        raise found.wrong(f"is not a command: {error}") from error
    argv = tuple(word for word in words if isinstance(word, str))
    if not argv or len(argv) != len(words) or not argv[0].strip():
        raise found.wrong('must be a command, such as "pass show work" or ["pass", "show", "work"]')
    layers.origins[f"providers.{name}.key_command"] = found.origin
    return Key(command=argv, hint=f"see {found.name} in {found.origin}")
