from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import anyio
import httpx2
import pytest

from anymodel_mcp.errors import ArgumentError, ProviderError
from anymodel_mcp.media import fetch_public, is_public
from anymodel_mcp.media.fetch import resolve_name
from tests.waiting import HANG_S

PUBLIC = "93.184.215.14"
PUBLIC_V6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


class Net:
    """An internet of our own: names, and what answers at an address; it writes down every connection."""

    def __init__(
        self, names: Mapping[str, Sequence[Sequence[str]]], answer: Callable[[httpx2.Request], httpx2.Response]
    ) -> None:
        self._names = {name: list(answers) for name, answers in names.items()}
        self._answer = answer
        self.requests: list[httpx2.Request] = []
        self.transport = httpx2.MockTransport(self._handle)

    def _handle(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return self._answer(request)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        answers = self._names.get(host)
        if answers is None:
            return await resolve_name(host, port)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def fetch(self, url: str, **options: int) -> bytes:
        return await fetch_public(url, transport=self.transport, resolver=self.resolve, **options)

    @property
    def connected(self) -> list[str]:
        return [r.url.host for r in self.requests]


def net(answer: Callable[[httpx2.Request], httpx2.Response] | None = None, **names: Sequence[str]) -> Net:
    known = {"cdn.example": [[PUBLIC]], "inside.example": [["10.0.0.7"]]}
    known |= {name.replace("_", "."): [list(addresses)] for name, addresses in names.items()}
    return Net(known, answer or (lambda _: httpx2.Response(200, content=b"picture")))


async def test_public_file_is_fetched_from_the_checked_address() -> None:
    world = net()
    url = "https://cdn.example/a%20b.png?sig=A%2FB%3D&x=%7e"
    assert await world.fetch(url) == b"picture"
    (request,) = world.requests
    assert str(request.url) == url.replace("cdn.example", PUBLIC)
    assert request.headers["host"] == "cdn.example"
    assert request.extensions["sni_hostname"] == "cdn.example"
    assert not {"authorization", "cookie", "referer"} & set(request.headers)


@pytest.mark.parametrize(
    ("url", "address", "host", "name"),
    [
        ("https://cdn.example:8443/x", PUBLIC, "cdn.example:8443", "cdn.example"),
        (f"https://{PUBLIC}/x", PUBLIC, PUBLIC, PUBLIC),
        (f"https://[{PUBLIC_V6}]/x", PUBLIC_V6, f"[{PUBLIC_V6}]", PUBLIC_V6),
        ("https://CDN.Example/x", PUBLIC, "cdn.example", "cdn.example"),
        ("https://bücher.example/x", PUBLIC, "xn--bcher-kva.example", "xn--bcher-kva.example"),
    ],
)
async def test_name_and_certificate_stay_those_of_the_url(url: str, address: str, host: str, name: str) -> None:
    world = Net(
        {"cdn.example": [[PUBLIC]], "xn--bcher-kva.example": [[PUBLIC]]}, lambda _: httpx2.Response(200, content=b"x")
    )
    assert await world.fetch(url) == b"x"
    (request,) = world.requests
    assert request.url.host == address
    assert request.headers["host"] == host
    assert request.extensions["sni_hostname"] == name


NOT_PUBLIC_HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "0x7f.1",
    "0177.0.0.1",
    "0177.1",
    "017700000001",
    "0x7f.0x0.0x0.0x1",
    "00000177.0.0.1",
    "0",
    "0.0.0.0",
    "0x0",
    "1",
    "10.0.0.1",
    "10.1",
    "167772161",
    "0xa000001",
    "012.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "0xac100001",
    "192.168.0.1",
    "192.168.1",
    "3232235521",
    "0300.0250.0.1",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:a9fe:a9fe::1]",
    "[2001:0:7f00:1::]",
    "[2001::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[100::1]",
    "[5f00::1]",
    "[fe80::1%25lo]",
    "[fe80::1%lo]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "ip6-localhost",
    "inside.example",
    "mixed.example",
    "mapped.example",
    "meta.example",
    "empty.example",
    "odd.example",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
    "127\u30020\u30020\u30021",
    "l\u2134calhost",
]
NAMES: dict[str, list[list[str]]] = {
    "inside.example": [["10.0.0.7"]],
    "mixed.example": [[PUBLIC, "127.0.0.1"]],
    "mapped.example": [["::ffff:192.168.0.1"]],
    "meta.example": [["169.254.169.254"]],
    "empty.example": [[]],
    "odd.example": [["not-an-address"]],
    "ip6-localhost": [["::1"]],
    "localhost.": [["127.0.0.1"]],
    "cdn.example": [[PUBLIC]],
}
REFUSED_URLS = [
    "http://cdn.example/",
    "HTTP://cdn.example/",
    "ftp://cdn.example/x",
    "file:///etc/passwd",
    "file://cdn.example/x",
    "gopher://127.0.0.1:6379/_INFO",
    "dict://127.0.0.1:11211/",
    "ldap://127.0.0.1/",
    "ws://cdn.example/",
    "data:text/plain,x",
    "javascript:alert(1)",
    "//cdn.example/x",
    "cdn.example/x",
    "/x",
    "",
    " ",
    "https",
    "https:",
    "https://",
    "https:///x",
    "https:/cdn.example/x",
    "https://?x",
    "https://#x",
    "https://user@cdn.example/",
    "https://user:pass@cdn.example/",
    "https://cdn.example@127.0.0.1/",
    "https://127.0.0.1@cdn.example/",
    "https://cdn.example:443@127.0.0.1/",
    "https://cdn.example%40127.0.0.1/",
    "https://cdn.example#@127.0.0.1/",
    "https://127.0.0.1#@cdn.example/",
    "https://127.0.0.1?@cdn.example/",
    "https://127.0.0.1\\@cdn.example/",
    "https://cdn.example\\@127.0.0.1/",
    "https://cdn.example:99999/",
    "https://cdn.example:0/",
    "https://cdn.example:x/",
    "https://[::1/",
    "https://::1/",
    "https://[cdn.example]/",
    "https://cdn.example\0.evil/",
    "https://cdn.example\n/",
    "https://cdn example/",
    "https://\ud800/",
    "https://" + "x" * 70_000,
    "https://127.0.0.1:22/",
    "https://localhost:8765/mcp",
    "https://[::1]:443/",
    "https://xn--/",
]


def _urls() -> list[str]:
    return [*(f"https://{host}/latest/meta-data/" for host in NOT_PUBLIC_HOSTS), *REFUSED_URLS]


def test_corpus_is_as_large_as_promised() -> None:
    assert len(set(_urls())) >= 100


@pytest.mark.parametrize("url", _urls(), ids=lambda u: ascii(u)[:60])
async def test_no_connection_leads_outside_the_policy(url: str) -> None:
    world = Net(NAMES, lambda _: httpx2.Response(200, content=b"secret"))
    if url == "https://cdn.example#@127.0.0.1/":  # what follows # is no host
        assert await world.fetch(url) == b"secret"
        assert world.connected == [PUBLIC]
        return
    with pytest.raises((ArgumentError, ProviderError)) as caught:
        await world.fetch(url)
    assert world.connected == []
    assert len(str(caught.value)) < 600
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("host", ["cdn.example%40127.0.0.1", "cdn%2eexample", "cdn.example%00", "[fe80::1%25lo]"])
async def test_host_with_an_escape_is_refused_before_anybody_is_asked(host: str) -> None:
    asked: list[str] = []

    async def resolve(name: str, port: int) -> list[str]:
        asked.append(name)
        return [PUBLIC]

    with pytest.raises(ArgumentError):
        await fetch_public(f"https://{host}/a.png", transport=httpx2.MockTransport(_unreachable), resolver=resolve)
    assert asked == []


def _unreachable(request: httpx2.Request) -> httpx2.Response:
    raise AssertionError(request.url)


@pytest.mark.parametrize("host", NOT_PUBLIC_HOSTS)
async def test_redirect_inside_is_not_followed(host: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(302, headers=[(b"location", f"https://{host}/x".encode())])

    world = Net(NAMES, answer)
    with pytest.raises((ArgumentError, ProviderError)):
        await world.fetch("https://cdn.example/start")
    assert set(world.connected) == {PUBLIC}


@pytest.mark.parametrize(
    "location",
    [
        "http://cdn.example/x",
        "file:///etc/passwd",
        "//127.0.0.1/x",
        "https://user:pass@cdn.example/",
        "https://[::1/",
        "ftp://x/",
    ],
)
async def test_redirect_to_what_is_refused_is_refused(location: str) -> None:
    world = net(lambda _: httpx2.Response(301, headers={"location": location}))
    with pytest.raises(ArgumentError):
        await world.fetch("https://cdn.example/start")
    assert world.connected == [PUBLIC]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_with_nothing_carried_along(status: int) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/c":
            return httpx2.Response(200, content=b"there")
        following = {"/": "/a", "/a": "https://other.example/b", "/b": "c"}[request.url.path]
        return httpx2.Response(status, headers={"location": following, "set-cookie": "a=b"})

    world = net(answer, other_example=["8.8.8.8"])
    assert await world.fetch("https://cdn.example/") == b"there"
    assert world.connected == [PUBLIC, PUBLIC, "8.8.8.8", "8.8.8.8"]
    assert [r.headers["host"] for r in world.requests[2:]] == ["other.example"] * 2
    assert not any("cookie" in r.headers or "referer" in r.headers for r in world.requests)


async def test_fourth_redirect_is_too_many() -> None:
    world = net(lambda _: httpx2.Response(302, headers={"location": "/again"}))
    with pytest.raises(ArgumentError, match="more than 3 redirects"):
        await world.fetch("https://cdn.example/")
    assert len(world.requests) == 4


async def test_name_that_changes_its_answer_is_resolved_once_for_a_connection() -> None:
    world = Net({"cdn.example": [[PUBLIC], ["127.0.0.1"]]}, lambda _: httpx2.Response(200, content=b"x"))
    assert await world.fetch("https://cdn.example/") == b"x"
    with pytest.raises(ArgumentError, match="public address"):
        await world.fetch("https://cdn.example/")
    assert world.connected == [PUBLIC]


async def test_name_that_changes_its_answer_between_redirects_is_checked_again() -> None:
    world = Net({"cdn.example": [[PUBLIC], ["127.0.0.1"]]}, lambda _: httpx2.Response(302, headers={"location": "/b"}))
    with pytest.raises(ArgumentError, match="public address"):
        await world.fetch("https://cdn.example/")
    assert world.connected == [PUBLIC]


class _Socket:
    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, info: str) -> tuple[str, int] | None:
        return (self._address, 443) if info == "server_addr" else None


@pytest.mark.parametrize(("peer", "fine"), [(PUBLIC, True), ("127.0.0.1", False), ("::ffff:10.0.0.1", False)])
async def test_socket_that_talks_to_an_inside_address_is_closed_unread(peer: str, fine: bool) -> None:
    world = net(lambda _: httpx2.Response(200, content=b"x", extensions={"network_stream": _Socket(peer)}))
    if fine:
        assert await world.fetch("https://cdn.example/") == b"x"
        return
    with pytest.raises(ArgumentError, match="public address"):
        await world.fetch("https://cdn.example/")


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ConnectTimeout])
async def test_next_address_is_tried_while_none_can_be_reached(error: type[httpx2.TransportError]) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if request.url.host != PUBLIC:
            raise error("unreachable")
        return httpx2.Response(200, content=b"x")

    world = net(answer, both_example=[PUBLIC_V6, PUBLIC])
    assert await world.fetch("https://both.example/") == b"x"
    assert world.connected == [PUBLIC_V6, PUBLIC]


class _Raw(httpx2.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._content), 65536):
            yield self._content[at : at + 65536]


GZIP = {"content-encoding": "gzip"}


@pytest.mark.parametrize(
    ("status", "headers", "content", "kind", "retryable"),
    [
        (404, {}, b"", "upstream", False),
        (403, {}, b"<html>", "upstream", False),
        (503, {}, b"", "upstream", True),
        (429, {}, b"", "upstream", True),
        (204, {}, b"", "upstream", False),
        (302, {}, b"", "upstream", False),
        (200, {}, b"", "upstream", True),
        (200, {"content-length": "99999999999999999999999"}, b"x", "too_large", False),
        (200, {"content-length": "21000000"}, b"x", "too_large", False),
        (200, {}, b"x" * 21_000_000, "too_large", False),
        (200, GZIP, gzip.compress(b"\0" * 200_000_000, 1), "too_large", False),
        (200, GZIP, b"no gzip", "connection", True),
    ],
    ids=["404", "403", "503", "429", "204", "302 nowhere", "empty", "huge", "large", "unannounced", "bomb", "bad gzip"],
)
async def test_failed_download_says_whether_to_try_again(
    status: int, headers: dict[str, str], content: bytes, kind: str, retryable: bool
) -> None:
    world = net(lambda _: httpx2.Response(status, headers=headers, stream=_Raw(content)))
    with pytest.raises(ProviderError) as caught:
        await world.fetch("https://cdn.example/picture.png?sig=very-secret")
    assert (caught.value.kind, caught.value.failure.retryable) == (kind, retryable)
    assert "https://cdn.example/picture.png" in str(caught.value)
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("cause", ["", "certificate verify failed"])
async def test_refused_connection_is_told_with_its_cause_and_the_way_out(cause: str) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("") from (OSError(cause) if cause else None)

    with pytest.raises(ProviderError, match=cause or "ConnectError") as caught:
        await net(answer).fetch("https://cdn.example/")
    assert caught.value.kind == "connection"
    assert "proxy" in caught.value.failure.fix


async def test_slow_download_ends_at_its_time() -> None:
    class Stuck(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep_forever()
            raise AssertionError

    async def resolve(host: str, port: int) -> Sequence[str]:
        return [PUBLIC]

    with anyio.fail_after(HANG_S), pytest.raises(ProviderError, match="longer than") as caught:
        await fetch_public("https://cdn.example/", transport=Stuck(), resolver=resolve, timeout_s=0.05)
    assert (caught.value.kind, caught.value.failure.retryable) == ("timeout", True)


async def test_unknown_name_is_told() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(ProviderError, match="cannot be resolved"):
        await fetch_public("https://cdn.example/", resolver=resolve)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1"])
async def test_system_resolver_gives_odd_forms_as_what_they_mean(host: str) -> None:
    assert await resolve_name(host, 443) == ["127.0.0.1"]


async def test_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    world = net()
    assert await world.fetch("https://cdn.example/") == b"picture"
    assert world.connected == [PUBLIC]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        (PUBLIC_V6, True),
        ("8.8.8.8", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("2001:4860:4860::8888", True),
        ("cdn.example", False),
        ("", False),
        ("8.8.8.8/8", False),
        ("2606:4700::1111%eth0", False),
    ],
)
def test_address_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public
