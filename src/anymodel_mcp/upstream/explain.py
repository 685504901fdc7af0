"""Completes errors with names, and with what would work instead."""

from __future__ import annotations

import re
from collections.abc import Mapping

from anymodel_mcp.errors import AnyModelError, ProviderError
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.naming import near_provider, seeing_models
from anymodel_mcp.upstream.routing import ModelNames, Target, closest

_ABOUT_PICTURES = re.compile(r"image|vision|multimodal|picture", re.IGNORECASE)


class Explainer:
    """Adds facts from the configuration and the model lists to errors.

    Args:
        catalog: the providers' model lists.
        names: the configured model names.
        key_sources: provider -> the origin of its key, as a sentence.
    """

    def __init__(self, catalog: Catalog, names: ModelNames, key_sources: Mapping[str, str]) -> None:
        self._catalog = catalog
        self._names = names
        self._key_sources = key_sources

    async def explain(self, error: AnyModelError, target: Target) -> AnyModelError:
        """Adds provider, model and advice to an error: closest names, the key's origin, models with vision."""
        if not isinstance(error, ProviderError):
            return error
        failure = error.failure
        error.with_fields(provider=failure.provider or target.provider, model=failure.model or target.model or None)
        if failure.kind == "model_not_found":
            return error.with_fields(fix=await self._closest(target))
        if failure.kind == "auth":
            where = self._key_sources.get(target.provider, "")
            return error.with_fields(fix=f"Check the key of {target.provider}. {where}".strip())
        if _ABOUT_PICTURES.search(failure.message) and failure.kind in (
            "bad_request",
            "unsupported_parameter",
            "server",
        ):
            seeing = await self._seeing()
            if seeing:
                return error.with_fields(fix=f"Models that can see: {', '.join(seeing)}.")
        return error

    async def _closest(self, target: Target) -> str:
        known = await self._catalog.soon(target.provider)
        near = closest(target.model, [m.id for m in known.models] if known else [])
        hint = f"Closest that it has: {', '.join(near)}." if near else "list_models shows what it has."
        other = near_provider(self._names, target.model)
        return f"Did you mean {other}? {hint}" if other else hint

    async def _seeing(self) -> list[str]:
        return seeing_models({p: known.models for p, known in (await self._catalog.all()).items()})
