"""Pictures and files in the forms in which models write them."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.chat import ChatArguments
from anymodel_mcp.tools.generate_image import GenerateImageArguments

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(100)).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(100)).decode()
PNG_URL, JPEG_URL = f"data:image/png;base64,{PNG}", f"data:image/jpeg;base64,{JPEG}"
WEB = "https://example.com/a.png"

# the forms of OpenAI's chat and Responses APIs, of Anthropic, Gemini and MCP
FORMS: list[tuple[Any, str]] = [
    (WEB, WEB),
    ("shots/a b.png", "shots/a b.png"),
    (PNG, PNG_URL),
    (JPEG, JPEG_URL),
    ({"type": "image_url", "image_url": {"url": WEB}}, WEB),
    ({"type": "image_url", "image_url": PNG_URL}, PNG_URL),
    ({"type": "input_image", "image_url": WEB}, WEB),
    ({"url": WEB}, WEB),
    ({"url": PNG}, PNG_URL),
    ({"type": "image", "data": PNG, "mimeType": "image/png"}, PNG_URL),
    ({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": JPEG}}, JPEG_URL),
    ({"type": "image", "source": {"type": "url", "url": WEB}}, WEB),
    ({"inline_data": {"mime_type": "image/png", "data": PNG}}, PNG_URL),
    ({"b64_json": PNG}, f"data:application/octet-stream;base64,{PNG}"),
    ({"path": "/home/ann/a.png"}, "/home/ann/a.png"),
    (
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        "data:application/pdf;base64,JVBERi0=",
    ),
]


@pytest.mark.parametrize(("given", "reference"), FORMS)
def test_what_is_plainly_a_picture_is_taken(given: Any, reference: str) -> None:
    for arguments in ({"images": [given]}, {"files": [given]}):
        parsed = parse(ChatArguments, {"prompt": "x", **arguments}, frozenset())
        assert [*(parsed.images or ()), *(parsed.files or ())] == [reference]
    assert parse(GenerateImageArguments, {"prompt": "x", "images": [WEB], "mask": given}, frozenset()).mask == reference


def test_base64_in_lines_is_taken() -> None:
    wrapped = "\n".join(PNG[i : i + 76] for i in range(0, len(PNG), 76))
    parsed = parse(ChatArguments, {"prompt": "x", "images": [wrapped]}, frozenset())
    assert (parsed.images or [""])[0].startswith("data:image/png;base64,")


def test_one_object_is_a_list_of_one() -> None:
    assert parse(ChatArguments, {"prompt": "x", "images": {"url": WEB}}, frozenset()).images == [WEB]
    assert parse(ChatArguments, {"prompt": "x", "images": f'[{{"url": "{WEB}"}}]'}, frozenset()).images == [WEB]


@pytest.mark.parametrize(
    "text", ["A" * 500, base64.b64encode(b"just some text" * 20).decode(), "/9j", "a" * 200 + ".png", "9j/" * 30]
)
def test_what_is_no_picture_stays_a_path(text: str) -> None:
    assert parse(ChatArguments, {"prompt": "x", "images": [text]}, frozenset()).images == [text]


@pytest.mark.parametrize(
    "given", [5, None, [], {}, {"picture": 1}, {"url": ""}, {"image": {"image": {"image": {"image": {"url": WEB}}}}}]
)
def test_anything_else_is_refused_with_the_forms_that_are_right(given: Any) -> None:
    with pytest.raises(ArgumentError, match="images") as caught:
        parse(ChatArguments, {"prompt": "x", "images": [given]}, frozenset())
    assert caught.value.failure.param == "images"
