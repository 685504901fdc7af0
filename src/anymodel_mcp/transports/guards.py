"""Access to the HTTP server: pure decisions about address, Host, Origin and token.

A web page can reach a server on loopback under its own name (DNS rebinding), so the Host must be a loopback name
there, and an Origin must be one too. Any other address needs a token, which then protects the server; hosts are
checked only where the user lists them.
"""

from __future__ import annotations

import hmac
import ipaddress
import re

from anymodel_mcp.config import HttpSettings
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import positional_record

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_MIN_TOKEN = 8
_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?")
_ORIGIN = re.compile(r"https?://(\[[^\]]*\]|[^:/]*)(?::\d*)?")


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def require_token(settings: HttpSettings) -> None:
    """Refuses an address that others can reach without a token, and a token that is too short.

    Raises:
        ConfigError: says what to set.
    """
    token = _token_of(settings)
    if token and len(token) < _MIN_TOKEN:
        raise ConfigError(
            f"the token in {settings.token_env} is too short: {len(token)} of at least {_MIN_TOKEN} characters.",
            fix="Use a long random text, for example of `openssl rand -hex 32`.",
        )
    if not is_loopback(settings.host) and not token:
        raise ConfigError(
            f"[http] host {settings.host!r} can be reached from other machines and no token is set.",
            fix=f"Set {settings.token_env} to a long random text, or listen on 127.0.0.1.",
        )


def _token_of(settings: HttpSettings) -> str:
    return settings.token.reveal() if settings.token else ""


@positional_record
class Denial:
    """Why a request is refused."""

    status: int
    message: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Guard:
    """Decides on requests by their headers.

    Args:
        settings: host, token, `allowed_hosts` (a name, a name with a port, or "*") and `allowed_origins` (exact; one
            that ends in "*" or "://" matches every origin that begins so).
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._loopback = is_loopback(settings.host)
        self._hosts = tuple(host.lower() for host in settings.allowed_hosts)
        self._origins = tuple(settings.allowed_origins)
        self._token = _token_of(settings).encode()

    def check(self, headers: dict[bytes, bytes]) -> Denial | None:
        """Why a request is refused; `None` = it is allowed.

        Args:
            headers: names in lower case.
        """
        host = headers.get(b"host", b"").decode("latin-1")
        if not self._knows_host(host):
            return Denial(421, f"Host {host[:200]!r} is not served here. List it in http.allowed_hosts.")
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and not self._knows_origin(origin):
            return Denial(403, f"Origin {origin[:200]!r} is not allowed. List it in http.allowed_origins.")
        if self._token and not self._has_token(headers.get(b"authorization", b"")):
            challenge = (b"www-authenticate", b'Bearer realm="anymodel-mcp"')
            return Denial(401, "A bearer token is needed: send the header `Authorization: Bearer TOKEN`.", (challenge,))
        return None

    def _knows_host(self, host: str) -> bool:
        match = _HOST.fullmatch(host.lower())
        name = match[1] if match else ""
        if not name:
            return False
        if self._loopback:
            return name in _LOOPBACK_NAMES or is_loopback(name) or self._lists_host(name, host)
        return not self._hosts or self._lists_host(name, host)

    def _lists_host(self, name: str, host: str) -> bool:
        return any(allowed in ("*", name, host.lower(), f"{name}:*") for allowed in self._hosts)

    def lists_origin(self, origin: str) -> bool:
        """Whether the user lists an origin."""
        return any(_covers(allowed, origin) for allowed in self._origins)

    def _knows_origin(self, origin: str) -> bool:
        if self.lists_origin(origin):
            return True
        match = _ORIGIN.fullmatch(origin.lower())
        return self._loopback and match is not None and is_loopback(match[1])

    def _has_token(self, header: bytes) -> bool:
        scheme, _, token = header.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)


def _covers(allowed: str, origin: str) -> bool:
    if allowed.endswith("*"):
        return origin.startswith(allowed[:-1])
    return origin.startswith(allowed) if allowed.endswith("://") else origin == allowed
