"""`setup`: configures a provider and the hosts in one command.

It asks first (`provider`, `key`, `model`, `hosts`; flags answer in advance) and sends real requests in between
(`check`); then the change is shown, and only then everything is written, all or nothing (`plan`, `work`, `rollback`).
"""

from anymodel_mcp.cli.setup.flags import Flags
from anymodel_mcp.cli.setup.run import Surroundings, setup

__all__ = ["Flags", "Surroundings", "setup"]
