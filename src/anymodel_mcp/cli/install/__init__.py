"""`install` and `uninstall`: one entry in the configuration of a host.

The hosts are rows of `hosts/table.py`; `variables.py` and `program.py` find what the server needs; `plan.py` turns
bytes into bytes through `formats.py`; `host_command.py` runs a host's own command instead where it has one; only
`files.py` writes; `trial.py` starts what was written.
"""

from anymodel_mcp.cli.install.add import find_configurable, install
from anymodel_mcp.cli.install.choose import install_found
from anymodel_mcp.cli.install.machine import Machine
from anymodel_mcp.cli.install.remove import uninstall

__all__ = ["Machine", "find_configurable", "install", "install_found", "uninstall"]
