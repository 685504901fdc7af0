"""Connections to providers: one HTTP client per provider, with the proxy and the TLS that its address needs.

Nothing is set up before it is needed: a provider without TLS never reads certificates, and a variable that names
a proxy for other addresses is never read. Clients keep no cookies.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from anymodel_mcp import __version__
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.record import positional_record
from anymodel_mcp.tls import open_tls
from anymodel_mcp.upstream.network_errors import Path, path_to
from anymodel_mcp.upstream.proxies import Proxy, check_proxy, select_proxy

_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=120)
"""The turns of a conversation are often minutes apart; each new connection costs two round trips."""

OpenTls = Callable[[], ssl.SSLContext]

_DIRECT: Mapping[str, str] = {"no_proxy": "*"}


@positional_record
class Link:
    """The network connection of a sender.

    Attributes:
        http: the client of one provider; redirects off, no cookies.
        find_path: the network path of a request to a URL, for messages.
        secrets: the proxy's credentials, which must never be shown.
    """

    http: httpx2.AsyncClient
    find_path: Callable[[str], Path]
    secrets: tuple[str, ...]


class Connections:
    """The HTTP clients of one process.

    Args:
        transport: sends requests instead of the network; `None` = the network.
        environ: names proxies and trusted authorities.
    """

    def __init__(
        self, transport: httpx2.AsyncBaseTransport | None = None, environ: Mapping[str, str] = os.environ
    ) -> None:
        self._environ = environ
        self._transport = transport
        self._clients: dict[str, httpx2.AsyncClient] = {}
        self._tls: ssl.SSLContext | None = None

    def open(self, name: str, base_url: str, *, direct: bool = False) -> Link:
        """Opens the connections to a provider.

        Args:
            name: of the provider; each has its own client and connections.
            base_url: its address.
            direct: never through a proxy: for the engine that this process started.

        Raises:
            ConfigError: the proxy of the address, or the certificates that TLS needs, cannot be used.
        """
        environ = _DIRECT if direct else self._environ
        if name not in self._clients:
            try:
                self._clients[name] = self._open_client(base_url, environ)
            except ConfigError as error:
                raise error.with_fields(provider=name) from error.__cause__
        proxy = select_proxy(base_url, environ)
        return Link(self._clients[name], partial(path_to, environ=environ), proxy.secrets if proxy else ())

    def _open_client(self, base_url: str, environ: Mapping[str, str]) -> httpx2.AsyncClient:
        network = _Network(self._open_tls, environ)
        if self._transport is None:
            network.prepare(httpx2.URL(base_url))
        return httpx2.AsyncClient(
            transport=self._transport or network,
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"user-agent": f"anymodel-mcp/{__version__}"},
        )

    def _open_tls(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = open_tls(self._environ)
        return self._tls

    async def aclose(self) -> None:
        """Closes all connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


class _Network(httpx2.AsyncBaseTransport):
    """Sends each request as its address requires: directly or through a proxy, with or without TLS."""

    def __init__(self, tls: OpenTls, environ: Mapping[str, str]) -> None:
        self._open_tls = tls
        self._environ = environ
        self._ways: dict[tuple[str, str, int | None, bool], httpx2.AsyncBaseTransport] = {}

    def prepare(self, url: httpx2.URL, *, upgrade: bool = False) -> httpx2.AsyncBaseTransport:
        """The transport for an address.

        Args:
            url: the address.
            upgrade: the connection is to speak another protocol than HTTP.

        Raises:
            ConfigError: the proxy or the certificates cannot be used.
        """
        way = (url.scheme, url.host, url.port, upgrade)
        if way not in self._ways:
            self._ways[way] = self._open_way(url, upgrade=upgrade)
        return self._ways[way]

    def _open_way(self, url: httpx2.URL, *, upgrade: bool) -> httpx2.AsyncBaseTransport:
        proxy = select_proxy(str(url), self._environ)
        if proxy is not None:
            check_proxy(proxy, url.host)
            if upgrade and url.scheme == "http" and proxy.url.startswith("http"):
                at_proxy = httpx2.URL(proxy.url)
                verify = self._open_tls() if at_proxy.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                direct = httpx2.AsyncHTTPTransport(verify=verify, trust_env=False, limits=_LIMITS)
                from anymodel_mcp.upstream.tunnels import Tunnel  # loads the HTTP engine, which a start does not

                return Tunnel(httpx2.Proxy(proxy.url), direct)
        # the bare context trusts nobody; it avoids creating a real one for addresses without TLS
        verify = self._open_tls() if url.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        through = None if proxy is None else self._open_proxy(proxy)
        return httpx2.AsyncHTTPTransport(verify=verify, trust_env=False, limits=_LIMITS, proxy=through)

    def _open_proxy(self, proxy: Proxy) -> httpx2.Proxy:
        secure = httpx2.URL(proxy.url).scheme == "https"
        return httpx2.Proxy(proxy.url, ssl_context=self._open_tls() if secure else None)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends one request."""
        try:
            way = self.prepare(request.url, upgrade="upgrade" in request.headers)
            return await way.handle_async_request(request)
        except UnicodeError as error:  # a host name that no DNS query can carry
            raise httpx2.ConnectError(f"{request.url.host!r} is not a host name", request=request) from error

    async def aclose(self) -> None:
        """Closes all transports."""
        for way in self._ways.values():
            await way.aclose()
