"""`install` without a name: finds the hosts on this machine, and offers them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from anymodel_mcp.cli.install.add import install
from anymodel_mcp.cli.install.files import is_present
from anymodel_mcp.cli.install.host_command import is_on_path
from anymodel_mcp.cli.install.machine import Machine
from anymodel_mcp.cli.screen import EXIT_CONFIG, EXIT_FAILED
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.table import CONFIGURABLE


def find_hosts(machine: Machine) -> list[ConfigurableHost]:
    """The hosts that are on PATH or have left a folder on this machine."""
    return [
        host
        for host in CONFIGURABLE
        if is_on_path(host, machine.env) or is_present(host, machine.env, machine.home, machine.platform)
    ]


def install_found(machine: Machine, *, dry_run: bool = False, **options: Any) -> int:
    """Offers the hosts that are found, and adds this server to those that the user chooses.

    Returns:
        The exit status: 0 = added to all that were chosen.

    Raises:
        ConfigError: there is no host.
    """
    found = find_hosts(machine)
    if not found:
        known = ", ".join(host.name for host in CONFIGURABLE)
        raise ConfigError(
            "no known host was found on this machine", fix=f"Name one: anymodel-mcp install HOST ({known})."
        )
    machine.write("Hosts on this machine:")
    for number, host in enumerate(found, 1):
        machine.write(f"  {number:>2}  {host.name}: {machine.locate(host)}")
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
    return max(_install(host, machine, dry_run=dry_run, **options) for host in chosen)


def pick_hosts(found: Sequence[ConfigurableHost], answer: str) -> list[ConfigurableHost]:
    """The hosts that an answer names by number or name; "all" names all, an empty answer none.

    Raises:
        ConfigError: one of them is not among those found.
    """
    words = [word for word in re.split(r"[\s,;]+", answer.strip().lower()) if word]
    if words == ["all"]:
        return list(found)
    known = {str(number): host for number, host in enumerate(found, 1)} | {host.name: host for host in found}
    strangers = [word for word in words if word not in known]
    if strangers:
        raise ConfigError(f"{strangers[0]!r} is none of them", fix=f"Choose from: {', '.join(known)}.")
    return list({known[word].name: known[word] for word in words}.values())


def _install(host: ConfigurableHost, machine: Machine, **options: Any) -> int:
    """One host's failure does not keep the others from being installed."""
    machine.write("")
    machine.write(f"{host.title}:")
    try:
        return install(host.name, machine, **options)
    except ConfigError as error:
        machine.write(f"{error.failure.message}. {error.failure.fix}")
        return EXIT_CONFIG
