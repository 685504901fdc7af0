"""What is configured before `setup` writes anything."""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from anymodel_mcp.cli.files import read_file
from anymodel_mcp.cli.setup.plan import Plan, render_config, render_stored
from anymodel_mcp.cli.setup.provider import Address
from anymodel_mcp.config import Secret, Settings, load
from anymodel_mcp.config.key_store import NO_KEYS, KeyStore
from anymodel_mcp.config.places import read_key_file, read_key_store
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import record


@record
class Present:
    """The configuration file, the key store, and the settings that they result in.

    Attributes:
        config: the configuration file.
        before: its bytes; `None` = there is none.
        text: its text, without a byte order mark.
        environ: the environment without the variables `dropped`.
        dropped: variables that the configuration is to replace: a host may not pass them on.
    """

    config: Path
    before: bytes | None = field(repr=False)
    text: str
    store: KeyStore
    environ: Mapping[str, str] = field(repr=False)
    dropped: Sequence[str] = ()

    @property
    def settings(self) -> Settings:
        """The current settings; a stored key for another address counts as absent.

        Raises:
            ConfigError: something is wrong in the file or the environment.
        """
        try:
            return self.load(self.text, self.store)
        except ConfigError:
            return self.load(self.text, NO_KEYS)

    def load(self, text: str, store: KeyStore) -> Settings:
        """The settings that result from another file text and another key store."""
        return load(self.environ, file_text=text, file_name=str(self.config), read_file=read_key_file, stored=store)

    def without(self, dropped: Sequence[str]) -> Present:
        """The same without these variables."""
        environ = {name: value for name, value in self.environ.items() if name not in dropped}
        return replace(self, environ=environ, dropped=dropped)

    def encoded(self, text: str) -> bytes | None:
        """The bytes of another text of the file; `None` = no file."""
        if text == self.text:
            return self.before
        mark = codecs.BOM_UTF8 if (self.before or b"").startswith(codecs.BOM_UTF8) else b""
        return mark + text.encode()


def read_present(config: Path, environ: Mapping[str, str]) -> Present:
    """Reads the configuration file and the key store beside it.

    Raises:
        ConfigError: one of them cannot be read.
    """
    before = read_file(config)
    try:
        text = (before or b"").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"file {config} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    present = Present(config=config, before=before, text=text, store=read_key_store(config), environ=environ)
    _ = present.settings  # a broken file is reported before any question
    return present


def replaced_variables(address: Address, text: str) -> tuple[str, ...]:
    """The variables that the configuration replaces: address and key variable, unless the file names the latter."""
    table: Any = tomllib.loads(text).get("providers", {}).get(address.name, {})
    row = address.row
    key = [row.key_env] if row and row.key_env and table.get("api_key_env") != row.key_env else []
    return (*key, *(["OPENAI_BASE_URL"] if address.name == "openai" else []))


def settings_with(present: Present, address: Address, key: Secret | None) -> Settings:
    """The settings as the server will have them.

    Raises:
        ConfigError: they cannot be written, or would be wrong.
    """
    plan = Plan(provider=address.name, base_url=address.base_url, key=key)
    store = KeyStore(keys=render_stored(present.store.keys, plan), place=present.store.place)
    return present.load(render_config(present.text, plan), store)
