"""The machine and the user that `install` works for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from anymodel_mcp.cli.changes import Change
from anymodel_mcp.cli.files import read_file, remove_file, replace_file, write_backup
from anymodel_mcp.cli.install.found import locate
from anymodel_mcp.cli.screen import EXIT_CONFIG, EXIT_FAILED
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.record import record

DRY_RUN = "Nothing was written (dry run)."


class Stopped(Exception):
    """The command ends without writing; `status` is its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@record
class Machine:
    """The machine and its user.

    Attributes:
        platform: as in `sys.platform`.
        write: shows the user one line.
        ask: asks the user a question and returns the answer; `None` = there is no terminal.
        yes: the user agreed to everything in advance.
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

    def show(self, lines: Iterable[str], *, prefix: str = "") -> None:
        """Shows the user several lines."""
        for line in lines:
            self.write(f"{prefix}{line}")

    def confirm(self, question: str, *, dry_run: bool) -> None:
        """Asks for confirmation.

        Raises:
            Stopped: it is a dry run, the user declined, or there is no terminal.
        """
        if dry_run:
            self.write(DRY_RUN)
            raise Stopped(0)
        if self.yes:
            return
        if self.ask is None:
            self.write("Nothing was written, because there is no terminal to ask on. Add --yes to agree in advance.")
            raise Stopped(EXIT_CONFIG)
        if self.ask(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
            self.write("Nothing was written.")
            raise Stopped(EXIT_FAILED)

    def apply(self, change: Change) -> None:
        """Replaces, restores or removes the file; a replaced file is backed up.

        Raises:
            ConfigError: the file has changed since it was read, or cannot be written.
        """
        if read_file(change.path) != change.before:
            raise ConfigError(f"{change.path} has changed in the meantime", fix="Run the command again.")
        if change.after is None:
            remove_file(change.path)
        elif change.restored is not None:
            replace_file(change.path, change.after)
            change.restored.unlink()
        else:
            if change.before is not None:
                backup = write_backup(change.path, change.before, self.now().strftime("%Y%m%d-%H%M%S"))
                self.write(f"Backup: {backup}")
            replace_file(change.path, change.after, private=change.private)
