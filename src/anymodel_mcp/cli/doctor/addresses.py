"""Checks whether a host name resolves, and which other base URL may be meant."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit, urlunsplit

import anyio

from anymodel_mcp.cli.doctor.findings import Finding

_VERSION = "/v1"
_ROOTS = ("/v1", "/api/v1", "/openai/v1")


async def look_up(url: str, within_s: float) -> Finding | None:
    """Returns what is wrong with a host name; `None` = it resolves."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        with anyio.fail_after(within_s):
            await anyio.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
    except TimeoutError:
        return Finding(
            "fail",
            f"looking up {host} takes longer than {within_s:g} s",
            "Check the network and DNS of this machine.",
        )
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Finding(
            "fail",
            f"the name {host} does not resolve ({why})",
            "Correct the host in base_url, or check the network of this machine.",
        )
    return None


def other_base_urls(base_url: str) -> tuple[str, ...]:
    """Returns base URLs that may be meant instead, likeliest first: with and without /v1."""
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/")
    if not path:
        paths = list(_ROOTS)
    elif path.endswith(_VERSION):
        paths = [path.removesuffix(_VERSION), *_ROOTS]
    else:
        paths = [path + _VERSION, *_ROOTS]
    return tuple(urlunsplit(parts._replace(path=p)) for p in dict.fromkeys(paths) if p != path)
