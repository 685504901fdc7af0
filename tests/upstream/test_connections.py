"""Connections over real sockets: a proxy that records, certificates that are wrong, names that lead nowhere."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import httpx2
import pytest
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.tls import TLSListener

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import AnyModelError, ConfigError, Failure
from anymodel_mcp.types import ChatRequest
from anymodel_mcp.upstream.call_state import LearnedRepairs
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.upstream.connections import Connections
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.network_errors import explain, path_to
from tests.certificates import server_context, write_certificate
from tests.fakes import provider
from tests.raw_upstream import Reply, open_upstream, serve
from tests.waiting import HANG_S

FINE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: a=1; Path=/\r\nconnection: close\r\n\r\n"
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"fine"},"finish_reason":"stop"}]}'
)
JSON_FINE = Reply(headers={"content-type": "application/json"}, frames=[FINE.partition(b"\r\n\r\n")[2]])


async def ask(
    base_url: str, environ: Mapping[str, str], *, name: str = "p", connections: Connections | None = None
) -> str:
    """The text of one chat through connections of its own, or of `connections`."""
    own = connections or Connections(environ=environ)

    async def read_key() -> str | None:
        return None

    async def sleep(seconds: float) -> None:
        """Waits for nothing."""

    try:
        link = own.open(name, base_url)
        settings = replace(provider(), name=name, base_url=base_url)
        client = ProviderClient(
            settings, link.http, LearnedRepairs(), read_key, sleep=sleep, jitter=lambda: 0.0, find_path=link.find_path
        )
        endpoint = Endpoint(client=client, dialect=Dialect(), model="m", max_event_bytes=100_000)
        request = ChatRequest(model="m", messages=[{"role": "user", "content": "hi"}])
        with anyio.fail_after(HANG_S):
            result, _ = await endpoint.send(endpoint.chat, request, lambda _: None)
    finally:
        if connections is None:
            await own.aclose()
    return result.text


async def failure_of(base_url: str, environ: Mapping[str, str]) -> Failure:
    with pytest.raises(AnyModelError) as caught:
        await ask(base_url, environ)
    return caught.value.failure


async def _answer(stream: ByteStream) -> None:
    async with stream:
        head = b""
        while b"\r\n\r\n" not in head:
            head += await stream.receive()
        size = next(int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:"))
        body = head.partition(b"\r\n\r\n")[2]
        while len(body) < size:
            body += await stream.receive()
        await stream.send(FINE)


Handler = Callable[[Any], Awaitable[None]]


class Listening:
    """A port that is served; a class, because a generator may not hold a task group open for its caller's errors."""

    def __init__(self, handler: Handler, context: ssl.SSLContext | None = None) -> None:
        self._handler = handler
        self._context = context

    async def __aenter__(self) -> int:
        self._listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        self._tasks = await anyio.create_task_group().__aenter__()
        serving: Any = self._listener
        if self._context is not None:
            serving = TLSListener(self._listener, self._context, standard_compatible=False)
        self._tasks.start_soon(serving.serve, self._handler)
        return self._listener.extra(SocketAttribute.local_port)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(kind, error, trace)
        await self._listener.aclose()


def tls_server(context: ssl.SSLContext) -> Listening:
    """A server that answers one chat on each connection, over TLS."""
    return Listening(_answer, context)


def raw_server(said: bytes) -> Listening:
    """A server that says the same to everybody and hangs up."""

    async def say(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(said)

    return Listening(say)


class Proxy:
    """A proxy for CONNECT that passes bytes on, or refuses; what it was asked is kept."""

    def __init__(self, refusal: bytes | None = None) -> None:
        self.asked: list[str] = []
        self._refusal = refusal
        self._listening = Listening(self._serve)
        self.url = ""

    async def __aenter__(self) -> Self:
        self.url = f"http://127.0.0.1:{await self._listening.__aenter__()}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._listening.__aexit__(kind, error, trace)

    async def _serve(self, client: SocketStream) -> None:
        async with client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += await client.receive()
            self.asked.append(head.decode("latin-1"))
            if self._refusal is not None:
                await client.send(b"HTTP/1.1 " + self._refusal + b"\r\ncontent-length: 0\r\n\r\n")
                return
            host, _, port = head.split()[1].decode().rpartition(":")
            async with await anyio.connect_tcp(host, int(port)) as server, anyio.create_task_group() as tasks:
                await client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                tasks.start_soon(_pass_on, client, server)
                await _pass_on(server, client)
                tasks.cancel_scope.cancel()


async def _pass_on(source: SocketStream, target: SocketStream) -> None:
    try:
        async for piece in source:
            await target.send(piece)
    except (anyio.BrokenResourceError, anyio.ClosedResourceError):
        return


@contextmanager
def dead_port() -> Generator[int]:
    """A port that nobody listens on, and that nobody else gets meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


UNUSABLE = "socks://127.0.0.1:1080/"


@pytest.mark.parametrize(
    "environ",
    [
        {"ALL_PROXY": UNUSABLE, "NO_PROXY": "127.0.0.1,localhost"},
        {"https_proxy": UNUSABLE},
        {"SSL_CERT_FILE": "/nonexistent/cacert.pem", "SSL_CERT_DIR": "/nonexistent"},
    ],
    ids=["exempt", "other-scheme", "certificates"],
)
async def test_what_an_address_does_not_need_is_not_looked_at(environ: Mapping[str, str]) -> None:
    async with open_upstream(serve([JSON_FINE])) as upstream:
        assert await ask(f"{upstream.origin}/v1", environ) == "fine"


async def test_the_proxy_of_the_scheme_is_used_beside_one_that_cannot_be() -> None:
    async with open_upstream(serve([JSON_FINE])) as proxy:
        environ = {"http_proxy": f"http://me:hunter22@127.0.0.1:{proxy.port}", "all_proxy": UNUSABLE}
        assert await ask("http://gateway.invalid/v1", environ) == "fine"
    assert proxy.seen[0].target == "http://gateway.invalid/v1/chat/completions"
    assert "proxy-authorization" in proxy.seen[0].headers


async def test_a_proxy_that_is_needed_and_cannot_be_used_is_named() -> None:
    failure = await failure_of("http://gateway.invalid/v1", {"ALL_PROXY": "socks://me:hunter22@127.0.0.1:1080/"})
    assert (failure.kind, failure.retryable, failure.provider) == ("config", False, "p")
    assert "socks://127.0.0.1:1080/ (ALL_PROXY)" in failure.message
    assert "hunter22" not in failure.message


async def test_each_provider_has_connections_of_its_own_and_no_cookies() -> None:
    async with open_upstream(serve([replace(JSON_FINE, headers={"set-cookie": "a=1; Path=/"})])) as upstream:
        connections = Connections(environ={})
        for name in ("one", "one", "two", "two"):
            await ask(f"{upstream.origin}/v1", {}, name=name, connections=connections)
        assert upstream.open_connections == 2
        assert [seen.headers.get("cookie") for seen in upstream.seen] == [None] * 4
        await connections.aclose()


async def test_tls_trusts_the_authority_that_the_environment_names(tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path, "127.0.0.1")
    async with tls_server(server_context(certificate)) as port, Proxy() as proxy:
        environ = {"SSL_CERT_FILE": str(certificate)}
        assert await ask(f"https://127.0.0.1:{port}/v1", environ) == "fine"
        assert await ask(f"https://127.0.0.1:{port}/v1", environ | {"https_proxy": proxy.url}) == "fine"
    assert proxy.asked[0].startswith(f"CONNECT 127.0.0.1:{port} ")


@pytest.mark.parametrize(
    ("host", "days", "trusted", "words", "fix"),
    [
        ("127.0.0.1", (-1, 2), False, "is not trusted (self-signed certificate)", "SSL_CERT_FILE"),
        ("127.0.0.1", (-5, -2), True, "has expired", "new certificate"),
        ("127.0.0.1", (2, 5), True, "is not valid yet", "clock"),
        ("api.example", (-1, 2), True, "is for another host", "base_url"),
        ("10.0.0.1", (-1, 2), True, "is for another host", "base_url"),
    ],
    ids=["untrusted", "expired", "early", "other-name", "other-address"],
)
@pytest.mark.parametrize("proxied", [False, True], ids=["straight", "proxied"])
async def test_a_certificate_that_is_not_accepted_is_explained_and_not_tried_again(
    tmp_path: Path, host: str, days: tuple[int, int], trusted: bool, words: str, fix: str, proxied: bool
) -> None:
    certificate = write_certificate(tmp_path, host, from_day=days[0], to_day=days[1])
    environ = {"SSL_CERT_FILE": str(certificate)} if trusted else {}
    async with tls_server(server_context(certificate)) as port, Proxy() as proxy:
        if proxied:
            environ |= {"HTTPS_PROXY": proxy.url}
        failure = await failure_of(f"https://127.0.0.1:{port}/v1", environ)
    assert (failure.kind, failure.retryable, failure.attempts) == ("connection", False, 1)
    assert f"the certificate of 127.0.0.1:{port} {words}" in failure.message
    assert fix in failure.fix
    assert (f"{proxy.url} (HTTPS_PROXY)" in failure.message) is proxied


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
async def test_a_bundle_for_other_programs_is_pointed_at(tmp_path: Path, variable: str) -> None:
    certificate = write_certificate(tmp_path, "127.0.0.1")
    async with tls_server(server_context(certificate)) as port:
        failure = await failure_of(f"https://127.0.0.1:{port}/v1", {variable: str(certificate)})
    assert f"{variable} is not read: set SSL_CERT_FILE to the same file" in failure.fix


async def test_certificates_that_are_needed_and_cannot_be_read_are_a_configuration_error() -> None:
    failure = await failure_of("https://127.0.0.1:9/v1", {"SSL_CERT_FILE": "/nonexistent/cacert.pem"})
    assert (failure.kind, failure.provider) == ("config", "p")
    assert "SSL_CERT_FILE names /nonexistent/cacert.pem" in failure.message


async def test_a_server_without_tls_is_told_apart_from_a_bad_certificate() -> None:
    async with raw_server(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n") as port:
        failure = await failure_of(f"https://127.0.0.1:{port}/v1", {})
    assert (failure.kind, failure.retryable, failure.attempts) == ("connection", False, 1)
    assert "does not speak TLS" in failure.message
    assert "http://" in failure.fix


async def test_a_server_that_hangs_up_in_the_handshake_may_be_tried_again() -> None:
    async with raw_server(b"") as port:
        failure = await failure_of(f"https://127.0.0.1:{port}/v1", {})
    assert (failure.kind, failure.retryable, failure.attempts) == ("connection", True, 3)
    assert f"127.0.0.1:{port} closed the connection in the TLS handshake" in failure.message
    assert "http://" in failure.fix


async def test_a_server_with_tls_that_is_asked_without_it_is_recognised_by_its_alert() -> None:
    async with raw_server(b"\x15\x03\x01\x00\x02\x02\x46") as port:
        failure = await failure_of(f"http://127.0.0.1:{port}/v1", {})
    assert failure.kind == "connection"
    assert "https://" in failure.fix


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        (httpx2.ReadError, "TLSV13_ALERT_CERTIFICATE_REQUIRED", "requires a client certificate"),
        (httpx2.ConnectError, "TLSV1_ALERT_PROTOCOL_VERSION", "offers no TLS version"),
        (httpx2.ConnectError, "UNSUPPORTED_PROTOCOL", "offers no TLS version"),
        (httpx2.ConnectError, "RECORD_LAYER_FAILURE", "does not speak TLS"),
        (httpx2.ConnectError, "SSLV3_ALERT_HANDSHAKE_FAILURE", "handshake with api.example:443 failed"),
        (httpx2.ConnectError, "TLSV1_UNRECOGNIZED_NAME", "handshake with api.example:443 failed"),
    ],
)
def test_each_refusal_of_a_handshake_has_its_words(kind: type[httpx2.TransportError], reason: str, words: str) -> None:
    cause = ssl.SSLError(1, f"[SSL: {reason}] {reason.lower()} (_ssl.c:1006)")
    cause.reason = reason
    error = kind(str(cause))
    error.__cause__ = cause
    failure = explain(error, path_to("https://api.example/v1", {}), 10).failure
    assert (failure.kind, failure.retryable) == ("connection", False)
    assert words in failure.message
    assert failure.fix


def test_a_connection_that_tls_ends_within_an_answer_is_no_failed_handshake() -> None:
    error = httpx2.ReadError("")
    error.__cause__ = ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
    failure = explain(error, path_to("https://api.example/v1", {}), 10).failure
    assert failure.code is None  # the request may have been taken: it is not sent again where that costs
    assert "broke off" in failure.message


@pytest.mark.parametrize(
    ("refusal", "words", "fix", "retryable"),
    [
        (b"407 Proxy Authentication Required", "requires valid credentials", "user:password@", False),
        (b"403 Forbidden", "refuses the connection to api.invalid:443", "NO_PROXY", False),
        (b"405 Method Not Allowed", "refuses the connection to api.invalid:443", "NO_PROXY", False),
        (b"502 Bad Gateway", "cannot reach api.invalid:443", "base_url", True),
        (b"503 Service Unavailable", "cannot reach api.invalid:443", "base_url", True),
    ],
    ids=["407", "403", "405", "502", "503"],
)
async def test_a_proxy_that_refuses_is_named_with_its_variable(
    refusal: bytes, words: str, fix: str, retryable: bool
) -> None:
    async with Proxy(refusal) as proxy:
        failure = await failure_of("https://api.invalid/v1", {"HTTPS_PROXY": proxy.url})
    assert (failure.kind, failure.retryable) == ("connection", retryable)
    assert f"{proxy.url} (HTTPS_PROXY)" in failure.message
    assert words in failure.message
    assert fix in failure.fix
    assert len(proxy.asked) == (3 if retryable else 1)


async def test_a_proxy_for_plain_http_that_wants_a_login_is_no_answer_of_the_provider() -> None:
    async with open_upstream(serve([Reply(status=407, headers={"proxy-authenticate": "Basic"})])) as proxy:
        failure = await failure_of("http://gateway.invalid/v1", {"HTTP_PROXY": proxy.origin})
    assert (failure.kind, failure.retryable, failure.status, len(proxy.seen)) == ("connection", False, None, 1)
    assert f"{proxy.origin} (HTTP_PROXY)" in failure.message
    assert "user:password@" in failure.fix


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_refused_connection_names_the_proxy_in_between(scheme: str) -> None:
    with dead_port() as port:
        failure = await failure_of(f"{scheme}://api.invalid/v1", {"ALL_PROXY": f"http://me:hunter22@127.0.0.1:{port}"})
        assert "Connection refused" in failure.message
        assert f"http://127.0.0.1:{port} (ALL_PROXY)" in failure.message
        assert "hunter22" not in failure.message
        assert (failure.kind, failure.retryable, failure.attempts) == ("connection", True, 3)
        failure = await failure_of(f"{scheme}://127.0.0.1:{port}/v1", {})
        assert "Connection refused" in failure.message
        assert "through" not in failure.message


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'a' * 70}.invalid", "a..invalid"])
async def test_a_name_that_leads_nowhere_is_told(host: str) -> None:
    failure = await failure_of(f"http://{host}/v1", {})
    assert failure.kind in ("connection", "config")
    assert host in failure.message
    assert failure.fix


async def test_the_name_of_the_proxy_is_told_apart_from_that_of_the_provider() -> None:
    failure = await failure_of("https://api.example/v1", {"HTTPS_PROXY": "http://nowhere.invalid:3128"})
    assert "the name of the proxy http://nowhere.invalid:3128 (HTTPS_PROXY)" in failure.message


async def test_an_answer_that_breaks_off_names_the_proxy() -> None:
    broken = Reply(
        headers={"content-type": "text/event-stream"}, frames=[b"data: {}\n\n"], framing="chunked", end="reset"
    )
    async with open_upstream(serve([broken])) as proxy:
        failure = await failure_of("http://gateway.invalid/v1", {"HTTP_PROXY": proxy.origin})
    assert f"{proxy.origin} (HTTP_PROXY)" in failure.message


async def test_the_embedded_engine_is_never_behind_a_proxy() -> None:
    async with open_upstream(serve([JSON_FINE])) as upstream:
        connections = Connections(environ={"ALL_PROXY": UNUSABLE})
        connections.open("local", f"{upstream.origin}/v1", direct=True)
        assert await ask(f"{upstream.origin}/v1", {}, name="local", connections=connections) == "fine"
        with pytest.raises(ConfigError):
            connections.open("other", f"{upstream.origin}/v1")
        await connections.aclose()
