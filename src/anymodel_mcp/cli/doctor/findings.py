"""The results of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anymodel_mcp.types import Json

Level = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One result; `fix` says what to do, empty if there is nothing to do."""

    level: Level
    text: str
    fix: str = ""

    def record(self) -> Json:
        """Returns the finding as JSON."""
        return {"level": self.level, "text": self.text, **({"fix": self.fix} if self.fix else {})}


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one part."""

    title: str
    findings: tuple[Finding, ...]
