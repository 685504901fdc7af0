"""Options that several commands take, and the configuration that one of them names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from anymodel_mcp.cli.screen import Terminal
from anymodel_mcp.config import Settings, read_settings
from anymodel_mcp.redact import Redactor

Config = Annotated[Path | None, Parameter(name="--config", help="Configuration file (default: the user's own).")]
Json = Annotated[bool, Parameter(name="--json", negative="", show_default=False, help="Print JSON for programs.")]
Yes = Annotated[bool, Parameter(name=["--yes", "-y"], negative="", show_default=False, help="Write without asking.")]
BaseUrl = Annotated[str | None, Parameter(name="--base-url", help="Address of the API, such as https://HOST/v1.")]
KeyStdin = Annotated[
    bool,
    Parameter(name="--key-stdin", negative="", show_default=False, help="Read the key from the first line of stdin."),
]
InKeyring = Annotated[
    bool,
    Parameter(
        name="--keyring",
        negative="",
        show_default=False,
        help="Use the system keyring (extra `keyring`); hosts often start servers without access to it.",
    ),
]
Model = Annotated[
    str | None, Parameter(name=["--model", "-m"], help="`provider/id`, an alias or a bare id.", show_default=False)
]
Output = Annotated[
    Path | None,
    Parameter(name=["--output", "-o"], show_default=False, help="Also copy the result to this file or folder."),
]
Fields = Annotated[
    list[str] | None,
    Parameter(
        name="--option", negative="", show_default=False, help="Any other request field: NAME=VALUE; may be repeated."
    ),
]


def with_settings(terminal: Terminal, config: Path | None) -> tuple[Terminal, Settings]:
    """Returns the settings, and the terminal with their keys hidden.

    Raises:
        ConfigError: the configuration cannot be read.
    """
    settings = read_settings(terminal.environ, str(config) if config else None)
    return replace(terminal, redactor=Redactor(settings.secrets())), settings
