"""Finds the key: the configured one, the row's variable, the user's input, or the first line of stdin."""

from __future__ import annotations

from collections.abc import Mapping

from anymodel_mcp.cli.dialog import Dialog
from anymodel_mcp.cli.key import clean_typed_key
from anymodel_mcp.cli.setup.flags import Flags
from anymodel_mcp.cli.setup.provider import Address
from anymodel_mcp.config import Secret, Settings
from anymodel_mcp.config.key_store import fingerprint, origin_of
from anymodel_mcp.config.values import meant
from anymodel_mcp.errors import ConfigError

TRIES = 3


def find_key(
    dialog: Dialog, flags: Flags, environ: Mapping[str, str], address: Address, settings: Settings
) -> Secret | None:
    """Returns the key to store; `None` = none is needed, or the configured one stays.

    Args:
        dialog: the user.
        flags: of the command line.
        environ: may contain the row's variable.
        address: the provider.
        settings: what is configured now, without the row's variable.

    Raises:
        ConfigError: there is none, and one is needed.
    """
    if flags.key_stdin:
        return clean_typed_key(address.name, dialog.first_line())
    if dialog.attended:
        return _attended(dialog, flags, environ, address, settings)
    return _unattended(dialog, flags, environ, address, settings)


def ask_key(dialog: Dialog, address: Address) -> Secret | None:
    """Asks the user for the key; `None` = none is needed.

    Raises:
        ConfigError: one is needed and none was typed.
    """
    hint = "" if address.key_needed else " (Enter if it needs none)"
    for _ in range(TRIES):
        text = dialog.ask_secret(f"Key for {address.name}{hint}, not shown: ")
        if not text.strip() and not address.key_needed:
            return None
        try:
            return clean_typed_key(address.name, text)
        except ConfigError as error:
            dialog.write(f"{error.failure.message}.")
    raise ConfigError("no key was given", fix="Run the command again when you have one.")


def _attended(
    dialog: Dialog, flags: Flags, environ: Mapping[str, str], address: Address, settings: Settings
) -> Secret | None:
    kept = kept_key(address, settings)
    if kept and dialog.confirm(f"{address.name} has a key already ({kept}). Keep it?"):
        return None
    name, value = _variable(environ, address)
    if value and (flags.yes or dialog.confirm(f"{name} is set. Store a copy of that key, so that hosts find it too?")):
        return clean_typed_key(address.name, value)
    if address.row is not None and (address.row.key_env is None or address.row.key_optional):
        return None  # a local engine; it is asked for a key only when it refuses
    return ask_key(dialog, address)


def _unattended(
    dialog: Dialog, flags: Flags, environ: Mapping[str, str], address: Address, settings: Settings
) -> Secret | None:
    if address.row is None or not (address.row.key_env is None or address.row.key_optional):
        line = dialog.first_line()
        if line:
            return clean_typed_key(address.name, line)
    name, value = _variable(environ, address)
    if value and flags.yes:
        dialog.write(f"Using the key in {name}.")
        return clean_typed_key(address.name, value)
    if kept_key(address, settings) or not address.key_needed:
        return None
    consent = f", or add --yes to use {name}" if value else ""
    raise ConfigError(
        f"there is no key for {address.name}", fix=f"Give it as the first line of stdin with --key-stdin{consent}."
    )


def kept_key(address: Address, settings: Settings) -> str:
    """Describes the key that is configured for exactly this address; "" = there is none."""
    provider = settings.providers.get(address.name)
    if provider is None or origin_of(provider.base_url) != origin_of(address.base_url):
        return ""
    prefix = f"providers.{address.name}"
    if provider.api_key:
        return f"{settings.origins.get(f'{prefix}.api_key', 'configured')}, {fingerprint(provider.api_key)}"
    return settings.origins.get(f"{prefix}.key_command", "from a command") if provider.key_command else ""


def _variable(environ: Mapping[str, str], address: Address) -> tuple[str, str]:
    name = address.row.key_env if address.row and address.row.key_env else ""
    return name, meant(environ.get(name)) or "" if name else ""
