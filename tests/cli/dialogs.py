"""A person at a terminal who types prepared answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anymodel_mcp.cli.dialog import Dialog


@dataclass(slots=True)
class Typist:
    """Answers questions in order, and remembers them.

    Attributes:
        answers: typed one after another, also without echo; after the last one the next question is interrupted.
        first_line: what stands in a pipe.
        questions: what was asked.
        lines: what was shown.
    """

    answers: Sequence[str] = ()
    first_line: str = ""
    attended: bool = True
    questions: list[str] = field(default_factory=list[str])
    lines: list[str] = field(default_factory=list[str])

    @property
    def shown(self) -> str:
        return "\n".join(self.lines)

    def dialog(self) -> Dialog:
        def first_line() -> str:
            return self.first_line

        return Dialog(
            write=self.lines.append,
            ask=self._answer,
            ask_secret=self._answer,
            first_line=first_line,
            attended=self.attended,
        )

    def _answer(self, question: str) -> str:
        assert self.attended, f"nobody is there to answer {question!r}"
        self.questions.append(question)
        if len(self.questions) > len(self.answers):
            raise KeyboardInterrupt
        return f"{self.answers[len(self.questions) - 1]}\n"
