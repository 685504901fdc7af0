from __future__ import annotations

import io
import struct
import zlib
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from anymodel_mcp.media.images import MAX_DECODED_BYTES, measure, scale
from anymodel_mcp.wire.content.sniff import sniff_picture

HEADER_ONLY = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489000000")
"""Thirty-six bytes, as several gateways send them in their examples."""


def drawn(kind: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(out, kind, **options)  # pyright: ignore[reportArgumentType] options of each encoder
    return out.getvalue()


def noise(size: tuple[int, int], mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    bands = [Image.effect_noise(size, 200) for _ in mode]
    Image.merge(mode, bands).save(out, "PNG", compress_level=1)
    return out.getvalue()


def bomb(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def box(kind: bytes, *sizes: tuple[int, int]) -> bytes:
    boxes = b"".join(b"\0\0\0\x14ispe\0\0\0\0" + struct.pack(">II", *size) for size in sizes)
    return b"\0\0\0\x18ftyp" + kind + b"\0" * 8 + boxes


JPEG_WITHOUT_FRAME = b"\xff\xd8\xff\xe0\x00\x10" + b"J" * 14 + b"\xff\xda\x00\x08" + b"\0" * 20


@pytest.mark.parametrize(
    ("content", "mime", "size"),
    [
        (drawn("PNG"), "image/png", (60, 40)),
        (drawn("JPEG"), "image/jpeg", (60, 40)),
        (drawn("JPEG", progressive=True), "image/jpeg", (60, 40)),
        (drawn("GIF", mode="P"), "image/gif", (60, 40)),
        (drawn("WEBP"), "image/webp", (60, 40)),
        (drawn("WEBP", lossless=True), "image/webp", (60, 40)),
        (drawn("WEBP", mode="RGBA"), "image/webp", (60, 40)),
        (drawn("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), "image/webp", (60, 40)),
        (drawn("BMP"), "image/bmp", (60, 40)),
        (drawn("TIFF"), "image/tiff", (60, 40)),
        (drawn("TIFF", size=(70000, 1)), "image/tiff", (70000, 1)),
        (drawn("AVIF"), "image/avif", (60, 40)),
        (drawn("ICO", size=(32, 32)), "image/x-icon", (32, 32)),
        (HEADER_ONLY, "image/png", (1, 1)),
        (box(b"heic", (160, 120), (4032, 3024)), "image/heic", (4032, 3024)),
        (box(b"mif1"), "image/heic", None),
        (b"\xff\xd8\xff\xff\xff\xc0\x00\x0b\x08\x00\x02\x00\x03\x01\x01\x11\x00", "image/jpeg", (3, 2)),
        (JPEG_WITHOUT_FRAME, "image/jpeg", None),
        (b"\xff\xd8\xff\xe0\x00\x04ab" + b"no marker here", "image/jpeg", None),
        (b"\xff\xd8\xff", "image/jpeg", None),
        (b"\x89PNG\r\n\x1a\n", "image/png", None),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\0\0", "image/png", None),
        (b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0", "image/webp", None),
        (b"RIFF\x24\0\0\0WEBPVP8L", "image/webp", None),
        (b"RIFF\x24\0\0\0WEBPALPH" + b"\0" * 30, "image/webp", None),
        (b"II*\0\xff\xff\xff\xff", "image/tiff", None),
        (b"MM\0*\0\0\0\x08\0\0", "image/tiff", None),
        (b"\0\0\x01\0\x01\0\0\0" + b"\0" * 20, "image/x-icon", (256, 256)),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", None),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made by us -->\n<svg/>", "image/svg+xml", None),
        (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'><svg >", "image/svg+xml", None),
        (b"<html><svg></html>", None, None),
        (b"\0\0\x01\0\0\0", "image/x-icon", None),
        (b"<svgx>", None, None),
        (b"BM and other words that are no bitmap at all", None, None),
        (b"RIFF\x24\0\0\0WAVEfmt ", None, None),
        (b"", None, None),
        (b"\0" * 5000, None, None),
    ],
)
def test_type_and_size_are_read_from_the_header(content: bytes, mime: str | None, size: tuple[int, int] | None) -> None:
    assert sniff_picture(content) == mime
    assert measure(content) == size


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_picture_cut_anywhere_is_never_an_exception(kind: str) -> None:
    whole = drawn(kind)
    for cut in range(0, len(whole), 7):
        measure(whole[:cut])
        found = scale(whole[:cut], max_edge=10, max_bytes=1000)
        assert found.content is not None or found.note


@given(
    st.sampled_from(
        [
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"GIF89a",
            b"II*\0",
            b"MM\0*",
            b"RIFF1234WEBP",
            b"BM",
            b"\0\0\0\x18ftypavif",
        ]
    ),
    st.binary(max_size=300),
)
def test_random_bytes_behind_a_known_start_are_never_an_exception(start: bytes, rest: bytes) -> None:
    measure(start + rest)
    scale(start + rest, max_edge=10, max_bytes=1000)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "CMYK"), ("GIF", "L"), ("WEBP", "RGB")]
)
def test_small_picture_keeps_its_bytes(kind: str, mode: str) -> None:
    content = drawn(kind, mode=mode)
    found = scale(content, max_edge=512, max_bytes=200_000)
    assert found.content == content
    assert found.note == ""
    assert found.mime == sniff_picture(content)


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (drawn("PNG", (3000, 1500)), "image/jpeg"),
        (drawn("PNG", (3000, 1500), "RGBA"), "image/png"),
        (drawn("PNG", (3000, 1500), "LA"), "image/png"),
        (drawn("PNG", (3000, 1500), "P", transparency=0), "image/png"),
        (drawn("PNG", (3000, 1500), "1"), "image/jpeg"),
        (drawn("PNG", (3000, 1500), "I;16"), "image/jpeg"),
        (drawn("JPEG", (3000, 1500), "CMYK"), "image/jpeg"),
        (drawn("TIFF", (30, 15)), "image/jpeg"),
        (drawn("BMP", (30, 15)), "image/jpeg"),
        (drawn("AVIF", (300, 150)), "image/jpeg"),
        (noise((900, 600)), "image/jpeg"),
        (noise((900, 600), "RGBA"), "image/jpeg"),
    ],
    ids=["rgb", "rgba", "la", "palette", "bits", "16 bits", "cmyk", "tiff", "bmp", "avif", "noise", "noise rgba"],
)
def test_large_or_rare_picture_becomes_a_small_common_one(content: bytes, mime: str) -> None:
    found = scale(content, max_edge=512, max_bytes=200_000)
    assert found.content is not None
    assert found.mime == sniff_picture(found.content) == mime
    assert len(found.content) <= 200_000
    size = measure(found.content)
    assert size is not None
    assert max(size) <= 512
    assert f"scaled to {size[0]} x {size[1]} {mime}" in found.note


def test_sixteen_bits_of_grey_are_not_clipped_to_white() -> None:
    found = scale(drawn("PNG", (600, 600), "I;16"), max_edge=64, max_bytes=200_000)
    assert found.content is not None
    with Image.open(io.BytesIO(found.content)) as small:
        assert max(small.convert("L").tobytes()) <= 2  # the gradient is 0 to 255 of 65535: nearly black


def test_turned_camera_picture_is_set_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    Image.linear_gradient("L").resize((800, 400)).convert("RGB").save(out, "JPEG", exif=exif)
    found = scale(out.getvalue(), max_edge=100, max_bytes=200_000)
    assert found.content is not None
    assert measure(found.content) == (50, 100)


def test_transparency_is_dropped_where_only_jpeg_is_wanted() -> None:
    want: Literal["jpeg"] = "jpeg"
    found = scale(drawn("PNG", (900, 900), "RGBA"), max_edge=100, max_bytes=200_000, to=want)
    assert found.mime == "image/jpeg"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (HEADER_ONLY, "cannot be decoded"),
        (drawn("PNG", (600, 600))[:-40], "the picture is cut off"),
        (drawn("JPEG", (600, 600))[:2000], "the picture is cut off"),
        (b"\x89PNG\r\n\x1a\n", "cut or damaged in its header"),
        (bomb(60_000, 60_000), "too many to decode"),
        (bomb(2**31 - 1, 2**31 - 1), "too many to decode"),
        (box(b"heic", (4032, 3024)), "image/heic cannot be scaled here"),
        (b"<svg/>", "image/svg+xml cannot be scaled here"),
        (b"<html>", "no picture of a known type"),
        (b"", "no picture of a known type"),
    ],
    ids=["header only", "cut png", "cut jpeg", "magic only", "bomb", "huge bomb", "heic", "svg", "html", "empty"],
)
def test_what_cannot_be_shown_is_told_with_its_reason(content: bytes, reason: str) -> None:
    found = scale(content, max_edge=512, max_bytes=200_000)
    assert found.content is None
    assert reason in found.note


def test_picture_that_fits_into_no_limit_is_told() -> None:
    found = scale(noise((300, 300)), max_edge=200, max_bytes=100)
    assert found.content is None
    assert "100 bytes" in found.note


def test_largest_picture_allowed_is_bounded() -> None:
    assert MAX_DECODED_BYTES <= 150_000_000


def test_scaled_picture_shows_the_same() -> None:
    content = drawn("PNG", (1024, 1024))
    found = scale(content, max_edge=64, max_bytes=200_000)
    assert found.content is not None
    with Image.open(io.BytesIO(content)) as big, Image.open(io.BytesIO(found.content)) as small:
        difference = ImageChops.difference(big.resize((64, 64)).convert("L"), small.convert("L"))
    assert max(difference.tobytes()) < 24
