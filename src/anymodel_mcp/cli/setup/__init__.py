"""`setup`: from nothing to a working host in one command.

Questions first (`provider`, `key`, `model`, `hosts`; a flag answers each beforehand), with real requests between them
(`check`); then the change is shown, and only then everything is written, all or nothing (`plan`, `work`, `rollback`).
"""

from anymodel_mcp.cli.setup.flags import Flags
from anymodel_mcp.cli.setup.run import Surroundings, setup

__all__ = ["Flags", "Surroundings", "setup"]
