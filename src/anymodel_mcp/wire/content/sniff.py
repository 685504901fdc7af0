"""What a picture is, by its first bytes: one linear look, for answers and for files alike."""

from __future__ import annotations

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
)
_ISOBMFF = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
}
SNIFFED_BYTES = 4096
"""How much of the beginning is looked at."""
_SPACE = b" \t\r\n\v\f"


def sniff_picture(content: bytes) -> str | None:
    """The media type that the bytes show; `None` = no picture of a known type."""
    for magic, mime in _MAGIC:
        if content.startswith(magic):
            return mime
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        return _ISOBMFF.get(content[8:12])
    if content[:2] == b"BM" and content[6:10] == b"\0\0\0\0" and len(content) >= 26:
        return "image/bmp"
    return "image/svg+xml" if _is_svg(content[:SNIFFED_BYTES].removeprefix(b"\xef\xbb\xbf")) else None


def _is_svg(head: bytes) -> bool:
    """Whether an SVG element comes first, after declarations, comments and a document type."""
    rest = head.lstrip(_SPACE)
    while rest.startswith((b"<?", b"<!")):
        end = b"?>" if rest.startswith(b"<?") else b"-->" if rest.startswith(b"<!--") else b">"
        _, found, rest = rest.partition(end)
        if not found:
            return False
        rest = rest.lstrip(_SPACE)
    return rest[:4] == b"<svg" and rest[4:5] in (b" ", b"\t", b"\r", b"\n", b"/", b">")
