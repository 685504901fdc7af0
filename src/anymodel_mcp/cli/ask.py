"""`ask`: asks one question from the terminal, with the same code as the tool `chat`.

Only the answer goes to stdout. Who answered, tokens, notes and warnings go to stderr.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from anymodel_mcp.app import open_services
from anymodel_mcp.cli import last_conversation
from anymodel_mcp.cli.local_files import absolute, allowing, check_files, check_target
from anymodel_mcp.cli.screen import EXIT_FAILED, Terminal, no_provider, print_error, remark, report_error, write_json
from anymodel_mcp.cli.tool_call import HOST, copy_files, footer_of, run_tool, show_outcome
from anymodel_mcp.cli.watching import Printer, WatchedCall
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import AnyModelError, ArgumentError
from anymodel_mcp.record import record
from anymodel_mcp.server.services import Services
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.chat import ChatArguments, chat
from anymodel_mcp.tools.speak import TOOL as SPEAK
from anymodel_mcp.types import Json, Outcome

_CONVERSATION = 'conversation "'
"""How the note begins that tells a model the id; a person types `-c`."""


@record
class Question:
    """A question, as given on the command line.

    Attributes:
        prompt: the question and the text from a pipe.
        models: none = the default model; several = each answers, under its name.
        resume: continue the last conversation of the terminal.
        keep: store question and answer, so that `ask -c` can continue.
        plain: print Markdown as it comes.
        as_json: print the record instead of the answer.
        speak: also save the answer as speech.
        voice: who speaks.
        output: where the speech is copied to.
    """

    prompt: str
    models: Sequence[str] = ()
    system: str | None = None
    images: Sequence[str] = ()
    files: Sequence[str] = ()
    stream: bool = True
    resume: bool = False
    keep: bool = True
    plain: bool = False
    as_json: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    speak: bool = False
    voice: str | None = None
    output: Path | None = None

    def arguments(self, conversation: str | None = None) -> Json:
        """Returns the arguments for the tool."""
        name: Json = {"model": self.models[0]} if len(self.models) == 1 else {"models": list(self.models) or None}
        return name | {
            "prompt": self.prompt,
            "system": self.system,
            "images": [absolute(i) for i in self.images] or None,
            "files": [absolute(f) for f in self.files] or None,
            "stream": None if self.stream else False,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "conversation": conversation,
        }


async def ask(terminal: Terminal, settings: Settings, question: Question) -> int:
    """Asks, and writes the answer while it arrives; returns the exit status."""
    terminal = replace(terminal, as_json=terminal.as_json or question.as_json)
    try:
        _check(settings, question)
    except AnyModelError as error:
        return report_error(terminal, "nothing was asked", error)
    markdown = terminal.out.is_terminal and not question.plain
    printer = Printer(terminal, live=question.stream and not terminal.as_json, markdown=markdown)
    allowed = allowing(settings, [*question.images, *question.files])
    async with open_services(
        allowed, redactor=terminal.redactor, transport=terminal.transport, data_dir=terminal.data_dir
    ) as services:
        conversation: str | None = None
        printer.wait(f"asking {', '.join(question.models) or settings.default_model or 'a model'}")
        try:
            conversation = await _conversation(terminal, services, settings, question)
            arguments = parse(ChatArguments, question.arguments(conversation), frozenset())
            outcome = await chat(services.context(WatchedCall("chat", HOST, printer)), arguments)
        except AnyModelError as error:
            printer.stop()
            await _drop_empty(services, conversation, question)
            return report_error(terminal, _what_failed(error), error)
        finally:
            printer.stop()
        kept = (outcome.record or {}).get("conversation")
        if kept and (warning := last_conversation.remember(terminal, kept)):
            remark(terminal, warning, "yellow")
        return await _deliver(terminal, services, printer, question, outcome)


async def _drop_empty(services: Services, conversation: str | None, question: Question) -> None:
    """Removes the conversation of a question that was not answered."""
    if conversation is not None and not question.resume:
        with suppress(AnyModelError):
            await services.store.forget(conversation)


def _what_failed(error: AnyModelError) -> str:
    if error.failure.partial_text:
        return "half an answer"
    return "nothing was asked" if isinstance(error, ArgumentError) else "no answer"


def _check(settings: Settings, question: Question) -> None:
    if not question.prompt.strip():
        raise ArgumentError("there is no question", fix='Write one: anymodel-mcp ask "Why is the sky blue?"')
    if not settings.providers:
        raise no_provider()
    if question.resume and len(question.models) > 1:
        raise ArgumentError("-c continues with one model", fix="Give -m once, or leave out -c.")
    if question.resume and not settings.store.enabled:
        raise ArgumentError(
            "there is no conversation to continue: the store is disabled", fix="Set [store] enabled = true."
        )
    check_files((*question.images, *question.files))
    if question.output is not None and not question.speak:
        raise ArgumentError("-o names the file of the speech", fix="Add --speak, or write `> FILE` for the text.")
    if question.speak:
        check_target(question.output)
        if not settings.default_speech_model:
            raise ArgumentError(
                "--speak needs a speech model",
                fix="Set default_speech_model (ANYMODEL_SPEECH_MODEL), such as gpt-4o-mini-tts.",
            )
    parse(ChatArguments, question.arguments(), frozenset())


async def _conversation(terminal: Terminal, services: Services, settings: Settings, question: Question) -> str | None:
    if question.resume:
        return await last_conversation.find_last(terminal, services.store)
    if not question.keep or not settings.store.enabled or len(question.models) > 1:
        return None
    id, warning = await last_conversation.begin(services.store, question.system)
    if warning:
        remark(terminal, warning, "yellow")
    return id


async def _deliver(
    terminal: Terminal, services: Services, printer: Printer, question: Question, outcome: Outcome
) -> int:
    record = outcome.error or outcome.record or {}
    if not terminal.as_json:
        printer.finish(outcome.text)
        for note in outcome.notes:
            if not note.startswith(_CONVERSATION):
                remark(terminal, note, "yellow")
        if footer := footer_of(record):
            remark(terminal, footer)
    if outcome.error is not None:
        advice = "Run `anymodel-mcp doctor`."
        why = "each answer above says why"
        body = {"text": outcome.text, **record}
        print_error(terminal, str(record.get("message")), why, advice, record=body)
        return EXIT_FAILED
    if question.speak and outcome.text.strip():
        return await _speak(terminal, services, question, outcome)
    if terminal.as_json:
        write_json(terminal, {"text": outcome.text, **record})
    return 0


async def _speak(terminal: Terminal, services: Services, question: Question, answer: Outcome) -> int:
    """Saves the answer as speech; an answer without speech is still an answer."""
    spoken = await run_tool(terminal, services, SPEAK, {"text": answer.text, "voice": question.voice})
    if not terminal.as_json:
        beside = replace(terminal, stdout=terminal.stderr)  # stdout holds the answer and nothing else
        return show_outcome(beside, spoken, "no speech", output=question.output)
    copies = copy_files(terminal, spoken.record or {}, question.output)
    speech = {"error": spoken.error} if spoken.error is not None else {**(spoken.record or {}), "copies": copies}
    write_json(terminal, {"text": answer.text, **(answer.record or {}), "speech": speech})
    return EXIT_FAILED if spoken.error is not None else 0
