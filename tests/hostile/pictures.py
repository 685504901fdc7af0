"""Pictures of a few bytes that stand for hundreds of megabytes, one of each format that is decoded."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image

HUGE = 16_000


def drawn(kind: str, size: tuple[int, int] = (16, 16), mode: str = "RGB", **options: object) -> bytes:
    """A small picture of one colour."""
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **options)  # pyright: ignore[reportArgumentType] options of each encoder
    return out.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def png(width: int, height: int, *more: bytes, colours: int = 6) -> bytes:
    """A PNG whose rows are all zero; its size in bytes is a thousandth of its size in memory."""
    row = 1 + width * (4 if colours == 6 else 1)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(bytes(row * 16)) for _ in range(height // 16)) + packer.flush()
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


def png_of_two_sizes() -> bytes:
    """The first header says 1 x 1, the second one counts."""
    content = png(HUGE, 1024)
    small = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 6, 0, 0, 0))
    huge = png_chunk(b"IHDR", struct.pack(">IIBBBBB", HUGE, HUGE, 8, 6, 0, 0, 0))
    return content[:8] + small + huge + content[33:]


def webp() -> bytes:
    """Lossless, of one colour: the pixels take no bits, so that only the size in the header changes."""
    content = bytearray(drawn("WEBP", lossless=True))
    at = content.index(b"VP8L") + 9
    bits = int.from_bytes(content[at : at + 4], "little") >> 28 << 28
    content[at : at + 4] = (bits | 16382 << 14 | 16382).to_bytes(4, "little")
    return bytes(content)


def avif() -> bytes:
    """The size of the container is changed, the size in the stream is not."""
    content = drawn("AVIF")
    at = content.index(b"ispe") + 8
    return content[:at] + struct.pack(">II", HUGE, HUGE) + content[at + 8 :]


def tiff_of_two_sizes() -> bytes:
    """Both tags of the size come twice: small, then huge."""
    tags = [(256, 1), (256, HUGE), (257, 1), (257, HUGE), (258, 8), (259, 1), (262, 1), (273, 8), (278, HUGE), (279, 1)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + bytes(4)


def jpeg(*, progressive: bool) -> bytes:
    content = bytearray(drawn("JPEG", progressive=progressive))
    at = content.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    return bytes(content)


def gif() -> bytes:
    content = bytearray(drawn("GIF", mode="P"))
    content[6:10] = struct.pack("<HH", 65_000, 65_000)
    frame = content.index(b"\x2c")
    content[frame + 5 : frame + 9] = struct.pack("<HH", 65_000, 65_000)
    return bytes(content)


def bmp() -> bytes:
    content = bytearray(drawn("BMP"))
    content[18:26] = struct.pack("<ii", 30_000, 30_000)
    return bytes(content)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png": lambda: png(HUGE, HUGE),
    "png-of-one-channel": lambda: png(HUGE, HUGE, colours=0),
    "png-below-the-limit": lambda: png(4_990, 4_992),
    "png-of-two-sizes": png_of_two_sizes,
    "webp": webp,
    "avif": avif,
    "tiff-of-two-sizes": tiff_of_two_sizes,
    "jpeg": lambda: jpeg(progressive=False),
    "jpeg-progressive": lambda: jpeg(progressive=True),
    "gif": gif,
    "bmp": bmp,
    "ico": lambda: drawn("ICO").replace(struct.pack("<II", 16, 32), struct.pack("<II", 30_000, 60_000)),
}
