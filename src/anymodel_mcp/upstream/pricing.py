"""The cost of a call: the provider's own figure, else tokens times the price in its model list."""

from __future__ import annotations

from dataclasses import replace

from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.types import Usage
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.routing import Target

LIST_WAIT_S = 1.0


async def add_cost(catalog: Catalog, target: Target, usage: Usage | None) -> Usage | None:
    """Adds the cost to the usage, if known.

    An unknown list that may contain prices is requested, and waited for at most `LIST_WAIT_S` seconds. The
    call cannot be cancelled meanwhile: its answer is paid for and not delivered yet.
    """
    if usage is None or usage.cost is not None or usage.input is None or usage.output is None:
        return usage
    if catalog.lists_prices(target.provider):
        with uninterrupted():
            await catalog.soon(target.provider, wait_s=LIST_WAIT_S)
    record = catalog.known(target)
    price = record.price_per_million if record else None
    if price is None or price.input is None or price.output is None:
        return usage
    return replace(usage, cost=round((usage.input * price.input + usage.output * price.output) / 1e6, 10))
