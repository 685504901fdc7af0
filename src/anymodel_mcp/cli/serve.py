"""`serve`: runs the server over stdio or HTTP; imports nothing that only terminal commands need."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING

from anymodel_mcp.config import Settings, StoreSettings, read_settings
from anymodel_mcp.errors import AnyModelError, ConfigError
from anymodel_mcp.redact import Redactor
from anymodel_mcp.transports.log_limit import LogLimit

if TYPE_CHECKING:
    from anymodel_mcp.server.server import AnyModelServer


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
    try:
        settings = read_settings(os.environ, options.config, _overrides(options))
    except ConfigError as error:
        print_error(error)
        return 2 if options.http else _serve_stdio(Settings(), error)
    for warning in settings.warnings:
        sys.stderr.write(f"anymodel-mcp: {warning}\n")
    try:
        return _serve_http(settings) if options.http else _serve_stdio(settings)
    except ConfigError as error:
        print_error(error)
        return 2


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


def _serve_stdio(settings: Settings, config_error: ConfigError | None = None) -> int:
    """Serves over stdio. If the configuration cannot be read, the server starts, and each call returns the error.

    For a server that exits, a host only shows "closed".
    """
    from anymodel_mcp.transports.stdio import run_stdio

    return run_stdio(partial(_build_or_explain, settings, config_error), settings.limits)


def _build_or_explain(settings: Settings, config_error: ConfigError | None) -> AnyModelServer:
    if config_error is None:
        try:
            return _build(settings)
        except ConfigError as error:
            print_error(error)
            config_error = error
    return _build(Settings(store=StoreSettings(enabled=False)), config_error)


def _serve_http(settings: Settings) -> int:
    from anymodel_mcp.transports.http import run_http

    return run_http(partial(_build, settings), settings.http)


def _build(settings: Settings, config_error: ConfigError | None = None) -> AnyModelServer:
    """Builds the server of this process; each worker builds its own."""
    from anymodel_mcp.app import build_server

    redactor = Redactor(settings.secrets())
    log_to_stderr(redactor)  # the server's own redactor: it also learns the keys that commands print
    server = build_server(settings, redactor=redactor, config_error=config_error)
    # What is loaded now stays loaded; the collector need not scan it again.
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
    gc.enable()
    return server
