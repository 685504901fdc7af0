"""A person at a terminal who types prepared answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anymodel_mcp.cli.dialog import Dialog


@dataclass(slots=True)
class Typist:
    """Answers questions in order, and remembers them.

    Attributes:
        answers: typed one after another; when they are used up, the next question is interrupted with Ctrl-C.
        secrets: the same for questions without echo.
        questions: what was asked.
        lines: what was shown.
    """

    answers: Sequence[str] = ()
    secrets: Sequence[str] = ()
    questions: list[str] = field(default_factory=list[str])
    lines: list[str] = field(default_factory=list[str])

    @property
    def shown(self) -> str:
        return "\n".join(self.lines)

    def dialog(self) -> Dialog:
        answers, secrets = iter(self.answers), iter(self.secrets)

        def ask(question: str) -> str:
            return self._next(question, answers)

        def ask_secret(question: str) -> str:
            return self._next(question, secrets)

        return Dialog(write=self.lines.append, ask=ask, ask_secret=ask_secret, first_line=str, attended=True)

    def _next(self, question: str, answers: object) -> str:
        self.questions.append(question)
        answer = next(answers, None)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownVariableType] an iterator
        if answer is None:
            raise KeyboardInterrupt
        return f"{answer}\n"
