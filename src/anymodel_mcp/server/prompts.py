"""Prompts, which hosts show as slash commands: the built-in ones, and the user's own. Pure.

Each has exactly one optional argument of free text, because hosts handle no other kind well: Claude Code gives the last
argument a single word, Gemini CLI drops the text behind a prompt without arguments, Zed hides prompts with two, and
opencode asks once with the literal `$1` and fills it in itself. So a prompt is text alone: no call, no file, and the
same words around any value. Measured 2026-11-28 with Claude Code 2.1.332, Gemini CLI 0.61.0 and opencode 1.18.33.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from anymodel_mcp.config import OwnPrompt, PromptSettings
from anymodel_mcp.record import record
from anymodel_mcp.redact import clean_text, one_line, shorten

REQUEST = "request"
MODEL = "model"
MOST_REQUEST_CHARS = 200_000
_PLACE = "{request}"
_TYPED_WORDS = "the words typed after the command"
_TOOL = re.compile(r"`(chat|generate_image|list_models)`")


@record
class Prompt:
    """A prompt as it is offered.

    Attributes:
        argument: the name of its one optional argument.
        argument_help: what the argument is.
        text: what the host's model reads; the value replaces `{request}`.
        tool: the tool that the text tells the model to call; "" = none in particular.
    """

    name: str
    description: str
    text: str
    argument: str = REQUEST
    argument_help: str = "default: the last topic"
    tool: str = ""


BUILT_IN: tuple[Prompt, ...] = (
    Prompt(
        name="second_opinion",
        description="Ask a strong model of another maker, and compare",
        tool="chat",
        text="""\
Get a second opinion from a model of another maker.
Request: {request}
If it is empty, the request is what we were last discussing.
1. Gather what bears on it: the question, the relevant code or text, what was decided and why.
2. Ask one strong model of a maker other than yours with the tool `chat`. It sees only the prompt, so put \
everything into it, but not the answer that you expect.
3. Report where it agrees with you, where it differs, and who is right and why. Name the model.""",
    ),
    Prompt(
        name="compare_models",
        description="Ask several models at once, and compare their answers",
        tool="chat",
        text="""\
Compare the answers of several models.
Request: {request}
If it is empty, the request is what we were last discussing.
Ask 2 to 4 models of different makers in one call of the tool `chat`, with `models` in place of `model`. \
They see only the prompt: put everything they need into it.
Show a table: what they agree on, where they contradict each other, what only one of them saw. Then give \
your own verdict, marked as yours.""",
    ),
    Prompt(
        name="review_changes",
        description="Have another model review the code changes",
        argument_help="default: uncommitted changes",
        tool="chat",
        text="""\
Have another model review code changes.
Request: {request}
If it is empty, review the uncommitted changes; else the diff, branch or files that it names.
Take the diff, untracked files included, with enough code around it, and send it with the tool `chat` to a \
strong model of a maker other than yours: ask for bugs, each with file and line.
Check each finding against the code before you pass it on. Report the confirmed ones, the worst first, and \
say which you dropped and why. Change nothing. Name the model.""",
    ),
    Prompt(
        name="cheap_summary",
        description="Have a cheap model summarize files",
        argument_help="files, and what to look for",
        tool="chat",
        text="""\
Have a cheap model summarize files.
Request: {request}
If it is empty, summarize the files we were last discussing.
Pass their paths to the tool `chat` in `files`, with a cheap model that takes long inputs, and ask it for \
the summary. Do not read the files yourself: saving that is the point.
Return its summary and name the model. If a path is refused, say so with the fix that the error names.""",
    ),
    Prompt(
        name="draw_picture",
        description="Draw a picture from a description",
        argument_help="what to draw",
        tool="generate_image",
        text="""\
Draw a picture.
Request: {request}
If it is empty, draw what we were last discussing.
Turn the request into one good prompt: subject, setting, composition, style, light, colors, and any lettering \
in quotes. Call the tool `generate_image` once.
Then say where the picture is saved, show the prompt that you used, and offer two ways to vary it. To change \
a picture, pass its path in `images`.""",
    ),
    Prompt(
        name="pick_model",
        description="Propose models for a task, with price and reason",
        argument_help="the task",
        tool="list_models",
        text="""\
Propose models for a task.
Request: {request}
If it is empty, the task is what we were last discussing.
Call the tool `list_models`, with `capability` or `query` if the task asks for it. Propose three: a cheap \
one, a strong one and the best fit, each as `provider/id` with price, context length and one reason. What is \
not listed is unknown: do not guess it. Do not use one before I choose.""",
    ),
    Prompt(
        name="use_model",
        description="Use one model for the rest of the conversation",
        argument=MODEL,
        argument_help="provider/id",
        tool="chat",
        text="""\
Use one model for the rest of this conversation.
Request: {request}
If it is empty, ask me for the name of the model.
From now on, pass exactly this name as `model` in every call of the tool `chat`, until I name another. Do \
not call it now: confirm in one line.""",
    ),
)


def prompts_of(settings: PromptSettings, listed: Collection[str], prefix: str = "") -> dict[str, Prompt]:
    """Returns the offered prompts by the name under which they are listed.

    Args:
        settings: the section [prompts].
        listed: names of the listed tools, without the prefix: what they cannot do is not offered.
        prefix: stands before the names of tools and prompts.
    """
    if not settings.enabled:
        return {}
    prompts = {p.name: p for p in BUILT_IN if p.tool in listed}
    prompts = {name: replace(p, text=_TOOL.sub(rf"`{prefix}\1`", p.text)) for name, p in prompts.items()}
    prompts |= {name: _own(name, prompt) for name, prompt in settings.own.items()}
    return {prefix + name: replace(prompt, name=prefix + name) for name, prompt in prompts.items()}


def _own(name: str, prompt: OwnPrompt) -> Prompt:
    text = clean_text(prompt.text).strip()
    return Prompt(name=name, description=prompt.shown, text=text, argument_help="what it is about")


def fill(prompt: Prompt, value: str, *, typed_before: bool = False) -> str:
    """Returns the text with the value in its place, as it came; braces in the value stay as they are.

    Args:
        prompt: the prompt.
        value: the argument; "" = none was given.
        typed_before: the host itself puts the typed words before the text, so that the value would stand there twice.
    """
    if _PLACE in prompt.text:
        return prompt.text.replace(_PLACE, _TYPED_WORDS if typed_before else value)
    return prompt.text if typed_before or not value else f"{prompt.text}\n\nRequest: {value}"


def argument_problem(prompt: Prompt, arguments: Mapping[str, str]) -> str:
    """Says what is wrong with the arguments; "" = nothing."""
    for name, value in arguments.items():
        if name != prompt.argument:
            shown = shorten(one_line(name), 100)
            return f"{prompt.name} has no argument {shown!r}; its only one is {prompt.argument!r}"
        if len(value) > MOST_REQUEST_CHARS:
            return f"{prompt.name}: {name} has {len(value)} characters; at most {MOST_REQUEST_CHARS} are taken"
    return ""
