"""Providers as rows: address, key variable, source, date of the source, quirks. To add one: one row.

`quirks` name only what differs from `Dialect()`, and only where a difference loses something; a parameter that a
provider merely refuses is learned from the refusal (`wire/repair.py`). `lacks` is for tables and advice: nothing is
refused because of it. `docs_url` is where the provider documents itself; `checked` is the date of the survey (of
documentation, recordings, source code, issue threads) that the row rests on. What the survey does not cover (some key
variables, `lacks`, `file_parts`, `structured`, `vision_urls`, stop limits) is set to what fails least and is not confirmed by
a live call.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from anymodel_mcp.dialects import gateways, local_servers, vendors
from anymodel_mcp.dialects.fields import ProviderRow

PROVIDERS: Mapping[str, ProviderRow] = MappingProxyType(
    {row.name: row for row in (*gateways.ROWS, *vendors.ROWS, *local_servers.ROWS)}
)
"""All rows, by name."""
