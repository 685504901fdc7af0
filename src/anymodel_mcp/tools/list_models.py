"""`list_models`: lists models, a page at a time, with names to use as `model`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from anymodel_mcp.errors import AnyModelError, ArgumentError, excerpt
from anymodel_mcp.tools.arguments import Arguments, Integer, Name, Query
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.records import model_record
from anymodel_mcp.types import Capability, Json, ModelRecord, Outcome, PriceUnit
from anymodel_mcp.upstream.naming import configured
from anymodel_mcp.upstream.routing import closest

_PAGE = 20
_MOST = 200
_HEAD_BYTES = 1_200
UNIT_WORDS: Mapping[PriceUnit, str] = {
    "picture": "picture",
    "second": "s",
    "minute": "min",
    "million_characters": "M characters",
    "call": "call",
}
"""How a price is written: "$0.04/picture"."""


class ListModelsArguments(Arguments):
    """Arguments of `list_models`."""

    query: Annotated[Query, Field(description="words of the id or name")] | None = None
    provider: Name | None = None
    capability: Capability | None = None
    limit: Annotated[Integer, Field(ge=1)] | None = None
    offset: Annotated[Integer, Field(ge=0)] | None = None
    refresh: bool | None = None


async def list_models(ctx: ToolContext, arguments: ListModelsArguments) -> Outcome:
    """Returns a page of the matching models.

    Raises:
        AnyModelError: nothing is configured, the provider is unknown, or no list is available.
    """
    found, warnings = await _gather(ctx, arguments)
    matching = [m for m in found if _matches(m, arguments)]
    offset = arguments.offset or 0
    page = matching[offset : offset + min(arguments.limit or _PAGE, _MOST)]
    notes = list(warnings)
    if not matching:
        notes.append(_why_empty(arguments, found))
    if offset + len(page) < len(matching):
        notes.append(
            f"{offset + 1} to {offset + len(page)} of {len(matching)}: offset={offset + len(page)} gives the next"
        )
    record: Json = {"models": [model_record(m) for m in page], "total": len(matching), "status": "complete"}
    if len({m.provider for m in page}) == 1:
        record["provider"] = page[0].provider
    if warnings:
        record["warnings"] = list(warnings)
    lines = [_line(m) for m in page]
    if not offset and (head := configured(ctx.models.directory.names, _HEAD_BYTES)):
        lines = [head, "", *lines] if lines else [head]
    return Outcome(text="\n".join(lines), notes=notes, record=record)


def _why_empty(arguments: ListModelsArguments, found: Sequence[ModelRecord]) -> str:
    """Why no model matches, and which arguments match some."""
    if not found:
        return "no provider lists a model: name one as provider/id, or write ids into models of the provider's section"
    query, capability = (arguments.query or "").strip(), arguments.capability
    if not query:
        known = sum(1 for m in found if m.type or m.capabilities)
        return (
            f"none of {len(found)} models is listed as {capability}; of {len(found) - known} the list does not say "
            "what they can do: leave capability out to see them"
        )
    near = closest(query, [f"{m.provider}/{m.id}" for m in found])
    which = f" as {capability}" if capability else ""
    others = (
        sum(1 for m in found if _matches(m, arguments.model_copy(update={"capability": None}))) if capability else 0
    )
    hint = f"; {others} do without capability" if others else f"; closest: {', '.join(near)}" if near else ""
    return f"none of {len(found)} models matches {excerpt(query)!r}{which}{hint}"


async def _gather(ctx: ToolContext, arguments: ListModelsArguments) -> tuple[list[ModelRecord], Sequence[str]]:
    catalog, refresh = ctx.catalog, bool(arguments.refresh)
    line = ctx.call.track("model lists")
    providers = ctx.models.directory.names.providers
    ctx.models.directory.names.check_configured()
    if arguments.provider is None and len(providers) > 1:
        line.phase = f"asking {len(providers)} providers"
        lists = await catalog.all(refresh=refresh)
        missing = [p for p in providers if p not in lists]
        warnings = [w for known in lists.values() for w in known.warnings]
        if missing:
            warnings.append(f"no list from {', '.join(missing)}: `anymodel-mcp doctor` says why")
        return [m for known in lists.values() for m in known.models], warnings
    name = arguments.provider or next(iter(providers))
    if name not in providers:
        near = closest(name, providers)
        raise ArgumentError(
            f"there is no provider {excerpt(name)!r}",
            param="provider",
            fix=f"Did you mean {near[0]!r}?" if near else f"Configured: {', '.join(providers)}.",
        )
    line.phase = f"asking {name}"
    try:
        known = await catalog.models(name, refresh=refresh)
    except AnyModelError as error:
        raise error.with_fields(provider=error.failure.provider or name) from error
    return list(known.models), known.warnings


def _matches(model: ModelRecord, arguments: ListModelsArguments) -> bool:
    if arguments.capability and not _can(model, arguments.capability):
        return False
    text = f"{model.provider}/{model.id} {model.name or ''}".lower()
    return all(word in text for word in re.split(r"\s+", (arguments.query or "").lower().strip()))


def _can(model: ModelRecord, capability: Capability) -> bool:
    """Whether the record has the capability; a model without a type counts as a chat model."""
    return model.type == capability or capability in model.capabilities or (capability == "chat" and model.type is None)


def _line(model: ModelRecord) -> str:
    parts = [f"{model.provider}/{model.id}"]
    if model.name and model.name != model.id:
        parts.append(model.name)
    if model.context_length:
        parts.append(
            f"{model.context_length // 1000}k context"
            if model.context_length >= 1000
            else f"{model.context_length} context"
        )
    words = [c for c in model.capabilities if c != "chat"]
    if model.type and model.type != "chat" and model.type not in words:
        words.insert(0, model.type)
    if words:
        parts.append(" ".join(words))
    price = model.price_per_million
    if price and (price.input is not None or price.output is not None):
        known = ["?" if p is None else f"${p:g}" for p in (price.input, price.output)]
        parts.append("/".join(known))
    parts += [f"${amount:g}/{UNIT_WORDS[unit]}" for unit, amount in model.price.items()]
    if model.deprecated_on:
        parts.append(f"ends {model.deprecated_on}")
    return " · ".join(parts)


TOOL = ToolSpec(
    name="list_models",
    description="Models that can be called, 20 a page: context, abilities, price ($ per million tokens).",
    arguments=ListModelsArguments,
    run=list_models,
)
