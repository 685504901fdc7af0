"""Requests to http:// addresses through a tunnel that an HTTP proxy opens: what an upgraded connection needs.

Proxies do not pass the header `Upgrade` on (RFC 9110, section 7.6.1), and RFC 6455 (section 4.1) asks for CONNECT
whatever the scheme. For https:// addresses httpcore2 (2.16.2) does this itself; for others it has no way.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any, cast

import httpcore2
import httpx2

_BROKEN = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException)


class Tunnel(httpx2.AsyncBaseTransport):
    """Opens a tunnel for each request.

    Args:
        proxy: its address, user and password.
        to_proxy: sends requests to the proxy itself.
    """

    def __init__(self, proxy: httpx2.Proxy, to_proxy: httpx2.AsyncHTTPTransport) -> None:
        self._proxy = proxy
        self._to_proxy = to_proxy

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sends one request; the tunnel ends with its response."""
        host, port = request.url.raw_host, request.url.port or 80
        through = await self._connect(b"%b:%d" % (host, port), request)
        stream = cast("httpcore2.AsyncNetworkStream", through.extensions["network_stream"])
        inside = httpcore2.AsyncHTTP11Connection(origin=httpcore2.Origin(b"http", host, port), stream=stream)
        try:
            response = await inside.handle_async_request(
                httpcore2.Request(
                    method=request.method.encode(),
                    url=httpcore2.URL(scheme=b"http", host=host, port=port, target=request.url.raw_path),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except _BROKEN as error:
            await through.aclose()
            raise httpx2.RemoteProtocolError(str(error), request=request) from error
        return httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response, through),
            extensions=cast("Any", response).extensions,
        )

    async def _connect(self, target: bytes, request: httpx2.Request) -> httpx2.Response:
        headers = {"host": target.decode("ascii")}
        if self._proxy.raw_auth:
            headers["proxy-authorization"] = f"Basic {base64.b64encode(b':'.join(self._proxy.raw_auth)).decode()}"
        extensions = {**request.extensions, "target": target}
        asked = httpx2.Request("CONNECT", self._proxy.url, headers=headers, extensions=extensions)
        through = await self._to_proxy.handle_async_request(asked)
        if not 200 <= through.status_code < 300:
            await through.aclose()
            raise httpx2.ProxyError(f"{through.status_code} {through.reason_phrase}", request=request)
        return through

    async def aclose(self) -> None:
        """Closes the connections to the proxy."""
        await self._to_proxy.aclose()


class _Body(httpx2.AsyncByteStream):
    """The body of a response inside a tunnel."""

    def __init__(self, response: httpcore2.Response, through: httpx2.Response) -> None:
        self._response = response
        self._through = through

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._response.aiter_stream():
                yield piece
        except _BROKEN as error:
            raise httpx2.ReadError(str(error)) from error

    async def aclose(self) -> None:
        """Ends the tunnel."""
        await self._response.aclose()
        await self._through.aclose()
