"""Notes about names: what is configured, which model answered instead, which others could. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.greeting import visible
from anymodel_mcp.redact import one_line, shorten
from anymodel_mcp.types import ModelRecord
from anymodel_mcp.upstream.routing import ModelNames, Target

_MOST_NAMES = 5
_NAME_CHARS = 100


def unknown_provider(names: ModelNames, name: str | None) -> str:
    """The part of a model name before the slash, if it is neither a configured provider nor an alias; else ""."""
    prefix, slash, model = (name or "").strip().partition("/")
    known = not slash or not prefix or not model or prefix in names.providers or name in names.aliases
    return "" if known else prefix


def near_name(names: ModelNames, name: str) -> str:
    """The name with the configured provider that is closest to the one in it; "" = none is close."""
    prefix, _, model = name.strip().partition("/")
    near = difflib.get_close_matches(prefix.lower(), names.providers, n=1, cutoff=0.6)
    return f"{near[0]}/{model}" if near else ""


def near_provider(names: ModelNames, name: str) -> str:
    """The result of `near_name` if the provider of the name is not configured; else ""."""
    return near_name(names, name) if unknown_provider(names, name) else ""


def routing_note(names: ModelNames, name: str | None, target: Target, listed: Collection[str]) -> str:
    """A note on which model answered if the named provider is not configured; else "".

    Args:
        names: what the configuration says of names.
        name: as the caller wrote it.
        target: the model that answered.
        listed: the ids that its provider is known to list; no note is needed for those.
    """
    prefix = unknown_provider(names, name)
    if not name or not prefix or target.model in listed:
        return ""
    near = near_name(names, name)
    hint = f"; did you mean {shorten(one_line(near), _NAME_CHARS)}?" if near else ""
    who = f"{target.provider}, as its model {shorten(one_line(target.model), _NAME_CHARS)!r}"
    return f"no provider {shorten(one_line(prefix), _NAME_CHARS)!r} is configured: answered by {who}{hint}"


def sees_no_pictures(record: ModelRecord | None) -> bool:
    """Whether a model is known not to take pictures: its record lists the input modalities, without pictures."""
    if record is None or "vision" in record.capabilities:
        return False
    return bool(record.input_modalities) and not {"image", "vision", "images"} & set(record.input_modalities)


def seeing_models(lists: Mapping[str, Sequence[ModelRecord]]) -> list[str]:
    """Some models that are known to have vision."""
    return [f"{p}/{m.id}" for p, models in lists.items() for m in models if "vision" in m.capabilities][:_MOST_NAMES]


def other_makers(names: ModelNames, needed: frozenset[str], but: str) -> str:
    """A sentence with the configured providers that make pictures.

    Args:
        names: what the configuration says of names.
        needed: the feature that a provider must not lack.
        but: the provider that lacks it; "" = none was named.
    """
    able = [name for name in names.providers if name != but and not needed & names.lacks.get(name, frozenset())]
    what = "edits pictures" if "image_edits" in needed else "makes pictures"
    if able and but:
        return f"Name a model of another provider: {', '.join(able)}."
    if able:
        return f"Configured providers that may make pictures: {', '.join(able)}."
    none = f"No {'other ' if but else ''}configured provider {what}."
    return f"{none} To add one, the user runs `anymodel-mcp setup --provider openai`, or with another provider's name."


def cannot_see(target: Target, seeing: Sequence[str]) -> ArgumentError:
    """The error for a model without vision, with some that have it."""
    others = f"Models that can see: {', '.join(seeing)}."
    return ArgumentError(
        f"{target.name} does not see pictures, as its provider's list says: nothing was sent",
        param="images",
        fix=others if seeing else 'list_models(capability="vision") shows which can.',
        provider=target.provider,
        model=target.model,
    )


def configured(names: ModelNames, most_bytes: int) -> str:
    """Lists defaults, aliases and providers within a number of bytes; counts what is left out."""
    return visible.configured(names.defaults, names.aliases, names.providers, most_bytes, one_line)
