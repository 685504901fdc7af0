"""Real requests to the provider before anything is written: its model list, and a one-word chat."""

from __future__ import annotations

from dataclasses import replace

from anymodel_mcp.app import open_services
from anymodel_mcp.cli.doctor.probes import Probe, ask_chat, ask_list
from anymodel_mcp.cli.screen import Terminal
from anymodel_mcp.config import Settings, StoreSettings
from anymodel_mcp.redact import Redactor

LIST_S = 20.0
WORD_S = 120.0
"""A local engine may have to load its model."""

PASSING = ("quota", "rate_limit", "overloaded", "busy")
"""Failures that do not mean that key or model is wrong: the account or the provider is at its limit."""


async def fetch_list(terminal: Terminal, settings: Settings, name: str) -> Probe:
    """Asks the provider for its models."""
    async with open_services(
        only(settings, name), redactor=Redactor(settings.secrets()), transport=terminal.transport
    ) as services:
        return await ask_list(services, name, LIST_S)


async def try_model(terminal: Terminal, settings: Settings, name: str, model: str, probe: Probe) -> Probe:
    """Asks a model for one word."""
    async with open_services(
        only(settings, name), redactor=Redactor(settings.secrets()), transport=terminal.transport
    ) as services:
        return await ask_chat(services, name, model, probe)


def only(settings: Settings, name: str) -> Settings:
    """The settings with only this provider, one attempt and short timeouts; nothing is stored."""
    provider = settings.providers[name]
    quick = replace(
        provider,
        max_attempts=1,
        connect_timeout_s=min(provider.connect_timeout_s, LIST_S),
        first_byte_timeout_s=min(provider.first_byte_timeout_s, WORD_S),
        idle_timeout_s=min(provider.idle_timeout_s, WORD_S),
        total_timeout_s=min(provider.total_timeout_s, WORD_S),
    )
    return replace(settings, providers={name: quick}, store=StoreSettings(enabled=False))
