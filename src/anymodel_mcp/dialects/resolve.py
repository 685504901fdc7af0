"""From layers to one complete `Dialect`; a later layer wins.

Defaults, what a family of models has everywhere, the provider's row, what a family has at this very provider, the user.
"""

from __future__ import annotations

from dataclasses import replace

from anymodel_mcp.dialects.families import FAMILIES
from anymodel_mcp.dialects.fields import Dialect, ProviderRow, Quirks
from anymodel_mcp.dialects.providers import PROVIDERS

_DEFAULTS = Dialect()


def find_row(name: str) -> ProviderRow | None:
    """The row of that name, if there is one."""
    return PROVIDERS.get(name)


def resolve(row: str, model: str, user: Quirks) -> Dialect:
    """The habits of one model at one provider.

    Args:
        row: name of a row; an unknown one has the defaults.
        model: the provider's own id.
        user: what the configuration says of this provider.
    """
    found = [family for family in FAMILIES if family.holds(row, model)]
    layers = [family.quirks for family in found if not family.rows]
    if known := PROVIDERS.get(row):
        layers.append(known.quirks)
    layers += [family.quirks for family in found if family.rows]
    dialect = _DEFAULTS
    for layer in (*layers, user):
        dialect = replace(dialect, **layer)
    return dialect
