"""Model list requests, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.wire.exchange import WireRequest

Page = Mapping[str, str]
"""The query that selects a page; empty for the first."""


def build_models(page: Page, dialect: Dialect) -> WireRequest:
    """One page of the model list."""
    return WireRequest(method="GET", path=dialect.models_path, endpoint="models", query=dict(page))
