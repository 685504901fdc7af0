"""Options and help of `key set`, `key list` and `key remove`; the work is in `key.py`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from anymodel_mcp.cli.options import BaseUrl, Config, InKeyring, Json, KeyStdin
from anymodel_mcp.cli.screen import Terminal, write_out

Provider = Annotated[str, Parameter(help="A provider of the table or of your configuration.")]


def build_key_commands(terminal: Terminal) -> App:
    """Builds the command group `key` for one terminal."""
    app = App(name="key", help="Store keys of providers: `key set`, `key list`, `key remove`.", help_format="plaintext")
    commands = _KeyCommands(terminal)
    app.command(commands.store, name="set")
    app.command(commands.show, name="list")
    app.command(commands.remove, name="remove")
    return app


class _KeyCommands:
    """The commands; their docstrings and parameters are the help."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def store(
        self,
        provider: Provider,
        *,
        base_url: BaseUrl = None,
        key_stdin: KeyStdin = False,
        keyring: InKeyring = False,
        config: Config = None,
    ) -> int:
        """Store the key of a provider: typed without echo, or the first line of stdin. It goes to that address only."""
        from anymodel_mcp.cli.dialog import open_dialog
        from anymodel_mcp.cli.key import address_of, checked_name, run_keyring, set_key
        from anymodel_mcp.config import read_settings

        path, name = self._path(config), checked_name(provider)
        settings = read_settings(self._terminal.environ, str(config) if config else None, with_keys=False)
        dialog = open_dialog(self._terminal, self._write)
        dialog = replace(dialog, attended=False) if key_stdin else dialog
        set_key(
            dialog,
            path,
            name,
            address_of(name, base_url, settings),
            keyring=run_keyring if keyring else None,
        )
        if name not in settings.providers:
            self._write(f"{name} is not configured yet: anymodel-mcp setup --provider {name}")
        return 0

    def show(self, *, config: Config = None, json: Json = False) -> int:
        """Show for which providers a key is stored, the address it goes to, and a fingerprint; never a key."""
        from anymodel_mcp.cli.key import list_keys
        from anymodel_mcp.config.places import read_key_store

        return list_keys(self._terminal, read_key_store(self._path(config)), as_json=json)

    def remove(self, provider: Provider, *, config: Config = None) -> int:
        """Remove a stored key."""
        from anymodel_mcp.cli.dialog import open_dialog
        from anymodel_mcp.cli.key import checked_name, remove_key, run_keyring

        dialog = open_dialog(self._terminal, self._write)
        return remove_key(dialog, self._path(config), checked_name(provider), run_keyring)

    def _path(self, config: Path | None) -> Path:
        from anymodel_mcp.config import config_path

        return config_path(self._terminal.environ, str(config) if config else None)

    def _write(self, line: str) -> None:
        write_out(self._terminal, line)
