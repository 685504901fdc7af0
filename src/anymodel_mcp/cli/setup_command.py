"""Options and help of `setup`; the work is in `cli/setup/`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from anymodel_mcp.cli.options import BaseUrl, Config, InKeyring, KeyStdin, Yes
from anymodel_mcp.cli.screen import EXIT_INTERRUPTED, Terminal, remark, report_error
from anymodel_mcp.errors import AnyModelError
from anymodel_mcp.redact import Redactor

_DIFF = {"@@": "cyan", "+": "green", "-": "red"}


def build_setup_command(terminal: Terminal) -> Callable[..., int]:
    """Builds the command `setup` for one terminal."""

    def setup(
        *,
        provider: Annotated[
            str | None, Parameter(name=["--provider", "-p"], help="A provider of the table, or a name of your own.")
        ] = None,
        base_url: BaseUrl = None,
        key_stdin: KeyStdin = False,
        model: Annotated[
            str | None, Parameter(name=["--model", "-m"], help="The model that answers when none is named.")
        ] = None,
        host: Annotated[
            list[str] | None,
            Parameter(negative="", show_default=False, help="Host to add the server to; may be repeated."),
        ] = None,
        yes: Yes = False,
        keyring: InKeyring = False,
        config: Config = None,
    ) -> int:
        """Set up a provider, its key, a default model and your hosts: start here.

        Asks for everything that no flag sets. Without a terminal the key is the first line of stdin, or with --yes
        that of the provider's variable. All changes are written together at the end, or none.
        """
        from anymodel_mcp.cli.dialog import open_dialog
        from anymodel_mcp.cli.install import Machine
        from anymodel_mcp.cli.key import run_keyring
        from anymodel_mcp.cli.setup import Flags, Surroundings
        from anymodel_mcp.cli.setup import setup as run
        from anymodel_mcp.config import config_path

        here = replace(terminal, redactor=Redactor())
        path = config_path(here.environ, str(config) if config else None)
        named = config is not None or bool(here.environ.get("XDG_CONFIG_HOME"))  # some hosts do not pass that on
        dialog = open_dialog(here, lambda line: _write(here, line))
        flags = Flags(
            provider=provider,
            base_url=base_url,
            key_stdin=key_stdin,
            model=model,
            hosts=host or (),
            yes=yes,
            keyring=keyring,
        )
        machine = Machine(
            env={**here.environ, "ANYMODEL_CONFIG": str(path.absolute())} if named else here.environ,
            home=here.home,
            platform=here.platform,
            write=dialog.write,
        )
        around = Surroundings(terminal=here, dialog=dialog, machine=machine, config=path, keyring=run_keyring)
        try:
            return run(around, flags)
        except AnyModelError as error:
            return report_error(here, "nothing was set up", error)
        except KeyboardInterrupt:
            remark(here, "\ninterrupted: nothing was changed", "yellow")
            return EXIT_INTERRUPTED

    return setup


def _write(terminal: Terminal, line: str) -> None:
    style = next((color for start, color in _DIFF.items() if line.startswith(start)), "")
    terminal.out.print(line, style=style)
