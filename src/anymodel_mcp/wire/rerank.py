"""Reranking: orders documents by their relevance to a query.

Request and answer forms: Jina (also SiliconFlow, new-api, Xinference, vLLM, LocalAI and llama.cpp), Cohere, Voyage,
TEI, DashScope, NVIDIA; https://jina.ai/reranker, https://docs.cohere.com/reference/rerank,
https://docs.voyageai.com/reference/reranker-api, https://huggingface.github.io/text-embeddings-inference/,
https://www.alibabacloud.com/help/en/model-studio/text-rerank-api,
https://docs.nvidia.com/nim/nemo-retriever/text-reranking/latest/reference.html (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Final

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.record import record
from anymodel_mcp.types import Json, Usage
from anymodel_mcp.wire.content.usage import find_usage, read_usage
from anymodel_mcp.wire.decode.body import BodyReader, Document
from anymodel_mcp.wire.decode.json_values import as_list, as_number, as_object, as_text, objects
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.fields.options import drop_refused, merge_options, protected_names

_LISTS = ("results", "data", "rankings")
_SCORES = ("relevance_score", "score", "logit")


@record
class RerankRequest:
    """Documents to rank by a query."""

    model: str
    query: str
    documents: Sequence[str]
    options: Json = field(default_factory=dict[str, Any])


@record
class Ranked:
    """One document: its index in the request, and the provider's score."""

    index: int
    score: float


@record
class RerankResult:
    """The documents that the provider ranked, best first."""

    ranking: Sequence[Ranked]
    model: str | None = None
    usage: Usage | None = None
    warnings: Sequence[str] = ()


def build_rerank(request: RerankRequest, dialect: Dialect) -> WireRequest:
    """Builds a rerank request.

    Raises:
        ArgumentError: a document is empty.
    """
    empty = next((at for at, text in enumerate(request.documents) if not text), None)
    if empty is not None:
        raise ArgumentError(
            f"input[{empty}] is empty: providers refuse empty texts", param="input", fix="Leave it out."
        )
    body = _body(request, dialect)
    warnings = drop_refused(body, dialect)
    merge_options(body, request.options)
    elsewhere = dialect.rerank_url.startswith(("/", "https://", "http://"))
    return WireRequest(
        path="" if elsewhere else dialect.rerank_url or "rerank",
        url=dialect.rerank_url if elsewhere else "",
        hosts=dialect.key_hosts,
        endpoint="rerank",
        body=body,
        protected=protected_names(request.options),
        warnings=tuple(warnings),
    )


def _body(request: RerankRequest, dialect: Dialect) -> Json:
    query, documents = request.query, list(request.documents)
    if dialect.rerank_form == "tei":
        return {"query": query, "texts": documents}
    if dialect.rerank_form == "dashscope":
        return {"model": request.model, "input": {"query": query, "documents": documents}}
    if dialect.rerank_form == "nvidia":
        return {"model": request.model, "query": {"text": query}, "passages": [{"text": text} for text in documents]}
    return {"model": request.model, "query": query, "documents": documents}


def read_rerank(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[RerankResult]:
    """Reads a ranking of the documents, in any form."""
    ranking = Ranking(head, model=options.model, count=_count(sent.body or {}))
    return BodyReader(head, ranking, max_event_bytes=options.max_event_bytes)


def _count(body: Json) -> int:
    """How many documents were sent."""
    places = (body, as_object(body.get("input")))
    return max(len(as_list(place.get(name))) for place in places for name in ("documents", "texts", "passages"))


class Ranking(Document[RerankResult]):
    """Reads a ranking.

    Args:
        head: status and headers.
        model: the provider's id of the model that was asked.
        count: how many documents were sent.
    """

    def __init__(self, head: ResponseHead, *, model: str, count: int) -> None:
        super().__init__(head, endpoint="rerank", model=model)
        self._count: Final = count

    def read(self, values: list[Any]) -> RerankResult:
        """The documents by falling score, each index checked."""
        value: Any = values[0] if len(values) == 1 else values
        body = as_object(value)
        rows = _rows(value)
        if not rows:
            raise self.failure("the answer holds no ranking", "upstream")
        scores: dict[int, float] = {}
        for row in rows:
            index, score = (
                row.get("index"),
                next((n for s in _SCORES if (n := as_number(row.get(s))) is not None), None),
            )
            if isinstance(index, bool) or not isinstance(index, int) or score is None:
                raise self.failure("an entry of the ranking has no index or no score", "protocol")
            if not 0 <= index < self._count:
                raise self.failure(f"the ranking names document {index} of {self._count}", "protocol")
            if index in scores:
                raise self.failure(f"the ranking names document {index} twice", "protocol")
            scores[index] = score
        ordered = sorted(scores.items(), key=lambda pair: -pair[1])
        return RerankResult(
            ranking=tuple(Ranked(index=index, score=score) for index, score in ordered),
            model=as_text(body.get("model")) or self.model or None,
            usage=read_usage(find_usage(body)),
        )


def _rows(value: Any) -> list[Json]:
    """The entries of a ranking, in any of the known fields."""
    if isinstance(value, list):
        return objects(value)
    body = as_object(value)
    for place in (body, as_object(body.get("output")), as_object(body.get("data")), as_object(body.get("result"))):
        for name in _LISTS:
            if rows := objects(place.get(name)):
                return rows
    return []
