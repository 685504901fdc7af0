"""The options of `ask`; the work is in `ask.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import anyio
from cyclopts import Parameter

from anymodel_mcp.cli.options import Config, Json, Output, with_settings
from anymodel_mcp.cli.screen import Terminal, remark


def build_ask_command(terminal: Terminal) -> Callable[..., int]:
    """Returns the command, bound to one terminal."""

    def ask(
        *question: Annotated[str, Parameter(help="The question; text from a pipe is added.")],
        config: Config = None,
        model: Annotated[
            list[str] | None,
            Parameter(
                name=["--model", "-m"],
                negative="",
                show_default=False,
                help="`provider/id`, an alias or a bare id; several: each answers.",
            ),
        ] = None,
        resume: Annotated[
            bool,
            Parameter(
                name=["--continue", "-c"], help="Continue the last conversation.", negative="", show_default=False
            ),
        ] = False,
        system: Annotated[str | None, Parameter(name=["--system", "-s"], help="How to answer.")] = None,
        image: Annotated[
            list[str] | None, Parameter(help="Picture: path or https URL; repeatable.", negative="", show_default=False)
        ] = None,
        file: Annotated[
            list[str] | None,
            Parameter(help="Text or PDF: path or https URL; repeatable.", negative="", show_default=False),
        ] = None,
        max_tokens: Annotated[int | None, Parameter(help="The most tokens to generate.")] = None,
        temperature: Annotated[float | None, Parameter(help="0 = most predictable.")] = None,
        stream: Annotated[
            bool, Parameter(name="--stream", show_default=False, help="Show the answer while it arrives.")
        ] = True,
        keep: Annotated[
            bool, Parameter(name="--keep", show_default=False, help="Store the conversation, for `ask -c`.")
        ] = True,
        plain: Annotated[bool, Parameter(help="Print Markdown as it comes.", negative="", show_default=False)] = False,
        speak: Annotated[
            bool, Parameter(help="Save the answer as speech, too.", negative="", show_default=False)
        ] = False,
        voice: Annotated[str | None, Parameter(help="The voice.")] = None,
        output: Output = None,
        json: Json = False,
    ) -> int:
        """Ask a model; the answer goes to stdout, everything else to stderr.

        Example: git diff | anymodel-mcp ask -m gpt-5-mini "What could break?"
        """
        from anymodel_mcp.cli.ask import Question, ask
        from anymodel_mcp.cli.piped import read_piped

        here, settings = with_settings(terminal, config)
        piped = read_piped(here.stdin, tell=lambda text: remark(here, text))
        asked = Question(
            prompt="\n\n".join(filter(None, (" ".join(question).strip(), piped.strip()))),
            models=model or (),
            system=system,
            images=image or (),
            files=file or (),
            stream=stream,
            resume=resume,
            keep=keep,
            plain=plain,
            as_json=json,
            max_tokens=max_tokens,
            temperature=temperature,
            speak=speak,
            voice=voice,
            output=output,
        )
        return anyio.run(ask, here, settings, asked)

    return ask
