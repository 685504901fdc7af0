"""Rewrites advice meant for models as advice for the command line."""

from __future__ import annotations

import re
from collections.abc import Callable

PROGRAM = "anymodel-mcp"
_OPTIONS = {
    "images": "--image",
    "files": "--file",
    "model": "-m",
    "models": "-m",
    "max_tokens": "--max-tokens",
    "temperature": "--temperature",
    "system": "--system",
}
"""Arguments of the tools that are options of `ask`."""

_PHRASES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b[Cc]all list_models\b"), "Run `anymodel-mcp models`"),
    (re.compile(r"\blist_models capability=(\w+)"), r"`anymodel-mcp models -c \1`"),
    (re.compile(r"\blist_models\b"), "`anymodel-mcp models`"),
    (re.compile(r"\bGive `model`, or set (\w+)\."), r"Name one with -m, or run `anymodel-mcp setup` (or set \1)."),
    (re.compile(r", or cancel one with get_result\b"), ""),
    (re.compile(r"with the opposite `stream`"), "with --no-stream"),
    (re.compile(r" for this tool$"), ""),
    (re.compile(r"`(\w+)`(?! in )"), lambda found: f"`{_OPTIONS.get(found[1], found[1])}`"),
)
_COMMAND = re.compile(r"(?<![\w/\\.\[-])anymodel-mcp(?= [a-z-])")


def in_cli_words(text: str) -> str:
    """Names commands and options in the place of tools and their arguments."""
    for pattern, words in _PHRASES:
        text = pattern.sub(words, text)
    return text


def as_typed(text: str, program: str) -> str:
    """Names the program by what has to be typed here: its path, where it is not on PATH."""
    return text if program == PROGRAM else _COMMAND.sub(lambda _: program, text)
