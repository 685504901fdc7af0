"""`embed`: texts as vectors, which stay out of the context: saved to a file, or used at once to rank the texts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from anymodel_mcp.calls.outcomes import with_warnings
from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.calls.task_group import uninterrupted
from anymodel_mcp.errors import AnyModelError, ArgumentError
from anymodel_mcp.tools.arguments import Arguments, Integer, Name, Object, Text, Texts
from anymodel_mcp.tools.asking import explain, ledger_entry, priced
from anymodel_mcp.tools.records import head_record, sparse, trip_record, usage_record
from anymodel_mcp.tools.schemas import OPTIONS
from anymodel_mcp.tools.spec import Job, ToolSpec
from anymodel_mcp.types import CallStats, EmbeddingsRequest, EmbeddingsResult, Json, Outcome
from anymodel_mcp.upstream import endpoints
from anymodel_mcp.upstream.endpoints import Endpoint
from anymodel_mcp.upstream.routing import Target

_SHOWN_CHARS = 300
Vector = Sequence[float]


class EmbedArguments(Arguments):
    """Arguments of `embed`."""

    input: Texts
    model: Name | None = None
    dimensions: Annotated[Integer, Field(ge=1)] | None = None
    query: Text | None = None
    output: Literal["file", "vectors"] | None = None
    options: Annotated[Object, OPTIONS] | None = None


async def embed(job: Job, arguments: EmbedArguments) -> Outcome:
    """The vectors of all inputs: ranked, saved, or inline.

    Raises:
        AnyModelError: the inputs are refused, or no model behind the name embedded them.
    """
    if not arguments.input:
        raise ArgumentError("input is empty", param="input", fix="Give at least one text.")
    if arguments.query is not None and not arguments.query.strip():
        raise ArgumentError("query is empty", param="query", fix="Give the text to rank by, or leave it out.")
    track = job.call.track(arguments.model or "default model")
    targets = await job.app.targets(arguments.model, "embedding")
    target = targets[0]
    track.label = target.name
    with ledger_entry(job, target) as entry:
        try:
            endpoint = await job.app.endpoint(target, track.tell)
            vectors, queried, result, trip = await _embed_all(endpoint, arguments, track)
        except AnyModelError as error:
            entry.end(error.kind)
            raise await explain(job.app, error, target) from error
        usage = await priced(job.app, target, result.usage)
        entry.end("complete", usage)
    record = _record(replace(result, usage=usage), trip, target, arguments.model, vectors)
    if queried is not None:
        return _ranking(arguments.input, vectors, queried, record)
    with uninterrupted():  # the vectors are paid for: they are saved whole
        return await _vectors(job, arguments, vectors, record)


async def _embed_all(
    endpoint: Endpoint, arguments: EmbedArguments, track: ProgressLine
) -> tuple[list[Vector], Vector | None, EmbeddingsResult, CallStats]:
    """Vectors of all inputs and of the query; identical texts are sent once."""
    unique = list(dict.fromkeys(arguments.input))
    apart = arguments.query is not None and endpoint.dialect.embed_input_type != "none"
    texts = unique if apart or arguments.query is None else list(dict.fromkeys([*unique, arguments.query]))

    def told(done: int, of: int) -> None:
        track.phase = f"batch {done + 1} of {of}" if of > 1 else f"embedding {len(texts)} texts"

    request = EmbeddingsRequest(
        model=endpoint.model, inputs=texts, dimensions=arguments.dimensions, options=arguments.options or {}
    )
    result, trip = await endpoints.embed(endpoint, request, told)
    by_text = dict(zip(texts, result.vectors, strict=True))
    queried: Vector | None = None
    if arguments.query is not None and apart:
        asked = replace(request, inputs=[arguments.query], purpose="query")
        answer, _ = await endpoints.embed(endpoint, asked)
        queried = answer.vectors[0]
    elif arguments.query is not None:
        queried = by_text[arguments.query]
    return [by_text[text] for text in arguments.input], queried, result, trip


def _record(
    result: EmbeddingsResult, trip: CallStats, target: Target, requested: str | None, vectors: Sequence[Vector]
) -> Json:
    return {
        **head_record(target, requested, result.model),
        **sparse(
            {
                "usage": usage_record(result.usage),
                "warnings": list(dict.fromkeys((*trip.warnings, *result.warnings))),
                **trip_record(trip),
            }
        ),
        "vectors": {"count": len(vectors), "dimensions": len(vectors[0]) if vectors else 0},
        "status": "complete",
    }


def similarity(a: Vector, b: Vector) -> float:
    """Cosine of the angle between two vectors; 0 where one of them is null."""
    norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm else 0.0


def _ranking(texts: Sequence[str], vectors: Sequence[Vector], query: Vector, record: Json) -> Outcome:
    scored = sorted(((similarity(v, query), i) for i, v in enumerate(vectors)), key=lambda pair: (-pair[0], pair[1]))
    lines = [f"{rank}. {score:.4f} #{i}: {_short(texts[i])}" for rank, (score, i) in enumerate(scored, 1)]
    ranking = [{"index": i, "score": round(score, 6)} for score, i in scored]
    return Outcome(text="\n".join(lines), record={**record, "ranking": ranking}, notes=record.get("warnings", ()))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARS else flat[:_SHOWN_CHARS] + "…"


async def _vectors(job: Job, arguments: EmbedArguments, vectors: Sequence[Vector], record: Json) -> Outcome:
    notes = list(record.get("warnings", ()))
    if arguments.output == "vectors":
        text = _as_json(vectors)
        if len(text) <= job.most_bytes - 1000:
            return Outcome(text=text, record=record, notes=notes)
        notes.append(f"{len(text)} characters of vectors are too many for one answer: they are saved instead")
    meta = {"model": record["model"], "provider": record["provider"]}
    try:
        saved = await job.app.outputs.save_vectors(vectors, arguments.input, meta)
    except AnyModelError as error:
        return await _unsaved(job, vectors, Outcome(record=record, notes=notes), error)
    record["vectors"]["path"] = str(saved.path)
    shape = f"{record['vectors']['count']} vectors of {record['vectors']['dimensions']} dimensions"
    text = f"{shape} saved to {saved.path} (numpy.load reads it; the texts stand in the .json file beside it)"
    return Outcome(text=text, record=record, notes=notes)


def _as_json(vectors: Sequence[Vector]) -> str:
    return json.dumps([list(v) for v in vectors], separators=(",", ":"))


async def _unsaved(job: Job, vectors: Sequence[Vector], outcome: Outcome, error: AnyModelError) -> Outcome:
    """Vectors that no file takes: in the answer if they are few, else under a handle."""
    warning = f"{error.failure.message}. {error.failure.fix}".strip()
    text = _as_json(vectors)
    if len(text) <= job.most_bytes - 1000:
        return with_warnings(replace(outcome, text=text), f"{warning} The vectors are in this answer instead.")
    handle = await job.app.calls.store_result(Outcome(text=text), job.call.tool, job.peer.name)
    text = f"{len(vectors)} vectors could not be saved to a file; get_result(id={handle!r}) gives them as JSON"
    return with_warnings(replace(outcome, text=text), warning)


TOOL = ToolSpec(
    name="embed",
    description="Embeds texts, saves the vectors. With `query` ranks the texts by similarity to it.",
    arguments=EmbedArguments,
    run=embed,
)
