"""Sends two small requests to a provider with the normal client: its model list, and a one-word chat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import anyio

from anymodel_mcp.config import ProviderSettings, Settings
from anymodel_mcp.errors import AnyModelError, ConfigError, ProviderError
from anymodel_mcp.record import record
from anymodel_mcp.server.services import Services
from anymodel_mcp.types import ChatRequest, Delta, ModelRecord
from anymodel_mcp.upstream.routing import Target

_MAX_TOKENS = 32  # some endpoints refuse less than 16
_SMALL = re.compile(r"nano|mini\b|lite|flash|haiku|small|tiny|\b[1-9]b\b", re.IGNORECASE)
_UNREACHABLE = ("connection", "timeout")


@record
class Probe:
    """The results of the requests.

    Attributes:
        chat_name: the model that was asked; `None` = none was.
        pieces: how many pieces of text or reasoning came before the end.
        first_s: seconds to the first of them.
    """

    models: Sequence[ModelRecord] = ()
    list_error: AnyModelError | None = None
    list_s: float = 0.0
    chat_name: str | None = None
    chat_error: AnyModelError | None = None
    chat_s: float = 0.0
    first_s: float | None = None
    pieces: int = 0
    tokens: int | None = None

    @property
    def unreachable(self) -> AnyModelError | None:
        """The error, if no response arrived or no request could be sent."""
        error = self.list_error
        if error is None or error.failure.status is not None:
            return None
        return error if isinstance(error, ConfigError) or error.kind in _UNREACHABLE else None

    @property
    def refused(self) -> AnyModelError | None:
        """The refusal of the key, if the list already needs one."""
        return self.list_error if self.list_error and self.list_error.kind == "auth" else None

    @property
    def answered(self) -> bool:
        """Whether a model answered."""
        return self.chat_name is not None and self.chat_error is None


async def ask_list(services: Services, provider: str, within_s: float) -> Probe:
    """Requests the model list."""
    started = anyio.current_time()
    error: AnyModelError = ProviderError(
        f"no answer within {within_s:g} s",
        kind="timeout",
        fix="Check base_url, whether the server is running, and whether a proxy is needed.",
    )
    with anyio.move_on_after(within_s):
        try:
            found = await services.catalog.models(provider, refresh=True)
            return Probe(models=found.models, list_s=anyio.current_time() - started)
        except AnyModelError as failure:
            error = failure
    return Probe(list_error=error, list_s=anyio.current_time() - started)


async def ask_chat(services: Services, provider: str, model: str, probe: Probe) -> Probe:
    """Asks a model for one word, streamed."""
    started = anyio.current_time()
    pieces = 0

    def count(deltas: Sequence[Delta]) -> None:
        nonlocal pieces
        pieces += len(deltas)

    request = ChatRequest(model=model, messages=[{"role": "user", "content": "Say: OK"}], max_tokens=_MAX_TOKENS)
    try:
        endpoint = await services.providers.endpoint(Target(provider, model))
        result, stats = await endpoint.send(endpoint.chat, request, count)
    except AnyModelError as error:
        return replace(probe, chat_name=model, chat_error=error, chat_s=anyio.current_time() - started)
    return replace(
        probe,
        chat_name=model,
        chat_s=stats.duration_s,
        first_s=stats.first_delta_s,
        pieces=pieces,
        tokens=result.usage.total if result.usage else None,
    )


def chat_model(settings: Settings, provider: ProviderSettings, models: Sequence[ModelRecord]) -> str | None:
    """A model of this provider that is known to chat: the default one, else the cheapest whose record says so."""
    for name in _defaults(settings):
        head, slash, model = name.partition("/")
        if slash and head == provider.name:
            return model
    if settings.default_model and len(settings.providers) == 1 and settings.default_model not in settings.aliases:
        return settings.default_model
    known = [m for m in models if m.type == "chat"]
    return min(known, key=_dearness).id if known else None


def _defaults(settings: Settings) -> Sequence[str]:
    name = settings.default_model or ""
    aliases = [target for targets in settings.aliases.values() for target in targets]
    return [*settings.aliases.get(name, (name,)), *aliases]


def _dearness(model: ModelRecord) -> tuple[float, bool]:
    """Dollars for a million tokens out, then what the name says; who names no price, or none at all, comes after."""
    price = model.price_per_million.output if model.price_per_million else None
    return price or 1e9, _SMALL.search(model.id) is None
