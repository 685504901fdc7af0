"""Asks the models behind a name: one loop for every tool.

For each target: open its endpoint, send, write the ledger, and on failure explain, then fall back to the next one if
the failure allows it. Work that is charged on acceptance (a picture, a media job) falls back only after a refusal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from anymodel_mcp.errors import AnyModelError, ArgumentError, ConfigError, ErrorKind
from anymodel_mcp.record import record
from anymodel_mcp.redact import shorten
from anymodel_mcp.types import CallStats, ChatResult, Delta, EmbeddingsResult, ImagesResult, Usage
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.directory import Directory
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.explain import Explainer
from anymodel_mcp.upstream.jobs import Job
from anymodel_mcp.upstream.media_jobs import MAYBE_TAKEN, MediaResult
from anymodel_mcp.upstream.naming import cannot_see, routing_note, seeing_models, sees_no_pictures
from anymodel_mcp.upstream.pricing import add_cost
from anymodel_mcp.upstream.routing import Purpose, Target
from anymodel_mcp.wire.audio.values import SpeechResult, TranscriptionResult
from anymodel_mcp.wire.rerank import RerankResult

Result = TypeVar(
    "Result",
    ChatResult,
    EmbeddingsResult,
    ImagesResult,
    MediaResult,
    TranscriptionResult,
    SpeechResult,
    RerankResult,
)

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
REFUSALS: frozenset[ErrorKind] = frozenset({"quota", "rate_limit", "overloaded", "model_not_found"})
"""Kinds of failure after which nothing can have been made, so that paid work may go to the next target."""


class Line(Protocol):
    """The progress of one question."""

    label: str
    chars: int

    def tell(self, phase: str) -> None:
        """Sets what the call waits for."""
        ...

    def take(self, deltas: Sequence[Delta]) -> None:
        """Takes received deltas."""
        ...


class Entry(Protocol):
    """The ledger's row of one target."""

    def end(self, outcome: str, usage: Usage | None = None) -> None:
        """Ends the row."""
        ...


class Account(Protocol):
    """Opens the ledger's row of a target while it is asked."""

    def __call__(self, *, provider: str, model: str) -> AbstractContextManager[Entry]:
        """The row."""
        ...


@record
class Question(Generic[Result]):
    """A question to the models behind one name.

    Attributes:
        name: an alias, `provider/id`, a bare id, or `None` for the default of `purpose`.
        send: sends it to one endpoint.
        line: takes the progress.
        on_text: takes the answer text as it arrives; `None` = not streamed to a reader.
        phase: the progress text until the first delta.
        paid: the work is charged once a provider accepts it.
        targets: the targets, if the tool has chosen them; empty = those of the name.
        pictures: it contains pictures, so models known to lack vision are skipped.
    """

    name: str | None
    purpose: Purpose
    send: Callable[[Endpoint, OnDeltas], Awaitable[tuple[Result, CallStats]]]
    line: Line
    on_text: Callable[[str], None] | None = None
    phase: str = "waiting for the first token"
    paid: bool = False
    targets: Sequence[Target] = ()
    pictures: bool = False


@record
class Answer(Generic[Result]):
    """A result, its endpoint, and the failures before it."""

    result: Result
    stats: CallStats
    target: Target
    notes: Sequence[str] = ()


@record
class Models:
    """Asks models, for one call of a tool.

    Attributes:
        directory: which models a name means.
        open: opens a target's endpoint; reports what it waits for.
        catalog: the providers' model lists.
        explainer: completes errors.
        account: opens the ledger's rows.
        on_restart: is called before the next target starts over.
    """

    directory: Directory
    open: Callable[[Target, Callable[[str], None]], Awaitable[Endpoint]]
    catalog: Catalog
    explainer: Explainer
    account: Account
    on_restart: Callable[[], None] = lambda: None

    async def ask(self, question: Question[Result]) -> Answer[Result]:
        """Returns the answer of the first model behind the name that succeeds.

        Raises:
            AnyModelError: the last failure; earlier ones are named in its message.
        """
        targets = question.targets or await self.directory.targets(question.name, question.purpose)
        failed: list[str] = []
        for target in targets[:-1]:
            try:
                return await self._ask_target(question, target, failed)
            except AnyModelError as error:
                if not _falls_back(error, question):
                    raise _with_history(error, failed) from error
                failed.append(f"{target.name} failed ({error.kind}: {shorten(error.failure.message, 200)})")
                self.on_restart()
        try:
            return await self._ask_target(question, targets[-1], failed)
        except AnyModelError as error:
            raise _with_history(error, failed) from error

    async def ask_again(
        self, job: Job, send: Callable[[Endpoint, OnDeltas], Awaitable[tuple[Result, CallStats]]], line: Line
    ) -> Answer[Result]:
        """Continues a job that was submitted before, at the model that accepted it.

        Raises:
            ConfigError: its provider is no longer configured at that address.
            ProviderError: the job failed, or cannot be polled.
        """
        provider = self.directory.names.addresses.get(job.provider)
        if provider != job.base_url:
            raise ConfigError(
                f"job {job.task_id!r} was submitted to {job.provider} at {job.base_url}, which is not configured",
                fix=f"Configure {job.provider} with that base_url, then call get_result again.",
                task_id=job.task_id,
            )
        target = Target(job.provider, job.model)
        question = Question(name=job.requested, purpose="image", send=send, line=line, phase="asking for the job")
        line.label = target.name
        return await self._ask_target(question, target, ())

    async def _ask_target(self, question: Question[Result], target: Target, failed: Sequence[str]) -> Answer[Result]:
        question.line.label = target.name
        if question.pictures and sees_no_pictures(await self.catalog.record(target)):
            raise cannot_see(target, seeing_models(self.catalog.seen()))
        with self.account(provider=target.provider, model=target.model) as entry:
            try:
                endpoint = self._limited(await self.open(target, question.line.tell), target)
                question.line.tell(question.phase)
                result, stats = await question.send(endpoint, _reporting(question))
            except AnyModelError as error:
                entry.end(error.kind)
                raise await self.explainer.explain(error, target) from error
            usage = await add_cost(self.catalog, target, result.usage)
            entry.end("complete", usage)
        notes = [f"answered by {target.name}: {'; '.join(failed)}"] if failed else []
        listed = [target.model] if self.catalog.known(target) else []
        if note := routing_note(self.directory.names, question.name, target, listed):
            notes.append(note)
        return Answer(result=replace(result, usage=usage), stats=stats, target=target, notes=notes)

    def _limited(self, endpoint: Endpoint, target: Target) -> Endpoint:
        """The endpoint with the output limit from the model list, if that list is already known."""
        listed = self.catalog.known(target)
        return replace(endpoint, output_limit=listed.max_output_tokens) if listed else endpoint


def _reporting(question: Question[Result]) -> OnDeltas:
    line, on_text = question.line, question.on_text

    def on_deltas(deltas: Sequence[Delta]) -> None:
        line.take(deltas)
        for delta in deltas if on_text else ():
            if delta.kind == "text" and on_text:
                on_text(delta.text)

    return on_deltas


def _falls_back(error: AnyModelError, question: Question[Result]) -> bool:
    """Whether the next target may be asked: nothing has arrived, and nothing can have been charged."""
    if isinstance(error, ArgumentError):  # this model lacks vision, another one may have it
        return question.pictures
    if error.failure.code == MAYBE_TAKEN:
        return False
    kinds = REFUSALS if question.paid else FALLS_BACK
    return error.kind in kinds and not error.failure.partial_text and not question.line.chars


def _with_history(error: AnyModelError, failed: Sequence[str]) -> AnyModelError:
    return error.with_fields(message=f"{error.failure.message} (before it: {'; '.join(failed)})") if failed else error
