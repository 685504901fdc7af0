"""The user's own fields and the provider's refusals, the same for every endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_object

TOKEN_PARAMS = ("max_tokens", "max_completion_tokens")
"""The two names of one chat limit."""
TOKEN_LIMITS = (*TOKEN_PARAMS, "max_output_tokens")
"""The names of the limit of generated tokens in any API."""

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
"""Objects in which fields of ours and of the user meet."""

_RIVALS = {"reasoning": frozenset(("effort", "max_tokens"))}
"""Keys of such an object of which only one may be sent."""

_NESTED = ("temperature", "top_p", "enable_thinking", "thinking_budget", "enable_search")
"""Fields of ours that belong to a model and not to the API."""

_ESSENTIAL = ("model", "messages", "prompt", "input")


def merge_options(body: dict[str, Any], options: Json) -> list[str]:
    """Lays the user's fields over ours; gives a warning for each argument that they replace.

    An object that an argument has written too (`text`, `reasoning`, `response_format`, `thinking`, `parameters`) is
    merged key by key, and the user's keys win. A null takes our field away, since no provider is sent one.
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
    """Both objects in one; where they cannot be one, the user's alone."""
    rivals = _RIVALS.get(name, frozenset())
    exclusive = rivals & ours.keys() and rivals & theirs.keys() - ours.keys()
    if exclusive or ("type" in theirs and "type" in ours and theirs["type"] != ours["type"]):
        warnings.append(_replaced(name))
        return {key: value for key, value in theirs.items() if value is not None}
    warnings += [_replaced(f"{name}.{key}") for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]]
    return {key: value for key, value in {**ours, **theirs}.items() if value is not None}


def _replaced(name: str) -> str:
    return f"{name} of options replaced what an argument had set there"


def protected_names(options: Json, form_only: Iterable[str] = ()) -> frozenset[str]:
    """The fields that no repair may touch.

    Args:
        options: the user's own.
        form_only: fields that choose only the form of the bytes, which are decoded here whatever the form: giving them
            up loses nothing of the answer, so a refusal may still be repaired (with a warning).
    """
    return frozenset(name for name, value in options.items() if value is not None) - frozenset(form_only)


def drop_refused(body: dict[str, Any], dialect: Dialect) -> list[str]:
    """Takes out what this provider is known to refuse; gives a warning for each."""
    dropped = [name for name in body if name in dialect.drop_params and name not in _ESSENTIAL]
    for name in dropped:
        del body[name]
    return [f"{name} was left out: this provider does not take it" for name in dropped]


def nest_fields(body: dict[str, Any], dialect: Dialect) -> None:
    """Moves the model's own fields into the object in which this provider takes them."""
    if not dialect.fields_in:
        return
    nested = {name: body.pop(name) for name in _NESTED if name in body}
    if nested:
        body[dialect.fields_in] = nested
