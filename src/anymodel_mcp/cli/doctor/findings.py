"""The results of `doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from anymodel_mcp.record import positional_record
from anymodel_mcp.types import Json

SETUP = "anymodel-mcp setup"
INSTALL = "anymodel-mcp install"
Level = Literal["ok", "note", "warn", "fail"]


@positional_record
class Finding:
    """One result.

    Attributes:
        level: how bad it is.
        text: what was found.
        fix: what to do; empty if there is nothing to do.
        command: the command of this program that fixes it; empty if none does.
    """

    level: Level
    text: str
    fix: str = ""
    command: str = ""

    def record(self) -> Json:
        """Returns the finding as JSON."""
        return {"level": self.level, "text": self.text, **({"fix": self.fix} if self.fix else {})}


@positional_record
class Section:
    """The findings of one part."""

    title: str
    findings: tuple[Finding, ...]


def next_command(findings: Sequence[Finding]) -> str:
    """Returns the one command that fixes the failures, else the warnings, else what is left to do; "" = none does."""
    for level in ("fail", "warn", "note"):
        concerned = [f for f in findings if f.level == level]
        commands = list(dict.fromkeys(f.command for f in concerned if f.command))
        if level == "fail" and concerned and not commands:
            return ""  # what is worst is not fixed by a command
        if len(commands) > 1:
            hosts_only = all(command.startswith(INSTALL) for command in commands)
            return INSTALL if hosts_only else SETUP
        if commands:
            return commands[0]
    return ""
