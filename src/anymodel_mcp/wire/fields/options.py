"""The user's own fields and the provider's refusals, the same for every endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import Json

TOKEN_PARAMS = ("max_tokens", "max_completion_tokens")
"""The two names of one chat limit."""
TOKEN_LIMITS = (*TOKEN_PARAMS, "max_output_tokens")
"""The names of the limit of generated tokens in any API."""

_ESSENTIAL = ("model", "messages", "prompt", "input")


def merge_options(body: dict[str, Any], options: Json) -> None:
    """Lays the user's fields over ours; a null takes our field away, since no provider is sent one."""
    for name, value in options.items():
        if value is None:
            body.pop(name, None)
        else:
            body[name] = value


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
