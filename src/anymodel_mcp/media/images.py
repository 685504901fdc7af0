"""Measures and scales pictures.

Type and size are read from the first bytes with no decoder involved, so that a bomb is known before Pillow sees it.
Pillow is imported by the first picture that has to be scaled, not at start-up.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from anymodel_mcp.record import record
from anymodel_mcp.wire.content.sniff import sniff_picture

if TYPE_CHECKING:
    from PIL import Image

MAX_DECODED_BYTES = 140_000_000
"""The memory limit for decoding one picture, in bytes: 25 million pixels of a colour PNG."""
# measured with Pillow 13: bytes per pixel for decoding and the first reduction, decoder copies included
_PIXEL_BYTES = {"image/webp": 17.0, "image/avif": 12.0, "image/tiff": 9.0}
_HEADER_BYTES = {**_PIXEL_BYTES, "image/jpeg": 0.8}
"""Bytes per pixel at least, by file type: a JPEG can be decoded at an eighth of its size."""
_COLOUR_BYTES, _GREY_BYTES, _COEFFICIENT_BYTES = 5.5, 2.0, 6.0
_STRIP_PIXELS = 1_000_000
_ORIENTATION = 0x0112

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tif",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/x-icon": "ico",
    "image/svg+xml": "svg",
}
_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
    "image/avif": "AVIF",
}
_EVERYWHERE = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
"""The types that every vision model and every host accepts."""


Size = tuple[int, int]


@record
class Scaled:
    """A picture within the limits, or the reason why there is none.

    Attributes:
        content: `None` when the picture cannot be decoded; `note` then says why.
        note: what was changed; "" when the bytes are the original ones.
        broken: the bytes are cut off or damaged, or no picture at all.
    """

    content: bytes | None = field(repr=False)
    mime: str = ""
    note: str = ""
    broken: bool = False


def measure(content: bytes) -> Size | None:
    """Width and height in pixels from the header; `None` = not found."""
    reader = _MEASURES.get(sniff_picture(content) or "")
    if reader is None:
        return None
    try:
        size = reader(content)
    except (struct.error, IndexError, ValueError):  # cut in the header
        return None
    return size if size and size[0] > 0 and size[1] > 0 else None


def scale(content: bytes, *, max_edge: int, max_bytes: int, to: Literal["jpeg", "any"] = "any") -> Scaled:
    """Returns the picture itself if it fits and can be decoded, else a smaller one.

    Decoding untrusted bytes takes time and memory: a server uses `scale_isolated`.

    Args:
        content: the bytes of a picture.
        max_edge: of the longer side, in pixels.
        max_bytes: of the result.
        to: "jpeg" drops transparency for size; "any" keeps it where it fits.
    """
    mime, size = sniff_picture(content), measure(content)
    if mime not in _FORMATS or size is None:
        return Scaled(content=None, note=_why_not(mime, size), broken=mime is None or mime in _FORMATS)
    try:
        _check_memory(size, _pixels(size) * _HEADER_BYTES.get(mime, 1.0))  # some decoders allocate when they open
        return _scale(content, mime, size, max_edge, max_bytes, to)
    except _TooManyPixels as error:
        return Scaled(content=None, note=str(error))
    except Exception as exc:  # decoders raise anything on bad bytes: struct.error, SyntaxError, MemoryError
        why = "the picture is cut off" if "truncated" in str(exc) else "the picture cannot be decoded"
        return Scaled(content=None, note=f"{why}: {type(exc).__name__}: {str(exc)[:200]}", broken=True)


class _TooManyPixels(Exception):
    """Decoding the picture would exceed the memory limit."""


def _pixels(size: Size) -> int:
    return size[0] * size[1]


def _check_memory(size: Size, needed: float) -> None:
    if needed > MAX_DECODED_BYTES:
        raise _TooManyPixels(f"{size[0]} x {size[1]} pixels are too many to decode")


def _scale(content: bytes, mime: str, size: Size, max_edge: int, max_bytes: int, to: str) -> Scaled:
    from PIL import Image

    warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # of half of what is refused here
    with Image.open(io.BytesIO(content), formats=[_FORMATS[mime]]) as picture:
        whole = picture.size  # as the decoder sees it: a second header may say otherwise than the first
        # a progressive JPEG keeps the coefficients of all pixels, however few are wanted
        kept = _pixels(whole) * _COEFFICIENT_BYTES if picture.info.get("progressive") else 0.0
        fits = max(whole) <= max_edge and len(content) <= max_bytes and mime in _EVERYWHERE
        if not fits:
            picture.draft(None, (max_edge, max_edge))  # JPEG: decoded at a half, a quarter or an eighth
        each = _GREY_BYTES if picture.mode in {"1", "L", "P"} else _COLOUR_BYTES
        _check_memory(whole, kept + _pixels(picture.size) * max(_PIXEL_BYTES.get(mime, 0), each))
        picture.load()  # a truncated picture fails here, not in the host that shows it
        _check_memory(picture.size, _pixels(picture.size))
        if fits:
            return Scaled(content=content, mime=mime)
        orientation = picture.getexif().get(_ORIENTATION, 1)
        reduced = _reduced(picture, max_edge)
        picture.close()  # frees its memory
    reduced.thumbnail((max_edge, max_edge))
    upright = _upright(reduced, orientation)
    edge = max(upright.size)
    while True:
        small = upright.copy()
        small.thumbnail((edge, edge))
        for encoded, kind in _encodings(small, to):
            if len(encoded) <= max_bytes:
                before = f"{whole[0]} x {whole[1]} {mime}, {len(content)} bytes"
                note = f"{before}, scaled to {small.width} x {small.height} {kind}"
                return Scaled(content=encoded, mime=kind, note=note)
        if edge <= 16:
            return Scaled(content=None, note=f"no smaller picture fits into {max_bytes} bytes")
        edge = edge * 2 // 3


def _reduced(picture: Image.Image, max_edge: int) -> Image.Image:
    """The picture in plain colours, a large one made smaller strip by strip: no second copy of it is needed."""
    from PIL import Image

    mode = "RGBA" if _is_transparent(picture) else "RGB"
    factor = max(1, max(picture.size) // max_edge)
    width, height = (-(-edge // factor) for edge in picture.size)
    small = Image.new(mode, (width, height))
    rows = factor * max(1, _STRIP_PIXELS // (picture.width * factor))
    for top in range(0, picture.height, rows):
        strip = _plain(picture.crop((0, top, picture.width, min(picture.height, top + rows))), mode)
        small.paste(strip.reduce(factor) if factor > 1 else strip, (0, top // factor))
    return small


def _is_transparent(picture: Image.Image) -> bool:
    return picture.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in picture.info


def _plain(strip: Image.Image, mode: str) -> Image.Image:
    if strip.mode.startswith("I"):  # 16 bits of grey: a plain conversion would clip it to white
        strip = strip.point(lambda value: value * (1 / 256)).convert("L")
    return strip.convert(mode)


def _upright(picture: Image.Image, orientation: int) -> Image.Image:
    from PIL import Image

    turns = Image.Transpose
    turn = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }.get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _encodings(picture: Image.Image, to: str) -> list[tuple[bytes, str]]:
    from PIL import Image

    found: list[tuple[bytes, str]] = []
    if picture.mode == "RGBA":
        if to == "any":
            found.append((_encode(picture, "PNG"), "image/png"))
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    return [*found, *((_encode(picture, "JPEG", quality), "image/jpeg") for quality in (88, 70))]


def _encode(picture: Image.Image, kind: str, quality: int = 0) -> bytes:
    out = io.BytesIO()
    if kind == "JPEG":
        picture.save(out, kind, quality=quality, optimize=True)
    else:
        picture.save(out, kind, optimize=True)
    return out.getvalue()


def _why_not(mime: str | None, size: Size | None) -> str:
    if mime is None:
        return "the bytes are no picture of a known type"
    if mime in _FORMATS and size is None:
        return f"the {mime} is cut or damaged in its header"
    return f"{mime} cannot be scaled here"


# --- sizes ----------------------------------------------------------------------------------------------------------


def _png(data: bytes) -> Size | None:
    return struct.unpack(">II", data[16:24]) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Size:
    return struct.unpack("<HH", data[6:10])


def _bmp(data: bytes) -> Size:
    width, height = struct.unpack("<ii", data[18:26])
    return abs(width), abs(height)  # a negative height: top row first


def _webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L" and data[20] == 0x2F:
        bits = struct.unpack("<I", data[21:25])[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg(data: bytes) -> Size | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        kind = data[at + 1]
        if kind == 0xFF:  # fill
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}:  # start of frame
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        elif kind == 0xDA:  # start of scan: no frame came
            return None
        else:
            at += 2 + (0 if kind == 1 or 0xD0 <= kind <= 0xD8 else struct.unpack(">H", data[at + 2 : at + 4])[0])
    return None


def _tiff(data: bytes) -> Size | None:
    order = "<" if data[:2] == b"II" else ">"
    start = struct.unpack(order + "I", data[4:8])[0]
    found: dict[int, int] = {}
    for index in range(struct.unpack(order + "H", data[start : start + 2])[0]):
        entry = data[start + 2 + 12 * index : start + 14 + 12 * index]
        tag, kind = struct.unpack(order + "HH", entry[:4])
        if tag in {256, 257}:
            found[tag] = struct.unpack(order + ("H" if kind == 3 else "I"), entry[8 : 10 if kind == 3 else 12])[0]
    return (found[256], found[257]) if len(found) == 2 else None


def _isobmff(data: bytes) -> Size | None:
    sizes = [struct.unpack(">II", m.group(1)) for m in re.finditer(rb"ispe\0\0\0\0(.{8})", data[:65536], re.S)]
    return max(sizes, default=None)  # thumbnails and tiles have boxes of their own


def _ico(data: bytes) -> Size:
    entries = [data[at : at + 2] for at in range(6, 6 + 16 * int.from_bytes(data[4:6], "little"), 16)]
    return max((entry[0] or 256, entry[1] or 256) for entry in entries[:64])


_MEASURES: dict[str, Callable[[bytes], Size | None]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/gif": _gif,
    "image/bmp": _bmp,
    "image/tiff": _tiff,
    "image/avif": _isobmff,
    "image/heic": _isobmff,
    "image/x-icon": _ico,
}
