"""The command line: names, options and help of all commands. Other modules do the work."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio
from cyclopts import App, Parameter

from anymodel_mcp import __version__
from anymodel_mcp.cli.arguments import config_last
from anymodel_mcp.cli.ask_command import build_ask_command
from anymodel_mcp.cli.completion import build_completion_command
from anymodel_mcp.cli.endings import status_of
from anymodel_mcp.cli.key_commands import build_key_commands
from anymodel_mcp.cli.media_commands import build_media_commands
from anymodel_mcp.cli.opening import HELP, first_lines, opening
from anymodel_mcp.cli.options import Config, Json, Yes, with_settings
from anymodel_mcp.cli.screen import Terminal, this_terminal
from anymodel_mcp.cli.setup_command import build_setup_command
from anymodel_mcp.config import config_path
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.hosts.table import CONFIGURABLE
from anymodel_mcp.state import UsageKey
from anymodel_mcp.types import Capability

_HOSTS = ", ".join(host.name for host in CONFIGURABLE)
if TYPE_CHECKING:
    from anymodel_mcp.cli.install import Machine

_DIFF = {"@@": "cyan", "+": "green", "-": "red"}


def run_command(argv: list[str], terminal: Terminal | None = None) -> int:
    """Runs one command; returns its exit status: 0 success, 1 failure, 2 configuration or usage, 130 Ctrl-C."""
    terminal = terminal or this_terminal()
    argv = config_last(argv)
    options = argv[: argv.index("--")] if "--" in argv else argv
    terminal = replace(terminal, as_json=terminal.as_json or "--json" in options)
    if not argv:
        terminal.out.print(opening())
        return 0
    if argv[0] == "serve" or argv[0].startswith("--config"):
        from anymodel_mcp.cli.serve import serve

        return serve(argv[1:] if argv[0] == "serve" else argv)
    if argv[0] in ("--help", "-h"):
        terminal.out.print(first_lines())
    try:
        status = build_commands(terminal)(argv, exit_on_error=False, print_error=False, result_action="return_value")
    except BaseException as error:
        return status_of(terminal, argv, error)
    return status if isinstance(status, int) else 0


def build_commands(terminal: Terminal) -> App:
    """Builds all commands for one terminal."""
    app = App(
        name="anymodel-mcp",
        help=HELP,
        help_format="rich",
        version=__version__,
        version_flags=["--version", "-V"],
        console=terminal.out,
        error_console=terminal.err,
        suppress_keyboard_interrupt=False,
    )
    commands = _Commands(terminal)
    app.command(build_setup_command(terminal), name="setup")
    app.command(commands.demo)
    app.command(build_ask_command(terminal), name="ask")
    for command in build_media_commands(terminal):
        app.command(command)
    app.command(commands.models)
    app.command(commands.doctor)
    app.command(commands.install)
    app.command(commands.uninstall)
    app.command(commands.usage)
    app.command(commands.forget)
    app.command(commands.serve)
    app.command(build_completion_command(app, terminal))
    config = App(name="config", help="Show the configuration: `config show`.", help_format="plaintext")
    config.command(commands.config_show, name="show")
    app.command(config)
    app.command(build_key_commands(terminal))
    return app


class _Commands:
    """The commands; their docstrings and parameters are the help."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def demo(
        self,
        *,
        embedded: Annotated[
            bool,
            Parameter(negative="", show_default=False, help="Use the small model even if a local engine is running."),
        ] = False,
    ) -> int:
        """Try it now, without a key: a model on this machine, through a real MCP client."""
        from anymodel_mcp.cli.demo import run_demo  # the embedded engine's imports

        return self._run(lambda: run_demo(self._terminal, embedded=embedded))

    def models(
        self,
        *query: Annotated[str, Parameter(help="Words that the name contains.")],
        config: Config = None,
        provider: Annotated[str | None, Parameter(name=["--provider", "-p"], help="One provider only.")] = None,
        capability: Annotated[Capability | None, Parameter(name=["--capability", "-c"], help="What it can do.")] = None,
        limit: Annotated[int, Parameter(help="The most models to show; 0 = all.")] = 50,
        refresh: Annotated[bool, Parameter(negative="", show_default=False, help="Request the lists again.")] = False,
        json: Json = False,
    ) -> int:
        """List the models that can be called."""
        from anymodel_mcp.cli.models import Search, models

        terminal, settings = with_settings(self._terminal, config)
        search = Search(
            query=" ".join(query) or None,
            provider=provider,
            capability=capability,
            limit=max(limit, 0),
            refresh=refresh,
            as_json=json,
        )
        return self._run(lambda: models(terminal, settings, search))

    def doctor(
        self,
        *,
        config: Config = None,
        offline: Annotated[bool, Parameter(negative="", show_default=False, help="Ask no provider.")] = False,
        json: Json = False,
    ) -> int:
        """Check configuration, providers, folders and hosts; each problem comes with its fix.

        Asks each provider with a known chat model for one word, which costs a few tokens.
        """
        from anymodel_mcp.cli.doctor import doctor

        return self._run(lambda: doctor(self._terminal, config, offline=offline, as_json=json))

    def install(
        self,
        host: Annotated[
            str | None, Parameter(show_default=False, help=f"One of: {_HOSTS}. Without it: the hosts found here.")
        ] = None,
        *,
        config: Config = None,
        name: Annotated[str, Parameter(help="The name of the server there.")] = "anymodel",
        dry_run: Annotated[
            bool, Parameter(negative="", show_default=False, help="Show the change, write nothing.")
        ] = False,
        write_keys: Annotated[
            bool,
            Parameter(negative="", show_default=False, help="Store keys unencrypted where a host cannot look them up."),
        ] = False,
        yes: Yes = False,
    ) -> int:
        """Add this server to a host's configuration: show the change, ask, write, start the server once."""
        from anymodel_mcp.cli.install import install, install_found

        path = config_path(self._terminal.environ, str(config) if config else None)
        machine = self._machine(yes=yes)
        if config:
            machine = replace(machine, env={**machine.env, "ANYMODEL_CONFIG": str(config.absolute())})
        config_text = _read(path)
        if host is None:
            return install_found(machine, name=name, dry_run=dry_run, write_keys=write_keys, config_text=config_text)
        return install(host, machine, name=name, dry_run=dry_run, write_keys=write_keys, config_text=config_text)

    def uninstall(
        self,
        host: Annotated[str, Parameter(help="As for install.")],
        *,
        name: Annotated[str, Parameter(help="The name of the server there.")] = "anymodel",
        dry_run: Annotated[
            bool, Parameter(negative="", show_default=False, help="Show the change, write nothing.")
        ] = False,
        yes: Yes = False,
    ) -> int:
        """Remove this server from a host's configuration: show the change, ask, write."""
        from anymodel_mcp.cli.install import uninstall

        return uninstall(host, self._machine(yes=yes), name=name, dry_run=dry_run)

    def _machine(self, *, yes: bool) -> Machine:
        from anymodel_mcp.cli.install import Machine

        terminal = self._terminal
        return Machine(
            env=terminal.environ,
            home=terminal.home,
            platform=terminal.platform,
            write=self._say,
            ask=self._ask if self._is_attended() else None,
            yes=yes,
        )

    def _is_attended(self) -> bool:
        stdin = self._terminal.stdin
        return stdin is not None and not stdin.closed and stdin.isatty() and self._terminal.stdout.isatty()

    def _ask(self, question: str) -> str:
        assert self._terminal.stdin is not None
        self._terminal.stdout.write(question)
        self._terminal.stdout.flush()
        return self._terminal.stdin.readline()

    def usage(
        self,
        *,
        config: Config = None,
        since: Annotated[str, Parameter(help="30m, 24h, 7d, 4w or a date.")] = "7d",
        by: Annotated[UsageKey, Parameter(help="How to group the sums.")] = "model",
        json: Json = False,
    ) -> int:
        """Show calls, tokens and cost."""
        from anymodel_mcp.cli.usage import usage

        terminal, settings = with_settings(self._terminal, config)
        return self._run(lambda: usage(terminal, settings, since=since, by=by, as_json=json))

    def forget(
        self,
        id: Annotated[str | None, Parameter(show_default=False, help="A call (r-...) or conversation (t-...).")] = None,
        *,
        config: Config = None,
        before: Annotated[
            str | None, Parameter(help="What was last used before a date, or longer ago than 30m, 24h, 7d, 4w.")
        ] = None,
        everything: Annotated[
            bool, Parameter(name="--all", negative="", show_default=False, help="Everything.")
        ] = False,
        yes: Annotated[
            bool, Parameter(name=["--yes", "-y"], negative="", show_default=False, help="Remove without asking.")
        ] = False,
        json: Json = False,
    ) -> int:
        """Remove stored calls, conversations, saved files and usage."""
        from anymodel_mcp.cli.forget import forget

        terminal, settings = with_settings(self._terminal, config)

        def confirm(question: str) -> bool:
            if yes:
                return True
            if not self._is_attended():
                raise ArgumentError("there is no terminal to ask on", fix="Add --yes.")
            return self._ask(f"{question} [y/N] ").strip().lower() in ("y", "yes")

        return self._run(lambda: forget(terminal, settings, id, before, everything, confirm))

    def config_show(
        self,
        *,
        config: Config = None,
        everything: Annotated[
            bool, Parameter(name="--all", negative="", show_default=False, help="Defaults too.")
        ] = False,
        json: Json = False,
    ) -> int:
        """Show each value and where it comes from; keys stay hidden."""
        from anymodel_mcp.cli.config_show import show_config

        terminal, settings = with_settings(self._terminal, config)
        return show_config(terminal, settings, as_json=json, everything=everything)

    def serve(self) -> int:
        """Serve MCP over stdio (what a host starts), or with --http over HTTP: `serve --help`."""
        from anymodel_mcp.cli.serve import serve

        return serve([])

    def _say(self, line: str) -> None:
        style = next((color for start, color in _DIFF.items() if line.startswith(start)), "")
        self._terminal.out.print(line, style=style)

    def _run(self, work: Callable[[], Coroutine[Any, Any, int]]) -> int:
        return anyio.run(work)


def _read(path: Path | None) -> str | None:
    """Returns the text of the configuration file; `None` if it cannot be read (`doctor` says why)."""
    try:
        return path.read_text(encoding="utf-8") if path else None
    except (OSError, UnicodeDecodeError):
        return None
