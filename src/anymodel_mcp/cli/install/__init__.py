"""`install` and `uninstall`: one entry in the configuration of a host.

The hosts are rows of `hosts/table.py`, and `hosts/section.py` edits the text of their files. `found.py` finds the hosts
on this machine, `plan.py` decides the change, and `place.py` makes it, by `commands.py` if the host has a command.
"""

from anymodel_mcp.cli.install.add import install, install_found
from anymodel_mcp.cli.install.found import find_configurable
from anymodel_mcp.cli.install.machine import Machine
from anymodel_mcp.cli.install.remove import uninstall

__all__ = ["Machine", "find_configurable", "install", "install_found", "uninstall"]
