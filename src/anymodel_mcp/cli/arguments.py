"""Handles what people type: `--config` before the command, misspelt names, a question without `ask`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cyclopts import CycloptsError, UnknownCommandError

_MEANT = re.compile(r"\s*Did you mean (?P<meant>.+?)\?")
_KNOWN = re.compile(r"\s*Available commands: (?P<known>.+?)\.?$")


def config_last(argv: Sequence[str]) -> list[str]:
    """Moves a leading `--config PATH` behind the command, where every command accepts it."""
    lead: list[str] = []
    rest = list(argv)
    while rest and (rest[0] == "--config" or rest[0].startswith("--config=")):
        count = 1 if "=" in rest[0] else 2
        lead, rest = [*lead, *rest[:count]], rest[count:]
    if not lead or not rest:
        return [*lead, *rest]
    head = 2 if rest[0] in ("config", "key") else 1
    return [*rest[:head], *lead, *rest[head:]]


def explain_misspelt(argv: Sequence[str], error: CycloptsError) -> tuple[str, str]:
    """Returns why the arguments are refused, and what to do."""
    message = " ".join(str(error).split())
    command = argv[0] if argv and not argv[0].startswith("-") else ""
    if isinstance(error, UnknownCommandError) and " " in command:
        return "this is a question, not a command", f'anymodel-mcp ask "{command}"'
    meant = _MEANT.search(message)
    known = _KNOWN.search(message)
    why = _KNOWN.sub("", _MEANT.sub("", message)).strip().rstrip(".")
    why = why[:1].lower() + why[1:]
    if meant:
        return why, f"Did you mean {meant['meant'].strip(chr(34))}?"
    if known:
        return why, f"Commands: {known['known']}."
    return why, f"anymodel-mcp {command} --help".replace("  ", " ") + " shows the options."
