"""A user's quirks, checked against the types of `Quirks`."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from anymodel_mcp.config.values import Found, Layers, meant, split_list, variable_of
from anymodel_mcp.dialects.fields import QUIRK_NAMES, Quirks

_AT_LEAST_ONE = ("embed_batch",)
_WORDS: Mapping[Any, str] = {
    str: "a string",
    bool: "true or false",
    int: "a whole number, at least 0",
    float: "a number",
}


def read_quirks(layers: Layers, section: str, table: Mapping[str, Any]) -> Quirks:
    """Reads the quirks of one provider from the file and the environment.

    Raises:
        ConfigError: an unknown name (with the closest one), or a value of the wrong type (with what is allowed).
    """
    layers.check_keys(section, table, QUIRK_NAMES)
    start = variable_of(section, "") + "_"
    named = (
        {start + name.upper(): name for name in QUIRK_NAMES} if any(v.startswith(start) for v in layers.environ) else {}
    )
    given = [(name, layers.file_origin, value) for name, value in table.items()]
    for variable, name in named.items():
        if text := meant(layers.environ.get(variable)):
            given.append((name, f"environment {variable}", text))
    if not given:
        return {}
    types = get_type_hints(Quirks)
    read: dict[str, Any] = {}
    for name, origin, value in given:
        found = Found(name=f"{section}.{name}", origin=origin, value=value)
        typed = _from_text(value, types[name]) if origin.startswith("environment") else value
        fitted = _fit(typed, types[name])
        if fitted is _WRONG:
            raise found.wrong(f"must be {_wanted(types[name])}", show=True)
        if name in _AT_LEAST_ONE and not fitted:
            raise found.wrong("must be a whole number, at least 1", show=True)
        read[name] = fitted
        layers.origins[found.name] = origin
    return cast("Quirks", read)


_WRONG = object()


def _fit(value: Any, wanted: Any) -> Any:
    """Converts a value to a type; returns `_WRONG` if it does not fit."""
    origin = get_origin(wanted)
    if origin in (Union, UnionType):
        if value == "none":  # TOML has no null
            return None
        fitted = (_fit(value, one) for one in get_args(wanted) if one is not type(None))
        return next((f for f in fitted if f is not _WRONG), _WRONG)
    if origin is Literal:
        return value if isinstance(value, str) and value in get_args(wanted) else _WRONG
    if origin in (frozenset, tuple):
        return _fit_all(value, origin, get_args(wanted)[0])
    if wanted is float:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else _WRONG
    if wanted is int:
        return value if type(value) is int and value >= 0 else _WRONG
    return value if type(value) is wanted else _WRONG


def _fit_all(value: Any, kind: Any, wanted: Any) -> Any:
    if not isinstance(value, list):
        return _WRONG
    items = [_fit(item, wanted) for item in cast("list[Any]", value)]
    return _WRONG if any(item is _WRONG for item in items) else kind(items)


def _wanted(wanted: Any) -> str:
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return " or ".join([*(_wanted(one) for one in args if one is not type(None)), '"none"'])
    if origin is Literal:
        return " or ".join(f'"{word}"' for word in args)
    if origin in (frozenset, tuple):
        return f"a list, each item {_wanted(args[0])}"
    return _WORDS[wanted]


def _from_text(text: str, wanted: Any) -> Any:
    """Converts the text of a variable towards the type, as far as it fits."""
    origin = get_origin(wanted)
    if origin in (frozenset, tuple):
        return split_list(text)
    kinds = get_args(wanted) if origin in (Union, UnionType) else (wanted,)
    if bool in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if int in kinds or float in kinds:
        try:
            return int(text) if int in kinds else float(text)
        except ValueError:
            return text
    return text
