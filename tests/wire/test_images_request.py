from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import FilePart, ImageRequest
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.images.request import aspect_ratio, build_image, size_of

PNG = FilePart(name="a.png", mime="image/png", content=b"\x89PNG")
JPEG = FilePart(name="b.jpg", mime="image/jpeg", content=b"\xff\xd8\xff")
PNG_URL = "data:image/png;base64,iVBORw=="
JPEG_URL = "data:image/jpeg;base64,/9j/"


def image(kind: Any = "openai", row: str = "", **fields: Any) -> WireRequest:
    dialect = resolve(row, "m", {}) if row else Dialect(image_dialect=kind, image_response_format=None)
    given: dict[str, Any] = {"model": "m", "prompt": "a cat", **fields}
    return build_image(ImageRequest(**given), dialect)


ASKED = {"size": "1024x768", "n": 2, "quality": "high", "output_format": "webp"}


@pytest.mark.parametrize(
    ("row", "sent"),
    [
        ("openai", {**ASKED, "response_format": "b64_json"}),
        ("ionos", {**ASKED, "size": "1024*768", "response_format": "b64_json"}),
        (
            "together",
            {
                "n": 2,
                "quality": "high",
                "output_format": "webp",
                "response_format": "base64",
                "width": 1024,
                "height": 768,
            },
        ),
        (
            "siliconflow",
            {"quality": "high", "output_format": "webp", "batch_size": 2, "image_size": "1024x768"},
        ),
        (
            "xai",
            {
                "n": 2,
                "quality": "high",
                "output_format": "webp",
                "response_format": "b64_json",
                "aspect_ratio": "4:3",
            },
        ),
    ],
)
def test_a_size_is_said_in_the_providers_words(row: str, sent: dict[str, Any]) -> None:
    request = image(row=row, **ASKED)
    assert request.body == {"model": "m", "prompt": "a cat", **sent}
    assert (request.path, request.endpoint, request.repeatable) == ("images/generations", "images", False)


def test_a_word_for_a_size_passes_where_words_are_taken() -> None:
    assert (image(size="auto").body or {})["size"] == "auto"
    assert (image("siliconflow", size="2K").body or {})["image_size"] == "2K"
    together = image("together", size="2K")
    assert "width" not in (together.body or {})
    assert "width and height" in together.warnings[0]
    xai = image("xai", size="auto")
    assert ((xai.body or {})["aspect_ratio"], xai.warnings) == ("auto", ())


@pytest.mark.parametrize(
    ("text", "size", "ratio"),
    [
        ("1024x1024", (1024, 1024), "1:1"),
        (" 1792 X 1024 ", (1792, 1024), "16:9"),
        ("1024*1792", (1024, 1792), "9:16"),
        ("16:9", (16, 9), "16:9"),
        ("auto", None, None),
        ("0x5", None, None),
        ("", None, None),
    ],
)
def test_sizes_and_ratios_are_read(text: str, size: tuple[int, int] | None, ratio: str | None) -> None:
    assert (size_of(text), aspect_ratio(text)) == (size, ratio)


def test_options_win_and_only_the_form_of_the_bytes_stays_repairable() -> None:
    request = image(size="1x1", options={"size": "9x9", "response_format": "url", "stream": True, "quality": None})
    assert (request.body or {})["size"] == "9x9"
    assert request.protected == {"size", "stream"}
    assert request.stream


def test_an_edit_is_a_form_with_its_pictures() -> None:
    request = image(images=[PNG, JPEG], mask=PNG, n=2, size="1x1", options={"user": "u", "x": {"a": 1}, "l": [1, 2]})
    assert (request.path, request.multipart, request.repeatable) == ("images/edits", True, False)
    assert request.form == (
        ("model", "m"),
        ("prompt", "a cat"),
        ("n", "2"),
        ("size", "1x1"),
        ("user", "u"),
        ("x", '{"a": 1}'),
        ("l", "1"),
        ("l", "2"),
    )
    assert request.files == (("image[]", PNG), ("image[]", JPEG), ("mask", PNG))
    assert request.protected == {"user", "x", "l"}
    one = build_image(ImageRequest(model="m", prompt="p", images=[PNG]), Dialect(image_input_field="image"))
    assert one.files == (("image", PNG),)
    assert ("response_format", "b64_json") in one.form


def test_an_edit_travels_as_data_urls_where_json_is_wanted() -> None:
    together = image("together", images=[PNG, JPEG]).body or {}
    assert (together["image_url"], together["reference_images"]) == (PNG_URL, [PNG_URL, JPEG_URL])
    assert "reference_images" not in (image("together", images=[PNG]).body or {})
    siliconflow = image("siliconflow", images=[PNG, JPEG]).body or {}
    assert (siliconflow["image"], siliconflow["image2"]) == (PNG_URL, JPEG_URL)
    xai = image("xai", images=[PNG])
    assert (xai.path, (xai.body or {})["image"]) == ("images/edits", {"type": "image_url", "url": PNG_URL})
    assert len((image("xai", images=[PNG, JPEG]).body or {})["images"]) == 2


@pytest.mark.parametrize("kind", ["together", "siliconflow", "xai", "openrouter", "chat"])
def test_a_mask_that_cannot_be_said_is_told(kind: str) -> None:
    assert "mask was left out: this provider edits without one" in image(kind, images=[PNG], mask=PNG).warnings


def test_pictures_by_chat_are_a_message() -> None:
    request = image("openrouter", size="1792x1024", n=1, quality="high", options={"seed": 1})
    assert request.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "a cat"}],
        "modalities": ["image", "text"],
        "image_config": {"aspect_ratio": "16:9"},
        "seed": 1,
    }
    assert (request.path, request.endpoint, request.repeatable) == ("chat/completions", "chat", False)
    assert "quality was left out: this provider makes pictures through chat" in request.warnings
    assert request.protected == {"seed"}


def test_pictures_by_plain_chat_have_no_words_for_sizes() -> None:
    request = image("chat", images=[PNG], size="1x1")
    assert request.body == {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "a cat"},
                    {"type": "image_url", "image_url": {"url": PNG_URL}},
                ],
            }
        ],
    }
    assert request.warnings == ("size was left out: this provider makes pictures through chat",)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"prompt": "  "}, "prompt is empty"),
        ({"mask": PNG}, "needs a picture"),
        ({"images": [FilePart(name="x", mime="image/png", content=bytes(50_000_001))]}, "50 MB"),
    ],
    ids=["no prompt", "mask alone", "too large"],
)
def test_what_cannot_be_meant_is_refused_before_it_is_paid(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ArgumentError, match=says):
        image(**fields)


def test_what_a_provider_refuses_is_left_out_and_told() -> None:
    dialect = Dialect(drop_params=frozenset({"quality"}))
    for images in ((), (PNG,)):
        asked = ImageRequest(model="m", prompt="p", quality="high", images=images)
        assert build_image(asked, dialect).warnings == ("quality was left out: this provider does not support it",)
