"""Removes this server from one host and restores the file, byte for byte if possible."""

from __future__ import annotations

from pathlib import Path

from anymodel_mcp.cli.changes import Change, may_hold_keys
from anymodel_mcp.cli.files import find_backups, make_private, read_file
from anymodel_mcp.cli.install.commands import build_host_commands
from anymodel_mcp.cli.install.found import find_configurable
from anymodel_mcp.cli.install.machine import Machine, Stopped
from anymodel_mcp.cli.install.place import Place
from anymodel_mcp.cli.install.plan import plan_uninstall
from anymodel_mcp.cli.install.variables import find_variables
from anymodel_mcp.cli.screen import EXIT_FAILED
from anymodel_mcp.hosts.entry import Entry
from anymodel_mcp.hosts.formats import UnreadableFile, UnsafeEdit, decode, find_line


def uninstall(host_name: str, machine: Machine, *, name: str = "anymodel", dry_run: bool = False) -> int:
    """Removes this server from a host.

    Returns:
        The exit status.

    Raises:
        ConfigError: nothing was written, and why.
    """
    host = find_configurable(host_name)
    secrets = [v.value for v in find_variables(machine.env) if v.is_key]
    place = Place(host=host, path=machine.locate(host), name=name, secrets=secrets, machine=machine)
    status = 0
    try:
        _remove(place, dry_run=dry_run)
    except Stopped as stopped:
        status = stopped.status
    except UnreadableFile as exc:
        raise place.unreadable(exc, "remove the entry by hand") from exc
    if not dry_run:
        _report_backups(place)
    return status


def _remove(place: Place, *, dry_run: bool) -> None:
    """Removes the entry, or finds none.

    Raises:
        Stopped: nothing was written.
    """
    machine, host = place.machine, place.host
    if place.entry() is None:
        machine.write(f"Nothing to do: {place.path} has no {place.name}.")
        return
    change = _plan(place)
    is_exact = isinstance(change, Change) and (change.after is None or change.restored is not None)
    named = Entry(name=place.name, value={})
    commands = () if is_exact else build_host_commands(host, machine.env, [host.remove_command], named, {})
    if not place.change_by_command(commands, None, dry_run=dry_run):
        change = _plan(place)
        if isinstance(change, UnsafeEdit):
            _show_line(place, change)
            raise Stopped(EXIT_FAILED)
        place.change_file(change, dry_run=dry_run)
    machine.write(f"{host.title}: {place.name} is removed from {place.path}. Restart {host.title} to stop the server.")


def _plan(place: Place) -> Change | UnsafeEdit:
    backups = {backup: _content(backup) for backup in find_backups(place.path)}
    try:
        return plan_uninstall(place.host, place.path, place.content(), backups, place.name)
    except UnsafeEdit as exc:
        return exc


def _content(backup: Path) -> bytes:
    return b"" if backup.is_symlink() else read_file(backup) or b""


def _show_line(place: Place, why: UnsafeEdit) -> None:
    section = place.host.section
    line = find_line(decode(place.content())[1], (section, place.name))
    place.machine.write(f"{place.path} is left as it is: {why}.")
    place.machine.write(f"Remove {place.name!r} from {section!r}{f' (line {line})' if line else ''} by hand.")


def _report_backups(place: Place) -> None:
    """Makes the remaining backups private, and names those that may hold keys."""
    backups = find_backups(place.path)
    for backup in backups:
        make_private(backup)
    keyed = [backup for backup in backups if may_hold_keys(_content(backup), place.secrets)]
    if keyed:
        place.machine.write("These backups may hold keys. Only you can read them; delete those that you do not need:")
    place.machine.show(map(str, keyed), prefix="  ")
