"""`ask`: asks one question from the terminal, with the same code as the tool `chat`.

Only the answer goes to stdout. Who answered, tokens, notes and warnings go to stderr.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from anymodel_mcp.app import open_services
from anymodel_mcp.cli.screen import EXIT_FAILED, Terminal, no_provider, print_error, remark, report_error, write_json
from anymodel_mcp.cli.watching import Printer, WatchedCall
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import AnyModelError, ArgumentError
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.chat import ChatArguments, chat
from anymodel_mcp.types import Json, Outcome

HOST = "terminal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, as given on the command line.

    Attributes:
        prompt: the question and the text from a pipe.
        models: none = the default model; several = each answers, under its name.
        as_json: print the record instead of the answer.
    """

    prompt: str
    models: Sequence[str] = ()
    system: str | None = None
    images: Sequence[str] = ()
    files: Sequence[str] = ()
    stream: bool = True
    as_json: bool = False
    max_tokens: int | None = None
    temperature: float | None = None

    def arguments(self) -> Json:
        """Returns the arguments for the tool."""
        name: Json = {"model": self.models[0]} if len(self.models) == 1 else {"models": list(self.models) or None}
        return name | {
            "prompt": self.prompt,
            "system": self.system,
            "images": [_absolute(i) for i in self.images] or None,
            "files": [_absolute(f) for f in self.files] or None,
            "stream": None if self.stream else False,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }


async def ask(terminal: Terminal, settings: Settings, question: Question) -> int:
    """Asks, and writes the answer while it arrives; returns the exit status."""
    try:
        arguments = _checked(settings, question)
    except AnyModelError as error:
        return report_error(terminal, "nothing was asked", error)
    printer = Printer(terminal, live=question.stream and not question.as_json)
    allowed = _allowing(settings, [*question.images, *question.files])
    async with open_services(
        allowed, redactor=terminal.redactor, transport=terminal.transport, data_dir=terminal.data_dir
    ) as services:
        printer.wait(f"asking {', '.join(question.models) or settings.default_model or 'a model'}")
        context = services.context(WatchedCall("chat", HOST, printer))
        try:
            outcome = await chat(context, arguments)
        except AnyModelError as error:
            return _failed(terminal, printer, question, error)
        finally:
            printer.stop()
        return _show(terminal, printer, question, outcome)


def _checked(settings: Settings, question: Question) -> ChatArguments:
    if not question.prompt.strip():
        raise ArgumentError("there is no question", fix='Write one: anymodel-mcp ask "Why is the sky blue?"')
    if not settings.providers:
        raise no_provider()
    for path in filter(_is_local, (*question.images, *question.files)):
        if not os.path.isfile(_absolute(path)):
            raise ArgumentError(
                f"there is no file {path!r}", fix="Correct the path; relative paths start in the current folder."
            )
    return parse(ChatArguments, question.arguments(), frozenset())


def _failed(terminal: Terminal, printer: Printer, question: Question, error: AnyModelError) -> int:
    printer.stop()
    if question.as_json:
        failure = error.failure
        record = {"kind": failure.kind, "message": failure.message, "fix": failure.fix, "status": failure.status}
        write_json(terminal, {"error": {k: v for k, v in record.items() if v is not None}})
    return report_error(terminal, "no answer" if not error.failure.partial_text else "half an answer", error)


def _show(terminal: Terminal, printer: Printer, question: Question, outcome: Outcome) -> int:
    record = outcome.error or outcome.record or {}
    if question.as_json:
        body = {"text": outcome.text, **record}
        write_json(terminal, {"error": body} if outcome.error else body)
    else:
        printer.finish(outcome.text)
        for note in outcome.notes:
            remark(terminal, note, "yellow")
        if footer := _footer(record):
            remark(terminal, footer)
    if outcome.error is None:
        return 0
    print_error(terminal, str(record.get("message")), "each answer above says why", "Run `anymodel-mcp doctor`.")
    return EXIT_FAILED


def _footer(record: Json) -> str:
    """Which model answered, the tokens and the time."""
    if "answers" in record:
        return ""
    usage: dict[str, Any] = record.get("usage", {})
    parts = [f"{record.get('provider')}/{record.get('model')}"]
    if "input" in usage and "output" in usage:
        parts.append(f"{usage['input']} tokens in, {usage['output']} out")
    if usage.get("cost"):
        parts.append(f"${usage['cost']:.6f}".rstrip("0"))
    first = f", first token after {record['first_delta_s']:.1f} s" if "first_delta_s" in record else ""
    parts.append(f"{record.get('duration_s', 0):.1f} s{first}")
    return " · ".join(parts)


def _is_local(reference: str) -> bool:
    return not reference.lower().startswith(("https:", "http:", "data:"))


def _absolute(reference: str) -> str:
    """Resolves a path: relative to the working directory, with `~` and links."""
    return os.path.realpath(Path(reference).expanduser()) if _is_local(reference) else reference


def _allowing(settings: Settings, references: Sequence[str]) -> Settings:
    """Allows the folders of the named files for this call: a user who types a path wants it read.

    Only the named files are read: `chat` opens no path that is not an argument.
    """
    folders = tuple(dict.fromkeys(os.path.dirname(_absolute(r)) for r in references if _is_local(r)))
    return replace(settings, files=replace(settings.files, allowed_dirs=folders)) if folders else settings
