"""`models`: prints the models as a table, with the same search as the tool `list_models`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anymodel_mcp.app import open_services
from anymodel_mcp.calls.call import Call
from anymodel_mcp.cli.screen import Terminal, no_provider, remark, report_error, write_json
from anymodel_mcp.cli.tables import show_table
from anymodel_mcp.cli.tool_call import HOST
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.record import record
from anymodel_mcp.server.services import Services
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.list_models import UNIT_WORDS, ListModelsArguments, list_models
from anymodel_mcp.types import Json

_PAGE = 200
_COLUMNS = ("model", "can", "context", "$/M in", "$/M out", "note")


@record
class Search:
    """Which models to show; `limit` 0 = all."""

    query: str | None = None
    provider: str | None = None
    capability: str | None = None
    limit: int = 50
    refresh: bool = False
    as_json: bool = False


async def models(terminal: Terminal, settings: Settings, search: Search) -> int:
    """Prints the matching models; returns the exit status."""
    if not settings.providers:
        return report_error(terminal, "no model list", no_provider())
    async with open_services(
        settings, redactor=terminal.redactor, transport=terminal.transport, data_dir=terminal.data_dir
    ) as services:
        try:
            found, total, notes = await _search(services, search)
        except AnyModelError as error:
            return report_error(terminal, "no model list", error)
    if search.as_json:
        write_json(terminal, {"models": list(found), "total": total, **({"notes": list(notes)} if notes else {})})
        return 0
    if found:
        show_table(terminal, _COLUMNS, [_row(m) for m in found], right=frozenset({2, 3, 4}))
    for note in notes:
        remark(terminal, note, "yellow")
    if len(found) < total:
        remark(terminal, f"{len(found)} of {total}: add a word to search for, or --limit 0 for all")
    return 0


async def _search(services: Services, search: Search) -> tuple[Sequence[Json], int, Sequence[str]]:
    """Returns the records, the number of all matches, and remarks about the lists."""
    found: list[Json] = []
    while True:
        left = search.limit - len(found) if search.limit else _PAGE
        given = {
            "query": search.query,
            "provider": search.provider,
            "capability": search.capability,
            "limit": min(left, _PAGE),
            "offset": len(found),
            "refresh": (search.refresh and not found) or None,
        }
        arguments = parse(ListModelsArguments, given, frozenset())
        context = services.context(Call("list_models", HOST))
        outcome = await list_models(context, arguments)
        record: dict[str, Any] = outcome.record or {}
        found += record["models"]
        total: int = record["total"]
        if not record["models"] or len(found) >= total or (search.limit and len(found) >= search.limit):
            notes = [n for n in outcome.notes if "gives the next" not in n]
            return found, total, notes


def _row(model: Json) -> Sequence[str]:
    words: list[str] = [c for c in model.get("capabilities", []) if c != "chat"]
    kind = model.get("type")
    if kind and kind not in words:
        words.insert(0, kind)
    price: Json = model.get("price_per_million") or {}
    prices: Json = model.get("price") or {}
    notes = [f"${amount:g}/{words}" for unit, words in UNIT_WORDS.items() if (amount := prices.get(unit))]
    notes += [f"ends {model['deprecated_on']}"] if model.get("deprecated_on") else []
    return (
        f"{model.get('provider')}/{model['id']}",
        " ".join(words),
        _length(model.get("context_length")),
        _dollars(price.get("input")),
        _dollars(price.get("output")),
        ", ".join(notes),
    )


def _length(tokens: int | None) -> str:
    if not tokens:
        return ""
    if tokens >= 1_000_000:
        return f"{tokens / 1_000_000:.3g}M"
    return f"{tokens // 1000}k" if tokens >= 1000 else str(tokens)


def _dollars(price: float | None) -> str:
    return "" if price is None else f"{price:g}"
