"""The commands of the recipes: each is typed into a shell of its own, and stdout and stderr are shown as they came."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
from recipe_calls import BYTES, ENGINE, LOCAL, MOCK, STRICT

_WITHIN_S = 120
_INTERRUPTED = (130, -signal.SIGINT)
"""What the program ends with after Ctrl-C, and its shell if it has one of its own."""
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_HANDLE = re.compile(r"r-[2-9a-z]{20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command line; `line` may use what the command before it printed.

    With `interrupt_at`, Ctrl-C is sent as soon as these words are printed.
    """

    line: Callable[[str], str]
    before: str
    kind: str = "text"
    interrupt_at: str = ""


@dataclass(frozen=True, slots=True)
class Shell:
    """Where the commands are typed."""

    home: Path
    environ: Mapping[str, str]

    async def run(self, line: str, *, interrupt_at: str = "") -> str:
        """Runs a command line and returns what it printed, without colours.

        Raises:
            RuntimeError: it did not end as it should.
            TimeoutError: it did not end in time.
        """
        programs = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{self.environ['PATH']}"}
        environ = {**self.environ, **programs, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
        said, waits = "", interrupt_at
        with anyio.fail_after(_WITHIN_S):
            async with await anyio.open_process(
                ["sh", "-c", line],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env=environ,
                start_new_session=True,
            ) as process:
                assert process.stdout is not None
                async for chunk in process.stdout:
                    said += chunk.decode()
                    if waits and waits in said:
                        os.killpg(process.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
                        waits = ""
                status = await process.wait()
        if status not in (_INTERRUPTED if interrupt_at else (0,)):
            raise RuntimeError(f"{line!r} ended with {status}: {said[-2000:]}")
        return _STYLE.sub("", said)


def _line(text: str) -> Callable[[str], str]:
    return lambda _: text


def _with_handle(said: str) -> str:
    found = _HANDLE.search(said)
    if found is None:
        raise RuntimeError(f"no id of a job: {said}")
    return f"anymodel-mcp media {found[0]} -o shanty.mp3"


TITLE = "On the command line"
SAYS = (
    "The tools are commands, too. The result goes to stdout, and everything about it to stderr, so a pipe or `>` gets "
    "only the result. Below, both are shown in the order in which they came."
)
UPSTREAM = f"{ENGINE}; {MOCK}; {BYTES.format('Mistral')}; {STRICT.format('Suno')}"
COMMANDS = (
    Command(
        before="Ask, with text from a pipe:",
        line=_line('cat Documents/trip.txt | anymodel-mcp ask "On which day do we sail?" --temperature 0'),
    ),
    Command(
        before="The same for a program:",
        line=_line(f'anymodel-mcp ask "Name a colour." -m {LOCAL} --temperature 0 --max-tokens 12 --json'),
        kind="json",
    ),
    Command(
        before="A picture:",
        line=_line('anymodel-mcp image "a lighthouse at night" -m mock/gpt-image-1 -o lighthouse.png'),
    ),
    Command(
        before="Speech:",
        line=_line('anymodel-mcp speak "Hello" -m mistral/voxtral-mini-tts-latest --voice v1 -o hello.mp3'),
    ),
    Command(
        before="Subtitles:",
        line=_line("anymodel-mcp transcribe Documents/call.wav -m mistral/voxtral-mini-latest --format srt"),
    ),
    Command(
        before="Music. Ctrl-C, pressed here while the job runs, does not stop the job:",
        line=_line('anymodel-mcp media "a sea shanty" --service suno --option tags=folk'),
        interrupt_at="IN_PROGRESS",
    ),
    Command(before="Its result, with that id:", line=_with_handle),
)
