from __future__ import annotations

import base64
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.media import decode_text, parse_data_url, sniff

OFFICE = "application/vnd.openxmlformats-officedocument."


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"junk before\n%PDF-1.4", "application/pdf"),
        (zipped("[Content_Types].xml", "word/document.xml"), OFFICE + "wordprocessingml.document"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), OFFICE + "spreadsheetml.sheet"),
        (zipped("[Content_Types].xml", "ppt/presentation.xml"), OFFICE + "presentationml.presentation"),
        (zipped("a.txt"), "application/zip"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"ID3\x04\0\0\0\0", "audio/mpeg"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "application/gzip"),
        (b"\x7fELF\x02\x01\x01\0\0\0\0\0", "application/x-executable"),
        (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff", "application/x-executable"),
        (b"MZ is how this note begins", "text/plain"),
        (b"SQLite format 3\0", "application/vnd.sqlite3"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"<svg/>", "image/svg+xml"),
        (b"<html><body>no picture</body></html>", "text/plain"),
        (b"print('hi')\n", "text/plain"),
        (b"", "text/plain"),
        (b"\0\x01\x02\x03" * 100, "application/octet-stream"),
        (bytes(range(256)), "application/octet-stream"),
    ],
)
def test_type_is_what_the_bytes_show(content: bytes, mime: str) -> None:
    assert sniff(content) == mime


WORDS = "Größe: 5 €, naïve café. " * 5


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (WORDS.encode(), WORDS),
        (WORDS.encode("utf-8-sig"), WORDS),
        (WORDS.encode("utf-16"), WORDS),
        (b"\xfe\xff" + WORDS.encode("utf-16-be"), WORDS),
        (WORDS.encode("utf-16-le"), WORDS),
        (WORDS.encode("utf-16-be"), WORDS),
        (WORDS.encode("utf-32"), WORDS),
        (WORDS.encode("cp1252"), WORDS),
        ("日本語テキスト".encode(), "日本語テキスト"),
        (b"a\tb\r\nc\x0c\x1b[1m", "a\tb\r\nc\x0c\x1b[1m"),
        (b"\xff\xfe\x00", None),
        (b"\xef\xbb\xbf\xff", None),
        (b"\x00\x01", None),
        (b"a\x00b\x00c", None),
        (b"text\x00with a zero in it, which no text has", None),
        (b"\x01\x02\x03\x04 mostly controls", None),
        (b"\xff\xd8\xff\xe0" * 50, None),
        (b"\x81\x8d\x8f\x90\x9d", None),
    ],
)
def test_text_is_told_from_bytes(content: bytes, text: str | None) -> None:
    assert decode_text(content) == text


@given(st.binary(max_size=400))
def test_any_bytes_have_a_type(content: bytes) -> None:
    assert "/" in sniff(content)


@given(st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=400))
def test_written_text_comes_back(text: str) -> None:
    if not text.startswith("\ufeff"):
        assert decode_text(text.encode()) == text


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n???>>>").decode()


@pytest.mark.parametrize(
    ("url", "mime", "content"),
    [
        (f"data:image/png;base64,{PNG}", "image/png", b"\x89PNG\r\n\x1a\n???>>>"),
        (f"  DATA:image/jpeg;BASE64,{PNG}", "image/png", b"\x89PNG\r\n\x1a\n???>>>"),
        (f"data:;base64,{PNG.rstrip('=')}", "image/png", b"\x89PNG\r\n\x1a\n???>>>"),
        ("data:image/png;base64," + PNG.replace("+", "-").replace("/", "_"), "image/png", b"\x89PNG\r\n\x1a\n???>>>"),
        ("data:image/png;base64," + "\n".join(PNG), "image/png", b"\x89PNG\r\n\x1a\n???>>>"),
        ("data:image/png;base64," + PNG.replace("=", "%3D"), "image/png", b"\x89PNG\r\n\x1a\n???>>>"),
        ("data:text/plain;charset=utf-8;base64,aGk=", "text/plain", b"hi"),
        ("data:,hello%20world", "text/plain", b"hello world"),
        ("data:image/svg+xml,<svg/>", "image/svg+xml", b"<svg/>"),
        ("data:text/plain,a,b", "text/plain", b"a,b"),
    ],
)
def test_data_url_gives_its_bytes(url: str, mime: str, content: bytes) -> None:
    found = parse_data_url(url)
    assert (found.mime, found.content) == (mime, content)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "data:",
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:image/png;base64,====",
        "data:image/png;base64,a",
        "data:image/png;base64,****",
        "data:image/png;base64,ä",
        "data:image/png;base64,\ud800",
        "data:,",
        "data:" + "x" * 1000 + ",x",
        "xdata:,x",
        "data:image/png;base64," + "A" * 30_000_000,
        "data:," + "A" * 21_000_000,
        "data:," + "A" * 70_000_000,
    ],
    ids=lambda u: ascii(u[:30]) + str(len(u)),
)
def test_broken_data_url_is_refused_without_its_content(url: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_data_url(url)
    assert len(str(caught.value)) < 300
    assert caught.value.failure.fix
