"""Removes this server from one host; what was there before comes back, byte for byte where possible."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from anymodel_mcp.cli.install.add import find_configurable
from anymodel_mcp.cli.install.files import find_backups, make_private, read_file, remove_file, replace_file
from anymodel_mcp.cli.install.formats import UnreadableFile, UnsafeEdit, find_line
from anymodel_mcp.cli.install.host_command import build_host_command, find_host_program, run_host_command
from anymodel_mcp.cli.install.machine import Machine
from anymodel_mcp.cli.install.plan import Change, decode, find_entry, plan_uninstall
from anymodel_mcp.cli.install.screen import draw_diff, may_hold_keys
from anymodel_mcp.cli.install.variables import find_variables
from anymodel_mcp.cli.screen import EXIT_FAILED
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.entry import Entry
from anymodel_mcp.hosts.model import ConfigurableHost

_BY_FILE = -1


def uninstall(host_name: str, machine: Machine, *, name: str = "anymodel", dry_run: bool = False) -> int:
    """Removes this server from a host.

    Returns:
        The exit status.

    Raises:
        ConfigError: nothing was written, and why.
    """
    host = find_configurable(host_name)
    path = machine.locate(host)
    secrets = [v.value for v in find_variables(machine.env) if v.is_key]
    try:
        status = _remove(host, path, name, secrets, machine, dry_run=dry_run)
    except UnreadableFile as exc:
        fix = "Correct the file and run the command again, or take the entry out by hand."
        raise ConfigError(f"{path} is left as it is: {exc}", fix=fix) from exc
    if not dry_run:
        _report_backups(path, secrets, machine)
    return status


def _remove(
    host: ConfigurableHost, path: Path, name: str, secrets: Sequence[str], machine: Machine, *, dry_run: bool
) -> int:
    before = read_file(path)
    if before is None or find_entry(host, before, name) is None:
        machine.write(f"Nothing to do: {path} has no {name}.")
        return 0
    backups = find_backups(path)
    try:
        change = plan_uninstall(host, path, before, [_content(b) for b in backups], name)
    except UnsafeEdit as exc:
        change = None
        reason = str(exc)
    status: int = _BY_FILE
    if change is None or (change.restored is None and change.after is not None):
        status = _run_host_command(host, path, name, secrets, machine, dry_run=dry_run)
    if status == _BY_FILE and change is None:
        line = find_line(decode(before)[1], (host.section, name))
        machine.write(f"{path} is left as it is: {reason}.")  # pyright: ignore[reportPossiblyUnboundVariable] set with change
        machine.write(f"Take out {name!r} in {host.section!r}{f' (line {line})' if line else ''} by hand.")
        return EXIT_FAILED
    if status == _BY_FILE and change is not None:
        status = _change_file(change, backups, secrets, machine, dry_run=dry_run)
    if status == 0 and not dry_run:
        machine.write(f"{host.title}: {name} is removed from {path}. Restart {host.title} to stop the server.")
    return status


def _run_host_command(
    host: ConfigurableHost, path: Path, name: str, secrets: Sequence[str], machine: Machine, *, dry_run: bool
) -> int:
    """Lets the host remove the entry; gives the exit status, `_BY_FILE` = it cannot."""
    program = find_host_program(host, machine.env) if host.remove_command else None
    if program is None:
        return _BY_FILE
    command = build_host_command(host, program, host.remove_command, Entry(name=name, value={}), {})
    machine.write(f"{host.title} removes the entry itself: {shlex.join(command)}")
    if dry_run:
        machine.write("Nothing was written (dry run).")
        return 0
    if refused := machine.refusal("Run it?"):
        return refused
    problem = run_host_command(command, machine.env, secrets)
    if not problem and find_entry(host, read_file(path), name) is None:
        return 0
    machine.write(f"It did not remove the entry{f' ({problem})' if problem else ''}, so {path} is changed instead.")
    return _BY_FILE


def _change_file(
    change: Change, backups: Sequence[Path], secrets: Sequence[str], machine: Machine, *, dry_run: bool
) -> int:
    for line in draw_diff(change, secrets):
        machine.write(line)
    if dry_run:
        machine.write("Nothing was written (dry run).")
        return 0
    if refused := machine.refusal("Write it?"):
        return refused
    if change.after is None:
        remove_file(change.path)
    elif change.restored is None:
        machine.apply(change)
    else:
        replace_file(change.path, change.after)
        backups[change.restored].unlink()  # the file itself is that again
    return 0


def _content(backup: Path) -> bytes:
    return b"" if backup.is_symlink() else read_file(backup) or b""


def _report_backups(path: Path, secrets: Sequence[str], machine: Machine) -> None:
    """Makes the remaining backups private, and names those that may hold keys."""
    backups = find_backups(path)
    for backup in backups:
        make_private(backup)
    keyed = [backup for backup in backups if may_hold_keys(_content(backup), secrets)]
    if keyed:
        machine.write("These backups may hold keys. Only you can read them; delete those that you do not need:")
    for backup in keyed:
        machine.write(f"  {backup}")
