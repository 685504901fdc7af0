"""Computes the new key store and configuration file from their present content. Pure."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from typing import Any, cast

from anymodel_mcp.config import Secret
from anymodel_mcp.config.key_store import StoredKey, origin_of
from anymodel_mcp.config.keys import SOURCES
from anymodel_mcp.config.providers import LOCAL
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import record
from anymodel_mcp.wire.urls import clean_base_url


@record
class Plan:
    """What was chosen.

    Attributes:
        provider: its name in the configuration.
        base_url: its address.
        key: the key to store; `None` = no key, or keep the present one.
        default_model: "provider/model"; `None` = keep the present one, if any.
    """

    provider: str
    base_url: str
    key: Secret | None = None
    default_model: str | None = None


def render_config(text: str, plan: Plan) -> str:
    """The configuration file with the provider in it; everything else stays, comments included.

    Raises:
        ConfigError: the file cannot be changed without changing something else.
    """
    import tomlkit
    from tomlkit.items import InlineTable

    before: dict[str, Any] = tomllib.loads(text)
    after = copy.deepcopy(before)
    _edit(after, plan)
    if after == before:
        return text
    document = tomlkit.parse(text)
    if "providers" not in document:
        document["providers"] = tomlkit.table(is_super_table=True)
    providers = cast("dict[str, Any]", document["providers"])
    if plan.provider not in providers:
        inline = isinstance(providers, InlineTable)
        providers[plan.provider] = tomlkit.inline_table() if inline else tomlkit.table()
    _edit(cast("dict[str, Any]", document), plan)
    changed = tomlkit.dumps(document)
    if not _reads_as(changed, after):
        raise ConfigError(
            "the configuration file cannot be changed without changing something else in it",
            fix=f"Write [providers.{plan.provider}] and default_model into it by hand (docs/configuration.md).",
        )
    return changed


def _edit(values: dict[str, Any], plan: Plan) -> None:
    """Sets the values that differ, in parsed values or in the tomlkit document that keeps comments."""
    section = cast("dict[str, Any]", values.setdefault("providers", {}).setdefault(plan.provider, {}))
    row = PROVIDERS.get(plan.provider)
    home = row.base_url if row else None
    present = section.get("base_url", home)
    if not plan.base_url.startswith(LOCAL) and _cleaned(present) != plan.base_url:
        section["base_url"] = plan.base_url
    if plan.key is not None:
        for source in SOURCES:  # the file comes before the key store
            section.pop(source, None)
    if plan.default_model and values.get("default_model") != plan.default_model:
        values["default_model"] = plan.default_model


def _cleaned(base_url: Any) -> str | None:
    try:
        return clean_base_url(base_url)[0] if isinstance(base_url, str) else None
    except ConfigError:
        return None


def _reads_as(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        return False


def render_stored(keys: Mapping[str, StoredKey], plan: Plan, *, in_keyring: bool = False) -> dict[str, StoredKey]:
    """The keys of the store with the one of the plan, and without one that is for another address of the provider."""
    if plan.key is None:
        return {n: k for n, k in keys.items() if n != plan.provider or k.origin == origin_of(plan.base_url)}
    stored = StoredKey(origin=origin_of(plan.base_url), secret=None if in_keyring else plan.key)
    return {**keys, plan.provider: stored}
