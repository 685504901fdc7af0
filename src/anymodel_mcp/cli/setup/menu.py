"""A numbered list that is searched by typing a part of a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anymodel_mcp.cli.dialog import Dialog

SHOWN = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing to choose: the value, and what is said of it."""

    value: str
    words: str = ""


def search(options: Sequence[Option], text: str) -> list[Option]:
    """The options in whose value or words every word of the text occurs, without regard to case."""
    words = text.lower().split()
    return [o for o in options if all(word in f"{o.value} {o.words}".lower() for word in words)]


def choose(
    dialog: Dialog,
    question: str,
    options: Sequence[Option],
    *,
    first: Sequence[Option] = (),
    default: str | None = None,
    other: Callable[[str], str | None] = lambda text: None,
) -> str:
    """Asks until one option is chosen by number, by name, or by a part of its name that no other option has.

    Args:
        dialog: the user.
        question: with how it may be answered.
        options: everything there is to choose.
        first: what is shown at the beginning; none = the options.
        default: what an empty answer means; `None` = ask again.
        other: the value of an answer that is no option; `None` = it is not taken.
    """
    shown = list(first or options)[:SHOWN]
    _show(dialog, shown, len(options))
    while True:
        answer = dialog.answer(question)
        if not answer and default is not None:
            return default
        if answer.isdecimal() and 1 <= int(answer) <= len(shown):
            return shown[int(answer) - 1].value
        exact = next((o.value for o in options if o.value.lower() == answer.lower()), None) or other(answer)
        if answer and exact is not None:
            return exact
        matches = list(options) if answer in ("?", "all") else search(options, answer) if answer else []
        if len(matches) == 1:
            return matches[0].value
        if not matches:
            dialog.write(f"Nothing matches {answer!r}." if answer else "Please choose one.")
            continue
        shown = matches
        _show(dialog, shown, len(shown))


def _show(dialog: Dialog, shown: Sequence[Option], total: int) -> None:
    width = max((len(o.value) for o in shown), default=0)
    for number, option in enumerate(shown, 1):
        dialog.write(f"  {number:>3}  {option.value:<{width if option.words else 0}}  {option.words}".rstrip())
    if total > len(shown):
        dialog.write(f"       ... {total - len(shown)} more: type a part of the name, or ? for all")
