"""Which configured values are credentials, and which address each may go to. Pure.

A key goes only to the address that is configured with it. A base URL from the command line or the environment is
therefore never combined with a key, a reference to a key, or a header with a key that only the file names: someone who
can set a variable of this process must not be able to send the file's keys to another address.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from anymodel_mcp.config.values import Layers, meant, variable_of
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.wire.urls import clean_base_url

_CREDENTIAL_NAME = re.compile(
    r"auth|key|token|secret|cookie|passw|credential|signature|session|\bsig\b|\bcode\b", re.IGNORECASE
)
_OPAQUE = re.compile(r"(?=.*[A-Za-z])[^\s/?&]{16,}")
_DESCRIPTIVE = re.compile(r"(?:.*-)?(?:title|referer|agent|name|version|type|language)|accept.*", re.IGNORECASE)
_SHORTEST_PART = 8


def is_credential(name: str, value: str) -> bool:
    """Whether a header or query parameter contains a credential, judged by its name or by an opaque value."""
    if _CREDENTIAL_NAME.search(name):
        return True
    return not _DESCRIPTIVE.fullmatch(name) and bool(_OPAQUE.fullmatch(value.strip()))


def secrets_of_header(name: str, value: str) -> Iterator[str]:
    """Returns the secrets in a header: its value, and the parts that a provider may quote separately.

    The parts are the text after a scheme ("Bearer ..."), the user and password of "Basic ...", and cookie values.
    """
    if not is_credential(name, value):
        return
    yield value
    for part in re.split(r"[\s;,]+", value):
        yield from (p for p in (part, part.partition("=")[2].strip('"')) if len(p) >= _SHORTEST_PART)
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(encoded.strip()).decode().partition(":")
        except ValueError:
            return
        yield from (p for p in (f"{user}:{password}", password) if p)


def secrets_of_url(url: str | None) -> Iterator[str]:
    """Returns the credentials in the query of a URL."""
    if url:
        for name, value in parse_qsl(urlsplit(url).query):
            if is_credential(name, value):
                yield value


def check_key_address(
    layers: Layers,
    name: str,
    table: Mapping[str, Any],
    *,
    base_url: str,
    row_url: str | None,
    key_source: str | None,
    headers: Mapping[str, str],
) -> None:
    """Refuses a base URL from outside the file if only the file names the credentials.

    Args:
        layers: all sources; it knows where the base URL comes from.
        name: the provider's.
        table: its section of the file.
        base_url: the address that is used.
        row_url: the built-in address of this provider, if it has one.
        key_source: the field of the file that names the key; `None` = the key is not from the file.
        headers: the file's headers.

    Raises:
        ConfigError: names the variable that sets the address and the field that names the credential.
    """
    origin = layers.origins.get(f"providers.{name}.base_url", "")
    if not origin.startswith(("environment ", "command line")) or base_url == _home(table, row_url):
        return
    held = [key_source] if key_source else []
    held += [f"headers.{header}" for header, value in headers.items() if is_credential(header, value)]
    if not held:
        return
    raise ConfigError(
        f"the base URL of provider {name!r} comes from the {origin}, but its key from providers.{name}.{held[0]} in "
        f"{layers.file_origin}: a key goes only to the address that is configured with it",
        param=f"providers.{name}.base_url",
        fix=_fix(layers, name, held[0], origin),
    )


def _fix(layers: Layers, name: str, field: str, origin: str) -> str:
    moved = f"Write the base URL into [providers.{name}] of {layers.file_origin}"
    variable = origin.removeprefix("environment ")
    if field.startswith("headers."):
        return f"{moved} and remove {variable}, or remove {field} from the file."
    key = variable_of(f"providers.{name}", "api_key")
    return f"{moved}, set a key for this address with {key}, or remove {variable}."


def _home(table: Mapping[str, Any], row_url: str | None) -> str | None:
    """The address that the file's keys belong to."""
    given = table.get("base_url")
    if not isinstance(given, str) or meant(given) is None:
        return row_url
    try:
        return clean_base_url(given)[0]
    except ConfigError:
        return None
