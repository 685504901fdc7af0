"""Explains network errors by the phase that failed: name lookup, connection, proxy, TLS, provider.

Each phase has its own advice. A rejected certificate and a proxy that refuses are not retried: waiting
fixes neither. If a proxy is used, every error names it.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import TypeVar, cast
from urllib.parse import urlsplit

import httpx2

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.record import positional_record
from anymodel_mcp.redact import shorten
from anymodel_mcp.tls import CERT_FILE, OTHER_BUNDLES, trust_variable
from anymodel_mcp.upstream.proxies import Proxy, select_proxy

E = TypeVar("E", bound=Exception)

_PORTS = {"http": 80, "https": 443}
# X509_V_ERR_*: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/, read 2026-11-28
_NOT_YET_VALID, _EXPIRED, _REVOKED, _WRONG_HOST, _WRONG_ADDRESS = 9, 10, 23, 62, 64
# OpenSSL's reasons if the server answers in plain text, in releases 1.1 to 3.5
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL")
_OTHER_VERSION = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
# errors after a TLS alert to plain HTTP: httpcore2 2.16.2 `_async/http11.py`, h11 0.16 `_connection.py`
_NO_HTTP = ("Server disconnected without sending a response", "illegal request line", "illegal status line")
_CLIENT_CERTIFICATE = "CERTIFICATE_REQUIRED"
_PROXY_AUTH = 407


@positional_record
class Path:
    """The network path to one address.

    Attributes:
        url: the address of the request.
        proxy: the proxy used.
        trust: the variable that names the trusted authorities, with its value.
        other_bundle: a variable with certificates for other programs, where `trust` is not set.
    """

    url: str
    proxy: Proxy | None = None
    trust: str | None = None
    other_bundle: str | None = None

    @property
    def where(self) -> str:
        """The origin, without user and password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def host(self) -> str:
        """Host and port."""
        parts = urlsplit(self.url)
        name = parts.hostname or ""
        return f"{f'[{name}]' if ':' in name else name}:{parts.port or _PORTS.get(parts.scheme, 0)}"

    @property
    def via(self) -> str:
        """The proxy for a message; "" = none."""
        return f" through the proxy {self.proxy}" if self.proxy else ""


def path_to(url: str, environ: Mapping[str, str] = os.environ) -> Path:
    """The network path of a request to `url`."""
    variable = trust_variable(environ)
    return Path(
        url,
        select_proxy(url, environ),
        None if variable is None else f"{variable}={environ[variable]}",
        next((name for name in OTHER_BUNDLES if environ.get(name)), None) if variable is None else None,
    )


def explain(error: httpx2.TransportError, path: Path, connect_timeout_s: float) -> ProviderError:
    """The error of a request that got no response, classified by the phase in which it failed."""
    if isinstance(error, httpx2.UnsupportedProtocol):
        return _failure(f"no connection to {path.where}: {words(error)}", "Check base_url.", kind="config")
    if isinstance(error, httpx2.ProxyError):
        return _from_proxy(words(error), path)
    if isinstance(error, httpx2.ConnectTimeout):
        message = f"no connection to {path.where}{path.via} within {connect_timeout_s:g} s (connect_timeout_s)"
        return _failure(message, _reach_fix(path), kind="timeout", retryable=True)
    if isinstance(error, httpx2.ConnectError):
        return _not_connected(error, path)
    tls = _find(error, ssl.SSLError)
    if tls is not None and _CLIENT_CERTIFICATE in _reason(tls):  # TLS 1.3 reports it after the handshake
        return _tls(tls, path)
    fix = "Try again; if it happens again, check the server and the proxies in between."
    if str(error).startswith(_NO_HTTP) and path.where.startswith("http://"):
        fix = "Does the server need https:// in base_url? Otherwise try again, and check the server."
    return _failure(f"{path.where} broke off{path.via}: {words(error)}", fix, code=None, retryable=True)


def _not_connected(error: httpx2.ConnectError, path: Path) -> ProviderError:
    tls = _find(error, ssl.SSLError)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return _certificate(tls, path)
    if tls is not None:
        return _tls(tls, path)
    if _find(error, socket.gaierror) or _find(error, UnicodeError):
        return _name(error, path)
    return _failure(f"no connection to {path.where}{path.via}: {words(error)}", _reach_fix(path), retryable=True)


def explain_refusal(status: int, path: Path) -> ProviderError | None:
    """The failure in a response that came from the proxy; `None` = it came from the provider."""
    return _from_proxy(str(status), path) if path.proxy and status == _PROXY_AUTH else None


def words(error: BaseException) -> str:
    """The reason: the operating system's message if there is one, else the library's."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno is not None and not isinstance(cause, ssl.SSLError):
            return shorten(_system_words(cause), 200)
    return next((shorten(text, 200) for cause in causes if (text := str(cause).strip())), type(error).__name__)


def _system_words(error: OSError) -> str:
    name = errno.errorcode.get(error.errno or 0)
    if isinstance(error, socket.gaierror) or name is None:
        return error.strerror or str(error)
    return os.strerror(error.errno or 0)


def _failure(
    message: str,
    fix: str,
    *,
    kind: ErrorKind = "connection",
    code: str | None = "not_sent",
    retryable: bool = False,
) -> ProviderError:
    return ProviderError(message, kind=kind, code=code, retryable=retryable, fix=fix)


def _reach_fix(path: Path) -> str:
    if path.proxy:
        return f"Is the proxy right and running? Correct {path.proxy.variable}, or add the host to NO_PROXY."
    return "Is base_url right, the server running, a proxy needed (HTTPS_PROXY)?"


def _name(error: BaseException, path: Path) -> ProviderError:
    """The error for a failed name lookup: of the proxy if there is one, since the proxy looks up the rest."""
    name = urlsplit(path.proxy.address if path.proxy else path.url).hostname or ""
    whose = f"the name of the proxy {path.proxy}" if path.proxy else f"the name {name}"
    fix = f"Correct {path.proxy.variable}." if path.proxy else "Check the host in base_url, and this machine's DNS."
    return _failure(f"{whose} cannot be looked up ({words(error)})", fix, retryable=True)


def _from_proxy(said: str, path: Path) -> ProviderError:
    """The error of a proxy that refuses a request or cannot forward it."""
    if path.proxy is None:
        return _failure(f"a proxy on the way to {path.where} refuses: {said}", "Check the proxy settings.")
    if said.startswith(str(_PROXY_AUTH)) or "auth" in said.lower():
        fix = f"Put user:password@ into {path.proxy.variable}, or add the host to NO_PROXY."
        return _failure(f"the proxy {path.proxy} requires valid credentials ({said})", fix)
    if said.startswith("4"):
        fix = f"Have {path.host} allowed there, or add the host to NO_PROXY."
        return _failure(f"the proxy {path.proxy} refuses the connection to {path.host} ({said})", fix)
    fix = "Is base_url right? If the provider can be reached without the proxy, add the host to NO_PROXY."
    return _failure(f"the proxy {path.proxy} cannot reach {path.host} ({said})", fix, retryable=True)


def _certificate(error: ssl.SSLCertVerificationError, path: Path) -> ProviderError:
    whose = f"the certificate of {path.host}"
    if path.proxy and path.proxy.url.startswith("https://"):
        whose += " or of the proxy"
    code, reason = error.verify_code, error.verify_message or _reason(error)
    if code == _EXPIRED:
        return _failure(
            f"{whose} has expired{path.via}", "The server needs a new certificate, or this machine's clock is wrong."
        )
    if code == _NOT_YET_VALID:
        return _failure(f"{whose} is not valid yet{path.via}", "Check the clock of this machine.")
    if code in (_WRONG_HOST, _WRONG_ADDRESS):
        fix = "Use the host of the certificate in base_url."
        return _failure(f"{whose} is for another host ({reason}){path.via}", fix)
    if code == _REVOKED:
        return _failure(f"{whose} has been revoked{path.via}", "The server needs a new certificate.")
    return _failure(f"{whose} is not trusted ({reason}){path.via}", _trust_fix(path))


def _trust_fix(path: Path) -> str:
    """How to trust another authority: the company's, or that of a self-signed server."""
    if path.trust:
        return f"{shorten(path.trust, 300)} lacks its authority: add the certificate there, or unset the variable."
    hint = f" ({path.other_bundle} is not read: set {CERT_FILE} to the same file)" if path.other_bundle else ""
    return f"Name the authority's certificate file (PEM), for example your company's, in {CERT_FILE}{hint}."


def _tls(error: ssl.SSLError, path: Path) -> ProviderError:
    reason = _reason(error)
    if any(word in reason for word in _NO_TLS):
        fix = "If it is a server without TLS, write http:// in base_url; else check the port."
        return _failure(f"{path.host} does not speak TLS{path.via} ({reason})", fix)
    if any(word in reason for word in _OTHER_VERSION):
        fix = "The server is too old or set up wrongly; Python needs TLS 1.2 or newer."
        return _failure(f"{path.host} offers no TLS version that can be used{path.via} ({reason})", fix)
    if _CLIENT_CERTIFICATE in reason:
        fix = "Client certificates are not supported: put a gateway in front that has one."
        return _failure(f"{path.host} requires a client certificate{path.via} ({reason})", fix)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        fix = "Try http:// in base_url, or another port; otherwise check for firewalls in between."
        return _failure(
            f"{path.host} closed the connection in the TLS handshake{path.via} ({reason})", fix, retryable=True
        )
    fix = "Check the port in base_url, and firewalls in between."
    return _failure(f"the TLS handshake with {path.host} failed{path.via} ({reason})", fix)


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's name for a failure; errors raised by Python itself have none (nor the attribute)."""
    return getattr(error, "reason", None) or shorten(str(error), 200)


def _find(error: BaseException, kind: type[E]) -> E | None:
    return next((cause for cause in _causes(error) if isinstance(cause, kind)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes, each once; failed attempts for several addresses count as causes too."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        following = cause.__cause__ or cause.__context__
        if isinstance(cause, BaseExceptionGroup):
            waiting.extend(cast("BaseExceptionGroup[BaseException]", cause).exceptions)
        if following is not None:
            waiting.append(following)
