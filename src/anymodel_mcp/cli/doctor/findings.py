"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anymodel_mcp.types import Json

Level = Literal["ok", "note", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact; `fix` is what to do about it, empty where nothing is to be done."""

    level: Level
    text: str
    fix: str = ""

    def record(self) -> Json:
        """The finding as JSON."""
        return {"level": self.level, "text": self.text, **({"fix": self.fix} if self.fix else {})}


@dataclass(frozen=True, slots=True)
class Section:
    """The findings of one part."""

    title: str
    findings: tuple[Finding, ...]
