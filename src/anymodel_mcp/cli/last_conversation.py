"""Which conversation `ask -c` continues: the last one of the terminal, whatever hosts did meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from anymodel_mcp.app import APP_NAME
from anymodel_mcp.cli.screen import Terminal
from anymodel_mcp.errors import AnyModelError, ArgumentError
from anymodel_mcp.state import Store

FILE_NAME = "last-conversation"
_MOST_CHARS = 100


def folder_of(terminal: Terminal) -> Path:
    """Returns the data folder."""
    return terminal.data_dir or Path(platformdirs.user_data_dir(APP_NAME))


async def find_last(terminal: Terminal, store: Store) -> str:
    """Returns the id of the last conversation.

    Raises:
        ArgumentError: there is none (any more).
    """
    try:
        id = (folder_of(terminal) / FILE_NAME).read_text(encoding="utf-8")[:_MOST_CHARS].strip()
    except (OSError, UnicodeDecodeError):
        id = ""
    if not id or await store.get_thread(id) is None:
        raise ArgumentError(
            "there is no conversation to continue",
            fix='Begin one: anymodel-mcp ask "Why is the sky blue?" Old ones are removed after [store] keep_days.',
        )
    return id


async def begin(store: Store, system: str | None) -> tuple[str | None, str]:
    """Returns the id of a new conversation, or `None` and why there is none: the question is asked all the same."""
    try:
        return await store.create_thread(system), ""
    except AnyModelError as error:
        return None, f"this question is not kept, so `ask -c` cannot continue it: {error.failure.message}"


def remember(terminal: Terminal, id: str) -> str:
    """Makes `id` the last conversation; returns a warning if that fails."""
    place = folder_of(terminal) / FILE_NAME
    part = place.with_name(f".{FILE_NAME}.{os.getpid()}")
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(id)
        part.replace(place)
    except OSError as error:
        return f"`ask -c` will not find this conversation: {place} cannot be written ({error.strerror or error})"
    return ""
