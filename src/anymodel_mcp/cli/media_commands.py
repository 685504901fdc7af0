"""`image`, `media`, `speak` and `transcribe`: the tools of the server, on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import anyio
from cyclopts import Parameter

from anymodel_mcp.cli.options import Config, Fields, Json, Model, Output, with_settings
from anymodel_mcp.cli.screen import Terminal, remark
from anymodel_mcp.types import Json as JsonObject

Words = Annotated[str, Parameter(help="What the result should be; text from a pipe is added.")]
Refs = Annotated[
    list[str] | None, Parameter(negative="", show_default=False, help="Path or https URL; may be repeated.")
]
_HANDLE = re.compile(r"r-[2-9a-z]{20}")


def build_media_commands(terminal: Terminal) -> Sequence[Callable[..., int]]:
    """Returns the commands, bound to one terminal."""
    commands = _MediaCommands(terminal)
    return (commands.image, commands.media, commands.speak, commands.transcribe)


class _MediaCommands:
    """The commands; their docstrings and parameters are the help."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def image(
        self,
        *prompt: Words,
        config: Config = None,
        model: Model = None,
        size: Annotated[str | None, Parameter(help="Such as 1024x1024.")] = None,
        n: Annotated[int | None, Parameter(name="-n", help="How many pictures.")] = None,
        quality: Annotated[str | None, Parameter(help="Such as low or high.")] = None,
        format: Annotated[str | None, Parameter(help="Such as png or webp.")] = None,
        image: Annotated[
            list[str] | None,
            Parameter(negative="", show_default=False, help="A picture to edit: path or https URL; may be repeated."),
        ] = None,
        mask: Annotated[str | None, Parameter(help="Where to edit: a picture with transparent parts.")] = None,
        option: Fields = None,
        output: Output = None,
        json: Json = False,
    ) -> int:
        """Make or edit a picture; its path goes to stdout.

        Example: anymodel-mcp image "a lighthouse at night" --size 1536x1024 -o lighthouse.png
        """
        from anymodel_mcp.tools.generate_image import TOOL

        arguments = {
            "prompt": self._text(prompt),
            "model": model,
            "size": size,
            "n": n,
            "quality": quality,
            "output_format": format,
        }
        return self._run(
            TOOL.name, arguments, config, "no picture", option, output, files={"images": image or [], "mask": mask}
        )

    def media(
        self,
        *prompt: Annotated[str, Parameter(help="What to make; or the id of an earlier job (r-...).")],
        config: Config = None,
        service: Annotated[str | None, Parameter(help="suno, midjourney, kling, ...; default: by the model.")] = None,
        action: Annotated[str | None, Parameter(help="What the service does; a wrong one lists all.")] = None,
        model: Model = None,
        file: Refs = None,
        task: Annotated[str | None, Parameter(help="The id of a result to continue from.")] = None,
        option: Fields = None,
        cancel: Annotated[bool, Parameter(negative="", show_default=False, help="Stop the job with this id.")] = False,
        output: Output = None,
        json: Json = False,
    ) -> int:
        """Make music, pictures or video with a media service; paths go to stdout.

        Ctrl-C leaves the job running at its provider and prints how to get its result or to stop it.

        Example: anymodel-mcp media "a sea shanty" --service suno --option tags=folk
        """
        from anymodel_mcp.tools.create_media import TOOL

        words = self._text(prompt)
        if cancel or _HANDLE.fullmatch(words):
            return self._fetch(words, config, cancel=cancel, output=output)
        arguments = {"service": service, "action": action, "prompt": words, "model": model, "task": task}
        return self._run(TOOL.name, arguments, config, "no result", option, output, files={"files": file or []})

    def speak(
        self,
        *text: Annotated[str, Parameter(help="What to say; text from a pipe is added.")],
        config: Config = None,
        model: Model = None,
        voice: Annotated[str | None, Parameter(help="The voice.")] = None,
        format: Annotated[str | None, Parameter(help="Such as mp3, wav or opus.")] = None,
        option: Fields = None,
        output: Output = None,
        json: Json = False,
    ) -> int:
        """Turn text into speech; the path of the file goes to stdout.

        Example: anymodel-mcp speak "Dinner is ready." -o dinner.mp3
        """
        from anymodel_mcp.tools.speak import TOOL

        arguments = {"text": self._text(text), "model": model, "voice": voice, "format": format}
        return self._run(TOOL.name, arguments, config, "no speech", option, output)

    def transcribe(
        self,
        file: Annotated[str, Parameter(help="The recording: path or https URL.")],
        *,
        config: Config = None,
        model: Model = None,
        language: Annotated[str | None, Parameter(help="Such as en; default: recognized.")] = None,
        format: Annotated[
            Literal["text", "segments", "srt", "vtt"] | None, Parameter(show_default=False, help="Default: text.")
        ] = None,
        translate: Annotated[bool, Parameter(negative="", show_default=False, help="Into English.")] = False,
        option: Fields = None,
        json: Json = False,
    ) -> int:
        """Turn speech into text.

        Example: anymodel-mcp transcribe talk.mp3 --format srt > talk.srt
        """
        from anymodel_mcp.tools.transcribe import TOOL

        arguments = {"model": model, "language": language, "format": format, "translate": translate or None}
        return self._run(TOOL.name, arguments, config, "no transcript", option, None, files={"file": file})

    def _text(self, words: Sequence[str]) -> str:
        from anymodel_mcp.cli.piped import read_piped

        piped = read_piped(self._terminal.stdin, tell=lambda text: remark(self._terminal, text))
        return "\n\n".join(filter(None, (" ".join(words).strip(), piped.strip())))

    def _run(
        self,
        tool: str,
        arguments: JsonObject,
        config: Path | None,
        what: str,
        option: list[str] | None,
        output: Path | None,
        files: Mapping[str, str | list[str] | None] | None = None,
    ) -> int:
        from anymodel_mcp.cli.media import make

        terminal, settings = with_settings(self._terminal, config)
        return anyio.run(make, terminal, settings, tool, arguments, files or {}, option, what, output)

    def _fetch(self, handle: str, config: Path | None, *, cancel: bool, output: Path | None) -> int:
        from anymodel_mcp.cli.media import fetch

        terminal, settings = with_settings(self._terminal, config)
        return anyio.run(fetch, terminal, settings, handle, cancel, output)
