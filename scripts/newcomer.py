"""The commands that README.md gives a newcomer, read from README.md itself, so that a run of them proves the page.

Only what a reader supplies is replaced or added: the key, the name of the host, the answer to the question.
"""

from __future__ import annotations

import re

TRY = "Try it"
USE = "Use it in your host"


class ReadmeError(Exception):
    """README.md no longer holds what a newcomer needs."""


def section(readme: str, title: str) -> str:
    """The text of a section of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", readme, re.DOTALL | re.MULTILINE)
    if not found:
        raise ReadmeError(f"README.md has no section {title!r}")
    return found[1]


def first_commands(readme: str, title: str) -> str:
    """The first block of shell commands in a section."""
    found = re.search(r"^```(?:sh|bash|shell|console)\n(.*?)^```$", section(readme, title), re.DOTALL | re.MULTILINE)
    if not found:
        raise ReadmeError(f"README.md, section {title!r}, has no block of commands")
    return found[1]


def put_in(text: str, pattern: str, value: str, what: str) -> str:
    """The text with every match replaced; there must be one."""
    changed, times = re.subn(pattern, lambda _: value, text)
    if not times:
        raise ReadmeError(f"README.md: the commands have no {what}:\n{text}")
    return changed


def trying(readme: str) -> tuple[str, str]:
    """The commands of "Try it" as they stand, and the address of the repository that they clone."""
    commands = first_commands(readme, TRY)
    found = re.search(r"^git clone (\S+)$", commands, re.MULTILINE)
    if not found:
        raise ReadmeError(f"README.md: the commands have no git clone ADDRESS:\n{commands}")
    return commands, found[1]


def installing(readme: str, host: str, key: str | None) -> str:
    """The commands of "Use it in your host", for this host.

    Args:
        readme: text of README.md.
        host: as `anymodel-mcp install` names it.
        key: the reader's key; None takes what the section says to those who have none.
    """
    commands = first_commands(readme, USE)
    if key is None:
        keyless = re.search(r"`(export ANYMODEL_PROVIDERS=local [^`]+)`", section(readme, USE))
        if not keyless:
            raise ReadmeError(f"README.md, section {USE!r}, does not say what to export without a key")
        commands = put_in(commands, r"(?m)^export .*$", keyless[1], "line that begins with export")
        commands = commands.replace(" --write-keys", "")
    else:
        commands = put_in(commands, r"sk-YOUR-KEY", key, "sk-YOUR-KEY")
    commands = put_in(commands, r"(?<=anymodel-mcp install )[a-z-]+", host, "anymodel-mcp install HOST")
    return re.sub(r"(?m)(?<=anymodel-mcp install )(?!.*--dry-run)(.*)$", r"\1 --yes", commands)  # the reader's answer
