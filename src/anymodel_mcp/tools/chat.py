"""`chat`: a question to one model, a chain of models or several at once; in a thread, with pictures, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import Field

from anymodel_mcp.calls.conversations import Conversation, assistant_turn, hold_conversation, turns_for
from anymodel_mcp.calls.outcomes import with_warnings
from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.calls.task_group import uninterrupted
from anymodel_mcp.errors import AnyModelError, ArgumentError, ProviderError
from anymodel_mcp.tools.arguments import (
    Arguments,
    Definitions,
    Files,
    Integer,
    Messages,
    Name,
    Names,
    Number,
    Object,
    Pictures,
    Stops,
    Text,
)
from anymodel_mcp.tools.asking import Answered, Ask, ask_chain, ask_many, outcome_of
from anymodel_mcp.tools.attachments import Attachments, expand, route, to_keep
from anymodel_mcp.tools.pictures import save_pictures, unsaved_records
from anymodel_mcp.tools.schemas import DESCRIBED_OPTIONS, JSON_SCHEMA, MESSAGES, MODEL, TOOLS
from anymodel_mcp.tools.spec import Job, ToolSpec
from anymodel_mcp.tools.structured import bare_json, check_answer, check_schema, mending_turns, plain_schema
from anymodel_mcp.types import CallStats, ChatRequest, ChatResult, Json, Outcome
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoints import Endpoint, total_usage


class ChatArguments(Arguments):
    """Arguments of `chat`."""

    prompt: Text | None = None
    messages: Annotated[Messages, MESSAGES] | None = None
    model: Annotated[Name, MODEL] | None = None
    models: Annotated[Names, Field(description="ask several")] | None = None
    system: Text | None = None
    images: Pictures | None = None
    files: Annotated[Files, Field(description="text or PDF; as images: URL, data URL or path")] | None = None
    conversation: Annotated[Name, Field(description='"new", then its id')] | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    max_tokens: Annotated[Integer, Field(ge=1)] | None = None
    stop: Stops | None = None
    reasoning_effort: Annotated[Name, Field(description="low, high, ...")] | None = None
    json_schema: Annotated[Object, JSON_SCHEMA] | None = None
    tools: Annotated[Definitions, TOOLS] | None = None
    stream: bool | None = None
    options: Annotated[Object, DESCRIBED_OPTIONS] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One question to one name: what is asked, what came before it, where its answer goes.

    Attributes:
        secure: takes an outcome that is paid for, before anything else is done with it.
    """

    job: Job
    arguments: ChatArguments
    attachments: Attachments
    name: str | None
    track: ProgressLine
    secure: Callable[[Outcome], None]
    write: Callable[[str], None] | None = None
    history: Sequence[Json] = ()
    system: str | None = None
    notes: list[str] = field(default_factory=list[str])
    sent: list[Json] = field(default_factory=list["Json"])

    async def turns(self, endpoint: Endpoint) -> list[Json]:
        """The messages for this endpoint: pictures and files in the form that it takes."""
        self.sent[:] = await self.attachments.join(self.own_turns(), endpoint, self.notes)
        kept = turns_for(self.history, endpoint.client.settings.name, endpoint.dialect.reasoning_back)
        messages = [*await expand(self.job.app.outputs, kept), *self.sent]
        return [{"role": "system", "content": self.system}, *messages] if self.system else messages

    def own_turns(self) -> list[Json]:
        """What this call adds, without its attachments."""
        if self.arguments.messages is not None:
            return [dict(m) for m in self.arguments.messages]
        return [{"role": "user", "content": self.arguments.prompt}]

    def ask(self, more: Sequence[Json] = ()) -> Ask:
        """Asks an endpoint; `more` turns follow the question."""

        async def ask(endpoint: Endpoint, on_deltas: OnDeltas) -> tuple[ChatResult, CallStats]:
            arguments = self.arguments
            request = ChatRequest(
                model=endpoint.model,
                messages=[*await self.turns(endpoint), *more],
                temperature=arguments.temperature,
                top_p=arguments.top_p,
                max_tokens=arguments.max_tokens,
                stop=arguments.stop,
                reasoning_effort=arguments.reasoning_effort,
                json_schema=arguments.json_schema,
                tools=arguments.tools,
                stream=arguments.stream is not False,
                options=arguments.options or {},
            )
            routed = route(endpoint, request.messages)
            return await routed.send(routed.chat, request, on_deltas)

        return ask


async def chat(job: Job, arguments: ChatArguments) -> Outcome:
    """The answer, or the answers of several models under headings.

    Raises:
        AnyModelError: the arguments are refused, or no model behind the name answered.
    """
    if arguments.json_schema is not None:
        arguments = arguments.model_copy(update={"json_schema": plain_schema(arguments.json_schema)})
    _check(arguments)
    if arguments.json_schema is not None:
        await check_schema(arguments.json_schema)
    attachments = await Attachments.open(job.app, arguments.images or (), arguments.files or ())
    asked = _Question(
        job=job,
        arguments=arguments,
        attachments=attachments,
        name=arguments.model,
        track=job.call.track(arguments.model or "default model") if arguments.models is None else ProgressLine(""),
        # the words of a structured answer mean nothing before they are checked
        write=job.call.write if arguments.json_schema is None else None,
        secure=job.call.secure,
        system=arguments.system,
    )
    if arguments.models is None:
        return await (_answer(asked) if arguments.conversation is None else _in_thread(asked))
    tracks = {name: job.call.track(name) for name in arguments.models}

    async def ask(name: str) -> Outcome:
        one = replace(asked, name=name, track=tracks[name], secure=_leave, write=None, notes=[], sent=[])
        return await _answer(one)

    return await ask_many(list(tracks), ask, write=job.call.write, secure=job.call.secure)


def _leave(_: Outcome) -> None:
    """For one of several models: the answers are secured together."""


def _check(arguments: ChatArguments) -> None:
    """Refuses what no model can answer.

    Raises:
        ArgumentError: says which arguments do not go together, or are empty.
    """
    if (arguments.prompt is None) == (arguments.messages is None):
        which = "both prompt and messages are given" if arguments.prompt is not None else "prompt is missing"
        raise ArgumentError(which, param="prompt", fix="Give either prompt (a text) or messages (an array).")
    if arguments.prompt is not None and not arguments.prompt.strip():
        raise ArgumentError("prompt is empty", param="prompt", fix="Give the question as text.")
    if arguments.messages is not None:
        _check_messages(arguments.messages)
    if arguments.models is not None:
        _check_models(arguments)


def _check_messages(messages: Sequence[Json]) -> None:
    if not messages:
        raise ArgumentError(
            "messages is empty", param="messages", fix='Give at least [{"role": "user", "content": "…"}].'
        )
    for index, message in enumerate(messages):
        if not isinstance(message.get("role"), str):
            raise ArgumentError(
                f"messages[{index}] has no role",
                param="messages",
                fix='Each message is {"role": "user", "content": "…"}.',
            )
        content: Any = message.get("content")
        if content is not None and not isinstance(content, str | list):
            raise ArgumentError(f"messages[{index}].content must be a string or an array of parts", param="messages")


def _check_models(arguments: ChatArguments) -> None:
    if not arguments.models:
        raise ArgumentError("models is empty", param="models", fix="Name at least one model, or leave it out.")
    if arguments.model is not None:
        raise ArgumentError("both model and models are given", param="models", fix="Give one of them.")
    if arguments.conversation is not None:
        raise ArgumentError(
            "models and conversation do not go together",
            param="models",
            fix="A thread has one model at a time: leave one of them out.",
        )


async def _in_thread(question: _Question) -> Outcome:
    """A turn of a conversation: what came before goes along, question and answer are kept."""
    job, wanted = question.job, question.arguments.conversation or ""
    async with hold_conversation(job.app.store, wanted.strip(), question.system) as thread:
        job.call.conversation = thread.id
        asked = replace(question, history=thread.history, system=question.system or thread.system)
        answered = await _answered(asked)
        with uninterrupted():  # the answer is paid for: it is delivered, saved and stored whole
            outcome = _in_conversation(await _outcome(asked, answered), thread.id)
            outcome = with_warnings(outcome, *await _append(asked, answered, thread))
            asked.secure(outcome)
    return outcome


def _in_conversation(outcome: Outcome, thread: str) -> Outcome:
    record = {**(outcome.record or {}), "conversation": thread}
    return replace(outcome, record=record, notes=(*outcome.notes, f'conversation "{thread}"'))


async def _append(question: _Question, answered: Answered, thread: Conversation) -> list[str]:
    """Adds question and answer to the thread; gives warnings."""
    turns = await to_keep(question.job.app.outputs, question.sent)
    answer = assistant_turn(answered.result, answered.target.provider)
    kept = question.job.app.redactor.value([*turns, answer])
    return await thread.append(kept, model=answered.target.name)


async def _answer(question: _Question) -> Outcome:
    answered = await _answered(question)
    with uninterrupted():  # the answer is paid for: it is delivered and saved whole
        return await _outcome(question, answered)


async def _answered(question: _Question) -> Answered:
    """The answer; a structured one is checked, and asked for once more where it does not satisfy the schema."""
    answered = await ask_chain(
        question.job, question.name, "chat", question.ask(), track=question.track, write=question.write
    )
    schema = question.arguments.json_schema
    if schema is None or answered.result.tool_calls:
        return answered
    text = bare_json(answered.result.text)
    checked = await check_answer(text, schema)
    wrong = checked.problem
    if wrong is not None and answered.result.finish_reason != "length":
        question.track.tell("asking for a corrected answer")
        ask = question.ask(mending_turns(text, wrong))
        try:
            again = await ask_chain(question.job, answered.target.name, "chat", ask, track=question.track)
        except AnyModelError as error:
            raise _unsatisfied(answered, f"{wrong}; and no other answer came: {error.failure.message}") from error
        answered = _both(answered, again, f"the first answer was corrected: {wrong}")
        text = bare_json(again.result.text)
        checked = await check_answer(text, schema)
    if checked.problem is not None:
        raise _unsatisfied(answered, checked.problem)
    warnings = (*answered.result.warnings, checked.warning) if checked.warning else answered.result.warnings
    return replace(answered, result=replace(answered.result, text=text, warnings=warnings))


def _both(first: Answered, again: Answered, note: str) -> Answered:
    """The second answer, with what both have cost."""
    trip = replace(again.trip, attempts=first.trip.attempts + again.trip.attempts)
    usage = total_usage([first.result.usage, again.result.usage])
    notes = (*first.notes, *again.notes, note)
    return replace(again, trip=trip, result=replace(again.result, usage=usage), notes=notes)


def _unsatisfied(answered: Answered, wrong: str) -> ProviderError:
    """Why there is no structured answer, with what came instead."""
    if answered.result.finish_reason == "length":
        message, fix = "the answer was cut at the token limit before its JSON was whole", "Raise max_tokens."
    else:
        message = f"the answer does not satisfy json_schema, nor did the one before it: {wrong}"
        fix = "Simplify the schema, ask a stronger model, or use the text below."
    return ProviderError(
        message,
        kind="upstream",
        fix=fix,
        provider=answered.target.provider,
        model=answered.target.model,
        attempts=answered.trip.attempts,
        partial_text=answered.result.text or None,
    )


async def _outcome(question: _Question, answered: Answered) -> Outcome:
    result = replace(answered.result, warnings=(*question.notes, *answered.result.warnings))
    answered = replace(answered, result=result)
    if not result.images:
        outcome = outcome_of(answered, question.name)
        question.secure(outcome)
        return outcome
    question.secure(outcome_of(answered, question.name, {"images": unsaved_records(result.images)}))
    saved = await save_pictures(question.job.app.outputs, result.images)
    outcome = with_warnings(outcome_of(answered, question.name, {"images": saved.records}), *saved.warnings)
    outcome = replace(outcome, pictures=saved.names)
    question.secure(outcome)
    return outcome


TOOL = ToolSpec(
    name="chat",
    description=(
        "Asks another AI model, or several. Sees pictures, reads files, keeps threads. A long answer ends with an id "
        "for get_result."
    ),
    arguments=ChatArguments,
    run=chat,
)
