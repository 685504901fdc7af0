"""Reports what is configured, and from where. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from anymodel_mcp.cli.config_show import DEFAULT, find_origin
from anymodel_mcp.cli.doctor.findings import SETUP, Finding, Section
from anymodel_mcp.cli.screen import bare_url
from anymodel_mcp.config import ProviderSettings, Settings
from anymodel_mcp.config.providers import LOCAL
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.dialects.resolve import find_row

_PLACEHOLDER = re.compile(
    r"(?i)(?:^|[-_<\s])your(?:[-_>\s]|$)|your_?api_?key|^<.*>$|\.\.\.|^(?:sk-)?x{4,}$|change-?me|replace-?me"
)
"""What examples have in the place of a key."""


def look_at_settings(settings: Settings, environ: Mapping[str, str]) -> Section:
    """Checks the file, the providers and their keys, and the default model."""
    return Section("configuration", tuple(_look(settings, environ)))


def _look(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    yield Finding(
        "ok" if settings.source else "note", f"file: {settings.source or 'none; only environment variables are used'}"
    )
    for warning in settings.warnings:
        yield Finding("warn", warning)
    if not settings.providers:
        yield Finding(
            "fail",
            "no provider is configured",
            "Run anymodel-mcp setup, or set OPENAI_API_KEY (and OPENAI_BASE_URL for another address), or "
            "ANYMODEL_PROVIDERS=deepseek with DEEPSEEK_API_KEY. Without any key: anymodel-mcp demo",
            SETUP,
        )
    for provider in settings.providers.values():
        yield from _look_at_provider(settings, provider)
    if settings.providers:
        yield _default(settings)
    yield from _unused(settings, environ)


def _look_at_provider(settings: Settings, provider: ProviderSettings) -> Iterator[Finding]:
    prefix = f"providers.{provider.name}"
    if provider.base_url.startswith(LOCAL):
        yield Finding("ok", f"{provider.name}: the model that runs on this machine")
        return
    address = f"{bare_url(provider.base_url)} ({_from(settings, f'{prefix}.base_url')})"
    if provider.api_key and _PLACEHOLDER.search(provider.api_key.reveal()):
        yield Finding(
            "fail",
            f"{provider.name}: {address}, the {_key_words(settings, provider)} is a placeholder",
            provider.key_hint or f"Replace it with your key for {provider.name}.",
        )
    else:
        yield Finding("ok", f"{provider.name}: {address}, {_key_words(settings, provider)}")
    for warning in provider.warnings:
        yield Finding("warn", f"{provider.name}: {warning}", f"Correct base_url of {provider.name}.")
    row = find_row(provider.name)
    wants_key = row is not None and bool(row.key_env) and not row.key_optional and row.base_url == provider.base_url
    if wants_key and provider.auth != "none" and not provider.api_key and not provider.key_command:
        yield Finding(
            "fail",
            f"{provider.name} has no key",
            provider.key_hint or f"Set {row.key_env if row else 'it'}.",
            f"anymodel-mcp key set {provider.name}",
        )
    if provider.api_key and provider.base_url.startswith("http:") and not _is_near(provider.base_url):
        yield Finding(
            "warn",
            f"{provider.name}: the key is sent without TLS",
            "Use https in base_url if the provider supports it.",
        )


def _key_words(settings: Settings, provider: ProviderSettings) -> str:
    if provider.key_command:
        return "key from a command"
    if provider.api_key:
        return f"key {_from(settings, f'providers.{provider.name}.api_key')}"
    return "no key"


def _from(settings: Settings, key: str) -> str:
    origin = find_origin(settings, key)
    if origin == DEFAULT:
        return "built in"
    return "from the file" if origin == f"file {settings.source}" else f"from {origin}"


def _default(settings: Settings) -> Finding:
    if settings.default_model is None:
        return Finding(
            "warn",
            "no default model: each call must name one",
            "Run anymodel-mcp setup, or set ANYMODEL_MODEL to one of `anymodel-mcp models`.",
            SETUP,
        )
    return Finding("ok", f"default model: {settings.default_model} ({_from(settings, 'default_model')})")


def _unused(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Reports key variables of providers that are not turned on, because users expect them to work."""
    used = {p.dialect for p in settings.providers.values()} | set(settings.providers)
    waiting = [r for r in PROVIDERS.values() if r.key_env and environ.get(r.key_env, "").strip() and r.name not in used]
    for row in waiting:
        yield Finding(
            "note", f"{row.key_env} is set, but {row.name} is not turned on", f"ANYMODEL_PROVIDERS={row.name}"
        )


def _is_near(url: str) -> bool:
    """Whether an address is on this machine or in a private network."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".lan")) or "." not in host
