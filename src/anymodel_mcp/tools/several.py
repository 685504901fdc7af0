"""Asks several models the same question."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import anyio

from anymodel_mcp.calls.outcomes import error_text, failed, notes_text
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.types import Outcome


async def ask_many(
    names: Sequence[str],
    ask: Callable[[str], Awaitable[Outcome]],
    *,
    write: Callable[[str], None],
    secure: Callable[[Outcome], None],
) -> Outcome:
    """Asks several models in parallel; each answer is under the model's name, and a failure does not affect the others.

    Args:
        names: the models, in the order of the answers.
        ask: asks one of them.
        write: takes the answers in order, each as soon as all earlier ones are complete.
        secure: takes all complete answers whenever one is added: they are paid for.
    """
    outcomes: dict[int, Outcome] = {}
    written = 0

    async def one(index: int, name: str) -> None:
        nonlocal written
        try:
            outcomes[index] = await ask(name)
        except AnyModelError as error:
            outcomes[index] = failed(error.failure, error.failure.partial_text or "")
        there = sorted(outcomes)
        if any(outcomes[i].error is None for i in there):
            secure(_together([names[i] for i in there], [outcomes[i] for i in there]))
        while written in outcomes:
            write(_section(names[written], outcomes[written], written))
            written += 1

    async with anyio.create_task_group() as group:
        for index, name in enumerate(names):
            group.start_soon(one, index, name)
    return _together(names, [outcomes[i] for i in range(len(names))])


def _section(name: str, outcome: Outcome, index: int) -> str:
    if outcome.error is not None:
        body = error_text(outcome) + (f"\n\nPartial text:\n{outcome.text}" if outcome.text else "")
    else:
        body = outcome.text + notes_text(outcome)
    gap = "\n\n" if index else ""
    return f"{gap}## {name}\n\n{body}"


def _together(names: Sequence[str], outcomes: Sequence[Outcome]) -> Outcome:
    """Joins several outcomes under headings; a failure if all failed."""
    text = "".join(_section(name, outcome, i) for i, (name, outcome) in enumerate(zip(names, outcomes, strict=True)))
    answers = [
        {"requested_model": name, **(outcome.error or outcome.record or {}), "text": outcome.text}
        for name, outcome in zip(names, outcomes, strict=True)
    ]
    if any(o.error is None for o in outcomes):
        return Outcome(text=text, record={"answers": answers, "status": "complete"})
    kind = answers[0].get("kind", "upstream")
    message = f"none of the {len(names)} models answered"
    return Outcome(text=text, error={"kind": kind, "message": message, "retryable": False, "answers": answers})
