from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.wire.urls import clean_base_url, join, same_host


@pytest.mark.parametrize(
    ("base", "path", "query", "whole"),
    [
        ("https://a.example/v1", "chat/completions", {}, "https://a.example/v1/chat/completions"),
        ("https://a.example", "models", {}, "https://a.example/models"),
        ("https://a.example/v1/", "/models", {}, "https://a.example/v1/models"),
        ("https://a.example/d/x?api-version=1", "models", {}, "https://a.example/d/x/models?api-version=1"),
        ("https://a.example/v1?k=1", "models", {"after_id": "a b"}, "https://a.example/v1/models?k=1&after_id=a+b"),
        ("https://a.example/list?x=1", "", {"p": "2"}, "https://a.example/list?x=1&p=2"),
        ("http://[::1]:8080/v1", "models", {}, "http://[::1]:8080/v1/models"),
    ],
)
def test_only_the_path_of_the_endpoint_is_appended(base: str, path: str, query: dict[str, str], whole: str) -> None:
    assert join(base, path, query) == whole


@pytest.mark.parametrize(
    ("text", "base", "told"),
    [
        (" https://a.example/v1\n", "https://a.example/v1", ""),
        ("https://a.example/v1/", "https://a.example/v1", ""),
        ("HTTPS://a.example/openai", "https://a.example/openai", ""),
        ("https://a.example/v1/chat/completions", "https://a.example/v1", "/chat/completions"),
        ("https://a.example/v1/chat/completions/?x=1", "https://a.example/v1?x=1", "/chat/completions"),
        ("https://a.example/v1/completions", "https://a.example/v1", "/completions"),
        ("https://a.example/v1/models", "https://a.example/v1", "/models"),
        ("https://a.example/v1beta/models", "https://a.example/v1beta", "/models"),
        ("https://a.services.ai.azure.com/models", "https://a.services.ai.azure.com/models", ""),
        ("https://a.example/v1/images/generations", "https://a.example/v1", "/images/generations"),
        ("https://a.example/embeddings", "https://a.example", "/embeddings"),
        ('"https://a.example/v1"', "https://a.example/v1", ""),
        ("' https://a.example/v1/ '", "https://a.example/v1", ""),
        ("https://a.example/v1#top", "https://a.example/v1", "#top"),
    ],
)
def test_a_pasted_address_is_corrected_and_reported(text: str, base: str, told: str) -> None:
    cleaned, warnings = clean_base_url(text)
    assert cleaned == base
    assert clean_base_url(cleaned) == (base, ())
    assert any(told in w for w in warnings) if told else not warnings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("api.example.com/v1", "write 'https://api.example.com/v1'"),
        ("localhost:8080", "write 'http://localhost:8080'"),
        ("ftp://a.example", "does not begin with https://"),
        ("javascript:alert(1)", "does not begin with https://"),
        ("https://user:pw@a.example/v1", "user name or password"),
        ("https://user@a.example/v1", "user name or password"),
        ("https:///v1", "names no host"),
        ("https://a.example/v 1", "white space"),
        ("https://a.example\\@b.example", "user name or password"),
        ("https://a.example\\v1", "backslash"),
        ("https://a.example:99999/v1", "is not a web address"),
        ("https://[::1/v1", "is not a web address"),
        ("", "does not begin with https://"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r".") as caught:
        clean_base_url(text)
    assert says in caught.value.failure.message
    assert "pw" not in caught.value.failure.message


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        base, _ = clean_base_url("https://" + text)
    except ConfigError:
        return
    assert join(base, "models", {}).startswith("https://")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/v1", "https://a.example:443/list", True),
        ("http://a.example", "https://a.example", False),
        ("https://a.example", "https://b.a.example", False),
        ("https://A.example", "https://a.example", True),
    ],
)
def test_hosts_are_compared_with_their_ports(one: str, other: str, same: bool) -> None:
    assert same_host(one, other) is same
