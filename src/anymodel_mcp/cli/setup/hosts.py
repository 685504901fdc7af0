"""The hosts: which ones, what changes in their configuration, and a start as the host does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from anymodel_mcp.cli.dialog import Dialog
from anymodel_mcp.cli.install import Machine, find_configurable, install
from anymodel_mcp.cli.install.add import Start
from anymodel_mcp.cli.install.found import find_hosts, pick_hosts
from anymodel_mcp.cli.install.machine import DRY_RUN
from anymodel_mcp.cli.setup.flags import Flags
from anymodel_mcp.cli.trial import try_server
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.record import record

PROMPT = "Reply with one short sentence that says hello."


@record
class Preview:
    """The change to one host.

    Attributes:
        lines: what was shown of it.
        possible: it can be written; otherwise the user was shown what to add by hand.
        empty: there is nothing to do.
    """

    host: ConfigurableHost
    lines: Sequence[str]
    possible: bool
    empty: bool


def choose_hosts(dialog: Dialog, flags: Flags, machine: Machine) -> list[ConfigurableHost]:
    """The hosts named by flags, else those that the user chooses among the installed ones.

    Raises:
        ConfigError: a name is not known.
    """
    if flags.hosts:
        names = [name for given in flags.hosts for name in given.split(",") if name.strip()]
        return list({host.name: host for host in map(find_configurable, names)}.values())
    found = find_hosts(machine.env, machine.home, machine.platform)
    if not found:
        dialog.write("No known MCP host was found on this machine. Later: anymodel-mcp install HOST")
        return []
    if not dialog.attended:
        dialog.write(f"Hosts on this machine: {', '.join(host.name for host in found)}. --host NAME adds one.")
        return []
    dialog.write("Hosts on this machine:")
    for number, host in enumerate(found, 1):
        dialog.write(f"  {number:>3}  {host.name}: {machine.locate(host)}")
    while True:
        try:
            return pick_hosts(found, dialog.answer("Add it to which hosts? Numbers or names, or all; Enter for none: "))
        except ConfigError as error:
            dialog.write(f"{error.failure.message}. {error.failure.fix}")


def preview(host: ConfigurableHost, machine: Machine, config_text: str) -> Preview:
    """Shows what `install` would change."""
    lines: list[str] = []

    def show(line: str) -> None:
        if line != DRY_RUN:
            lines.append(line)
            machine.write(line)

    machine.write("")
    machine.write(f"{host.title}:")
    try:
        status = install(host.name, replace(machine, write=show), dry_run=True, config_text=config_text)
    except ConfigError as error:
        machine.write(f"{error.failure.message}. {error.failure.fix}")
        status = 1
    empty = any(line.startswith("Nothing to do") for line in lines)
    return Preview(host=host, lines=lines, possible=status == 0, empty=empty)


def add_to_host(shown: Preview, machine: Machine, config_text: str, start: Start | None = None) -> int:
    """Writes the change that was shown, starts the entry as the host does, and asks it one question."""

    def show(line: str) -> None:
        if line not in shown.lines:
            machine.write(line)

    machine.write("")
    return install(
        shown.host.name,
        replace(machine, write=show, yes=True),
        config_text=config_text,
        start=start or partial(try_server, prompt=PROMPT),
    )


def host_machine(machine: Machine, dropped: Sequence[str]) -> Machine:
    """The machine, without the variables that the written configuration replaces."""
    return replace(machine, env={name: value for name, value in machine.env.items() if name not in dropped})
