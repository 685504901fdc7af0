"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

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
