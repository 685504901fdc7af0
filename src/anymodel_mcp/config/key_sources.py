"""Where a provider's key comes from, for the reader of an error about it. Pure."""

from __future__ import annotations

from anymodel_mcp.config.credentials import is_credential
from anymodel_mcp.config.settings import ProviderSettings, Settings


def key_source(settings: Settings, provider: ProviderSettings) -> str:
    """Where the key of a provider comes from, as a sentence."""
    section = f"providers.{provider.name}"
    if provider.key_command:
        origin = settings.origins.get(f"{section}.key_command", "the configuration")
        return f"It is printed by the command {provider.key_command[0]!r} ({section}.api_key_command, {origin})."
    if provider.api_key is not None:
        origin = settings.origins.get(f"{section}.api_key", "")
        if origin.startswith("environment "):
            return f"It comes from the variable {origin.removeprefix('environment ')}."
        if origin == f"file {settings.source}":
            return f"It is api_key in [{section}] of {settings.source}."
        return f"It comes from the {origin}." if origin else "It comes from the configuration."
    held = next((name for name, value in provider.headers.items() if is_credential(name, value)), None)
    if held is not None:
        return f"It is the header {held} in [{section}]."
    hint = provider.key_hint or f"set api_key_env in [{section}]"
    return f"None is configured: {hint}."
