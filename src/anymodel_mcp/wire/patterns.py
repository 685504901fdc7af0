"""Regular expressions that are compiled when they are first used.

Compiling those that only failures and model lists need takes a tenth of the server's import, which hosts wait for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final


class LazyPattern:
    """A regular expression; its methods are those of `re.Pattern`.

    Args:
        source: the expression.
        flags: those of `re.compile`.

    Raises:
        re.error: the expression is wrong; when it is first used.
    """

    __slots__ = ("_compiled", "flags", "pattern")

    def __init__(self, source: str, flags: int = 0) -> None:
        self.pattern: Final = source
        self.flags: Final = flags
        self._compiled: re.Pattern[str] | None = None

    def _compile(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self.pattern, self.flags)
        return self._compiled

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Returns the first match at or behind `start`."""
        return self._compile().search(text, start)

    def match(self, text: str) -> re.Match[str] | None:
        """Returns the match at the beginning of the text."""
        return self._compile().match(text)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Returns the match of the whole text."""
        return self._compile().fullmatch(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Iterates over all matches."""
        return self._compile().finditer(text)

    def sub(self, replacement: str, text: str, count: int = 0) -> str:
        """Returns the text with its matches replaced."""
        return self._compile().sub(replacement, text, count)

    def findall(self, text: str) -> list[Any]:
        """Returns all matches: strings, or tuples of the groups where there are several."""
        return self._compile().findall(text)
