"""One entry in the file of one host, and the two ways to change it: the host's own command, or the file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from anymodel_mcp.cli.changes import Change, draw_diff
from anymodel_mcp.cli.files import check_private, find_backups, make_private, read_file
from anymodel_mcp.cli.install.commands import run_host_command
from anymodel_mcp.cli.install.machine import Machine
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.entry import is_same_entry
from anymodel_mcp.hosts.formats import UnreadableFile
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.section import find_entry
from anymodel_mcp.record import record


@record
class Place:
    """Where an entry is or will be.

    Attributes:
        path: the host's file.
        name: the name of the entry.
        secrets: the user's keys, which are never shown.
    """

    host: ConfigurableHost
    path: Path
    name: str
    secrets: Sequence[str] = field(repr=False)
    machine: Machine

    def content(self) -> bytes | None:
        """The bytes of the file; `None` = there is none."""
        return read_file(self.path)

    def entry(self) -> dict[str, Any] | None:
        """The present entry; `None` = there is none.

        Raises:
            UnreadableFile: the file is broken.
        """
        return find_entry(self.host, self.content(), self.name)

    def unreadable(self, error: UnreadableFile, fix: str) -> ConfigError:
        """The error for a broken file."""
        return ConfigError(
            f"{self.path} is left as it is: {error}", fix=f"Correct the file and run the command again, or {fix}."
        )

    def make_private(self) -> None:
        """Restricts the file and its backups to the user."""
        for path in (self.path, *find_backups(self.path)):
            make_private(path)

    def change_by_command(
        self,
        commands: Sequence[Sequence[str]],
        wanted: Mapping[str, Any] | None,
        notes: Sequence[str] = (),
        *,
        dry_run: bool,
    ) -> bool:
        """Lets the host change its file; false = it cannot, or the entry is not as wanted afterwards.

        Args:
            commands: the command lines; none = the host has no command for this.
            wanted: the entry afterwards; `None` = no entry.
            notes: remarks for the user.
            dry_run: only show the commands.

        Raises:
            Stopped: it is a dry run, or the user declined.
        """
        if not commands:
            return False
        machine, verb = self.machine, "remove" if wanted is None else "write"
        machine.show(f"{self.host.title} {verb}s the entry itself: {shlex.join(line)}" for line in commands)
        machine.show(notes, prefix="Note: ")
        machine.confirm("Run it?", dry_run=dry_run)
        problem = next(filter(None, (run_host_command(line, machine.env, self.secrets) for line in commands)), "")
        present = self.entry()
        if not problem and (present is None if wanted is None else is_same_entry(present, wanted)):
            return True
        why = f" ({problem})" if problem else ""
        machine.write(f"It did not {verb} the entry{why}, so {self.path} is changed instead.")
        return False

    def change_file(self, change: Change, notes: Sequence[str] = (), *, dry_run: bool) -> None:
        """Shows the change, asks, and writes the file.

        Raises:
            Stopped: it is a dry run, or the user declined.
            ConfigError: the file cannot be written, or not be kept private.
        """
        self.machine.show(draw_diff(change, self.secrets))
        self.machine.show(notes, prefix="Note: ")
        if change.private:
            check_private(self.path)
        self.machine.confirm("Write it?", dry_run=dry_run)
        self.machine.apply(change)
        if change.private:
            self.make_private()
