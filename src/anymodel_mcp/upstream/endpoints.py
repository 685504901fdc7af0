"""One model of one provider, and the calls that need several requests: batches, jobs, pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import anyio

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ProviderError
from anymodel_mcp.types import (
    CallStats,
    ChatRequest,
    ChatResult,
    EmbeddingsRequest,
    EmbeddingsResult,
    ImageRequest,
    ImagesResult,
    ModelList,
    ModelRecord,
    Usage,
)
from anymodel_mcp.upstream.call_state import OnDeltas, ignore_deltas
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.wire.apis import CHAT_APIS, EMBEDDINGS, IMAGES, MODELS, TASKS, Api, ChatApiName
from anymodel_mcp.wire.embeddings.request import split_batches
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest

Request = TypeVar("Request")
Result = TypeVar("Result")

_TICKET_FIRST_WAIT_S = 1.0
_TICKET_MOST_WAIT_S = 10.0
_MOST_PAGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One model of one provider, ready to be asked.

    Attributes:
        client: sends to the provider.
        dialect: how the model is spoken to.
        model: the provider's id of it.
        max_event_bytes: a longer event or answer is refused.
        api: through which the model takes chat turns.
        output_limit: how many tokens the model generates at most, as far as its provider's list is known and says so.
        sleep: waits.
    """

    client: ProviderClient
    dialect: Dialect
    model: str
    max_event_bytes: int
    api: ChatApiName = "chat"
    output_limit: int | None = None
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep

    @property
    def chat(self) -> Api[ChatRequest, ChatResult]:
        """The API through which this model takes chat turns."""
        return CHAT_APIS[self.api]

    async def send(
        self, api: Api[Request, Result], request: Request, on_deltas: OnDeltas = ignore_deltas
    ) -> tuple[Result, CallStats]:
        """The result of one request through an API.

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

        wire = replace(api.build(request, self.dialect), output_limit=self.output_limit)
        return await self.client.send(wire, read, model=self.model, on_deltas=on_deltas)


async def embed(
    ep: Endpoint, request: EmbeddingsRequest, on_batch: Callable[[int, int], None] = lambda _done, _all: None
) -> tuple[EmbeddingsResult, CallStats]:
    """Vectors for all inputs, in their order; sent in batches of the size that the provider takes."""
    batches = split_batches(request, ep.dialect)
    vectors: list[Sequence[float]] = []
    results: list[EmbeddingsResult] = []
    trips: list[CallStats] = []
    for done, batch in enumerate(batches):
        on_batch(done, len(batches))
        result, trip = await ep.send(EMBEDDINGS, batch)
        vectors += result.vectors
        results.append(result)
        trips.append(trip)
    widths = {len(v) for v in vectors}
    if len(widths) > 1:
        raise ProviderError(f"the vectors have different lengths: {sorted(widths)}", kind="protocol")
    whole = replace(
        results[0],
        vectors=vectors,
        usage=total_usage([r.usage for r in results]),
        warnings=tuple(dict.fromkeys(w for r in results for w in r.warnings)),
    )
    return whole, _joined(trips)


def total_usage(parts: Sequence[Usage | None]) -> Usage | None:
    """What several requests used together, figures that were told only."""
    known = [u for u in parts if u]

    def total(values: list[int | None]) -> int | None:
        return sum(v for v in values if v is not None) if any(v is not None for v in values) else None

    if not known:
        return None
    return Usage(
        input=total([u.input for u in known]),
        output=total([u.output for u in known]),
        total=total([u.total for u in known]),
        reasoning=total([u.reasoning for u in known]),
        cached=total([u.cached for u in known]),
        cost=sum(u.cost or 0 for u in known) if any(u.cost is not None for u in known) else None,
    )


def _joined(trips: Sequence[CallStats]) -> CallStats:
    return replace(
        trips[-1],
        attempts=sum(t.attempts for t in trips),
        first_delta_s=None,
        duration_s=round(sum(t.duration_s for t in trips), 3),
        warnings=tuple(dict.fromkeys(w for t in trips for w in t.warnings)),
    )


async def make_images(
    ep: Endpoint, request: ImageRequest, on_wait: Callable[[str], None] = lambda _phase: None
) -> tuple[ImagesResult, CallStats]:
    """Pictures; where the provider answers with a ticket, waits until the work is done. Never sent again once taken."""
    result, trip = await ep.send(IMAGES, request)
    trips, wait = [trip], _TICKET_FIRST_WAIT_S
    while result.task_id and not result.images:
        if not ep.dialect.task_path:
            raise ProviderError(
                f"the provider took the work under task id {result.task_id!r} and this server knows no way to fetch it",
                kind="upstream",
                fix="Fetch the picture by that id from the provider; do not send the request again: it is paid for.",
            )
        on_wait(f"in the provider's queue, task {result.task_id}")
        await ep.sleep(wait)
        wait = min(wait * 1.5, _TICKET_MOST_WAIT_S)
        result, trip = await ep.send(TASKS, result.task_id)
        trips.append(trip)
    return result, _joined(trips)


async def list_models(ep: Endpoint) -> ModelList:
    """All models that the provider lists, page after page; where it has no list, those of the configuration.

    Raises:
        ProviderError: there is no list and none is configured, or the endpoint failed.
    """
    name = ep.client.settings.name

    found: dict[str, ModelRecord] = {}
    warnings: list[str] = []
    query: dict[str, str] = {}
    try:
        for _ in range(_MOST_PAGES):
            page, _trip = await ep.send(MODELS, query)
            fresh = {m.id: m for m in page.models if m.id not in found}
            found |= fresh
            warnings += page.warnings
            if not page.next_page or not fresh:
                break
            query = dict(page.next_page)
    except ProviderError as error:
        if not ep.client.settings.models or error.kind not in ("endpoint_not_found", "model_not_found", "config"):
            raise
        warnings.append(f"{name}: the endpoint has no model list; these are the models of the configuration")
    for model in ep.client.settings.models:
        found.setdefault(model, ModelRecord(id=model, provider=name, source="config"))
    return ModelList(models=list(found.values()), warnings=tuple(dict.fromkeys(warnings)))
