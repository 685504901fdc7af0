"""The keys that `anymodel-mcp key set` stores: text in, keys out. Each is bound to the origin of its base URL. Pure.

The file `keys.json` lies beside the configuration file:

    {"deepseek": {"origin": "https://api.deepseek.com", "key": "sk-..."},
     "work": {"origin": "https://gateway.example", "keyring": true}}

With `keyring` the key itself is in the system keyring; the file remembers only that it is there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from anymodel_mcp.config.keys import Key, clean_key
from anymodel_mcp.config.settings import Secret
from anymodel_mcp.config.values import Found
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import record

FILE_NAME = "keys.json"
SERVICE = "anymodel-mcp"
"""The service name of our entries in the system keyring."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@record
class StoredKey:
    """One key of the store.

    Attributes:
        origin: scheme, host and port that the key may be sent to.
        secret: the key; `None` = it is in the system keyring.
    """

    origin: str
    secret: Secret | None = None


@record
class KeyStore:
    """The stored keys by provider, and their file."""

    keys: Mapping[str, StoredKey]
    place: str = ""


NO_KEYS = KeyStore(keys={})


def origin_of(url: str) -> str:
    """Scheme, host and port of an address; the port is left out where it is the scheme's own."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS.get(parts.scheme) else "")


def keyring_user(name: str, origin: str) -> str:
    """The name under which the system keyring holds a key."""
    return f"{name} {origin}"


def fingerprint(key: Secret) -> str:
    """A short hash to tell keys apart; the key cannot be computed from it."""
    import hashlib  # imported only when needed

    return "sha256:" + hashlib.sha256(key.reveal().encode()).hexdigest()[:8]


def parse_keys(text: str | None, place: str) -> KeyStore:
    """The keys in the text of the file; none where there is no file.

    Raises:
        ConfigError: the text is not what `render_keys` writes.
    """
    if text is None or not text.strip():
        return KeyStore(keys={}, place=place)
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(place, "is not valid JSON") from error
    if not isinstance(values, dict):
        raise _broken(place, "is not a JSON object")
    keys = {name: _stored(name, value, place) for name, value in cast("dict[str, Any]", values).items()}
    return KeyStore(keys=keys, place=place)


def _stored(name: str, value: Any, place: str) -> StoredKey:
    entry = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    origin, key, in_keyring = entry.get("origin"), entry.get("key"), entry.get("keyring") is True
    if not isinstance(origin, str) or not origin_of(origin) == origin or not (in_keyring or isinstance(key, str)):
        raise _broken(place, f"holds an entry {name!r} without a valid origin and key")
    secret = None if in_keyring else clean_key(Found(name=f"key {name!r}", origin=f"file {place}", value=key))
    return StoredKey(origin=origin, secret=secret)


def _broken(place: str, why: str) -> ConfigError:
    return ConfigError(
        f"the key store {place} {why}",
        fix="Correct it, or delete it and store the keys again: anymodel-mcp key set PROVIDER.",
    )


def render_keys(keys: Mapping[str, StoredKey]) -> str:
    """The text of the file."""
    entries = {
        name: {"origin": stored.origin} | ({"key": stored.secret.reveal()} if stored.secret else {"keyring": True})
        for name, stored in sorted(keys.items())
    }
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def find_stored_key(store: KeyStore, name: str, base_url: str, address_origin: str) -> Key | None:
    """The stored key of a provider; `None` = there is none.

    Args:
        store: all stored keys.
        name: the provider's.
        base_url: the address that the key is for.
        address_origin: where that address comes from ("environment OPENAI_BASE_URL"), for the error.

    Raises:
        ConfigError: the key is stored for another address.
    """
    stored = store.keys.get(name)
    if stored is None:
        return None
    origin = origin_of(base_url)
    if stored.origin != origin:
        raise ConfigError(
            f"the stored key of provider {name!r} is for {stored.origin}, but its base URL ({address_origin}) is at "
            f"{origin}: a key goes only to the address that it was stored for",
            param=f"providers.{name}.base_url",
            fix=f"Store a key for this address with `anymodel-mcp key set {name}`, remove the stored one with "
            f"`anymodel-mcp key remove {name}`, or correct the base URL.",
        )
    if stored.secret is None:  # read by a process of its own at the first call: some keyrings ask, or do not answer
        return Key(command=(sys.executable, "-P", "-m", "keyring", "get", SERVICE, keyring_user(name, origin)))
    return Key(secret=stored.secret)
