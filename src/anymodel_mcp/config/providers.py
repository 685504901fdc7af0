"""Reads the providers from the table of known providers, the file and the environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args
from urllib.parse import urlsplit

from anymodel_mcp.config.credentials import check_key_address
from anymodel_mcp.config.key_store import KeyStore, find_stored_key
from anymodel_mcp.config.keys import SOURCES, Key, read_key
from anymodel_mcp.config.quirks import read_quirks
from anymodel_mcp.config.settings import ProviderSettings
from anymodel_mcp.config.values import Found, Layers, Spec, meant, parse_text, suggest, variable_of
from anymodel_mcp.dialects.fields import QUIRK_NAMES, ApiName, AudioService, ProviderRow, Quirks
from anymodel_mcp.dialects.jobs import SERVICES
from anymodel_mcp.dialects.native import API_HEADERS
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.wire.urls import clean_base_url, same_host

LOCAL = "local:"
"""The placeholder for the base URL of the embedded engine, which has none before it runs."""

PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEFAULT_ROW = "openai"
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_APIS: tuple[str, ...] = get_args(ApiName)
_TEXT = Spec(kind="text")
_NAMES = Spec(kind="texts", wanted="names of providers with commas between, or a JSON list of them")
_SECONDS = Spec(kind="float", low=0.001, high=604_800, wanted="a number of seconds above 0")
_SPECS: Mapping[str, Spec] = {
    "base_url": _TEXT,
    "dialect": _TEXT,
    "api": Spec(kind="text", form=re.compile("|".join(_APIS)), wanted=" or ".join(f'"{name}"' for name in _APIS)),
    "auth": Spec(
        kind="text",
        form=re.compile(rf"bearer|none|header:\s*{_HEADER.pattern}|scheme:\s*{_HEADER.pattern}"),
        wanted='"bearer", "none", "header:NAME" or "scheme:WORD"',
    ),
    "models": Spec(kind="texts", wanted="a list of model names"),
    "models_url": _TEXT,
    "services": Spec(kind="texts", wanted="a list of services"),
    "media_url": _TEXT,
    "max_parallel": Spec(kind="int", high=10_000),
    "rerank_url": _TEXT,
    "audio_max_mb": Spec(kind="int", low=1, high=1000),
    "max_attempts": Spec(kind="int", low=1, high=20),
    "max_retry_wait_s": Spec(kind="float", high=86_400),
    "connect_timeout_s": _SECONDS,
    "first_byte_timeout_s": _SECONDS,
    "idle_timeout_s": _SECONDS,
    "total_timeout_s": _SECONDS,
}
_KEYS = (*_SPECS, *SOURCES, "headers", "quirks", "overrides")
VARIABLE_KEYS = (*_SPECS, *SOURCES, *(f"quirks_{name}" for name in sorted(QUIRK_NAMES)))
"""The fields of a provider that a variable can set."""


def read_providers(layers: Layers, read_file: Callable[[str], str], stored: KeyStore) -> dict[str, ProviderSettings]:
    """Reads all providers, in this order: file, `ANYMODEL_PROVIDERS`, the plain OpenAI variables.

    A provider without a key from another source gets the one in the key store, if there is one.

    Raises:
        ConfigError: one of them is not valid.
    """
    tables = layers.table("providers", layers.file)
    names = list(tables)
    for name in names:
        if not PROVIDER_NAME.fullmatch(name):
            raise ConfigError(
                f"the provider name {name!r} ({layers.file_origin}) must be lower-case letters, digits, - and _",
                param=f"providers.{name}",
            )
    origins = dict.fromkeys(names, layers.file_origin)
    for name in _turned_on(layers):
        origins.setdefault(name, "environment ANYMODEL_PROVIDERS")
    plain = [v for v in ("OPENAI_API_KEY", "OPENAI_BASE_URL") if meant(layers.environ.get(v))]
    if plain and not names:
        origins.setdefault(_DEFAULT_ROW, f"environment {plain[0]}")
    layers.origins.update({f"providers.{name}": origin for name, origin in origins.items()})
    return {
        name: _provider(layers, name, layers.table(name, tables, "providers."), read_file, stored) for name in origins
    }


def _turned_on(layers: Layers) -> list[str]:
    text = meant(layers.environ.get("ANYMODEL_PROVIDERS"))
    if text is None:
        return []
    found = Found(name="ANYMODEL_PROVIDERS", origin="environment", value=text)
    names = [name.lower() for name in parse_text(found, _NAMES)]
    for name in names:
        described = meant(layers.environ.get(variable_of(f"providers.{name}", "base_url"))) is not None
        if name not in PROVIDERS and not (described and PROVIDER_NAME.fullmatch(name)):
            variable = variable_of(f"providers.{name}", "base_url")
            hint = suggest(name, PROVIDERS, likeness=0.75) or f"for your own provider, also set {variable}"
            raise ConfigError(
                f"ANYMODEL_PROVIDERS (environment) names {name!r}, which is not a known provider: {hint}",
                param="ANYMODEL_PROVIDERS",
            )
    return names


def _provider(
    layers: Layers, name: str, table: Mapping[str, Any], read_file: Callable[[str], str], stored: KeyStore
) -> ProviderSettings:
    section = f"providers.{name}"
    layers.check_keys(section, table, _KEYS)
    values: dict[str, Any] = {key: layers.get(section, key, spec, table) for key, spec in _SPECS.items()}
    own = PROVIDERS.get(name)
    base_url, warnings = _base_url(layers, name, values.pop("base_url"), own)
    row = _habits(layers, name, values.pop("dialect"), base_url)
    key = read_key(layers, name, table, _own_variable(layers, base_url, own), read_file)
    headers = _headers(layers, section, table)
    check_key_address(
        layers,
        name,
        table,
        base_url=base_url,
        row_url=own.base_url if own is not None else None,
        key_source=key.file_field,
        headers=headers,
    )
    values["models_url"] = _models_url(layers, name, values["models_url"], base_url, row)
    values["media_url"] = _beside(layers, name, "media_url", values["media_url"], base_url)
    _check_services(layers, name, values["services"] or ())
    at_home = own is not None and own.base_url == base_url
    rerank_url = _beside(layers, name, "rerank_url", values.pop("rerank_url"), base_url, row.own.get("key_hosts", ()))
    audio_max_mb = values.pop("audio_max_mb")
    given: Quirks = {}
    if rerank_url is not None:
        given["rerank_url"] = rerank_url
    if audio_max_mb is not None:
        given["audio_max_mb"] = audio_max_mb
    habits: dict[str, Any] = {
        "auth": row.auth,
        "api": row.api,
        "max_parallel": row.max_parallel,
        "models": own.models if own is not None else (),
        "services": row.services if row.base_url in (None, base_url) else (),
    }
    if (values["auth"] or row.auth) != "none" and base_url != LOCAL:
        key = _or_stored(layers, name, key, base_url, stored)
    return ProviderSettings(
        **{**habits, **{key: value for key, value in values.items() if value is not None}},
        name=name,
        base_url=base_url,
        dialect=row.name,
        api_key=key.secret,
        key_command=key.command,
        key_hint="" if own is not None and own.key_optional else key.hint,
        api_urls=_api_urls(row, base_url),
        headers={**API_HEADERS.get(values["api"] or row.api, {}), **dict(row.headers), **headers},
        audio=_audio(row, base_url, values["services"] or ()),
        quirks={**_quirks(layers, section, table, own.own if own is not None and at_home else {}), **given},
        overrides=_overrides(layers, section, table),
        warnings=warnings,
    )


def _or_stored(layers: Layers, name: str, key: Key, base_url: str, stored: KeyStore) -> Key:
    """Returns the key, or the stored one if no other source has a key."""
    if key.secret or key.command:
        return key
    address = layers.origins.get(f"providers.{name}.base_url") or layers.origins[f"providers.{name}"]
    found = find_stored_key(stored, name, base_url, address)
    if found is None:
        return key
    layers.origins[f"providers.{name}.{'api_key' if found.secret else 'key_command'}"] = f"key store {stored.place}"
    return found


def _api_urls(row: ProviderRow, base_url: str) -> dict[ApiName, str]:
    """Where the provider's other APIs are, if it is called at its row's own address."""
    if row.base_url != base_url:
        return {}
    return {api: access.base_url for api, access in row.apis.items() if access.base_url}


def _audio(row: ProviderRow, base_url: str, services: Sequence[str]) -> tuple[AudioService, ...]:
    """What a provider does with sound: all, where the user says that it sells audio; else what its row says."""
    if "audio" in services:
        return ("transcription", "speech")
    return row.audio if row.base_url in (None, base_url) else ()


def _overrides(layers: Layers, section: str, table: Mapping[str, Any]) -> tuple[tuple[str, Quirks], ...]:
    """`[providers.X.overrides."o4-*"]`: `api` and `quirks` for models that match a pattern, in the file's order."""
    found: list[tuple[str, Quirks]] = []
    tables = layers.table("overrides", table, f"{section}.")
    for pattern in tables:
        name = f"{section}.overrides.{pattern}"
        given = layers.table(pattern, tables, f"{section}.overrides.")
        layers.check_keys(name, given, ("api", "quirks"))
        quirks = read_quirks(layers, f"{name}.quirks", layers.table("quirks", given, f"{name}."))
        api = layers.get(name, "api", _SPECS["api"], given)
        found.append((pattern, {**quirks, "api": api} if api is not None else quirks))
    return tuple(found)


def _base_url(layers: Layers, name: str, given: str | None, row: ProviderRow | None) -> tuple[str, tuple[str, ...]]:
    label = f"providers.{name}.base_url"
    if given is None and name == _DEFAULT_ROW:
        given = meant(layers.environ.get("OPENAI_BASE_URL"))
        if given is not None:
            layers.origins[label] = "environment OPENAI_BASE_URL"
    if given is None and row is not None and row.name == LOCAL.rstrip(":"):
        return LOCAL, ()
    if given is None and row is not None and row.base_url is not None:
        return row.base_url, ()
    origin = layers.origins.get(label) or layers.origins[f"providers.{name}"]
    if given is None:
        form = f"it has the form {row.url_hint}" if row is not None else _form_of(name)
        raise ConfigError(f"{label} ({origin}) is missing: {form}", param=label)
    if given.startswith(LOCAL):
        return LOCAL, ()
    try:
        return clean_base_url(given)
    except ConfigError as error:
        raise ConfigError(f"{label} ({origin}) {error.failure.message}", param=label) from error


def _form_of(name: str) -> str:
    hint = suggest(name, PROVIDERS, likeness=0.75)
    written = 'write base_url = "https://HOST/v1"'
    return f"{written}, or, for a known provider, {hint}" if hint.startswith("did") else written


def _habits(layers: Layers, name: str, dialect: str | None, base_url: str) -> ProviderRow:
    """The row that a provider behaves like: the one it names, its own, that of its host, else OpenAI's."""
    if dialect is not None:
        if dialect not in PROVIDERS:
            origin = layers.origins[f"providers.{name}.dialect"]
            hint = suggest(dialect, PROVIDERS) or 'it is the name of a known provider, "openai" by default'
            raise ConfigError(
                f"providers.{name}.dialect ({origin}) is not known: {dialect!r}: {hint}",
                param=f"providers.{name}.dialect",
            )
        return PROVIDERS[dialect]
    if name in PROVIDERS and name != _DEFAULT_ROW:
        return PROVIDERS[name]
    return row_of_host(base_url) or PROVIDERS[_DEFAULT_ROW]


def row_of_host(base_url: str) -> ProviderRow | None:
    """The row with this host; a loopback port can belong to any server."""
    if urlsplit(base_url).hostname in _LOOPBACK:
        return None
    return next((row for row in PROVIDERS.values() if row.base_url and same_host(row.base_url, base_url)), None)


def _own_variable(layers: Layers, base_url: str, row: ProviderRow | None) -> str | None:
    """The row's key variable, if its key may go to this address.

    `OPENAI_API_KEY` belongs to `OPENAI_BASE_URL` if that is set.
    """
    if row is None or row.key_env is None:
        return None
    if row.name == _DEFAULT_ROW and (text := meant(layers.environ.get("OPENAI_BASE_URL"))) is not None:
        try:
            return row.key_env if clean_base_url(text)[0] == base_url else None
        except ConfigError:
            return None
    return row.key_env if row.base_url is None or same_host(row.base_url, base_url) else None


def _models_url(layers: Layers, name: str, given: str | None, base_url: str, row: ProviderRow) -> str | None:
    if given is None:
        return row.models_url if row.base_url == base_url else None
    return _beside(layers, name, "models_url", given, base_url)


_ELSEWHERE = {
    "models_url": "list the models in models instead",
    "media_url": "configure that host as a separate provider",
    "rerank_url": "configure that host as a separate provider",
}


def _beside(
    layers: Layers, name: str, field: str, given: str | None, base_url: str, hosts: Sequence[str] = ()
) -> str | None:
    """Checks a second address of a provider, which must be at the host of its base URL, or at one of `hosts`."""
    if given is None:
        return None
    label = f"providers.{name}.{field}"
    origin = layers.origins[label]
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ConfigError(f"{label} ({origin}) must be a web address that begins with https://", param=label)
    elsewhere = parts.scheme == "https" and parts.hostname in hosts
    if not elsewhere and (not same_host(given, base_url) or parts.scheme != urlsplit(base_url).scheme):
        raise ConfigError(
            f"{label} ({origin}) is at another host than base_url, and a key goes to the host of base_url only: "
            f"{_ELSEWHERE[field]}",
            param=label,
        )
    return given


def _check_services(layers: Layers, name: str, services: Sequence[str]) -> None:
    label = f"providers.{name}.services"
    for service in services:
        if service not in SERVICES:
            hint = suggest(service, SERVICES)
            raise ConfigError(
                f"{label} ({layers.origins[label]}) names {service!r}, which is not a known service: {hint}",
                param=label,
            )


def _headers(layers: Layers, section: str, table: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in layers.table("headers", table, f"{section}.").items():
        label = Found(name=f"{section}.headers.{name}", origin=layers.file_origin, value=None)
        if not _HEADER.fullmatch(name):
            raise label.wrong("is not a valid header name")
        if not isinstance(value, str):
            raise label.wrong("must be a string")
        text = meant(value)
        if text is None:
            continue
        if not text.isprintable() or not text.isascii():
            raise label.wrong("contains characters that a header cannot contain")
        found[name] = text
        layers.origins[f"{section}.headers"] = layers.file_origin
    return found


def _quirks(layers: Layers, section: str, table: Mapping[str, Any], own: Quirks) -> Quirks:
    user = read_quirks(layers, f"{section}.quirks", layers.table("quirks", table, f"{section}."))
    return {**own, **user}
