"""`chat`: asks one model, a chain of models or several at once; with threads, pictures, files and JSON answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import Annotated, Any

from pydantic import Field

from anymodel_mcp.calls.conversations import Conversation, turns_for
from anymodel_mcp.calls.outcomes import with_warnings
from anymodel_mcp.calls.progress import ProgressLine
from anymodel_mcp.errors import AnyModelError, ArgumentError, ProviderError
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.record import record
from anymodel_mcp.tasks import uninterrupted
from anymodel_mcp.tools.answers import outcome_of
from anymodel_mcp.tools.argument_help import wrapped_tool
from anymodel_mcp.tools.arguments import (
    Arguments,
    ChoiceOptions,
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
from anymodel_mcp.tools.attachments import Attachments, load_files, route, store_files
from anymodel_mcp.tools.context import ToolContext, ToolSpec
from anymodel_mcp.tools.pictures import save_pictures, unsaved_records
from anymodel_mcp.tools.schemas import DESCRIBED_OPTIONS, JSON_SCHEMA, MESSAGES, MODEL, TOOLS
from anymodel_mcp.tools.several import ask_many
from anymodel_mcp.tools.sounds import save_sounds, sound_record
from anymodel_mcp.tools.structured import bare_json, check_answer, check_schema, correction_turns, plain_schema
from anymodel_mcp.tools.web_search import ask_searching, search_note, with_search_api
from anymodel_mcp.types import CallStats, ChatRequest, ChatResult, Json, Outcome
from anymodel_mcp.upstream.call_state import OnDeltas
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.models import Answer, Models, Question
from anymodel_mcp.upstream.sums import total_usage
from anymodel_mcp.wire.decode.json_values import as_object, as_text, objects


class ChatArguments(Arguments):
    """Arguments of `chat`."""

    prompt: Text | None = None
    messages: Annotated[Messages, MESSAGES] | None = None
    model: Annotated[Name, MODEL] | None = None
    models: Annotated[Names, Field(description="ask several")] | None = None
    system: Text | None = None
    images: Pictures | None = None
    files: Annotated[Files, Field(description="text, PDF, audio; as all inputs: URL, data URL or path")] | None = None
    conversation: Annotated[Name, Field(description='"new", then its id')] | None = None
    temperature: Number | None = None
    top_p: Number | None = None
    max_tokens: Annotated[Integer, Field(ge=1)] | None = None
    stop: Stops | None = None
    reasoning_effort: Annotated[Name, Field(description="low, high, ...")] | None = None
    search: bool | None = None
    json_schema: Annotated[Object, JSON_SCHEMA] | None = None
    tools: Annotated[Definitions, TOOLS] | None = None
    stream: bool | None = None
    options: Annotated[ChoiceOptions, DESCRIBED_OPTIONS] | None = None


@record
class _Turn:
    """The question for one model, and where its answer goes.

    Attributes:
        name: the model, as the caller wrote it.
        line: takes the progress.
        on_text: takes the answer text as it arrives.
        secure: takes a paid outcome before anything else is done with it.
        history: earlier turns of the conversation.
        notes: changes that were made to the files.
        sent: the messages of this turn, as they were sent.
    """

    arguments: ChatArguments
    attachments: Attachments
    artifacts: Artifacts
    name: str | None
    line: ProgressLine
    secure: Callable[[Outcome], None]
    on_text: Callable[[str], None] | None = None
    system: str | None = None
    history: Sequence[Json] = ()
    notes: list[str] = field(default_factory=list[str])
    sent: list[Json] = field(default_factory=list["Json"])

    def question(self, more: Sequence[Json] = (), *, name: str | None = None) -> Question[ChatResult]:
        """The question for `Models.ask`; `more` messages follow it."""

        async def send(endpoint: Endpoint, on_deltas: OnDeltas) -> tuple[ChatResult, CallStats]:
            searching = self.arguments.search is True
            endpoint = with_search_api(endpoint) if searching else endpoint
            messages = [*await self.messages(endpoint), *more]
            routed = route(endpoint, messages)
            if searching and (note := search_note(routed)):
                self.notes.append(note)
            return await ask_searching(routed, self.request(routed, messages), on_deltas)

        on_text = None if more else self.on_text
        return Question(
            name=name or self.name,
            purpose="chat",
            send=send,
            line=self.line,
            on_text=on_text,
            pictures=bool(self.arguments.images) or _holds_pictures(self.arguments.messages or ()),
        )

    async def messages(self, endpoint: Endpoint) -> list[Json]:
        """The messages for this endpoint, with pictures and files in the form that it accepts."""
        arguments = self.arguments
        own: list[Json] = [{"role": "user", "content": arguments.prompt}]
        if arguments.messages is not None:
            own = [dict(m) for m in arguments.messages]
        self.notes.clear()
        self.sent[:] = await self.attachments.join(own, endpoint, self.notes)
        kept = turns_for(self.history, endpoint.client.settings.name, endpoint.dialect.reasoning_back, endpoint.api)
        messages = [*await load_files(self.artifacts, kept), *self.sent]
        return [{"role": "system", "content": self.system}, *messages] if self.system else messages

    def request(self, endpoint: Endpoint, messages: Sequence[Json]) -> ChatRequest:
        """The request with these messages."""
        arguments = self.arguments
        return ChatRequest(
            model=endpoint.model,
            messages=messages,
            temperature=arguments.temperature,
            top_p=arguments.top_p,
            max_tokens=arguments.max_tokens,
            stop=arguments.stop,
            reasoning_effort=arguments.reasoning_effort,
            json_schema=arguments.json_schema,
            tools=arguments.tools,
            search=arguments.search is True,
            stream=_streams(arguments),
            options=arguments.options or {},
        )


def _streams(arguments: ChatArguments) -> bool:
    """Whether the answer is streamed; unless it must be, not where a sound is asked for that no stream carries.

    A stream holds raw samples only: https://github.com/openai/openai-openapi 2.3.0 (CreateChatCompletionRequest.audio).
    """
    if arguments.stream is not None:
        return arguments.stream
    format_ = as_text(as_object((arguments.options or {}).get("audio")).get("format"))
    return not format_ or format_.lower().startswith("pcm")


async def chat(ctx: ToolContext, arguments: ChatArguments) -> Outcome:
    """Returns the answer, or the answers of several models under headings.

    Raises:
        AnyModelError: the arguments are refused, or no model behind the name answered.
    """
    if arguments.json_schema is not None:
        arguments = arguments.model_copy(update={"json_schema": plain_schema(arguments.json_schema)})
    if arguments.tools is not None:
        arguments = arguments.model_copy(update={"tools": [wrapped_tool(tool) for tool in arguments.tools]})
    _check(arguments)
    if arguments.json_schema is not None:
        await check_schema(arguments.json_schema)
    attachments = await Attachments.read(ctx.inputs, arguments.images or (), arguments.files or ())
    turn = _Turn(
        arguments=arguments,
        attachments=attachments,
        artifacts=ctx.artifacts,
        name=arguments.model,
        line=ProgressLine("") if arguments.models else ctx.call.track(arguments.model or "default model"),
        secure=ctx.call.secure,
        on_text=ctx.call.write if arguments.json_schema is None else None,  # shown once it is checked
        system=arguments.system,
    )
    if arguments.models:
        lines = {name: ctx.call.track(name) for name in arguments.models}

        async def ask(name: str) -> Outcome:
            one = replace(turn, name=name, line=lines[name], secure=_ignore, on_text=None, notes=[], sent=[])
            return await _answer(ctx.models, one)

        return await ask_many(list(lines), ask, write=ctx.call.write, secure=ctx.call.secure)
    if arguments.conversation is None:
        return await _answer(ctx.models, turn)
    async with ctx.conversations.hold(arguments.conversation.strip(), arguments.system) as conversation:
        ctx.call.conversation = conversation.id
        turn = replace(
            turn,
            name=arguments.model or _last_model(ctx.models, conversation),
            history=conversation.history,
            system=arguments.system or conversation.system,
        )
        return await _answer_in(ctx.models, turn, conversation)


def _last_model(models: Models, conversation: Conversation) -> str | None:
    """The model that answered last in the conversation, if its provider is configured."""
    last = conversation.last_model or ""
    return last if last.partition("/")[0] in models.directory.names.providers else None


def _ignore(_: Outcome) -> None:
    """Ignores the outcome: the answers of several models are secured together."""


def _check(arguments: ChatArguments) -> None:
    """Checks arguments that depend on each other.

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


async def _answer(models: Models, turn: _Turn) -> Outcome:
    answer = await _checked_answer(models, turn)
    with uninterrupted():  # the answer is paid for: it is delivered and saved whole
        return await _outcome(turn, answer)


async def _answer_in(models: Models, turn: _Turn, conversation: Conversation) -> Outcome:
    """Answers a turn of a conversation and stores question and answer."""
    answer = await _checked_answer(models, turn)
    last, now = conversation.last_model, answer.target.name
    if last and last != now:
        answer = replace(answer, notes=(*answer.notes, f"answered by {now}; the turn before by {last}"))
    with uninterrupted():
        outcome = await _outcome(turn, answer)
        record = {**(outcome.record or {}), "conversation": conversation.id}
        notes = (*outcome.notes, f'conversation "{conversation.id}"')
        sent = await store_files(turn.artifacts, turn.sent)
        warnings = await conversation.append(sent, answer.result, answer.target)
        outcome = with_warnings(replace(outcome, record=record, notes=notes), *warnings)
        turn.secure(outcome)
    return outcome


async def _checked_answer(models: Models, turn: _Turn) -> Answer[ChatResult]:
    """Returns the answer; one that does not satisfy the schema is requested once more."""
    answer = await models.ask(turn.question())
    schema = turn.arguments.json_schema
    if schema is None or answer.result.tool_calls:
        return answer
    text = bare_json(answer.result.text)
    checked = await check_answer(text, schema)
    if checked.problem is not None and answer.result.finish_reason != "length":
        turn.line.tell("asking for a corrected answer")
        question = turn.question(correction_turns(text, checked.problem), name=answer.target.name)
        try:
            second = await models.ask(question)
        except AnyModelError as error:
            why = f"{checked.problem}; and no other answer came: {error.failure.message}"
            raise _unsatisfied(answer, why) from error
        answer = _both(answer, second, f"the first answer was corrected: {checked.problem}")
        text = bare_json(second.result.text)
        checked = await check_answer(text, schema)
    if checked.problem is not None:
        raise _unsatisfied(answer, checked.problem)
    warnings = (*answer.result.warnings, *([checked.warning] if checked.warning else []))
    return replace(answer, result=replace(answer.result, text=text, warnings=warnings))


def _holds_pictures(messages: Sequence[Json]) -> bool:
    parts = (part for m in messages for part in objects(m.get("content")))
    return any(part.get("type") in ("image_url", "input_image", "image") for part in parts)


def _both(first: Answer[ChatResult], second: Answer[ChatResult], note: str) -> Answer[ChatResult]:
    """The second answer, with the usage of both."""
    stats = replace(second.stats, attempts=first.stats.attempts + second.stats.attempts)
    usage = total_usage([first.result.usage, second.result.usage])
    notes = (*first.notes, *second.notes, note)
    return replace(second, stats=stats, result=replace(second.result, usage=usage), notes=notes)


def _unsatisfied(answer: Answer[ChatResult], problem: str) -> ProviderError:
    """The error for an answer that does not satisfy the schema, with its text."""
    if answer.result.finish_reason == "length":
        message, fix = "the answer was cut at the token limit before its JSON was whole", "Raise max_tokens."
    else:
        message = f"the answer does not satisfy json_schema, nor did the one before it: {problem}"
        fix = "Simplify the schema, ask a stronger model, or use the text below."
    return ProviderError(
        message,
        kind="upstream",
        fix=fix,
        provider=answer.target.provider,
        model=answer.target.model,
        attempts=answer.stats.attempts,
        partial_text=answer.result.text or None,
    )


async def _outcome(turn: _Turn, answer: Answer[ChatResult]) -> Outcome:
    """The outcome; pictures and sounds in it are saved, and it is secured before that."""
    result = replace(answer.result, warnings=(*turn.notes, *answer.result.warnings))
    answer = replace(answer, result=result)
    if not result.images and not result.sounds:
        outcome = outcome_of(answer, turn.name)
        turn.secure(outcome)
        return outcome
    made = {"images": unsaved_records(result.images), "audio": [sound_record(sound) for sound in result.sounds]}
    turn.secure(outcome_of(answer, turn.name, made))
    pictures = await save_pictures(turn.artifacts, result.images)
    sounds = await save_sounds(turn.artifacts, result.sounds)
    made = {"images": pictures.records, "audio": sounds.records}
    outcome = with_warnings(outcome_of(answer, turn.name, made), *pictures.warnings, *sounds.warnings)
    outcome = replace(outcome, pictures=[*pictures.names, *sounds.names])
    turn.secure(outcome)
    return outcome


TOOL = ToolSpec(
    name="chat",
    description=(
        "Asks another AI model, or several. Sees pictures, reads files, hears audio, keeps threads. A long answer ends "
        "with an id for get_result."
    ),
    arguments=ChatArguments,
    run=chat,
)
