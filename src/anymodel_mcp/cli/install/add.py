"""Adds this server to one host: shows the change, asks, writes, and starts what was written."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from anymodel_mcp.cli.install.files import check_private, find_backups, make_private, read_file
from anymodel_mcp.cli.install.formats import UnreadableFile, UnsafeEdit
from anymodel_mcp.cli.install.host_command import build_host_command, find_host_program, run_host_command
from anymodel_mcp.cli.install.machine import Machine
from anymodel_mcp.cli.install.plan import find_entry, plan_install
from anymodel_mcp.cli.install.program import find_program
from anymodel_mcp.cli.install.screen import draw_block, draw_diff
from anymodel_mcp.cli.install.trial import Trial, try_server
from anymodel_mcp.cli.install.variables import find_variables
from anymodel_mcp.cli.screen import EXIT_FAILED
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.entry import Entry, build_entry, is_same_entry, merge_entry, server_environment
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.table import CONFIGURABLE

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_NOTHING_SET = (
    "no provider is configured yet. `anymodel-mcp setup` does that and the host in one go; or set OPENAI_API_KEY (and "
    "OPENAI_BASE_URL), or ANYMODEL_PROVIDERS=local for the model on this machine, and run this again."
)
DRY_RUN = "Nothing was written (dry run)."
Start = Callable[[Sequence[str], Mapping[str, str], Sequence[str]], Trial]


def find_configurable(host: str) -> ConfigurableHost:
    """The row of a host, by its name in any spelling ("Claude Desktop" is "claude-desktop").

    Raises:
        ConfigError: there is none; the closest names are named.
    """
    wanted = re.sub(r"[\s_]+", "-", host.strip().lower())
    names = [row.name for row in CONFIGURABLE]
    if wanted in names:
        return CONFIGURABLE[names.index(wanted)]
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    fix = f"Did you mean {' or '.join(close)}? " if close else ""
    raise ConfigError(f"{host!r} is not a known host", fix=f"{fix}Known: {', '.join(names)}.")


def install(
    host_name: str,
    machine: Machine,
    *,
    name: str = "anymodel",
    dry_run: bool = False,
    write_keys: bool = False,
    config_text: str | None = None,
    command: Sequence[str] | None = None,
    start: Start = try_server,
) -> int:
    """Adds this server to a host.

    Args:
        host_name: as the table of hosts names it.
        machine: where, and whom to ask.
        name: what the server is called there.
        dry_run: show the change only.
        write_keys: store keys as text where the host cannot look them up.
        config_text: the user's own configuration file: it names further key variables.
        command: program and arguments (default: those of this installation, absolute).
        start: starts the entry that was written.

    Returns:
        The exit status.

    Raises:
        ConfigError: nothing was written, and why.
    """
    host = find_configurable(host_name)
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} cannot name a server", fix="Use letters, digits, - and _, at most 40.")
    variables = find_variables(machine.env, config_text)
    secrets = [v.value for v in variables if v.is_key]
    program = command or find_program(machine.env, machine.home)
    entry = build_entry(host, name, program, variables, write_keys=write_keys)
    if not variables and not (config_text or "").strip():
        entry = replace(entry, notes=(*entry.notes, _NOTHING_SET))
    path = machine.locate(host)
    try:
        status = _write(host, path, entry, secrets, machine, dry_run=dry_run)
    except UnreadableFile as exc:
        fix = f"Correct the file and run the command again, or add {name!r} below {host.section!r} by hand."
        raise ConfigError(f"{path} is left as it is: {exc}", fix=fix) from exc
    if status is None:
        status = _try(host, path, name, secrets, machine, start)
    return status


def _write(
    host: ConfigurableHost, path: Path, entry: Entry, secrets: Sequence[str], machine: Machine, *, dry_run: bool
) -> int | None:
    """Writes the entry; gives the exit status, `None` = it is written."""
    if _is_written(host, path, entry, secrets):
        _close(path, secrets, host, entry)
        machine.write(f"Nothing to do: {path} has {entry.name} already.")
        return 0 if dry_run else None
    status = _run_host_command(host, path, entry, secrets, machine, dry_run=dry_run)
    if status == _BY_FILE:
        status = _change_file(host, path, entry, secrets, machine, dry_run=dry_run)
    if status is None:
        step = host.next_step.format(name=entry.name, title=host.title)
        machine.write(f"{host.title}: {entry.name} is installed. {step}")
        if host.caveat:
            machine.write(f"Note: {host.caveat.format(name=entry.name)}")
    return status


_BY_FILE = -1


def _is_written(host: ConfigurableHost, path: Path, entry: Entry, secrets: Sequence[str]) -> bool:
    try:
        before = read_file(path)
        return before is not None and plan_install(host, path, before, entry, secrets).is_empty
    except UnsafeEdit:
        return False


def _close(path: Path, secrets: Sequence[str], host: ConfigurableHost, entry: Entry) -> None:
    if plan_install(host, path, read_file(path), entry, secrets).private:
        make_private(path)
        for backup in find_backups(path):
            make_private(backup)


def _run_host_command(
    host: ConfigurableHost, path: Path, entry: Entry, secrets: Sequence[str], machine: Machine, *, dry_run: bool
) -> int | None:
    """Lets the host write the entry; gives the exit status, `None` = done, `_BY_FILE` = it cannot."""
    program = find_host_program(host, machine.env) if host.add_command else None
    present = find_entry(host, read_file(path), entry.name)
    value = {**entry.value, **host.defaults}
    if program is None or merge_entry(host, present, entry) != value:
        return _BY_FILE  # what the user added to the entry is kept, and is not shown on a command line
    words = [host.remove_command] if present is not None and host.remove_command else []
    commands = [build_host_command(host, program, w, entry, value) for w in [*words, host.add_command]]
    for line in commands:
        machine.write(f"{host.title} writes the entry itself: {shlex.join(line)}")
    _show_notes(entry, machine)
    if dry_run:
        machine.write(DRY_RUN)
        return 0
    if refused := machine.refusal("Run it?"):
        return refused
    problem = next(filter(None, (run_host_command(line, machine.env, secrets) for line in commands)), "")
    if not problem and is_same_entry(find_entry(host, read_file(path), entry.name), value):
        return None
    machine.write(f"It did not write the entry{f' ({problem})' if problem else ''}, so {path} is changed instead.")
    return _BY_FILE


def _change_file(
    host: ConfigurableHost, path: Path, entry: Entry, secrets: Sequence[str], machine: Machine, *, dry_run: bool
) -> int | None:
    """Changes the file; gives the exit status, `None` = done."""
    before = read_file(path)
    try:
        change = plan_install(host, path, before, entry, secrets)
    except UnsafeEdit as exc:
        machine.write(f"{path} is left as it is: {exc}.")
        value = merge_entry(host, find_entry(host, before, entry.name), entry)
        for line in draw_block(host, before or b"", entry, value):
            machine.write(line)
        _show_notes(entry, machine)
        return EXIT_FAILED
    for line in draw_diff(change, secrets):
        machine.write(line)
    _show_notes(entry, machine)
    if change.private:
        check_private(path)
    if dry_run:
        machine.write(DRY_RUN)
        return 0
    if refused := machine.refusal("Write it?"):
        return refused
    machine.apply(change)
    for backup in find_backups(path) if change.private else ():
        make_private(backup)
    return None


def _show_notes(entry: Entry, machine: Machine) -> None:
    for note in entry.notes:
        machine.write(f"Note: {note}")


def _try(host: ConfigurableHost, path: Path, name: str, secrets: Sequence[str], machine: Machine, start: Start) -> int:
    value = find_entry(host, read_file(path), name) or {}
    command: Any = value[host.command_key]
    words = [command, *value.get(host.args_key, ())] if host.args_key else cast("list[str]", command)
    found = start(words, server_environment(host, value, machine.env, machine.platform), secrets)
    if found.problem:
        machine.write(f"Started as {host.title} would start it, the server did not answer: {found.problem}")
        machine.write("`anymodel-mcp doctor` checks every part.")
        return EXIT_FAILED
    machine.write(f"Started as {host.title} starts it, the server lists {found.tools} tools ({found.seconds:.1f} s).")
    if found.refusal:
        machine.write(f"A chat through it failed: {found.refusal}")
        return EXIT_FAILED
    if found.answer:
        machine.write(f"A chat through it answers: {found.answer}")
    return 0
