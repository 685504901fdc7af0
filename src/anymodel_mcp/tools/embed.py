"""`embed`: embeds texts. The vectors stay out of the context: saved to a file, or used to rank the texts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from anymodel_mcp.calls.outcomes import with_warnings
from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.errors import AnyModelError, ArgumentError
from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.tools.arguments import Arguments, Integer, Name, Object, Text, Texts
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.records import head_record, sparse, stats_record, usage_record
from anymodel_mcp.tools.schemas import OPTIONS
from anymodel_mcp.types import CallStats, EmbeddingsRequest, EmbeddingsResult, Json, Outcome
from anymodel_mcp.upstream.batches import embed_all
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.models import Answer, Question
from anymodel_mcp.upstream.routing import Target
from anymodel_mcp.upstream.sums import joined_stats, total_usage
from anymodel_mcp.wire.apis import RERANK
from anymodel_mcp.wire.models.names import guess_type
from anymodel_mcp.wire.rerank import RerankRequest, RerankResult

_SHOWN_CHARS = 300
_NOTE_ROOM = 1000
Vector = Sequence[float]


class EmbedArguments(Arguments):
    """Arguments of `embed`."""

    input: Texts
    model: Name | None = None
    dimensions: Annotated[Integer, Field(ge=1)] | None = None
    query: Text | None = None
    output: Literal["file", "vectors"] | None = None
    options: Annotated[Object, OPTIONS] | None = None


async def embed(ctx: ToolContext, arguments: EmbedArguments) -> Outcome:
    """Embeds all inputs and ranks them, saves the vectors, or returns them inline.

    Raises:
        AnyModelError: the inputs are refused, or no model behind the name embedded them.
    """
    if not arguments.input:
        raise ArgumentError("input is empty", param="input", fix="Give at least one text.")
    if arguments.query is not None and not arguments.query.strip():
        raise ArgumentError("query is empty", param="query", fix="Give the text to rank by, or leave it out.")
    if arguments.query is not None and await _is_for_reranker(ctx, arguments.model):
        return await _rerank(ctx, arguments, arguments.query)
    line = ctx.call.track(arguments.model or "default model")
    texts = _Texts(arguments, line)
    question = Question(name=arguments.model, purpose="embedding", send=texts.send, line=line, phase="embedding")
    answer = await ctx.models.ask(question)
    vectors, query = texts.vectors(answer.result)
    record = _record(answer, arguments.model, vectors)
    if query is not None:
        outcome = _ranking(arguments.input, vectors, query, record, answer.notes)
        ctx.call.secure(outcome)
        return outcome
    with uninterrupted():  # the vectors are paid for: they are saved whole
        return await _vectors(ctx, arguments, vectors, Outcome(record=record, notes=_notes(record, answer.notes)))


async def _is_for_reranker(ctx: ToolContext, name: str | None) -> bool:
    """Whether the query goes to a rerank model: the named one, or the default one."""
    directory = ctx.models.directory
    default = directory.names.default_for("rerank")
    if name is None or not name.strip() or name == default:
        return default is not None
    targets = await directory.targets(name, "rerank")
    return all(_reranks(ctx, target) for target in targets)


def _reranks(ctx: ToolContext, target: Target) -> bool:
    known = ctx.catalog.known(target)
    kind = known.type if known is not None and known.type is not None else guess_type(target.model)
    return kind == "rerank"


async def _rerank(ctx: ToolContext, arguments: EmbedArguments, query: str) -> Outcome:
    """Ranks the texts with a rerank model; scores as it returns them."""
    line = ctx.call.track(arguments.model or "default model")

    async def send(endpoint: Endpoint, _: OnDeltas) -> tuple[RerankResult, CallStats]:
        request = RerankRequest(
            model=endpoint.model, query=query, documents=arguments.input, options=arguments.options or {}
        )
        return await endpoint.send(RERANK, request)

    phase = f"ranking {len(arguments.input)} texts"
    answer = await ctx.models.ask(Question(name=arguments.model, purpose="rerank", send=send, line=line, phase=phase))
    scored = [(ranked.score, ranked.index) for ranked in answer.result.ranking]
    outcome = _ranked(arguments.input, scored, _head(answer, arguments.model), answer.notes)
    ctx.call.secure(outcome)
    return outcome


@dataclass(slots=True)
class _Texts:
    """The texts of one call: identical ones are sent once, the query separately if the provider distinguishes it.

    Attributes:
        sent: the texts of the result's vectors, in its order; a query sent separately is last.
    """

    arguments: EmbedArguments
    line: ProgressLine
    sent: Sequence[str] = ()
    apart: bool = False

    async def send(self, endpoint: Endpoint, _: OnDeltas) -> tuple[EmbeddingsResult, CallStats]:
        """Embeds all texts at one endpoint."""
        inputs, query = self.arguments.input, self.arguments.query
        self.apart = query is not None and endpoint.dialect.embed_input_type != "none"
        texts = list(dict.fromkeys(inputs if query is None or self.apart else [*inputs, query]))
        request = EmbeddingsRequest(
            model=endpoint.model,
            inputs=texts,
            dimensions=self.arguments.dimensions,
            options=self.arguments.options or {},
        )
        self.sent = texts
        result, stats = await embed_all(endpoint, request, self._report)
        if query is None or not self.apart:
            return result, stats
        asked = replace(request, inputs=[query], purpose="query")
        second, more = await embed_all(endpoint, asked)
        self.sent = [*texts, query]
        usage = total_usage([result.usage, second.usage])
        return replace(result, vectors=[*result.vectors, *second.vectors], usage=usage), joined_stats([stats, more])

    def _report(self, done: int, of: int) -> None:
        self.line.tell(f"batch {done + 1} of {of}" if of > 1 else f"embedding {len(self.sent)} texts")

    def vectors(self, result: EmbeddingsResult) -> tuple[list[Vector], Vector | None]:
        """The vectors of the inputs, in their order, and that of the query."""
        query = self.arguments.query
        queried = None if query is None else result.vectors[-1]
        pairs = list(zip(self.sent, result.vectors, strict=True))
        by_text = dict(pairs[:-1] if self.apart else pairs)
        if query is not None and not self.apart:
            queried = by_text[query]
        return [by_text[text] for text in self.arguments.input], queried


def _head(answer: Answer[EmbeddingsResult] | Answer[RerankResult], requested: str | None) -> Json:
    result, stats = answer.result, answer.stats
    known = {
        "usage": usage_record(result.usage),
        "warnings": list(dict.fromkeys((*stats.warnings, *result.warnings))),
        **stats_record(stats),
    }
    return {**head_record(answer.target, requested, result.model), **sparse(known), "status": "complete"}


def _record(answer: Answer[EmbeddingsResult], requested: str | None, vectors: Sequence[Vector]) -> Json:
    shape = {"count": len(vectors), "dimensions": len(vectors[0]) if vectors else 0}
    return {**_head(answer, requested), "vectors": shape}


def _notes(record: Json, notes: Sequence[str]) -> list[str]:
    return [*notes, *record.get("warnings", ())]


def similarity(a: Vector, b: Vector) -> float:
    """The cosine of the angle between two vectors; 0 if one of them is zero."""
    norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm else 0.0


def _ranking(
    texts: Sequence[str], vectors: Sequence[Vector], query: Vector, record: Json, notes: Sequence[str]
) -> Outcome:
    scored = sorted(((similarity(v, query), i) for i, v in enumerate(vectors)), key=lambda pair: (-pair[0], pair[1]))
    return _ranked(texts, [(round(score, 6), i) for score, i in scored], record, notes)


def _ranked(texts: Sequence[str], scored: Sequence[tuple[float, int]], record: Json, notes: Sequence[str]) -> Outcome:
    lines = [f"{rank}. {score:.4f} #{i}: {_short(texts[i])}" for rank, (score, i) in enumerate(scored, 1)]
    ranking = [{"index": i, "score": score} for score, i in scored]
    return Outcome(text="\n".join(lines), record={**record, "ranking": ranking}, notes=_notes(record, notes))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARS else flat[:_SHOWN_CHARS] + "…"


async def _vectors(ctx: ToolContext, arguments: EmbedArguments, vectors: Sequence[Vector], outcome: Outcome) -> Outcome:
    """The vectors inline if requested and small enough, else in a file."""
    record = outcome.record or {}
    if arguments.output == "vectors":
        text = _as_json(vectors)
        if len(text) <= ctx.limits.max_bytes - _NOTE_ROOM:
            return replace(outcome, text=text)
        note = f"{len(text)} characters of vectors are too many for one answer, so they were saved"
        outcome = replace(outcome, notes=[*outcome.notes, note])
    meta = {"model": record["model"], "provider": record["provider"]}
    try:
        saved = await ctx.artifacts.save_vectors(vectors, arguments.input, meta)
    except AnyModelError as error:
        return await _unsaved(ctx, vectors, outcome, error)
    record["vectors"]["path"] = str(saved.path)
    shape = f"{record['vectors']['count']} vectors of {record['vectors']['dimensions']} dimensions"
    text = f"{shape} saved to {saved.path} (numpy.load reads it; the texts are in the .json file beside it)"
    return replace(outcome, text=text, record=record)


def _as_json(vectors: Sequence[Vector]) -> str:
    return json.dumps([list(v) for v in vectors], separators=(",", ":"))


async def _unsaved(ctx: ToolContext, vectors: Sequence[Vector], outcome: Outcome, error: AnyModelError) -> Outcome:
    """The outcome for vectors that cannot be saved: in the answer if they fit, else under a handle."""
    warning = f"{error.failure.message}. {error.failure.fix}".strip()
    text = _as_json(vectors)
    if len(text) <= ctx.limits.max_bytes - _NOTE_ROOM:
        return with_warnings(replace(outcome, text=text), f"{warning} The vectors are in this answer instead.")
    handle = await ctx.calls.store_result(Outcome(text=text), ctx.call.tool, ctx.call.host)
    text = f"{len(vectors)} vectors could not be saved to a file; get_result(id={handle!r}) gives them as JSON"
    return with_warnings(replace(outcome, text=text), warning)


TOOL = ToolSpec(
    name="embed",
    description="Embeds texts, saves the vectors. With `query` ranks the texts, also by rerank models.",
    arguments=EmbedArguments,
    run=embed,
)
