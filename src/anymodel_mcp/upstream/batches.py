"""Embeds any number of inputs, in batches of the size that the provider accepts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from anymodel_mcp.errors import ProviderError
from anymodel_mcp.types import CallStats, EmbeddingsRequest, EmbeddingsResult
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.sums import joined_stats, total_usage
from anymodel_mcp.wire.apis import EMBEDDINGS
from anymodel_mcp.wire.embeddings.request import split_batches


async def embed_all(
    endpoint: Endpoint, request: EmbeddingsRequest, on_batch: Callable[[int, int], None] = lambda _done, _all: None
) -> tuple[EmbeddingsResult, CallStats]:
    """Returns the vectors of all inputs, in order; sends them in batches."""
    batches = split_batches(request, endpoint.dialect)
    vectors: list[Sequence[float]] = []
    results: list[EmbeddingsResult] = []
    stats: list[CallStats] = []
    for done, batch in enumerate(batches):
        on_batch(done, len(batches))
        result, sent = await endpoint.send(EMBEDDINGS, batch)
        vectors += result.vectors
        results.append(result)
        stats.append(sent)
    widths = {len(v) for v in vectors}
    if len(widths) > 1:
        raise ProviderError(f"the vectors have different lengths: {sorted(widths)}", kind="protocol")
    whole = replace(
        results[0],
        vectors=vectors,
        usage=total_usage([r.usage for r in results]),
        warnings=tuple(dict.fromkeys(w for r in results for w in r.warnings)),
    )
    return whole, joined_stats(stats)
