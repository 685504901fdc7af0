"""`serve`: runs the server over stdio or HTTP; imports nothing that only terminal commands need."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING

from anymodel_mcp.config import Limits, Settings, StoreSettings, read_settings
from anymodel_mcp.config.providers import LOCAL
from anymodel_mcp.errors import AnyModelError, ConfigError
from anymodel_mcp.record import positional_record
from anymodel_mcp.redact import Redactor
from anymodel_mcp.transports.log_limit import LogLimit

if TYPE_CHECKING:
    from anymodel_mcp.server.server import AnyModelServer
    from anymodel_mcp.transports.handover import Handover
    from anymodel_mcp.upstream.connections import Connections


_OPTIONS = ("config", "host", "port", "path", "workers")

COLLECT_AFTER = (5_000, 10, 10)
"""Higher than the default: with 200 open streams, each collection delays all of them by a tenth of a second."""


class StderrLines(logging.Formatter):
    """Formats each record as one line without keys or traceback: hosts keep stderr in files."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Formats a record as one line."""
        line = f"{record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f" ({type(record.exc_info[1]).__name__})"
        return self._redactor.clean(" ".join(line.split()))


def log_to_stderr(redactor: Redactor) -> None:
    """Configures the root logger before the SDK can: its own handler prints tracebacks with what is in them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(StderrLines(redactor))
    handler.addFilter(LogLimit())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def print_error(error: AnyModelError) -> None:
    """Prints three lines on stderr: what, why, what to do."""
    failure = error.failure
    sys.stderr.write(f"anymodel-mcp: {failure.message}\n" + (f"{failure.fix}\n" if failure.fix else ""))


def serve(argv: list[str]) -> int:
    """Serves until the host closes the connection or the process gets a signal; returns the exit status."""
    options = _parse(argv) if argv else SimpleNamespace(**dict.fromkeys(_OPTIONS), http=False)
    if not options.http:
        return run_prepared(prepare(options.config, _overrides(options)))
    try:
        settings = read_settings(os.environ, options.config, _overrides(options))
        print_warnings(settings)
        return _serve_http(settings)
    except ConfigError as error:
        print_error(error)
        return 2


def print_warnings(settings: Settings) -> None:
    """Prints what is probably a mistake, a line each."""
    for warning in settings.warnings:
        sys.stderr.write(f"anymodel-mcp: {warning}\n")


def _parse(argv: list[str]) -> SimpleNamespace:
    import argparse  # hosts give no arguments, and wait

    parser = argparse.ArgumentParser(
        prog="anymodel-mcp serve", description="Serve MCP over stdio, or with --http over HTTP."
    )
    parser.add_argument("--config", help="configuration file (default: config.toml in the user's config folder)")
    parser.add_argument("--http", action="store_true", help="Streamable HTTP instead of stdio")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1; any other needs a token)")
    parser.add_argument("--port", type=int, help="port (default 8765)")
    parser.add_argument("--path", help="path of the endpoint (default /mcp)")
    parser.add_argument("--workers", type=int, help="processes (more than one: [http] stateless is set)")
    return parser.parse_args(argv, SimpleNamespace())


def _overrides(options: SimpleNamespace) -> Mapping[str, object]:
    given = {f"http.{name}": getattr(options, name) for name in ("host", "port", "path", "workers")}
    return {name: value for name, value in given.items() if value is not None}


@positional_record
class Prepared:
    """A server for stdio that is ready to run."""

    server: AnyModelServer
    limits: Limits


def prepare(
    config: str | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    known: Settings | ConfigError | None = None,
    preload: bool = False,
) -> Prepared:
    """Reads the configuration and builds the server for stdio. Prints what is wrong with the configuration.

    If the configuration cannot be read, the server is built all the same, and each call returns the error: for a server
    that exits, a host only shows "closed".

    Args:
        config: the configuration file; `None` = the usual one.
        overrides: values from the command line.
        known: what reading the configuration gave, where it is read already.
        preload: also load what the first call needs: connections, certificates, the store's driver.
    """
    import_module("anymodel_mcp.transports.stdio")  # ahead of the first call
    settings = known or _read(config, overrides)
    if isinstance(settings, ConfigError):
        return Prepared(_build_to_explain(settings), Limits())
    print_warnings(settings)
    try:
        connections = _open_connections(settings) if preload else None
        return Prepared(_build(settings, connections=connections), settings.limits)
    except ConfigError as error:
        return Prepared(_build_to_explain(error), settings.limits)


def _read(config: str | None, overrides: Mapping[str, object] | None) -> Settings | ConfigError:
    try:
        return read_settings(os.environ, config, overrides)
    except ConfigError as error:
        return error


def _build_to_explain(error: ConfigError) -> AnyModelServer:
    print_error(error)
    return _build(Settings(store=StoreSettings(enabled=False)), error)


def run_prepared(prepared: Prepared, handover: Handover | None = None) -> int:
    """Serves over stdio until the host closes the connection or the process gets a signal; returns the exit status."""
    from anymodel_mcp.transports.stdio import run_stdio

    return run_stdio(lambda: prepared.server, prepared.limits, handover)


def _open_connections(settings: Settings) -> Connections:
    """Prepares the clients of all providers: with them come the HTTP engine and the certificates."""
    from anymodel_mcp.upstream.connections import Connections

    import_module("sqlite3")  # the store's driver
    connections = Connections()
    for provider in settings.providers.values():
        if not provider.base_url.startswith(LOCAL):
            with suppress(ConfigError):  # the first call reports it
                connections.open(provider.name, provider.base_url)
    return connections


def _serve_http(settings: Settings) -> int:
    from anymodel_mcp.transports.http import run_http

    return run_http(partial(_build, settings), settings.http)


def _build(
    settings: Settings, config_error: ConfigError | None = None, connections: Connections | None = None
) -> AnyModelServer:
    """Builds the server of this process; each worker builds its own."""
    from anymodel_mcp.app import build_server

    redactor = Redactor(settings.secrets())
    log_to_stderr(redactor)  # the server's own redactor: it also learns the keys that commands print
    server = build_server(settings, redactor=redactor, config_error=config_error, connections=connections)
    # What is loaded now stays loaded; the collector need not scan it again.
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    gc.enable()
    return server
