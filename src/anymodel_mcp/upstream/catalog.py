"""The providers' model lists: requested when they are needed, at most an hour old where that is possible.

The last good list of a provider stays, in memory and in the store, until a newer one replaces it: a provider that
cannot be reached for a while must not change where a model name leads. One request at a time asks a provider for
its list; concurrent callers wait for the same response.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import partial

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup

from anymodel_mcp.config import ProviderSettings
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.redact import one_line
from anymodel_mcp.state import Store
from anymodel_mcp.types import Json, ModelList, ModelRecord, Price
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.model_lists import list_models
from anymodel_mcp.upstream.routing import Target
from anymodel_mcp.upstream.shared import SharedWork
from anymodel_mcp.wire.urls import same_host

FRESH_S = 3600.0
WAIT_S = 5.0
_SORE_S = 60.0


@dataclass(slots=True)
class _Known:
    """The state of one provider's list; times are seconds since the epoch.

    Attributes:
        list: the last good one.
        fetched: when it was requested.
        failed: when a request for a newer one last failed, or took too long.
        read: whether the store was read.
    """

    fetch: SharedWork[ModelList]
    list: ModelList | None = None
    fetched: float = 0.0
    failed: float = 0.0
    read: bool = False


class Catalog:
    """The models of all providers.

    Args:
        providers: the configured ones.
        store: keeps lists over restarts.
        endpoint: opens the endpoint of a target.
        clean: removes keys from stored lists.
        group: in which lists are requested, so that they outlive the call that needs them first.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        providers: Mapping[str, ProviderSettings],
        store: Store,
        endpoint: Callable[[Target], Awaitable[Endpoint]],
        clean: Callable[[Json], Json],
        group: TaskGroup,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._providers = providers
        self._store = store
        self._endpoint = endpoint
        self._clean = clean
        self._group = group
        self._clock = clock
        self._lists = {name: _Known(SharedWork(group, partial(self._fetch, name))) for name in providers}

    async def models(self, provider: str, *, refresh: bool = False) -> ModelList:
        """One provider's models, at most an hour old; if no newer list is available, an older one with a warning.

        Args:
            provider: a configured one.
            refresh: request the list regardless of the age of the known one.

        Raises:
            AnyModelError: there is no list, and none was ever received.
        """
        known = await self._known(provider)
        if known.list is not None and not refresh and self._clock() - known.fetched < FRESH_S:
            return known.list
        try:
            return await known.fetch()
        except AnyModelError as error:
            if known.list is None:
                raise
            return _aged(known.list, provider, self._clock() - known.fetched, error)

    async def all(self, *, refresh: bool = False) -> dict[str, ModelList]:
        """The lists of all providers that have one, requested in parallel; see `soon`."""
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
        """Whether its list may contain prices: as its row says; unknown, hence true, for an address without a row."""
        settings = self._providers[provider]
        row = PROVIDERS.get(settings.dialect)
        return row.list_prices if row and row.base_url and same_host(row.base_url, settings.base_url) else True

    async def soon(self, provider: str, *, wait_s: float = WAIT_S, refresh: bool = False) -> ModelList | None:
        """One provider's list within `wait_s` seconds; the last good one if a newer one does not arrive in time.

        A provider that fails or is slow is not asked again for a minute. `None` = no list was ever received.
        """
        known = self._lists[provider]
        with anyio.move_on_after(wait_s) as waiting:
            known = await self._known(provider)
            if not refresh and self._clock() - known.failed < _SORE_S:
                return known.list
            with suppress(AnyModelError):
                return await self.models(provider, refresh=refresh)
        if waiting.cancelled_caught:
            known.failed = self._clock()
        return known.list

    def known(self, target: Target) -> ModelRecord | None:
        """A model's record, if its provider's list is already known; sends no request."""
        known = self._lists.get(target.provider)
        models = known.list.models if known and known.list else ()
        return next((m for m in models if m.id == target.model), None)

    async def record(self, target: Target) -> ModelRecord | None:
        """A model's record, if its provider's list was ever received, also in earlier processes; sends no request."""
        await self._known(target.provider)
        return self.known(target)

    def seen(self) -> dict[str, Sequence[ModelRecord]]:
        """The models of all known lists; sends no request."""
        return {provider: known.list.models for provider, known in self._lists.items() if known.list}

    async def _fetch(self, provider: str) -> ModelList:
        known = self._lists[provider]
        try:
            fresh = _on_one_line(await list_models(await self._endpoint(Target(provider, ""))))
        except AnyModelError:
            known.failed = self._clock()
            raise
        known.list, known.fetched, known.failed = fresh, self._clock(), 0.0
        self._group.start_soon(self._save, provider, fresh, known.fetched)
        return fresh

    async def _save(self, provider: str, fresh: ModelList, fetched: float) -> None:
        with suppress(AnyModelError):  # a list that cannot be stored can still be used
            content = await anyio.to_thread.run_sync(self._content, fresh)
            await self._store.save_models(self._place(provider), fetched, content)

    def _content(self, fresh: ModelList) -> Json:
        """The stored form of a list; takes seconds of processor time for tens of thousands of models."""
        return self._clean({"models": [asdict(m) for m in fresh.models]})

    async def _known(self, provider: str) -> _Known:
        """The known list; read from the store the first time."""
        known = self._lists[provider]
        if not known.read and known.list is None:
            stored = await self._stored(provider)
            if known.list is None and stored is not None:
                known.fetched, known.list = stored
            known.read = True
        return known

    def _place(self, provider: str) -> str:
        """The key under which a list is stored: lists belong to an address."""
        return f"{provider} {self._providers[provider].base_url}"

    async def _stored(self, provider: str) -> tuple[float, ModelList] | None:
        try:
            found = await self._store.load_models(self._place(provider))
            return (found[0], ModelList(models=[_model(entry) for entry in found[1]["models"]])) if found else None
        except (AnyModelError, TypeError, KeyError, ValueError):  # locked, or written by another version
            return None


def _aged(models: ModelList, provider: str, age_s: float, error: AnyModelError) -> ModelList:
    age = f"{age_s / 3600:.0f} hours" if age_s >= 2 * 3600 else f"{max(age_s, 0) / 60:.0f} minutes"
    warning = f"{provider}: the list could not be refreshed ({error.failure.message}); this one is {age} old"
    return replace(models, warnings=(*models.warnings, warning))


_FIELDS = frozenset(f.name for f in fields(ModelRecord)) - {"price_per_million"}
_PRICE_FIELDS = frozenset(f.name for f in fields(Price))


def _on_one_line(found: ModelList) -> ModelList:
    """Cleans ids and names for a line of text, because they come from the provider."""
    models = [replace(m, id=one_line(m.id), name=one_line(m.name) if m.name else None) for m in found.models]
    warnings = tuple(one_line(w) for w in found.warnings)
    return replace(found, models=[m for m in models if m.id], warnings=warnings)


def _model(entry: Json) -> ModelRecord:
    """Loads a stored record; fields added by a newer version are ignored."""
    price: dict[str, float] | None = entry.get("price_per_million")
    known = {k: v for k, v in entry.items() if k in _FIELDS}
    prices = {k: v for k, v in price.items() if k in _PRICE_FIELDS} if price else {}
    return ModelRecord(**known, price_per_million=Price(**prices) if price else None)
