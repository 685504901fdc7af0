"""Adds this server to hosts: shows the change, asks, writes, and starts what was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from anymodel_mcp.cli.changes import Change
from anymodel_mcp.cli.install.block import draw_block
from anymodel_mcp.cli.install.commands import build_host_commands
from anymodel_mcp.cli.install.found import find_configurable, find_hosts, pick_hosts
from anymodel_mcp.cli.install.machine import Machine, Stopped
from anymodel_mcp.cli.install.place import Place
from anymodel_mcp.cli.install.plan import plan_install
from anymodel_mcp.cli.install.variables import find_variables
from anymodel_mcp.cli.program import find_program
from anymodel_mcp.cli.screen import EXIT_CONFIG, EXIT_FAILED
from anymodel_mcp.cli.trial import Trial, try_server
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.entry import Entry, build_entry, merge_entry, server_environment
from anymodel_mcp.hosts.formats import UnreadableFile, UnsafeEdit
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.table import CONFIGURABLE

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_NOTHING_SET = (
    "no provider is configured yet. `anymodel-mcp setup` configures one together with the host; or set OPENAI_API_KEY "
    "(and OPENAI_BASE_URL), or ANYMODEL_PROVIDERS=local for the model on this machine, and run this again."
)
Start = Callable[[Sequence[str], Mapping[str, str], Sequence[str]], Trial]


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
        host_name: as in the table of hosts.
        machine: the machine and its user.
        name: the name of the server there.
        dry_run: only show the change.
        write_keys: store keys as text if the host cannot look them up.
        config_text: the user's own configuration file, which may name further key variables.
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
    program = command or find_program(machine.env, machine.home)
    entry = build_entry(host, name, program, variables, write_keys=write_keys)
    if not variables and not (config_text or "").strip():
        entry = replace(entry, notes=(*entry.notes, _NOTHING_SET))
    secrets = [v.value for v in variables if v.is_key]
    place = Place(host=host, path=machine.locate(host), name=name, secrets=secrets, machine=machine)
    try:
        _write(place, entry, dry_run=dry_run)
    except Stopped as stopped:
        return stopped.status
    except UnreadableFile as exc:
        raise place.unreadable(exc, f"add {name!r} to {host.section!r} by hand") from exc
    return _try(place, start)


def install_found(machine: Machine, *, dry_run: bool = False, **options: Any) -> int:
    """Finds the hosts on this machine, and adds this server to those that the user chooses.

    Returns:
        The exit status: 0 = added to all that were chosen.

    Raises:
        ConfigError: there is no host.
    """
    found = find_hosts(machine.env, machine.home, machine.platform)
    if not found:
        known = ", ".join(host.name for host in CONFIGURABLE)
        raise ConfigError(
            "no known host was found on this machine", fix=f"Name one: anymodel-mcp install HOST ({known})."
        )
    machine.write("Hosts on this machine:")
    machine.show(f"  {number:>2}  {host.name}: {machine.locate(host)}" for number, host in enumerate(found, 1))
    if machine.ask is None and not machine.yes and not dry_run:
        machine.write(
            "Nothing was written. Name one (anymodel-mcp install HOST), or add --yes to install into all of them."
        )
        return EXIT_CONFIG
    chosen = found
    if machine.ask is not None and not machine.yes:
        chosen = pick_hosts(found, machine.ask("Install into which? Numbers or names, or all; Enter for none: "))
    if not chosen:
        machine.write("Nothing was written.")
        return EXIT_FAILED
    return max(_install_one(host, machine, dry_run=dry_run, **options) for host in chosen)


def _install_one(host: ConfigurableHost, machine: Machine, **options: Any) -> int:
    """Installs into one of several hosts; its failure does not prevent the others."""
    machine.show(("", f"{host.title}:"))
    try:
        return install(host.name, machine, **options)
    except ConfigError as error:
        machine.write(f"{error.failure.message}. {error.failure.fix}")
        return EXIT_CONFIG


def _write(place: Place, entry: Entry, *, dry_run: bool) -> None:
    """Writes the entry, or finds it written.

    Raises:
        Stopped: nothing was written.
    """
    machine, host = place.machine, place.host
    change = _plan(place, entry)
    if isinstance(change, Change) and change.is_empty:
        if change.private:
            place.make_private()
        machine.write(f"Nothing to do: {place.path} has {entry.name} already.")
        if dry_run:
            raise Stopped(0)
        return
    present, value = place.entry(), {**entry.value, **host.defaults}
    commands: Sequence[Sequence[str]] = ()
    if merge_entry(host, present, entry) == value:  # what the user added is kept, and not shown on a command line
        replaced = [host.remove_command] if present is not None and host.remove_command else []
        commands = build_host_commands(host, machine.env, [*replaced, host.add_command], entry, value)
    if not place.change_by_command(commands, value, entry.notes, dry_run=dry_run):
        change = _plan(place, entry)
        if isinstance(change, UnsafeEdit):
            _show_block(place, entry, change)
            raise Stopped(EXIT_FAILED)
        place.change_file(change, entry.notes, dry_run=dry_run)
    step = host.next_step.format(name=entry.name, title=host.title)
    machine.write(f"{host.title}: {entry.name} is installed. {step}")
    if host.caveat:
        machine.write(f"Note: {host.caveat.format(name=entry.name)}")


def _plan(place: Place, entry: Entry) -> Change | UnsafeEdit:
    try:
        return plan_install(place.host, place.path, place.content(), entry, place.secrets)
    except UnsafeEdit as exc:
        return exc


def _show_block(place: Place, entry: Entry, why: UnsafeEdit) -> None:
    value = merge_entry(place.host, place.entry(), entry)
    place.machine.write(f"{place.path} is left as it is: {why}.")
    place.machine.show(draw_block(place.host, place.content() or b"", entry, value))
    place.machine.show(entry.notes, prefix="Note: ")


def _try(place: Place, start: Start) -> int:
    """Starts the entry as the host does; returns the exit status."""
    machine, host, value = place.machine, place.host, place.entry() or {}
    command: Any = value[host.command_key]
    words = [command, *value.get(host.args_key, ())] if host.args_key else cast("list[str]", command)
    found = start(words, server_environment(host, value, machine.env, machine.platform), place.secrets)
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
