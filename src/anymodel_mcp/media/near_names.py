"""File names that look equal but differ: macOS writes U+202F before PM, and decomposed letters.

A model or a person that retypes such a name writes a plain space and composed letters. Only folders that may be
read are looked into.
"""

from __future__ import annotations

import difflib
import os
import unicodedata
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

_MOST_ENTRIES = 20_000


def same_looking(path: Path, may_list: Callable[[Path], bool]) -> Path | None:
    """The only path whose names equal those of `path` after NFKC and with normalized white space.

    Args:
        path: absolute; it does not exist as written.
        may_list: whether a folder may be looked into.

    Returns:
        `None` where there is no such path, or more than one.
    """
    folder = path.parent
    if folder == path:
        return None
    if not os.path.isdir(folder):
        found = same_looking(folder, may_list)
        if found is None:
            return None
        folder = found
    if os.path.lexists(folder / path.name):
        return folder / path.name
    wanted = _plain(path.name)
    matches = [name for name in _names(folder, may_list) if _plain(name) == wanted]
    return folder / matches[0] if len(matches) == 1 else None


def nearest_name(path: Path, may_list: Callable[[Path], bool], shown: Callable[[str], bool]) -> str:
    """The name in the folder of `path` that is closest to its own; "" = none is close."""
    names = [name for name in _names(path.parent, may_list) if shown(name)]
    return next(iter(difflib.get_close_matches(path.name[:200], names[:2000], n=1)), "")


def _names(folder: Path, may_list: Callable[[Path], bool]) -> Iterator[str]:
    if not may_list(folder):
        return
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in islice(entries, _MOST_ENTRIES))
    except OSError:
        return


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).split())
