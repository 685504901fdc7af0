"""What a person sees of a change: a unified diff without a key in it, ours or anybody's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from anymodel_mcp.cli.install.plan import Change
from anymodel_mcp.redact import MASK, Redactor

_NAMED = re.compile(
    r"""(?ix)
        ( ["']? [\w.-]* (?:key|token|secret|passw(?:or)?d|authorization|cookie|credential) [\w.-]* ["']? \s* [:=] \s* )
        (?: "(?:[^"\\]|\\.)*" | '[^']*' | (?!(?:true|false|null|\d+)\b) [^\s"'\[{,][^,\r\n]* )"""
)
_REFERENCE = re.compile(r"""["']?(?:\$\w+|\$?\{(?:\w+:)?[\w-]+\}|\$\{\{ secrets\.\w+ \}\}|[A-Z][A-Z0-9_]*_KEY)["']?$""")
_RANDOM = re.compile(r"(?<![\w./\\-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{20,}(?![\w./\\-])")


def draw_diff(change: Change, secrets: Iterable[str]) -> list[str]:
    """The lines of the diff, cleaned; none when nothing changes."""
    redactor = Redactor(secrets)
    before, after = (_lines(content) for content in (change.before, change.after))
    old = str(change.path) if change.before is not None else "(no file)"
    new = str(change.path) if change.after is not None else "(no file)"
    lines = difflib.unified_diff(before, after, old, new, lineterm="")
    return [line if line.startswith(("---", "+++", "@@")) else _hide(redactor.clean(line)) for line in lines]


def _lines(content: bytes | None) -> list[str]:
    text = (content or b"").decode("utf-8", "replace").removeprefix("\ufeff")
    return text.splitlines()


def _hide(line: str) -> str:
    """A line without values that stand under the name of a secret, or look like one; references stay."""
    line = _NAMED.sub(lambda m: m[0] if _REFERENCE.search(m[0][len(m[1]) :]) else f"{m[1]}{MASK}", line)
    return line if "/" in line and ":" not in line else _RANDOM.sub(MASK, line)
