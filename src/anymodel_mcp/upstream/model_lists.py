"""Requests all pages of a provider's model list."""

from __future__ import annotations

from anymodel_mcp.errors import ProviderError
from anymodel_mcp.types import ModelList, ModelRecord
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.wire.apis import MODELS

_MAX_PAGES = 50


async def list_models(endpoint: Endpoint) -> ModelList:
    """Returns all models that the provider lists; if it has no list, those of the configuration.

    Raises:
        ProviderError: there is no list and none is configured, or the endpoint failed.
    """
    name = endpoint.client.settings.name

    found: dict[str, ModelRecord] = {}
    warnings: list[str] = []
    query: dict[str, str] = {}
    try:
        for _ in range(_MAX_PAGES):
            page, _ = await endpoint.send(MODELS, query)
            fresh = {m.id: m for m in page.models if m.id not in found}
            found |= fresh
            warnings += page.warnings
            if not page.next_page or not fresh:
                break
            query = dict(page.next_page)
    except ProviderError as error:
        if not endpoint.client.settings.models or error.kind not in ("endpoint_not_found", "model_not_found", "config"):
            raise
        warnings.append(f"{name}: the endpoint has no model list; these are the models of the configuration")
    for model in endpoint.client.settings.models:
        found.setdefault(model, ModelRecord(id=model, provider=name, source="config"))
    return ModelList(models=list(found.values()), warnings=tuple(dict.fromkeys(warnings)))
