from __future__ import annotations

import pytest

from anymodel_mcp.config import HttpSettings, Secret
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.transports.guards import Guard, is_loopback, require_token

OPEN = HttpSettings(host="0.0.0.0", token=Secret("correct horse"))
TOKEN = {b"authorization": b"Bearer correct horse"}


def status(settings: HttpSettings, headers: dict[bytes, bytes]) -> int:
    denial = Guard(settings).check(headers)
    return denial.status if denial else 200


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.com", False),
        ("localhost.evil.com", False),
        ("", False),
    ],
)
def test_only_loopback_addresses_count_as_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("token", [None, Secret("")], ids=["no token", "empty token"])
def test_an_open_address_without_a_token_is_refused(token: Secret | None) -> None:
    with pytest.raises(ConfigError, match=r"no token is set") as caught:
        require_token(HttpSettings(host="0.0.0.0", token=token))
    assert "ANYMODEL_HTTP_TOKEN" in caught.value.failure.fix


def test_loopback_needs_no_token_and_an_open_address_with_one_is_fine() -> None:
    require_token(HttpSettings())
    require_token(OPEN)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (b"localhost", 200),
        (b"localhost:8765", 200),
        (b"LocalHost:1", 200),
        (b"127.0.0.1:8765", 200),
        (b"[::1]:8765", 200),
        (b"[::1]", 200),
        (b"proxy.example", 200),
        (b"proxy.example:8443", 200),
        (b"exact.example:99", 200),
        (b"exact.example:98", 421),
        (b"any.example:7", 200),
        (b"evil.com", 421),
        (b"localhost.evil.com", 421),
        (b"127.0.0.1.evil.com:8765", 421),
        (b"", 421),
        (b"localhost:8765:1", 421),
        (b"\xff\xfe", 421),
    ],
    ids=repr,
)
def test_on_loopback_the_host_must_be_ours(host: bytes, expected: int) -> None:
    settings = HttpSettings(allowed_hosts=("proxy.example", "exact.example:99", "any.example:*"))
    assert status(settings, {b"host": host}) == expected


def test_a_missing_host_is_refused() -> None:
    assert status(HttpSettings(), {}) == 421


@pytest.mark.parametrize(
    ("allowed", "host", "expected"),
    [((), b"anything.example", 200), (("a.example",), b"a.example:1", 200), (("a.example",), b"b.example", 421)],
    ids=["none listed", "listed", "not listed"],
)
def test_off_loopback_hosts_are_checked_where_they_are_listed(
    allowed: tuple[str, ...], host: bytes, expected: int
) -> None:
    settings = HttpSettings(host="0.0.0.0", token=Secret("correct horse"), allowed_hosts=allowed)
    assert status(settings, {b"host": host, **TOKEN}) == expected


@pytest.mark.parametrize(
    ("origin", "allowed", "expected"),
    [
        (b"http://localhost:3000", (), 200),
        (b"https://127.0.0.1", (), 200),
        (b"http://[::1]:1", (), 200),
        (b"http://evil.com", (), 403),
        (b"http://localhost.evil.com", (), 403),
        (b"http://localhost@evil.com", (), 403),
        (b"null", (), 403),
        (b"null", ("null",), 200),
        (b"vscode-webview://0abc", (), 403),
        (b"vscode-webview://0abc", ("vscode-webview://",), 200),
        (b"https://app.example", ("https://app.example",), 200),
        (b"https://app.example.evil.com", ("https://app.example",), 403),
        (b"https://x.example", ("*",), 200),
    ],
    ids=lambda value: repr(value),
)
def test_an_origin_must_be_loopback_or_listed(origin: bytes, allowed: tuple[str, ...], expected: int) -> None:
    assert status(HttpSettings(allowed_origins=allowed), {b"host": b"localhost", b"origin": origin}) == expected


def test_off_loopback_a_loopback_origin_is_foreign() -> None:
    assert status(OPEN, {b"host": b"x", b"origin": b"http://localhost:3000", **TOKEN}) == 403


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"Bearer correct horse", 200),
        (b"bearer correct horse", 200),
        (b"Bearer  correct horse ", 200),
        (b"Bearer wrong", 401),
        (b"Basic correct horse", 401),
        (b"correct horse", 401),
        (b"", 401),
        (b"Bearer \xff\xfe", 401),
    ],
    ids=repr,
)
def test_the_token_must_be_right(header: bytes, expected: int) -> None:
    assert status(OPEN, {b"host": b"x", b"authorization": header}) == expected


def test_a_missing_token_is_challenged_and_never_shown() -> None:
    denial = Guard(OPEN).check({b"host": b"x"})
    assert denial is not None
    assert denial.headers[0][0] == b"www-authenticate"
    assert "correct horse" not in repr(denial)


def test_a_token_on_loopback_is_needed_too() -> None:
    assert status(HttpSettings(token=Secret("t0ken-t0ken")), {b"host": b"localhost"}) == 401
