"""Downloads from public addresses only.

The address is checked where the connection is made: a name is resolved once, every address of it must be public, and
the connection goes to that very address (name and certificate stay those of the URL). So neither an odd spelling of an
address nor a name that resolves differently between check and use reaches inside. Each redirect is checked again.

Proxies, cookies, credentials and `.netrc` are not used: a download is direct or fails.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urljoin

import anyio
import httpx2

from anymodel_mcp.errors import AnyModelError, ArgumentError, ProviderError
from anymodel_mcp.media.sizes import in_mb
from anymodel_mcp.tls import open_tls

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Resolves a name to its addresses, as text."""

MAX_FETCH_BYTES = 20_000_000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "anymodel-mcp"}

# Addresses that `is_global` of Python 3.11 wrongly accepts, measured 2026-11-21 against
# https://www.iana.org/assignments/iana-ipv6-special-registry
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(n)
    for n in (
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "168.63.129.16/32",  # Azure's host, from every machine there
    )
)
_OPEN_V6 = IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    IPv6Network(n)
    for n in (
        "2001::/23",  # Teredo, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: any IPv4 address inside
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether a literal address belongs to the public internet; false for anything else, names included.

    An IPv4 address inside an IPv6 one (mapped, NAT64) is checked as IPv4.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inner is None:
            return ip.scope_id is None and ip in _OPEN_V6 and ip.is_global and not any(ip in n for n in _CLOSED_V6)
        ip = inner
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not any(ip in n for n in _CLOSED_V4)


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """The addresses that the system resolves a name to; decimal, octal and hex forms are normalized."""
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def fetch_public(
    url: str,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    resolver: Resolver | None = None,
    max_bytes: int = MAX_FETCH_BYTES,
    timeout_s: float = 10,
    redirects: int = 3,
) -> bytes:
    """Downloads an https URL into memory.

    Args:
        url: sent as it is; signed URLs break otherwise.
        transport: sends the requests, which name checked addresses in place of hosts.
        resolver: gives the addresses of a name.
        max_bytes: of the body, decompressed.
        timeout_s: for all of it, redirects included.
        redirects: how many are followed.

    Raises:
        ArgumentError: the URL, or one that it redirects to, is refused.
        ProviderError: the download failed; `retryable` says whether to try again.
        ConfigError: the environment names certificates that cannot be used.
    """
    own = transport or httpx2.AsyncHTTPTransport(verify=open_tls(), trust_env=False)
    timeouts = httpx2.Timeout(timeout_s, connect=timeout_s / 3)  # the first address may be one that never answers
    try:
        with anyio.fail_after(timeout_s):
            async with httpx2.AsyncClient(
                transport=own, trust_env=False, follow_redirects=False, timeout=timeouts, headers=_HEADERS
            ) as client:
                return await _follow(client, resolver or resolve_name, url, max_bytes, redirects)
    except TimeoutError as exc:
        raise ProviderError(
            f"the download from {_shown(url)} took longer than {timeout_s:g} s", kind="timeout", retryable=True
        ) from exc
    except httpx2.HTTPError as exc:
        raise ProviderError(
            f"the download from {_shown(url)} failed: {_reason(exc)}",
            kind="connection",
            retryable=True,
            fix="Downloads never use a proxy; if that is impossible here, open the URL yourself.",
        ) from exc


@asynccontextmanager
async def open_public(
    url: str,
    headers: Mapping[str, str],
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    resolver: Resolver = resolve_name,
    idle_s: float = 60,
) -> AsyncGenerator[httpx2.Response]:
    """Opens the response to a GET from a public https address, to be read in pieces.

    Args:
        url: sent as it is.
        headers: sent besides our own.
        transport: sends the requests, which name checked addresses in place of hosts.
        resolver: gives the addresses of a name.
        idle_s: the longest wait for data.

    Raises:
        ArgumentError: the URL is refused.
        ProviderError: the name cannot be resolved.
    """
    target = _parse(url)
    with anyio.fail_after(idle_s):
        addresses = await _addresses(target, resolver)
    own = transport or httpx2.AsyncHTTPTransport(verify=open_tls(), trust_env=False)
    timeouts = httpx2.Timeout(idle_s, connect=10)
    async with httpx2.AsyncClient(
        transport=own, trust_env=False, follow_redirects=False, timeout=timeouts, headers=_HEADERS
    ) as client:
        response = await _send_first(client, target, addresses, headers)
        try:
            _check_peer(response, str(target))
            yield response
        finally:
            await response.aclose()


async def _send_first(
    client: httpx2.AsyncClient, target: httpx2.URL, addresses: Sequence[str], headers: Mapping[str, str]
) -> httpx2.Response:
    """Sends to each address in turn; returns the response of the first one that can be reached."""
    *others, last = addresses
    for address in others:
        try:
            return await client.send(_request(client, target, address, headers), stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            continue
    return await client.send(_request(client, target, last, headers), stream=True)


def _request(
    client: httpx2.AsyncClient, target: httpx2.URL, address: str, headers: Mapping[str, str]
) -> httpx2.Request:
    return client.build_request(
        "GET",
        target.copy_with(host=address),
        headers={**headers, "Host": target.netloc.decode("ascii")},
        extensions={"sni_hostname": target.raw_host.decode("ascii")},
    )


async def _follow(client: httpx2.AsyncClient, resolver: Resolver, url: str, max_bytes: int, redirects: int) -> bytes:
    for _ in range(redirects + 1):
        target = _parse(url)
        addresses = await _addresses(target, resolver)
        found = await _get(client, target, addresses, max_bytes)
        if isinstance(found, bytes):
            return found
        url = _joined(url, found)
    raise ArgumentError(f"more than {redirects} redirects, the last to {_shown(url)}", fix="Give the final URL.")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as exc:
        raise _refused(location, "it is not a valid URL") from exc


def _parse(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError) as exc:
        raise _refused(url, "it is not a valid URL") from exc
    if parsed.scheme != "https":
        raise _refused(url, "only https is fetched")
    if parsed.userinfo or "@" in parsed.netloc.decode("ascii", "replace"):
        raise _refused(url, "it carries a user name")
    if not parsed.host or "%" in parsed.host:
        raise _refused(url, "it names no host")
    if parsed.port is not None and not 0 < parsed.port < 65536:
        raise _refused(url, "it names no port that exists")
    return parsed


async def _addresses(target: httpx2.URL, resolver: Resolver) -> Sequence[str]:
    host = target.raw_host.decode("ascii")
    try:
        found = await resolver(host, target.port or 443)
    except (OSError, UnicodeError) as exc:
        raise ProviderError(f"the name {host!r} cannot be resolved: {exc}", kind="connection", retryable=True) from exc
    if not found or not all(is_public(address) for address in found):
        raise _refused(str(target), "it does not lead to a public address")
    return found


async def _get(client: httpx2.AsyncClient, target: httpx2.URL, addresses: Sequence[str], max_bytes: int) -> bytes | str:
    """The body, or the target of a redirect; tries the next address while none can be reached."""
    *others, last = addresses
    for address in others:
        try:
            return await _get_from(client, target, address, max_bytes)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            continue
    return await _get_from(client, target, last, max_bytes)


async def _get_from(client: httpx2.AsyncClient, target: httpx2.URL, address: str, max_bytes: int) -> bytes | str:
    response = await client.send(_request(client, target, address, {}), stream=True)
    try:
        client.cookies.clear()
        _check_peer(response, str(target))
        if response.status_code in _REDIRECTS and "location" in response.headers:
            return response.headers["location"]
        if response.status_code != 200:
            raise _bad_status(response, str(target))
        return await _body(response, str(target), max_bytes)
    finally:
        await response.aclose()


def _check_peer(response: httpx2.Response, url: str) -> None:
    """A second check: the peer address of the connected socket."""
    stream = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream is not None else None
    if peer and not is_public(str(peer[0])):
        raise _refused(url, "it does not lead to a public address")


async def _body(response: httpx2.Response, url: str, max_bytes: int) -> bytes:
    length = response.headers.get("content-length", "")
    body = bytearray()
    if length.isdecimal() and int(length[:18]) > max_bytes:
        raise _too_large(url, max_bytes)
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise _too_large(url, max_bytes)
    if not body:
        raise ProviderError(f"the download from {_shown(url)} is empty", kind="upstream", status=200, retryable=True)
    return bytes(body)


def _reason(exc: BaseException) -> str:
    """The first message in the chain of causes: the outermost error often has none."""
    cause: BaseException | None = exc
    while cause is not None and not str(cause):
        cause = cause.__cause__ or cause.__context__
    return str(cause)[:300] if cause is not None else type(exc).__name__


def _bad_status(response: httpx2.Response, url: str) -> ProviderError:
    status = response.status_code
    again = status in {408, 429} or status >= 500
    return ProviderError(
        f"the download from {_shown(url)} gave HTTP {status}", kind="upstream", status=status, retryable=again
    )


def _too_large(url: str, max_bytes: int) -> AnyModelError:
    return ProviderError(f"the download from {_shown(url)} has more than {in_mb(max_bytes)}", kind="too_large")


def _refused(url: str, why: str) -> ArgumentError:
    return ArgumentError(
        f"{_shown(url)} is not fetched: {why}", fix="Give an https URL of a public host, or the data itself."
    )


def _shown(url: str) -> str:
    """The URL without query and user name, which may be secrets."""
    plain = url.partition("?")[0].partition("#")[0]
    scheme, mark, rest = plain.partition("://")
    host, slash, path = rest.partition("/")
    return repr((scheme + mark + host.rpartition("@")[2] + slash + path)[:200])
