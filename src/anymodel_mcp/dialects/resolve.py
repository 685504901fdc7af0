"""Merges layers into one complete `Dialect`; a later layer wins.

Defaults, what a family of models has everywhere, the provider's row, the API of the turn (in general, at this provider,
for a family), what a family has at this very provider, the user.
"""

from __future__ import annotations

from dataclasses import replace

from anymodel_mcp.dialects.families import FAMILIES
from anymodel_mcp.dialects.fields import ApiName, Dialect, ProviderRow, Quirks
from anymodel_mcp.dialects.native import API_QUIRKS
from anymodel_mcp.dialects.providers import PROVIDERS

_DEFAULTS = Dialect()


def find_row(name: str) -> ProviderRow | None:
    """The row of that name, if there is one."""
    return PROVIDERS.get(name)


def resolve(row: str, model: str, user: Quirks, api: ApiName = "chat") -> Dialect:
    """The complete dialect of one model at one provider.

    Args:
        row: name of a row; an unknown one has the defaults.
        model: the provider's own id.
        user: the quirks configured for this provider.
        api: the provider's API for chat turns, unless a family or the user names another one for this model.
    """
    found = [family for family in FAMILIES if family.holds(row, model)]
    known = PROVIDERS.get(row)
    api = _named_api(user, *(family.quirks for family in reversed(found))) or api
    layers = [family.quirks for family in found if not family.rows and family.api is None]
    layers += [known.quirks] if known else []
    layers += [API_QUIRKS.get(api, {})]
    layers += [known.apis[api].quirks] if known and api in known.apis else []
    layers += [family.quirks for family in found if not family.rows and family.api == api]
    layers += [family.quirks for family in found if family.rows and family.api in (None, api)]
    dialect = _DEFAULTS
    for layer in (*layers, user):
        dialect = replace(dialect, **layer)
    return dialect


def can_search(row: ProviderRow) -> bool:
    """Whether some models of a provider can search the web, through some API."""
    layers = [row.quirks, row.own, *(access.quirks for access in row.apis.values())]
    layers += [family.quirks for family in FAMILIES if row.name in family.rows]
    return any(layer.get("search", "none") != "none" or layer.get("search_api") for layer in layers)


def _named_api(*layers: Quirks) -> ApiName | None:
    """The API that the first of these layers names."""
    return next((api for layer in layers if (api := layer.get("api"))), None)
