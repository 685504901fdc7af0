"""What a provider can be asked: each endpoint as one function from a request to its result, over the one sender."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import anyio

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ProviderError
from anymodel_mcp.types import (
    CallStats,
    ChatRequest,
    ChatResult,
    CompletionRequest,
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
from anymodel_mcp.wire import readers
from anymodel_mcp.wire.chat import request as requests
from anymodel_mcp.wire.exchange import Reader, ResponseHead, WireRequest

_TICKET_FIRST_WAIT_S = 1.0
_TICKET_MOST_WAIT_S = 10.0
_MOST_PAGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One model of one provider, ready to be asked."""

    client: ProviderClient
    dialect: Dialect
    model: str
    max_event_bytes: int
    api: Literal["chat", "responses"] = "chat"
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep


async def chat(ep: Endpoint, request: ChatRequest, on_deltas: OnDeltas = ignore_deltas) -> tuple[ChatResult, CallStats]:
    """A chat turn, over the API that the provider is configured for."""
    if ep.api == "responses":
        wire, read = requests.build_responses(request, ep.dialect), readers.responses_reader
    else:
        wire, read = requests.build_chat(request, ep.dialect), readers.chat_reader

    def reader(head: ResponseHead, sent: WireRequest) -> Reader[ChatResult]:
        return read(
            head, dialect=ep.dialect, streamed=sent.stream, max_event_bytes=ep.max_event_bytes, model=request.model
        )

    return await ep.client.send(wire, reader, model=request.model, on_deltas=on_deltas)


async def complete(
    ep: Endpoint, request: CompletionRequest, on_deltas: OnDeltas = ignore_deltas
) -> tuple[ChatResult, CallStats]:
    """A legacy text completion."""

    def reader(head: ResponseHead, sent: WireRequest) -> Reader[ChatResult]:
        return readers.completion_reader(
            head, dialect=ep.dialect, streamed=sent.stream, max_event_bytes=ep.max_event_bytes, model=request.model
        )

    wire = requests.build_completion(request, ep.dialect)
    return await ep.client.send(wire, reader, model=request.model, on_deltas=on_deltas)


async def embed(
    ep: Endpoint, request: EmbeddingsRequest, on_batch: Callable[[int, int], None] = lambda _done, _all: None
) -> tuple[EmbeddingsResult, CallStats]:
    """Vectors for all inputs, in their order; sent in batches of the size that the provider takes."""
    wires = requests.build_embeddings(request, ep.dialect)
    vectors: list[Sequence[float]] = []
    results: list[EmbeddingsResult] = []
    trips: list[CallStats] = []
    for done, wire in enumerate(wires):
        on_batch(done, len(wires))
        count = len((wire.body or {})["input"])

        def reader(head: ResponseHead, _: WireRequest, count: int = count) -> Reader[EmbeddingsResult]:
            return readers.embeddings_reader(head, count=count, max_event_bytes=ep.max_event_bytes, model=request.model)

        result, trip = await ep.client.send(wire, reader, model=request.model)
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
    wire = requests.build_image(request, ep.dialect)
    if wire.endpoint == "chat":
        result, trip = await ep.client.send(wire, _picture_chat(ep, request), model=request.model)
        return ImagesResult(
            images=result.images, model=result.model, usage=result.usage, warnings=result.warnings
        ), trip

    def reader(head: ResponseHead, _: WireRequest) -> Reader[ImagesResult]:
        return readers.images_reader(head, max_event_bytes=ep.max_event_bytes, model=request.model)

    result, trip = await ep.client.send(wire, reader, model=request.model)
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
        result, trip = await _ask_task(ep, result.task_id)
        trips.append(trip)
    return result, _joined(trips)


async def _ask_task(ep: Endpoint, task_id: str) -> tuple[ImagesResult, CallStats]:
    def reader(head: ResponseHead, _: WireRequest) -> Reader[ImagesResult]:
        return readers.task_reader(head, task_id=task_id, max_event_bytes=ep.max_event_bytes, model=ep.model)

    return await ep.client.send(requests.build_task(task_id, ep.dialect), reader, model=ep.model)


def _picture_chat(ep: Endpoint, request: ImageRequest) -> Callable[[ResponseHead, WireRequest], Reader[ChatResult]]:
    def reader(head: ResponseHead, sent: WireRequest) -> Reader[ChatResult]:
        return readers.chat_reader(
            head, dialect=ep.dialect, streamed=sent.stream, max_event_bytes=ep.max_event_bytes, model=request.model
        )

    return reader


async def list_models(ep: Endpoint) -> ModelList:
    """All models that the provider lists, page after page; where it has no list, those of the configuration.

    Raises:
        ProviderError: there is no list and none is configured, or the endpoint failed.
    """
    name = ep.client.settings.name

    def reader(head: ResponseHead, _: WireRequest) -> Reader[ModelList]:
        return readers.models_reader(head, provider=name, max_event_bytes=ep.max_event_bytes)

    found: dict[str, ModelRecord] = {}
    warnings: list[str] = []
    query: dict[str, str] = {}
    try:
        for _ in range(_MOST_PAGES):
            page, _trip = await ep.client.send(requests.build_models(ep.dialect, query), reader, model="")
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
