"""Addresses: does the name resolve, through which proxy does the way lead, which other base URL may be meant."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import anyio

from anymodel_mcp.cli.doctor.findings import Finding

_VERSION = "/v1"
_ROOTS = ("/v1", "/api/v1", "/openai/v1")


@dataclass(frozen=True, slots=True)
class Proxy:
    """The proxy that requests to an address go through; `address` without user and password."""

    address: str
    variable: str


def find_proxy(url: str) -> Proxy | None:
    """The proxy that the HTTP client takes for an address, as the environment or the system says."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    if not parts.hostname or urllib.request.proxy_bypass(parts.hostname):
        return None
    for scheme in (parts.scheme, "all"):
        if found := proxies.get(scheme):
            return Proxy(_without_user(found if "://" in found else f"http://{found}"), f"{scheme.upper()}_PROXY")
    return None


def _without_user(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


async def look_up(url: str, within_s: float) -> Finding | None:
    """What is wrong with the name of a host; `None` = it resolves."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        with anyio.fail_after(within_s):
            await anyio.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except TimeoutError:
        return Finding(
            "fail",
            f"looking up {host} takes longer than {within_s:g} s",
            "Is this machine on the network? Is its DNS in order?",
        )
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Finding(
            "fail",
            f"the name {host} leads nowhere ({why})",
            "Mend the host in base_url, or the network of this machine.",
        )
    return None


def other_base_urls(base_url: str) -> tuple[str, ...]:
    """Addresses that may be meant instead, likeliest first: with and without /v1."""
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/")
    if not path:
        paths = list(_ROOTS)
    elif path.endswith(_VERSION):
        paths = [path.removesuffix(_VERSION), *_ROOTS]
    else:
        paths = [path + _VERSION, *_ROOTS]
    return tuple(urlunsplit(parts._replace(path=p)) for p in dict.fromkeys(paths) if p != path)


def explain_tls(error: BaseException, base_url: str) -> Finding | None:
    """What is wrong with TLS; `None` = the failure has nothing to do with it."""
    reason = _tls_reason(error)
    if reason is None:
        return None
    host = urlsplit(base_url).netloc.rpartition("@")[2]
    if "CERTIFICATE" in reason.upper():
        return Finding(
            "fail",
            f"the certificate of {host} is not trusted ({reason})",
            "Behind a company proxy, point SSL_CERT_FILE to its CA file; else the server's certificate is wrong.",
        )
    plain = base_url.replace("https:", "http:", 1)
    return Finding(
        "fail", f"{host} does not speak TLS here ({reason})", f"If it is a server of your own: base_url = {plain}"
    )


def _tls_reason(error: BaseException | None) -> str | None:
    while error is not None:
        text = str(error)
        if isinstance(error, ssl.SSLError) or "[SSL" in text or "CERTIFICATE_VERIFY_FAILED" in text:
            return text[:160]
        error = error.__cause__ or error.__context__
    return None
