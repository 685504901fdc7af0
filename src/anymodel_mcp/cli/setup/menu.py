"""A numbered list that is searched by typing a part of a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from anymodel_mcp.cli.dialog import Dialog
from anymodel_mcp.record import record

SHOWN = 15


@record
class Option:
    """One choice: the value, and its description."""

    value: str
    words: str = ""


def search(options: Sequence[Option], text: str) -> list[Option]:
    """The options whose value or description contains every word of the text, ignoring case."""
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
    """Asks until one option is chosen by number, by name, or by a unique part of its name.

    Args:
        dialog: the user.
        question: the prompt, including how to answer.
        options: all choices.
        first: the lines shown first; empty = the options.
        default: what an empty answer means; `None` = ask again.
        other: converts an answer that is no option; `None` = such an answer is refused.
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
