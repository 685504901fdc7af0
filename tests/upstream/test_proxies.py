"""Which proxy counts for an address, and what is said of one that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.upstream.proxies import Proxy, check_proxy, is_exempt, select_proxy

GOOD, OTHER = "http://good.example:8080", "http://other.example:3128"


@pytest.mark.parametrize(
    ("environ", "url", "expected"),
    [
        ({}, "https://h.example/v1", None),
        ({"HTTPS_PROXY": GOOD}, "https://h.example/v1", f"{GOOD} (HTTPS_PROXY)"),
        ({"https_proxy": GOOD}, "https://h.example/v1", f"{GOOD} (https_proxy)"),
        ({"HTTPS_PROXY": OTHER, "https_proxy": GOOD}, "https://h.example/v1", f"{GOOD} (https_proxy)"),
        ({"HTTPS_PROXY": OTHER, "https_proxy": ""}, "https://h.example/v1", None),
        ({"HTTPS_PROXY": "   "}, "https://h.example/v1", None),
        ({"HTTP_PROXY": GOOD}, "https://h.example/v1", None),
        ({"HTTPS_PROXY": GOOD}, "http://h.example/v1", None),
        ({"ALL_PROXY": GOOD}, "https://h.example/v1", f"{GOOD} (ALL_PROXY)"),
        ({"ALL_PROXY": OTHER, "HTTP_PROXY": GOOD}, "http://h.example/v1", f"{GOOD} (HTTP_PROXY)"),
        ({"all_proxy": "socks://127.0.0.1:1080/", "http_proxy": GOOD}, "http://h.example/v1", f"{GOOD} (http_proxy)"),
        ({"HTTPS_PROXY": "good.example:8080"}, "https://h.example/v1", f"{GOOD} (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://me:pa/ss@good.example:8080"}, "https://h.example/v1", f"{GOOD} (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "me:p@ss@good.example:8080"}, "https://h.example/v1", f"{GOOD} (HTTPS_PROXY)"),
        ({"HTTP_PROXY": GOOD, "REQUEST_METHOD": "GET"}, "http://h.example/v1", None),
        ({"ALL_PROXY": GOOD, "NO_PROXY": "h.example"}, "https://h.example/v1", None),
        ({"ALL_PROXY": GOOD, "no_proxy": "", "NO_PROXY": "h.example"}, "https://h.example/v1", f"{GOOD} (ALL_PROXY)"),
        ({"ALL_PROXY": "socks://127.0.0.1:1080/", "NO_PROXY": "127.0.0.1,localhost"}, "http://127.0.0.1:9/v1", None),
        ({"ALL_PROXY": GOOD, "NO_PROXY": "*"}, "https://h.example/v1", None),
    ],
)
def test_one_proxy_counts_for_an_address(environ: Mapping[str, str], url: str, expected: str | None) -> None:
    found = select_proxy(url, environ)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    ("host", "port", "no_proxy", "exempt"),
    [
        ("h.example", 443, "h.example", True),
        ("H.example", 443, "h.EXAMPLE", True),
        ("api.h.example", 443, "h.example", True),
        ("api.h.example", 443, ".h.example", True),
        ("h.example", 443, ".h.example", True),
        ("api.h.example", 443, "*.h.example", True),
        ("badh.example", 443, "h.example", False),
        ("h.example.evil.test", 443, "h.example", False),
        ("h.example", 443, "a.example, h.example", True),
        ("h.example", 443, "a.example h.example", True),
        ("h.example", 8443, "h.example:8443", True),
        ("h.example", 443, "h.example:8443", False),
        ("h.example", 443, "https://h.example", True),
        ("10.1.2.3", 80, "10.0.0.0/8", True),
        ("11.1.2.3", 80, "10.0.0.0/8", False),
        ("10.1.2.3", 80, "10.1.2.3", True),
        ("10.1.2.3", 80, "2.3", False),
        ("10.1.2.3", 8080, "10.1.2.3:8080", True),
        ("::1", 80, "::1", True),
        ("::1", 80, "[::1]", True),
        ("::1", 8080, "[::1]:8080", True),
        ("::1", 80, "[::1]:8080", False),
        ("fd00::5", 80, "fd00::/8", True),
        ("localhost", 80, "localhost", True),
        ("h.example", 443, "h.example/24,10.0.0.0/99,[,:,.", False),
        ("h.example", 443, "", False),
    ],
)
def test_no_proxy_covers_names_domains_addresses_networks_and_ports(
    host: str, port: int, no_proxy: str, exempt: bool
) -> None:
    assert is_exempt(host, port, no_proxy) is exempt


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("socks://127.0.0.1:1080/", "socks:// is not supported"),
        ("socks4://127.0.0.1:1080", "socks4:// is not supported"),
        ("socks5://127.0.0.1:1080", "needs the Python package socksio"),
        ("socks5h://me:hunter22@127.0.0.1:1080", "needs the Python package socksio"),
        ("gopher://127.0.0.1:70", "gopher:// is not supported"),
        ("nonsense://[", "nonsense:// is not supported"),
        ("http://", "not an address"),
        ("http://proxy.example:port", "not an address"),
        ("http://proxy.example:99999", "not an address"),
        ("http://proxy.example:0", "not an address"),
        ("http://me:hunter22@", "not an address"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_named_with_its_variable_and_without_its_password(
    value: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_proxy(Proxy(value, "ALL_PROXY"), "h.example")
    failure = caught.value.failure
    assert (failure.kind, failure.retryable) == ("config", False)
    assert words in failure.message
    assert value.replace("me:hunter22@", "") in failure.message
    assert "hunter22" not in failure.message + failure.fix
    assert "ALL_PROXY" in failure.message
    assert "NO_PROXY" in failure.fix
    assert "h.example" in failure.fix


@pytest.mark.parametrize("value", ["http://127.0.0.1:8080", "https://proxy.example", "http://[::1]:3128", "HTTP://a:1"])
def test_a_proxy_of_the_usual_forms_is_fine(value: str) -> None:
    check_proxy(Proxy(value, "HTTPS_PROXY"), "h.example")


def test_the_password_of_a_proxy_is_a_secret_in_every_form_it_is_sent() -> None:
    proxy = Proxy("http://me:hunter%402222@proxy.example:1", "HTTPS_PROXY")
    assert set(proxy.secrets) == {"hunter%402222", "hunter@2222", "me:hunter@2222"}
    assert Proxy("http://proxy.example:1", "HTTPS_PROXY").secrets == ()
