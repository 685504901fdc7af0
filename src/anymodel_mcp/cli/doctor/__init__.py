"""`doctor`: checks every part and says what is wrong and how to fix it.

`findings.py` has what a finding is; `configured.py`, `machine.py`, `hosts.py` and `providers.py` find; nothing here
changes anything. Providers are checked in parallel.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from rich.status import Status
from rich.text import Text

from anymodel_mcp.cli.doctor.configured import look_at_settings
from anymodel_mcp.cli.doctor.findings import Finding, Section, next_command
from anymodel_mcp.cli.doctor.hosts import look_at_hosts
from anymodel_mcp.cli.doctor.machine import look_at_machine, look_at_storage
from anymodel_mcp.cli.doctor.providers import Patience, look_at_providers
from anymodel_mcp.cli.screen import EXIT_FAILED, Terminal, write_json
from anymodel_mcp.cli.wording import as_typed
from anymodel_mcp.config import Settings, read_settings
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.redact import Redactor

__all__ = ["Finding", "Patience", "Section", "doctor"]

_STYLES = {"ok": "green", "note": "dim", "warn": "yellow", "fail": "bold red"}


async def doctor(
    terminal: Terminal,
    config: Path | None,
    *,
    offline: bool = False,
    as_json: bool = False,
    patience: Patience | None = None,
) -> int:
    """Prints all findings; returns 0 if none of them is a failure."""
    sections = [look_at_machine(terminal)]
    try:
        settings = read_settings(terminal.environ, str(config) if config else None)
    except ConfigError as error:
        broken = Finding("fail", error.failure.message, error.failure.fix)
        sections.append(Section("configuration", (broken,)))
        settings = Settings()
    else:
        terminal = replace(terminal, redactor=Redactor(settings.secrets()))
        sections.append(look_at_settings(settings, terminal.environ))
    sections += [await look_at_storage(terminal, settings), await look_at_hosts(terminal)]
    if not as_json:
        for section in sections:
            _draw(terminal, section)
    if not offline and settings.providers:
        with _busy(terminal, settings, silent=as_json):
            found = await look_at_providers(terminal, settings, patience or Patience())
        sections += found
        if not as_json:
            for section in found:
                _draw(terminal, section)
    return _conclude(terminal, sections, as_json=as_json)


def _busy(terminal: Terminal, settings: Settings, *, silent: bool) -> Status | nullcontext[None]:
    if silent or not terminal.err.is_terminal:
        return nullcontext()
    names = ", ".join(settings.providers)
    return Status(Text(f"asking {names} (a few tokens each)", style="dim"), console=terminal.err)


def _draw(terminal: Terminal, section: Section) -> None:
    console, clean = terminal.out, terminal.redactor.clean
    console.print(Text(clean(section.title), style="bold"))
    for finding in section.findings:
        mark = terminal.marks[finding.level]
        console.print(Text.assemble("  ", (f"{mark} ", _STYLES[finding.level]), clean(finding.text)))
        if finding.fix:
            console.print(Text.assemble("    ", ("do: ", "cyan"), clean(finding.fix)))


def _conclude(terminal: Terminal, sections: Sequence[Section], *, as_json: bool) -> int:
    findings = [f for s in sections for f in s.findings]
    failures = sum(f.level == "fail" for f in findings)
    warnings = sum(f.level == "warn" for f in findings)
    command = next_command(findings)
    if as_json:
        parts = [{"section": s.title, "findings": [f.record() for f in s.findings]} for s in sections]
        known = {"ok": not failures, "failures": failures, "warnings": warnings, "sections": parts}
        write_json(terminal, known | ({"next": command} if command else {}))
    else:
        terminal.out.print(_summary(failures, warnings))
        if command:
            typed = as_typed(command, terminal.program)
            terminal.out.print(Text.assemble("Next: ", (typed, "cyan")))
    return EXIT_FAILED if failures else 0


def _summary(failures: int, warnings: int) -> Text:
    if not failures and not warnings:
        return Text("\nNo problems found.", style="bold green")
    parts = [f"{_count(failures, 'problem')} to fix"] if failures else []
    parts += [_count(warnings, "warning")] if warnings else []
    return Text(f"\n{', '.join(parts)}.", style="bold red" if failures else "bold yellow")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
