"""Selects the proxy of a request from the environment: pure decisions over variables and addresses.

Each address has at most one proxy: none if NO_PROXY covers the address, else that of the variable for its
scheme, else that of ALL_PROXY. A variable that no address needs is not read. Spellings and precedence are those of
curl (https://curl.se/docs/manpage.html#ENVIRONMENT) and of Python's urllib, read 2026-11-28.
"""

from __future__ import annotations

import ipaddress
import re
import sys
import urllib.request
from collections.abc import Mapping
from importlib.util import find_spec
from urllib.parse import unquote, urlsplit

import httpx2

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import positional_record
from anymodel_mcp.redact import shorten

_SCHEMES = ("http", "https")
_SOCKS = ("socks5", "socks5h")
_PORTS = {"http": 80, "https": 443}
_SEPARATORS = re.compile(r"[,\s]+")
_SYSTEM = "the proxy settings of the system"


@positional_record
class Proxy:
    """The proxy for an address.

    Attributes:
        url: with user and password if it has them.
        variable: the variable that names it, as it is spelled there.
    """

    url: str
    variable: str

    @property
    def address(self) -> str:
        """The URL without user and password."""
        scheme, _, rest = self.url.partition("://")
        return shorten(f"{scheme}://{rest.rpartition('@')[2]}", 200)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password, as written and as sent; must never be shown."""
        userinfo = self.url.partition("://")[2].rpartition("@")[0]
        password = userinfo.partition(":")[2]
        return tuple(dict.fromkeys(text for text in (password, unquote(password), unquote(userinfo)) if text))

    def __str__(self) -> str:
        return f"{self.address} ({self.variable})"


def select_proxy(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for an address; `None` = direct."""
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)
    found = {scheme: _variable(scheme, environ) for scheme in (parts.scheme, "all")}
    exempt = _variable("no", environ)
    if not any(found.values()) and exempt is None:
        return _system_proxy(parts.scheme, host)
    if exempt is not None and is_exempt(host, port, exempt[1]):
        return None
    for scheme in (parts.scheme, "all"):
        if (variable := found[scheme]) is not None:
            return Proxy(_with_scheme(variable[1]), variable[0])
    return None


def _variable(kind: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """Name and value of a variable; the lower-case spelling wins, an empty value unsets it."""
    for name in (f"{kind}_proxy", f"{kind}_proxy".upper()):
        if name not in environ or (
            name == "HTTP_PROXY" and "REQUEST_METHOD" in environ
        ):  # a client of a CGI script could set it
            continue
        value = environ[name].strip()
        return (name, value) if value else None
    return None


def _with_scheme(value: str) -> str:
    return value if "://" in value else f"http://{value}"


def _system_proxy(scheme: str, host: str) -> Proxy | None:
    if sys.platform not in ("win32", "darwin") or not host or urllib.request.proxy_bypass(host):
        return None
    known = urllib.request.getproxies()
    value = known.get(scheme) or known.get("all")
    return Proxy(_with_scheme(value), _SYSTEM) if value else None


def is_exempt(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY covers a host: by name, domain, address, network, with or without a port, or by `*`."""
    return any(_covers(entry, host.lower(), port) for entry in _SEPARATORS.split(no_proxy.strip()) if entry)


def _covers(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    entry = entry.lower().partition("://")[2] or entry.lower()
    name, entry_port = _split_port(entry)
    if entry_port is not None and entry_port != port:
        return False
    address = _address(host)
    if address is not None:
        network = _network(name)
        return network is not None and address in network
    domain = name.removeprefix("*").strip(".")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        port = rest.removeprefix(":") if rest.startswith(":") else ""
        return name + (rest if rest.startswith("/") else ""), int(port) if port.isdecimal() else None
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, int(port) if port.isdecimal() else None
    return entry, None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(name, strict=False)
    except ValueError:
        return None


def check_proxy(proxy: Proxy, host: str) -> None:
    """Refuses a proxy that cannot be used.

    Raises:
        ConfigError: names the proxy, its variable and what is wrong with it.
    """
    why = _problem(proxy.url)
    if why is not None:
        raise ConfigError(
            f"the proxy {proxy} cannot be used: {why}",
            code="proxy",
            fix=f"Correct or unset {proxy.variable}, or add {host or 'the host'} to NO_PROXY.",
        )


def _problem(url: str) -> str | None:
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        return "it is not an address of the form http://host:port"
    if parsed.scheme in _SOCKS:
        return None if find_spec("socksio") else f"{parsed.scheme}:// needs the Python package socksio"
    if parsed.scheme not in _SCHEMES:
        return f"{parsed.scheme}:// is not supported; http:// and https:// are, and socks5:// with the package socksio"
    if not parsed.host or not 0 < (1 if parsed.port is None else parsed.port) < 65_536:
        return "it is not an address of the form http://host:port"
    return None
