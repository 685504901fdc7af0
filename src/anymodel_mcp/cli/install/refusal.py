"""Why a host's file is left alone: what is wrong with it, and where."""

from __future__ import annotations


class RefusedEdit(Exception):
    """The text cannot be changed safely; the message says why.

    Args:
        reason: one clause, without the file's name.
        line: counted from 1; 0 = the file as a whole.
        column: counted from 1.
    """

    def __init__(self, reason: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column

    @classmethod
    def at(cls, reason: str, text: str, position: int) -> RefusedEdit:
        """The refusal at a position of a text."""
        line = text.count("\n", 0, position) + 1
        return cls(reason, line=line, column=position - (text.rfind("\n", 0, position) + 1) + 1)

    def __str__(self) -> str:
        return f"{self.reason} (line {self.line}, column {self.column})" if self.line else self.reason
