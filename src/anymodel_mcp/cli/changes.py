"""A change to a configuration file, and the redacted diff that the user sees."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path

from anymodel_mcp.record import record
from anymodel_mcp.redact import MASK, Redactor, clean_text

_NAMED = re.compile(
    r"""(?ix)
        ( ["']? [\w.-]* (?:key|token|secret|passw(?:or)?d|authorization|cookie|credential) [\w.-]* ["']? \s* [:=] \s* )
        (?: "(?:[^"\\]|\\.)*" | '[^']*' | (?!(?:true|false|null|\d+)\b) [^\s"'\[{,][^,\r\n]* )"""
)
_REFERENCE = re.compile(r"""["']?(?:\$\w+|\$?\{(?:\w+:)?[\w-]+\}|\$\{\{ secrets\.\w+ \}\}|[A-Z][A-Z0-9_]*_KEY)["']?$""")
_RANDOM = re.compile(r"(?<![\w./\\-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{20,}(?![\w./\\-])")


@record
class Change:
    """What happens to one file.

    Attributes:
        before: the present bytes; `None` = there is no file.
        after: the new bytes; `None` = no file.
        private: it contains a key, so only the user may read it.
        restored: the backup that replaces the file; `None` = none.
    """

    path: Path
    before: bytes | None = field(repr=False)
    after: bytes | None = field(repr=False)
    private: bool = False
    restored: Path | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return self.before == self.after


def draw_diff(change: Change, secrets: Iterable[str]) -> list[str]:
    """The redacted lines of the diff; none if nothing changes."""
    before, after = (_lines(content) for content in (change.before, change.after))
    old = str(change.path) if change.before is not None else "(no file)"
    new = str(change.path) if change.after is not None else "(no file)"
    lines = difflib.unified_diff(before, after, old, new, lineterm="")
    redactor = Redactor(secrets)
    return [line if line.startswith(("---", "+++", "@@")) else hide_keys(redactor.clean(line)) for line in lines]


def may_hold_keys(content: bytes, secrets: Iterable[str]) -> bool:
    """Whether a file holds one of the secrets, or text that looks like a key."""
    redactor = Redactor(secrets)
    return any(hide_keys(redactor.clean(line)) != clean_text(line) for line in _lines(content))


def hide_keys(line: str) -> str:
    """Masks values that have the name of a secret, or look like one; references stay."""
    line = _NAMED.sub(lambda m: m[0] if _REFERENCE.search(m[0][len(m[1]) :]) else f"{m[1]}{MASK}", line)
    return line if "/" in line and ":" not in line else _RANDOM.sub(MASK, line)


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "replace").removeprefix("\ufeff")
    return text.splitlines()
