"""Merges the user's own fields and removes refused ones, for every endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_object

TOKEN_PARAMS = ("max_tokens", "max_completion_tokens")
"""The two names of the token limit in chat."""
TOKEN_LIMITS = (*TOKEN_PARAMS, "max_output_tokens")
"""The names of the token limit in any API."""

_SHARED = frozenset(
    (
        "text",
        "reasoning",
        "response_format",
        "thinking",
        "parameters",
        "stream_options",
        "output_config",
        "generationConfig",
        "toolConfig",
    )
)
"""Objects that both our arguments and the user's options may set."""

_RIVALS = {"reasoning": frozenset(("effort", "max_tokens"))}
"""Keys of such an object that exclude each other."""

_NESTED = ("temperature", "top_p", "enable_thinking", "thinking_budget", "enable_search")
"""Our fields that belong to the model and not to the API."""

_ESSENTIAL = ("model", "messages", "prompt", "input")


def merge_options(body: dict[str, Any], options: Json) -> list[str]:
    """Merges the user's fields over ours; returns a warning for each argument that they replace.

    An object that an argument also sets (`text`, `reasoning`, `response_format`, `thinking`, `parameters`) is
    merged key by key, and the user's keys win. A null removes our field, since nulls are never sent.
    """
    warnings: list[str] = []
    for name, value in options.items():
        ours = body.get(name)
        if value is None:
            body.pop(name, None)
        elif name in _SHARED and isinstance(ours, dict) and isinstance(value, dict):
            body[name] = _merged(name, as_object(ours), as_object(value), warnings)
        else:
            if name in _SHARED and ours is not None and ours != value:
                warnings.append(_replaced(name))
            body[name] = value
    return warnings


def _merged(name: str, ours: Json, theirs: Json, warnings: list[str]) -> Json:
    """Merges both objects; returns the user's alone if they cannot be merged."""
    rivals = _RIVALS.get(name, frozenset())
    exclusive = rivals & ours.keys() and rivals & theirs.keys() - ours.keys()
    if exclusive or ("type" in theirs and "type" in ours and theirs["type"] != ours["type"]):
        warnings.append(_replaced(name))
        return {key: value for key, value in theirs.items() if value is not None}
    warnings += [_replaced(f"{name}.{key}") for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]]
    return {key: value for key, value in {**ours, **theirs}.items() if value is not None}


def _replaced(name: str) -> str:
    return f"{name} of options replaced the value of an argument"


def protected_names(options: Json, form_only: Iterable[str] = ()) -> frozenset[str]:
    """The fields that no repair may change.

    Args:
        options: the user's own.
        form_only: fields that select only the form of the bytes, all of which are decoded: dropping them
            loses nothing of the answer, so a refusal may still be repaired (with a warning).
    """
    return frozenset(name for name, value in options.items() if value is not None) - frozenset(form_only)


def drop_refused(body: dict[str, Any], dialect: Dialect) -> list[str]:
    """Removes what this provider is known to refuse; returns a warning for each."""
    dropped = [name for name in body if name in dialect.drop_params and name not in _ESSENTIAL]
    for name in dropped:
        del body[name]
    return [f"{name} was left out: this provider does not support it" for name in dropped]


def nest_fields(body: dict[str, Any], dialect: Dialect) -> None:
    """Moves the model's own fields into the object where this provider expects them."""
    if not dialect.fields_in:
        return
    nested = {name: body.pop(name) for name in _NESTED if name in body}
    if nested:
        body[dialect.fields_in] = nested
