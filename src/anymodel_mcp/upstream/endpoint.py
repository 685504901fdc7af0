"""One model of one provider, ready for requests through any API."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import anyio
import anyio.to_thread

from anymodel_mcp.dialects.fields import ApiName, Dialect
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.record import record
from anymodel_mcp.types import CallStats, ChatRequest, ChatResult
from anymodel_mcp.upstream.call_state import OnDeltas, ignore_deltas
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.wire.apis import CHAT_APIS, Api
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest

Request = TypeVar("Request")
Result = TypeVar("Result")


@record
class Endpoint:
    """One model of one provider.

    Attributes:
        client: sends to the provider.
        dialect: of provider and model.
        model: the provider's own id.
        max_event_bytes: the longest event, and the most text of one answer.
        api: the API for chat turns.
        output_limit: the most tokens that the model generates, if its provider's list is known and says so.
        ends: when everything that is asked here must be complete, by the event loop's clock.
        sleep: waits between the polls of a job.
    """

    client: ProviderClient
    dialect: Dialect
    model: str
    max_event_bytes: int
    api: ApiName = "chat"
    output_limit: int | None = None
    ends: float = math.inf
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep

    @property
    def chat(self) -> Api[ChatRequest, ChatResult]:
        """The API that this model uses for chat turns."""
        return CHAT_APIS[self.api]

    def through(self, api: ApiName) -> Endpoint:
        """The same model through another API of its provider, with the habits that it has there."""
        settings = self.client.settings
        dialect = resolve(settings.dialect, self.model, {**settings.quirks_of(self.model), "api": api}, api)
        return replace(self, api=api, dialect=dialect)

    async def send(
        self, api: Api[Request, Result], request: Request, on_deltas: OnDeltas = ignore_deltas
    ) -> tuple[Result, CallStats]:
        """Sends one request through an API; returns the result.

        Raises:
            AnyModelError: the request cannot be built, or the provider gave no answer.
        """
        options = ReadOptions(
            dialect=self.dialect,
            model=self.model,
            max_event_bytes=self.max_event_bytes,
            provider=self.client.settings.name,
        )

        def read(head: ResponseHead, sent: WireRequest) -> Reader[Result]:
            return api.read(head, sent, options)

        built = await anyio.to_thread.run_sync(api.build, request, self.dialect) if api.apart else None
        wire = replace(built or api.build(request, self.dialect), output_limit=self.output_limit)
        return await self.client.send(wire, read, model=self.model, on_deltas=on_deltas, ends=self.ends)
