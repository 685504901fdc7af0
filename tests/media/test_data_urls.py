"""Data URLs in every form in which they are written, however large."""

from __future__ import annotations

import base64
import tracemalloc
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.media.sniff import parse_data_url
from tests.slow import slow


@given(st.binary(min_size=1, max_size=400), st.sampled_from(["", " ", "\n"]))
def test_every_spelling_gives_the_bytes(content: bytes, before: str) -> None:
    coded = base64.b64encode(content).decode()
    for body in (coded, coded.rstrip("="), base64.urlsafe_b64encode(content).decode(), coded.replace("=", "%3D")):
        assert parse_data_url(f"{before}data:image/png;base64,{body}").content == content
    assert parse_data_url(f"data:text/plain,{quote_from_bytes(content)}").content == content
    assert parse_data_url("data:text/plain," + "".join(f"%{byte:02x}" for byte in content)).content == content


def test_escapes_are_read_whole_at_every_border() -> None:
    content = bytes(range(256)) * 2000
    for lead in range(4):
        text = "a" * lead + "".join(f"%{byte:02X}" for byte in content)
        assert parse_data_url(f"data:,{text}").content == b"a" * lead + content


@slow
def test_many_escapes_take_little_memory() -> None:
    url = "data:application/octet-stream," + "%41" * 5_000_000
    tracemalloc.start()
    assert len(parse_data_url(url).content) == 5_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 5_000_000


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,", "data:;base64,a", "data:image/png;base64", "data:;base64,\u00e9"]
)
def test_what_is_no_data_url_is_refused(url: str) -> None:
    with pytest.raises(ArgumentError):
        parse_data_url(url)


def test_too_much_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ArgumentError, match="more than 1 MB"):
        parse_data_url("data:," + "%41" * 1_100_000, max_bytes=1_000_000)
