"""Where `install` runs: environment, home folder, platform, and the user to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from anymodel_mcp.cli.install.files import locate, read_file, replace_file, write_backup
from anymodel_mcp.cli.install.plan import Change
from anymodel_mcp.cli.screen import EXIT_CONFIG, EXIT_FAILED
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.model import ConfigurableHost


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine and its user.

    Attributes:
        platform: as in `sys.platform`.
        write: shows the user one line.
        ask: asks the user a question and gives the answer; `None` = there is no terminal.
        yes: the user agreed to everything beforehand.
    """

    env: Mapping[str, str]
    home: Path
    platform: str
    write: Callable[[str], None]
    ask: Callable[[str], str] | None = None
    yes: bool = False
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def locate(self, host: ConfigurableHost) -> Path:
        """The configuration file of a host."""
        return locate(host, self.env, self.home, self.platform)

    def refusal(self, question: str) -> int:
        """Asks for consent; gives 0, or the exit status of a command that must not write."""
        if self.yes:
            return 0
        if self.ask is None:
            self.write("Nothing was written, because there is no terminal to ask on. To agree beforehand, add --yes.")
            return EXIT_CONFIG
        if self.ask(f"{question} [y/N] ").strip().lower() in ("y", "yes"):
            return 0
        self.write("Nothing was written.")
        return EXIT_FAILED

    def apply(self, change: Change) -> None:
        """Replaces the file, with a backup of what it was.

        Raises:
            ConfigError: the file has changed since it was read, or cannot be written.
        """
        if read_file(change.path) != change.before:
            raise ConfigError(f"{change.path} has changed in the meantime", fix="Run the command again.")
        if change.before is not None:
            backup = write_backup(change.path, change.before, self.now().strftime("%Y%m%d-%H%M%S"))
            self.write(f"Backup: {backup}")
        replace_file(change.path, change.after or b"", private=change.private)
