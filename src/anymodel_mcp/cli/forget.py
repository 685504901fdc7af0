"""`forget`: removes stored calls, conversations, files and usage."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict

from anymodel_mcp.cli.last_conversation import FILE_NAME, folder_of
from anymodel_mcp.cli.screen import EXIT_FAILED, Terminal, print_error, remark, write_json, write_out
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.state import Forgotten, open_store
from anymodel_mcp.state.usage_sums import parse_since

Confirm = Callable[[str], bool]
_NAMES = ("calls", "conversations", "jobs", "usage", "files")
_WORDS = {
    "calls": ("call", "calls"),
    "conversations": ("conversation", "conversations"),
    "jobs": ("unfinished job", "unfinished jobs"),
    "usage": ("usage entry", "usage entries"),
    "files": ("file", "files"),
}


async def forget(
    terminal: Terminal, settings: Settings, id: str | None, before: str | None, everything: bool, confirm: Confirm
) -> int:
    """Removes what is named, after a confirmation; returns the exit status.

    Raises:
        ArgumentError: not exactly one thing is named, or there is no such id.
    """
    if sum((id is not None, before is not None, everything)) != 1:
        raise ArgumentError("name what to remove", fix="Give one of: an id, --before DATE, --all.")
    moment = parse_since(before, time.time(), name="--before") if before is not None else math.inf
    folder = folder_of(terminal)
    files = Artifacts(settings.files, folder)
    async with open_store(settings.store, folder) as store:

        async def remove(*, count_only: bool) -> tuple[Forgotten, int]:
            if id is None:
                found = await store.forget_before(moment, count_only=count_only)
                return found, await files.forget_before(moment, count_only=count_only)
            found = await store.forget(id, count_only=count_only)
            named = found.content if found.calls or found.conversations else ""
            return found, await files.forget(named, count_only=count_only)

        found, number = await remove(count_only=True)
        if id is not None and not (found.calls or found.conversations or found.jobs):
            raise _not_found(id, running=bool(found.running))
        counts = _counts(found, number)
        if not any(counts.values()):
            return _done(terminal, counts, found.running)
        if not confirm(f"Remove {_words(counts)}?"):
            remark(terminal, "nothing was removed")
            return EXIT_FAILED
        found, number = await remove(count_only=False)
        if store.warnings:
            print_error(terminal, "not everything was removed", store.warnings[0], "Run the command again after that.")
            return EXIT_FAILED
    place = folder / FILE_NAME
    if everything or (id is not None and place.is_file() and place.read_text(encoding="utf-8").strip() == id):
        place.unlink(missing_ok=True)
    return _done(terminal, _counts(found, number), found.running)


def _not_found(id: str, *, running: bool) -> ArgumentError:
    if running:
        return ArgumentError(f"{id} is running", fix=f"Stop it first: anymodel-mcp media {id} --cancel")
    return ArgumentError(f"nothing is stored under {id!r}", fix="Give the id of a call (r-...) or a thread (t-...).")


def _counts(found: Forgotten, files: int) -> dict[str, int]:
    return {name: value for name, value in ({**asdict(found), "files": files}).items() if name in _NAMES}


def _words(counts: dict[str, int]) -> str:
    parts = [f"{counts[name]:,} {_WORDS[name][counts[name] != 1]}" for name in _NAMES if counts[name]]
    return ", ".join(parts)


def _done(terminal: Terminal, counts: dict[str, int], running: int) -> int:
    if terminal.as_json:
        write_json(terminal, {"removed": counts, "running": running})
        return 0
    write_out(terminal, f"Removed {_words(counts)}." if any(counts.values()) else "Nothing was stored.")
    if running:
        remark(terminal, f"{running} in use, not removed: calls that are still running", "yellow")
    return 0
