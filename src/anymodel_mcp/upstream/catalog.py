"""The providers' model lists: asked for when they are needed, kept for an hour, in memory and in the store."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

import anyio

from anymodel_mcp.config import ProviderSettings
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.state import Store
from anymodel_mcp.types import Json, ModelList, ModelRecord, Price
from anymodel_mcp.upstream import endpoints
from anymodel_mcp.upstream.endpoints import Endpoint
from anymodel_mcp.upstream.routing import Target
from anymodel_mcp.wire.urls import same_host

FRESH_S = 3600.0
WAIT_S = 5.0
_SORE_S = 60.0


@dataclass(frozen=True, slots=True)
class _Known:
    fetched: float
    list: ModelList | None


class Catalog:
    """What there is to call.

    Args:
        providers: the configured ones.
        store: keeps lists over restarts.
        endpoint: makes a target ready to be asked.
        clean: removes keys from what is kept.
    """

    def __init__(
        self,
        providers: Mapping[str, ProviderSettings],
        store: Store,
        endpoint: Callable[[Target], Awaitable[Endpoint]],
        clean: Callable[[Json], Json],
    ) -> None:
        self._providers = providers
        self._store = store
        self._endpoint = endpoint
        self._clean = clean
        self._lists: dict[str, _Known] = {}

    async def models(self, provider: str, *, refresh: bool = False) -> ModelList:
        """One provider's models, at most an hour old.

        Args:
            provider: a configured one.
            refresh: the list is asked for anew, however young the known one is.

        Raises:
            AnyModelError: the list cannot be had.
        """
        if not refresh:
            known = self._lists.get(provider) or await self._stored(provider)
            if known.list is not None and time.time() - known.fetched < FRESH_S:
                self._lists[provider] = known
                return known.list
        fresh = await endpoints.list_models(await self._endpoint(Target(provider, "")))
        now = time.time()
        self._lists[provider] = _Known(now, fresh)
        with suppress(AnyModelError):  # a list that cannot be kept can still be used
            content = self._clean({"models": [asdict(m) for m in fresh.models]})
            await self._store.save_models(self._place(provider), now, content)
        return fresh

    async def all(self, *, refresh: bool = False) -> dict[str, ModelList]:
        """The lists of all providers that have one, asked side by side; who is slow or fails is left out for now."""
        found: dict[str, ModelList] = {}

        async def ask(provider: str) -> None:
            known = await self.soon(provider, refresh=refresh)
            if known is not None:
                found[provider] = known

        async with anyio.create_task_group() as group:
            for provider in self._providers:
                group.start_soon(ask, provider)
        return {p: found[p] for p in self._providers if p in found}

    def lists_prices(self, provider: str) -> bool:
        """Whether its list may name prices: its row says so; of an address without a row nobody knows."""
        settings = self._providers[provider]
        row = PROVIDERS.get(settings.dialect)
        return row.list_prices if row and row.base_url and same_host(row.base_url, settings.base_url) else True

    async def soon(self, provider: str, *, wait_s: float = WAIT_S, refresh: bool = False) -> ModelList | None:
        """One provider's list if it can be had within `wait_s` seconds; who is slow or fails is left alone a while."""
        known = self._lists.get(provider)
        if not refresh and known and known.list is None and time.time() - known.fetched < _SORE_S:
            return None
        try:
            with anyio.fail_after(wait_s):
                return await self.models(provider, refresh=refresh)
        except (AnyModelError, TimeoutError):
            self._lists[provider] = _Known(time.time(), None)
            return None

    def known(self, target: Target) -> ModelRecord | None:
        """A model's record, if its provider's list is known already; asks nobody."""
        known = self._lists.get(target.provider)
        models = known.list.models if known and known.list else ()
        return next((m for m in models if m.id == target.model), None)

    def _place(self, provider: str) -> str:
        """The list of one address says nothing of another."""
        return f"{provider} {self._providers[provider].base_url}"

    async def _stored(self, provider: str) -> _Known:
        try:
            fetched, content = await self._store.load_models(self._place(provider)) or (0.0, None)
            return _Known(
                fetched, ModelList(models=[_model(entry) for entry in content["models"]]) if content else None
            )
        except (AnyModelError, TypeError, KeyError):  # locked, or written by another version: asked for anew
            return _Known(0.0, None)


def _model(entry: Json) -> ModelRecord:
    price: dict[str, float] | None = entry.get("price_per_million")
    record = ModelRecord(**{k: v for k, v in entry.items() if k != "price_per_million"})
    return replace(record, price_per_million=Price(**price) if price else None)
