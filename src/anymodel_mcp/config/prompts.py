"""Reads `[prompts]`: whether prompts are offered, and the user's own, one table each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anymodel_mcp.config.settings import OwnPrompt, PromptSettings
from anymodel_mcp.config.values import Found, Layers, Spec, closest_name, meant, variable_of
from anymodel_mcp.errors import ConfigError

MOST_PROMPTS = 100
_MOST_CHARS = 20_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VARIABLE = re.compile(r"ANYMODEL_PROMPTS_(\w+)_TEXT")
_ENABLED = Spec(kind="bool")
_FIELDS: Mapping[str, Spec] = {
    "text": Spec(
        kind="text",
        lines=True,
        form=re.compile(rf"(?s).{{1,{_MOST_CHARS}}}"),
        wanted=f"a string of at most {_MOST_CHARS} characters",
    ),
    "description": Spec(
        kind="text", form=re.compile(r"[^\n]{0,300}"), wanted="a string of at most 300 characters in one line"
    ),
}


def read_prompts(layers: Layers) -> PromptSettings:
    """Returns the section; a prompt may also come from the variable ANYMODEL_PROMPTS_NAME_TEXT alone.

    Raises:
        ConfigError: a name, a key or a value is not accepted.
    """
    section = layers.table("prompts", layers.file)
    tables = {name: value for name, value in section.items() if name != "enabled"}
    for name, value in tables.items():
        if not isinstance(value, dict) and closest_name(name, ("enabled",)):
            layers.check_keys("prompts", {name: value}, ("enabled",))
        _check_name(Found(name=f"prompts.{name}", origin=layers.file_origin, value=name))
    for name in _from_variables(layers, tables):
        tables[name] = {}
    if len(tables) > MOST_PROMPTS:
        raise ConfigError(
            f"prompts ({layers.file_origin}) holds {len(tables)} prompts; at most {MOST_PROMPTS} are offered",
            param="prompts",
        )
    enabled = layers.get("prompts", "enabled", _ENABLED, section)
    return PromptSettings(enabled=enabled is not False, own={name: _own(layers, name, tables) for name in tables})


def prompt_variables(prompts: PromptSettings) -> set[str]:
    """Returns the names of all variables of the section."""
    names = {variable_of(f"prompts.{name}", key) for name in prompts.own for key in _FIELDS}
    return names | {variable_of("prompts", "enabled")}


def _check_name(found: Found) -> None:
    if not _NAME.fullmatch(str(found.value)):
        raise found.wrong("is no name of a prompt: use at most 64 letters, digits, underscores and hyphens")


def _from_variables(layers: Layers, tables: Mapping[str, Any]) -> list[str]:
    """Names of prompts that only a variable defines, in lower case."""
    taken = {variable_of(f"prompts.{name}", "text") for name in tables}
    found = [m[1].lower() for v, text in layers.environ.items() if (m := _VARIABLE.fullmatch(v)) and meant(text)]
    return [name for name in found if variable_of(f"prompts.{name}", "text") not in taken and _NAME.fullmatch(name)]


def _own(layers: Layers, name: str, tables: Mapping[str, Any]) -> OwnPrompt:
    section = f"prompts.{name}"
    table = layers.table(name, tables, "prompts.")
    layers.check_keys(section, table, _FIELDS)
    text = layers.get(section, "text", _FIELDS["text"], table)
    if not (text or "").strip():
        raise ConfigError(
            f'{section} ({layers.file_origin}) has no text: write text = "...", with {{request}} where the words '
            "typed after the command belong",
            param=f"{section}.text",
        )
    return OwnPrompt(text=text, description=layers.get(section, "description", _FIELDS["description"], table) or "")
