"""The command-line flags; each answers one question in advance."""

from __future__ import annotations

from collections.abc import Sequence

from anymodel_mcp.record import record


@record
class Flags:
    """The flags of `setup`.

    Attributes:
        provider: name of a row, or of the user's own provider.
        base_url: its address.
        key_stdin: the key is the first line of stdin.
        model: the default model, with or without "provider/" in front.
        hosts: the hosts to add the server to.
        yes: write without asking, and use the key in the row's variable.
        keyring: store the key in the system keyring.
    """

    provider: str | None = None
    base_url: str | None = None
    key_stdin: bool = False
    model: str | None = None
    hosts: Sequence[str] = ()
    yes: bool = False
    keyring: bool = False
