"""One question to one name: the chain of models behind it, the structured answer, the outcome with its notes."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import anyio

from anymodel_mcp.app import App
from anymodel_mcp.calls.ledger import LedgerEntry
from anymodel_mcp.calls.outcomes import failed
from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.calls.task_group import uninterrupted
from anymodel_mcp.errors import AnyModelError, ErrorKind, ProviderError
from anymodel_mcp.redact import shorten
from anymodel_mcp.server.render import error_text, notes_text
from anymodel_mcp.tools.records import chat_record, numbered
from anymodel_mcp.tools.spec import Job
from anymodel_mcp.types import CallStats, ChatResult, Delta, Json, ModelRecord, Outcome, Usage
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.client import told
from anymodel_mcp.upstream.endpoints import Endpoint
from anymodel_mcp.upstream.routing import Purpose, Target, closest
from anymodel_mcp.wire.content.finish import INCOMPLETE

Ask = Callable[[Endpoint, OnDeltas], Awaitable[tuple[ChatResult, CallStats]]]

PRICES_WAIT_S = 1.0

FALLS_BACK: frozenset[ErrorKind] = frozenset(
    {
        "quota",
        "rate_limit",
        "overloaded",
        "timeout",
        "server",
        "connection",
        "upstream",
        "model_not_found",
        "gone",
        "blocked",
    }
)
_ABOUT_PICTURES = re.compile(r"image|vision|multimodal|picture", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A result and who gave it."""

    result: ChatResult
    trip: CallStats
    target: Target
    notes: Sequence[str] = ()


async def ask_chain(
    job: Job,
    name: str | None,
    purpose: Purpose,
    ask: Ask,
    *,
    track: ProgressLine,
    write: Callable[[str], None] | None = None,
) -> Answered:
    """The answer of the first model behind `name` that gives one.

    Args:
        job: the call.
        name: an alias, `provider/id`, a bare id, or `None` for the default.
        purpose: which default is meant.
        ask: asks one endpoint.
        track: takes the news.
        write: takes the words of the answer, for who reads an unfinished call.

    Raises:
        AnyModelError: the last failure; earlier ones are named in its message.
    """
    targets = await job.app.targets(name, purpose)
    passed: list[str] = []
    for index, target in enumerate(targets):
        track.label = target.name
        try:
            result, trip = await _ask_one(job, target, ask, track, write)
        except AnyModelError as error:
            last = index + 1 == len(targets)
            if last or error.kind not in FALLS_BACK or error.failure.partial_text or track.chars:
                raise _with_history(error, passed) from error
            passed.append(f"{target.name} failed ({error.kind}: {shorten(error.failure.message, 200)})")
            job.call.reset()
        else:
            notes = [f"answered by {target.name}: {'; '.join(passed)}"] if passed else []
            return Answered(result=result, trip=trip, target=target, notes=notes)
    raise AssertionError("a route has at least one target")  # pragma: no cover - `route` never gives none


async def _ask_one(
    job: Job, target: Target, ask: Ask, track: ProgressLine, write: Callable[[str], None] | None
) -> tuple[ChatResult, CallStats]:
    def on_deltas(deltas: Sequence[Delta]) -> None:
        track.take(deltas)
        if write:
            for delta in deltas:
                if delta.kind == "text":
                    write(delta.text)

    with ledger_entry(job, target) as entry:
        try:
            endpoint = await job.app.endpoint(target, track.tell)
            track.tell("waiting for the first word")
            result, trip = await ask(endpoint, on_deltas)
        except AnyModelError as error:
            entry.end(error.kind)
            raise await explain(job.app, error, target) from error
        usage = await priced(job.app, target, result.usage)
        entry.end("complete", usage)
    return replace(result, usage=usage), trip


def ledger_entry(job: Job, target: Target) -> AbstractContextManager[LedgerEntry]:
    """The ledger's row of one model that is asked inside the block."""
    return job.app.ledger.entry(host=job.peer.name, tool=job.call.tool, provider=target.provider, model=target.model)


async def priced(app: App, target: Target, usage: Usage | None) -> Usage | None:
    """Usage with a cost: the provider's own, else tokens times the price that its list names, else none.

    A list that is not known yet is requested, if it may name prices: once an hour, and for no longer than a moment.
    The call cannot be cancelled here: its answer is paid for, and still in nobody's hands.
    """
    if usage is None or usage.cost is not None or usage.input is None or usage.output is None:
        return usage
    if app.catalogue.lists_prices(target.provider):
        with uninterrupted():
            await app.catalogue.soon(target.provider, wait_s=PRICES_WAIT_S)
    record: ModelRecord | None = app.catalogue.known(target)
    price = record.price_per_million if record else None
    if price is None or price.input is None or price.output is None:
        return usage
    return replace(usage, cost=round((usage.input * price.input + usage.output * price.output) / 1e6, 10))


async def explain(app: App, error: AnyModelError, target: Target) -> AnyModelError:
    """The error with names filled in, and with what helps: closest models, the key's variable, models that can see."""
    if not isinstance(error, ProviderError):
        return error
    told(error, target.provider, target.model or None)
    failure = error.failure
    settings = app.settings.providers[target.provider]
    if failure.kind == "model_not_found":
        known = await _ids(app, target.provider)
        near = closest(target.model, known)
        hint = f"Closest that it has: {', '.join(near)}." if near else "list_models shows what it has."
        return error.having(fix=hint)
    if failure.kind == "auth":
        where = settings.key_hint or f"the key in [providers.{target.provider}]"
        return error.having(fix=f"Check the key of {target.provider}: {where}")
    if _ABOUT_PICTURES.search(failure.message) and failure.kind in ("bad_request", "unsupported_parameter", "server"):
        seeing = await _seeing(app)
        if seeing:
            return error.having(fix=f"Models that can see: {', '.join(seeing)}.")
    return error


async def _ids(app: App, provider: str) -> list[str]:
    known = await app.catalogue.soon(provider)
    return [m.id for m in known.models] if known else []


async def _seeing(app: App) -> list[str]:
    lists = await app.catalogue.all()
    return [f"{p}/{m.id}" for p, known in lists.items() for m in known.models if "vision" in m.capabilities][:5]


def _with_history(error: AnyModelError, passed: Sequence[str]) -> AnyModelError:
    if not passed:
        return error
    return error.having(message=f"{error.failure.message} (before it: {'; '.join(passed)})")


def outcome_of(answered: Answered, requested: str | None, extra: Json | None = None) -> Outcome:
    """A chat or completion as an outcome: the answer unchanged, what else came as notes."""
    result = answered.result
    record = {**chat_record(result, answered.trip, answered.target, requested), **(extra or {})}
    return Outcome(text=result.text, notes=(*_notes(result, record), *answered.notes), record=record)


def _notes(result: ChatResult, record: Json) -> list[str]:
    notes: list[str] = []
    if result.refusal:
        notes.append(f"refused: {result.refusal}")
    if result.tool_calls:
        notes.append("[tool calls]\n" + json.dumps(record["tool_calls"], ensure_ascii=False))
    notes += [
        f"tool call {c.name!r} with arguments that are no JSON object: {c.arguments_raw}"
        for c in result.invalid_tool_calls
    ]
    notes += [f"[choice {i}]\n{text}" for i, text in enumerate(result.choices[1:], 2)]
    if result.citations:
        lines = [" ".join(filter(None, (c.get("title"), c.get("url")))) for c in record.get("citations", [])]
        notes.append("[sources]\n" + numbered(lines))
    if result.images:
        shown = [str(i.get("path") or i.get("url")) for i in record.get("images", [])]
        notes.append("[pictures]\n" + "\n".join(shown))
    if result.finish_reason == "length" and result.text and result.finish_raw != INCOMPLETE:
        notes.append("cut at the token limit: raise max_tokens, or ask to go on")
    notes += list(record.get("warnings", []))
    return notes


async def ask_many(
    names: Sequence[str],
    ask: Callable[[str], Awaitable[Outcome]],
    *,
    write: Callable[[str], None],
    secure: Callable[[Outcome], None],
) -> Outcome:
    """The same question to several models side by side: each answer under its name; a failing one fails no other.

    Args:
        names: the models, in the order of the answers.
        ask: asks one of them.
        write: takes the answers for who reads an unfinished call, in order, as soon as all before them are there.
        secure: takes all answers so far, whenever another one is there: they are paid for.
    """
    outcomes: dict[int, Outcome] = {}
    written = 0

    async def one(index: int, name: str) -> None:
        nonlocal written
        try:
            outcomes[index] = await ask(name)
        except AnyModelError as error:
            outcomes[index] = failed(error.failure, error.failure.partial_text or "")
        there = sorted(outcomes)
        if any(outcomes[i].error is None for i in there):
            secure(_together([names[i] for i in there], [outcomes[i] for i in there]))
        while written in outcomes:
            write(_section(names[written], outcomes[written], written))
            written += 1

    async with anyio.create_task_group() as group:
        for index, name in enumerate(names):
            group.start_soon(one, index, name)
    return _together(names, [outcomes[i] for i in range(len(names))])


def _section(name: str, outcome: Outcome, index: int) -> str:
    if outcome.error is not None:
        body = error_text(outcome) + (f"\n\nPartial text:\n{outcome.text}" if outcome.text else "")
    else:
        body = outcome.text + notes_text(outcome)
    gap = "\n\n" if index else ""
    return f"{gap}## {name}\n\n{body}"


def _together(names: Sequence[str], outcomes: Sequence[Outcome]) -> Outcome:
    """Several outcomes as one, under headings; when all failed, a failure."""
    text = "".join(_section(name, outcome, i) for i, (name, outcome) in enumerate(zip(names, outcomes, strict=True)))
    answers = [
        {"requested_model": name, **(outcome.error or outcome.record or {}), "text": outcome.text}
        for name, outcome in zip(names, outcomes, strict=True)
    ]
    if any(o.error is None for o in outcomes):
        return Outcome(text=text, record={"answers": answers, "status": "complete"})
    kind = answers[0].get("kind", "upstream")
    message = f"none of the {len(names)} models answered"
    return Outcome(text=text, error={"kind": kind, "message": message, "retryable": False, "answers": answers})
