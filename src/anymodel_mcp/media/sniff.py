"""What bytes are: their media type, and their text if they are text."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.media.images import EXTENSIONS
from anymodel_mcp.media.sizes import in_mb
from anymodel_mcp.types import FilePart
from anymodel_mcp.wire.audio.formats import ENDINGS
from anymodel_mcp.wire.content.sniff import SNIFFED_BYTES, sniff_media, sniff_picture

_OFFICE = "application/vnd.openxmlformats-officedocument."
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x7fELF", "application/x-executable"),
    (b"MZ", "application/x-executable"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
)
_ZIPPED: tuple[tuple[bytes, str], ...] = (
    (b"word/", _OFFICE + "wordprocessingml.document"),
    (b"xl/", _OFFICE + "spreadsheetml.sheet"),
    (b"ppt/", _OFFICE + "presentationml.presentation"),
)
_BOMS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_PART_CHARS = 65_536
_DATA_URL = re.compile(r"data:(?P<head>[^,]{0,500}),", re.IGNORECASE)
_BINARY_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_LEGACY = ("cp1252", "latin-1")


def sniff(content: bytes) -> str:
    """The media type that the bytes show; "text/plain" for any text, "application/octet-stream" for the unknown."""
    if picture := sniff_picture(content):
        return picture
    if b"%PDF-" in content[:1024]:
        return "application/pdf"
    if content.startswith(b"PK\x03\x04"):
        return next((mime for part, mime in _ZIPPED if part in content[:65536]), "application/zip")
    if media := sniff_media(content[:SNIFFED_BYTES]):
        return media
    for magic, mime in _MAGIC:
        if content.startswith(magic) and (len(magic) > 2 or decode_text(content) is None):
            return mime
    return "text/plain" if decode_text(content) is not None else "application/octet-stream"


def decode_text(content: bytes) -> str | None:
    """The text of a text file, whatever encoding it is in; `None` = it is no text.

    A byte order mark decides, then UTF-8, then UTF-16 without a mark, then Windows-1252.
    """
    text = decode_unicode(content)
    if text is not None or b"\0" in content:
        return text
    for codec in _LEGACY:
        text = _decode(content, codec)
        if text is not None and _looks_written(text, strict=True):
            return text
    return None


def decode_unicode(content: bytes) -> str | None:
    """The text of a file in UTF-8 or UTF-16; `None` = it is in neither."""
    for mark, codec in _BOMS:
        if content.startswith(mark):
            return _decode(content, codec)
    text = _decode(content, "utf-8")
    if text is not None and _looks_written(text):
        return text
    return _utf16(content) if text is not None or b"\0" in content else None


def _utf16(content: bytes) -> str | None:
    # Latin text in 16 bits has a zero in every other byte
    even, odd = content[0:4096:2].count(0), content[1:4096:2].count(0)
    if max(even, odd) * 5 < len(content[:4096]) or min(even, odd) * 8 > max(even, odd):
        return None
    text = _decode(content, "utf-16-be" if even > odd else "utf-16-le")
    return text if text is not None and _looks_written(text) else None


def _decode(content: bytes, codec: str) -> str | None:
    try:
        return content.decode(codec)
    except UnicodeDecodeError:
        return None


def _looks_written(text: str, *, strict: bool = False) -> bool:
    sample = text[:65536]
    controls = len(_BINARY_CONTROL.findall(sample))
    if strict:  # every byte is a letter in the old encodings: most of them must be plain ones
        return not controls and sum(c.isascii() for c in sample) * 10 >= len(sample) * 7
    return "\0" not in sample and controls * 100 <= len(sample)


def parse_data_url(text: str, *, max_bytes: int = 20_000_000) -> FilePart:
    """The bytes of a data URL, with the type that they show; white space, no padding and URL-safe base64 are taken.

    Raises:
        ArgumentError: it is no data URL, it is empty, broken or too large.
    """
    start = len(text) - len(text.lstrip()) if text[:1].isspace() else 0
    found = _DATA_URL.match(text, start)
    if not found:
        raise ArgumentError("the data URL has no comma after its type", fix="Write data:image/png;base64,...")
    head, begin = found["head"].lower(), found.end()
    if len(text) - begin > max_bytes * 3 + 1024:  # the longest form writes three characters a byte
        raise _too_large(max_bytes)
    plain = _unescape(text, begin)
    content = _base64(plain) if head.replace(" ", "").endswith(";base64") else plain
    if not content:
        raise ArgumentError("the data URL is empty", fix="Give the data after the comma.")
    if len(content) > max_bytes:
        raise _too_large(max_bytes)
    mime = sniff(content)
    return FilePart(name=f"data.{extension(mime)}", mime=mime, content=content)


def extension(mime: str) -> str:
    """The usual ending of a media type, without a dot; "bin" for the unknown."""
    return {**EXTENSIONS, **ENDINGS, "application/pdf": "pdf", "text/plain": "txt"}.get(mime, "bin")


def _unescape(text: str, begin: int) -> bytes:
    """The bytes of a URL's text from `begin` on, a part at a time: each escape is an object for a moment."""
    out = bytearray()
    while begin < len(text):
        end = begin + _PART_CHARS
        escape = text.rfind("%", end - 2, end)  # an escape is not cut in two
        end = escape if escape > begin else end
        out += unquote_to_bytes(text[begin:end].encode("utf-8", "replace"))
        begin = end
    return bytes(out)


def _base64(body: bytes) -> bytes:
    plain = body.translate(_URL_SAFE, b" \t\r\n\v\f").rstrip(b"=")
    try:
        return base64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ArgumentError(f"the data URL is not base64: {exc}", fix="Encode the whole file again.") from exc


def _too_large(max_bytes: int) -> ArgumentError:
    return ArgumentError(
        f"the data URL holds more than {in_mb(max_bytes)}", fix="Give a smaller file, or an https URL."
    )
