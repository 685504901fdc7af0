"""Recognizes pictures, sounds and videos by their first bytes: the one table of signatures, for answers and files."""

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
"""How many bytes are examined."""
_SPACE = b" \t\r\n\v\f"


def sniff_media(head: bytes) -> str | None:
    """The media type of a picture, a sound or a video; `None` = none of these."""
    return sniff_picture(head) or sniff_sound(head)


def sniff_picture(content: bytes) -> str | None:
    """The media type of a picture; `None` = no picture of a known type."""
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


_SOUNDS: tuple[tuple[bytes, str], ...] = (
    (b"ID3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"#!AMR", "audio/amr"),
    (b"caff", "audio/x-caf"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_BRANDS = {b"M4A ": "audio/mp4", b"M4B ": "audio/mp4", b"qt  ": "video/quicktime"}
"""Major brands of an ISO media file that are no MP4 video."""
_ADTS = 0
"""The MPEG layer number of AAC frames; MP3 has 1, the older layers 2 and 3."""


def sniff_sound(content: bytes) -> str | None:
    """The media type of a sound, or of a container that may hold one; `None` = neither."""
    for magic, mime in _SOUNDS:
        if content.startswith(magic):
            return mime
    if content[:4] in (b"RIFF", b"RF64") and content[8:12] == b"WAVE":
        return "audio/wav"
    if content[:4] == b"FORM" and content[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if content[:4] == b"RIFF" and content[8:12] == b"AVI ":
        return "video/x-msvideo"
    if content[4:8] == b"ftyp" and content[8:12] not in _ISOBMFF:
        return _BRANDS.get(content[8:12], "video/mp4")
    return _mpeg_frame(content)


def _mpeg_frame(content: bytes) -> str | None:
    """The type of a sound that begins with an MPEG audio frame: eleven set bits, and no value that is forbidden."""
    if len(content) < 4 or content[0] != 0xFF or content[1] & 0xE0 != 0xE0:
        return None
    version, layer = content[1] >> 3 & 3, content[1] >> 1 & 3
    if layer == _ADTS:
        return "audio/aac" if content[1] & 0xF6 == 0xF0 and content[2] >> 2 & 0xF < 13 else None
    bitrate, rate = content[2] >> 4, content[2] >> 2 & 3
    # layer I begins like the byte order mark of UTF-16
    allowed = version != 1 and layer in (1, 2) and bitrate != 15 and rate != 3
    return "audio/mpeg" if allowed else None
