"""`key set`, `key list`, `key remove`: the keys that this program stores itself, each bound to one address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from anymodel_mcp.cli.dialog import Dialog
from anymodel_mcp.cli.files import read_file, remove_file, replace_file
from anymodel_mcp.cli.screen import Terminal, remark, write_json
from anymodel_mcp.cli.tables import show_table
from anymodel_mcp.config import Secret, Settings
from anymodel_mcp.config.key_store import (
    FILE_NAME,
    SERVICE,
    KeyStore,
    StoredKey,
    fingerprint,
    keyring_user,
    origin_of,
    render_keys,
)
from anymodel_mcp.config.keys import clean_key
from anymodel_mcp.config.places import read_key_store
from anymodel_mcp.config.providers import LOCAL, PROVIDER_NAME
from anymodel_mcp.config.values import Found, suggest
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.redact import Redactor
from anymodel_mcp.wire.urls import clean_base_url

KEYRING_S = 60.0
_NO_KEYRING = (
    "pip install 'anymodel-mcp[keyring]', or leave out --keyring: the key is then stored in a file of mode 0600."
)

Keyring = Callable[[str, str, str], None]
"""Runs an action ("set", "del") of the system keyring: action, user name, password."""


def checked_name(name: str) -> str:
    """A provider's name in the form that the configuration uses.

    Raises:
        ConfigError: it cannot be one.
    """
    cleaned = name.strip().lower()
    if looks_like_key(name):
        raise ConfigError("this looks like a key, not like the name of a provider", fix="Give the provider's name.")
    if not PROVIDER_NAME.fullmatch(cleaned):
        raise ConfigError(f"{name!r} cannot be the name of a provider", fix="Use lower-case letters, digits, - and _.")
    return cleaned


def looks_like_key(text: str) -> bool:
    """Whether a text that should be a name has the form of a known kind of key."""
    return Redactor().clean(text) != text


def clean_typed_key(name: str, text: str) -> Secret:
    """Cleans and checks a key that was typed or piped.

    Raises:
        ConfigError: there is none, or no header can carry it.
    """
    if not text.strip():
        raise ConfigError("no key was given", fix=f"Type or paste it, or pipe it: anymodel-mcp key set {name} < FILE.")
    return clean_key(Found(name=f"the key of {name}", origin="input", value=text))


def address_of(name: str, given: str | None, settings: Settings) -> str:
    """The base URL to store a key for: the given one, else the configured one, else that of the provider's row.

    Raises:
        ConfigError: there is none, or it is no address.
    """
    if given:
        try:
            return clean_base_url(given)[0]
        except ConfigError as error:
            raise ConfigError(f"--base-url {error.failure.message}") from error
    provider, row = settings.providers.get(name), PROVIDERS.get(name)
    found = provider.base_url if provider else row.base_url if row else None
    if found is None or found.startswith(LOCAL):
        hint = "" if row else suggest(name, PROVIDERS, likeness=0.75)
        raise ConfigError(
            f"the base URL of {name!r} is not known{f' ({hint})' if hint.startswith('did') else ''}",
            fix="A key is stored for one address: add --base-url https://HOST/v1.",
        )
    return found


def set_key(dialog: Dialog, config: Path, name: str, base_url: str, *, keyring: Keyring | None) -> StoredKey:
    """Reads a key and stores it for the origin of `base_url`.

    Args:
        dialog: where the key is read.
        config: the configuration file; the store lies beside it.
        name: the provider's.
        base_url: the address that the key is for.
        keyring: runs an action on the system keyring; `None` = the key goes into the file.

    Raises:
        ConfigError: nothing was stored, and why.
    """
    store, origin = read_key_store(config), origin_of(base_url)
    text = dialog.ask_secret(f"Key for {name} at {origin}: ") if dialog.attended else dialog.first_line()
    key = clean_typed_key(name, text)
    stored = StoredKey(origin=origin, secret=None if keyring else key)
    if keyring:
        keyring("set", keyring_user(name, origin), key.reveal())
    write_keys(config, {**store.keys, name: stored})
    where = "the system keyring" if keyring else str(config.with_name(FILE_NAME))
    dialog.write(f"Stored the key of {name} ({fingerprint(key)}) for {origin} in {where}.")
    return stored


def write_keys(config: Path, keys: Mapping[str, StoredKey]) -> None:
    """Replaces the key store beside a configuration file; an empty one is removed.

    Raises:
        ConfigError: it cannot be written, or not be kept private.
    """
    place = config.with_name(FILE_NAME)
    if keys:
        replace_file(place, render_keys(keys).encode(), private=True)
    elif read_file(place) is not None:
        remove_file(place)


def remove_key(dialog: Dialog, config: Path, name: str, keyring: Keyring) -> int:
    """Removes a stored key.

    Raises:
        ConfigError: there is none, or the store cannot be written.
    """
    store = read_key_store(config)
    stored = store.keys.get(name)
    if stored is None:
        names = ", ".join(store.keys) or "none"
        raise ConfigError(f"no key is stored for {name!r}", fix=f"Stored keys: {names}.")
    if stored.secret is None:
        keyring("del", keyring_user(name, stored.origin), "")
    write_keys(config, {other: key for other, key in store.keys.items() if other != name})
    dialog.write(f"Removed the key of {name} for {stored.origin}.")
    return 0


def list_keys(terminal: Terminal, store: KeyStore, *, as_json: bool) -> int:
    """Prints the providers with a stored key, the address of each, and a fingerprint; never a key."""
    shown = [
        {
            "provider": name,
            "origin": key.origin,
            "fingerprint": fingerprint(key.secret) if key.secret else None,
            "place": "file" if key.secret else "keyring",
        }
        for name, key in store.keys.items()
    ]
    if as_json:
        write_json(terminal, {"file": store.place, "keys": shown})
        return 0
    if not shown:
        remark(terminal, "no key is stored; anymodel-mcp key set PROVIDER stores one")
        return 0
    rows = [(str(k["provider"]), str(k["origin"]), str(k["fingerprint"] or ""), str(k["place"])) for k in shown]
    show_table(terminal, ("provider", "for", "fingerprint", "in"), rows)
    remark(terminal, store.place)
    return 0


def run_keyring(action: str, user: str, password: str) -> None:
    """Stores ("set") or removes ("del") a key in the system keyring, in a process that can be stopped.

    Raises:
        ConfigError: there is no keyring, or it refuses.
    """
    if find_spec("keyring") is None:
        raise ConfigError("the system keyring needs the package keyring", fix=_NO_KEYRING)
    command = [sys.executable, "-P", "-m", "keyring", action, SERVICE, user]
    try:
        done = subprocess.run(
            command, input=password, capture_output=True, timeout=KEYRING_S, encoding="utf-8", check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"the system keyring did not answer within {KEYRING_S:g} s", fix=_NO_KEYRING) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise ConfigError(f"the system keyring refused: {lines[-1]}", fix="Leave out --keyring to use a file instead.")
