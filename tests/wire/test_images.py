from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.types import ImagesResult, Picture, Usage
from anymodel_mcp.wire.content.parts import decode_base64
from anymodel_mcp.wire.content.sniff import sniff_picture
from anymodel_mcp.wire.exchange import ResponseHead
from tests.wire.feeding import DONE, SSE_HEAD, images, images_reader, task, task_reader

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
CODED = base64.b64encode(PNG).decode()
LINK = "https://cdn.example/a.png?sig=a%2Fb&x=1"


def made(value: Any, **more: Any) -> ImagesResult:
    result = images(value, **more)
    assert isinstance(result, ImagesResult), result
    return result


def failed(value: Any, **more: Any) -> Failure:
    result = images(value, **more)
    assert isinstance(result, Failure), result
    return result


@pytest.mark.parametrize(
    "value",
    [
        {"data": [{"b64_json": CODED}]},
        {"data": [{"url": None, "b64_json": CODED}]},
        {"data": [{"b64_json": f"data:image/png;base64,{CODED}"}]},
        {"data": [{"url": f"data:image/png;base64,{CODED}"}]},
        {"data": [{"b64_json": CODED.rstrip("=")}]},
        {"data": [CODED]},
        {"images": [f"data:image/jpeg;base64,{CODED}"]},
        {"images": [{"image_base64": CODED}]},
        {"artifacts": [{"base64": CODED, "finishReason": "SUCCESS"}]},
        {"output": [{"type": "image_generation_call", "result": CODED}]},
        {"data": {"images": [{"b64_json": CODED}]}},
        {"b64_json": CODED},
        {"image": {"url": f"data:image/png;base64,{CODED}"}},
        [{"b64_json": CODED}],
        {
            "choices": [
                {"message": {"content": "", "images": [{"image_url": {"url": f"data:image/png;base64,{CODED}"}}]}}
            ]
        },
        {
            "choices": [
                {
                    "message": {
                        "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{CODED}"}}]
                    }
                }
            ]
        },
    ],
)
def test_bytes_come_out_unchanged_whatever_they_came_in(value: Any) -> None:
    assert made(value).images == (Picture(content=PNG, mime="image/png"),)


@pytest.mark.parametrize(
    "value",
    [
        {"data": [{"url": LINK}]},
        {"data": [{"url": LINK, "b64_json": None}], "content_filter": [{"level": 3}]},
        {"images": [{"url": LINK}], "data": [{"url": LINK}]},
        {"data": {"url": LINK}},
        {"output": [LINK]},
        {"choices": [{"message": {"content": f"![x]({LINK})"}}]},
        {"data": [{"url": LINK, "respect_moderation": True, "is_image_safe": True}]},
    ],
)
def test_an_address_comes_out_byte_for_byte(value: Any) -> None:
    assert made(value).images == (Picture(url=LINK),)


def test_an_entry_may_hold_both() -> None:
    entry = {"url": LINK, "b64_json": CODED, "revised_prompt": "a cat"}
    result = made({"data": [entry], "model": "m2", "usage": {"input_tokens": 1, "output_tokens": 2}})
    assert result.images == (Picture(content=PNG, mime="image/png", url=LINK, revised_prompt="a cat"),)
    assert (result.model, result.usage) == ("m2", Usage(input=1, output=2, total=3))
    assert made({"data": [{"url": LINK, "revised_prompt": "x"}]}).images[0].revised_prompt == "x"


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/json", ""])
def test_raw_bytes_are_the_picture(kind: str) -> None:
    result = made(PNG, head=ResponseHead(status=200, headers={"content-type": kind}))
    assert result.images == (Picture(content=PNG, mime="image/png"),)


def test_a_foreign_format_is_believed_from_the_content_type() -> None:
    result = made(
        b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(30),
        head=ResponseHead(status=200, headers={"content-type": "image/jxl"}),
    )
    assert result.images[0].mime is None
    assert made(PNG[:8], head=ResponseHead(status=200, headers={})).images[0].content == PNG[:8]


def test_json_called_an_image_is_json() -> None:
    assert made(
        {"data": [{"b64_json": CODED}]}, head=ResponseHead(status=200, headers={"content-type": "image/png"})
    ).images


def test_raw_bytes_cut_short_or_without_end_are_errors() -> None:
    failure = failed(PNG, broken="reset")
    assert (failure.kind, failure.retryable) == ("stream_truncated", False)
    assert failed(PNG * 100, limit=500).kind == "too_large"


def stream(*events: dict[str, Any]) -> bytes:
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()


@pytest.mark.parametrize("name", ["image_generation", "image_edit"])
def test_only_the_last_picture_of_a_stream_counts(name: str) -> None:
    body = stream(
        {"type": f"{name}.partial_image", "b64_json": "iVBORw0KGgoAAAANSUhE"},
        {"type": f"{name}.completed", "b64_json": CODED, "usage": {"input_tokens": 1, "output_tokens": 2}},
        {"type": f"{name}.partial_image", "b64_json": "x"},
    )
    result = made(body, head=SSE_HEAD)
    assert result.images == (Picture(content=PNG, mime="image/png"),)
    assert result.usage == Usage(input=1, output=2, total=3)


def test_a_stream_may_bring_several_pictures() -> None:
    body = stream(
        {"type": "image_generation.partial_succeeded", "url": LINK},
        {"type": "image_generation.partial_failed", "error": {"code": "Sensitive", "message": "no"}},
        {"type": "image_generation.completed", "usage": {"output_tokens": 3, "input_tokens": 0}},
    )
    result = made(body + DONE.encode(), head=SSE_HEAD)
    assert result.images == (Picture(url=LINK),)
    assert "Sensitive: no" in result.warnings[0]


def test_a_stream_that_stops_before_the_picture_is_no_success() -> None:
    body = stream({"type": "image_generation.partial_image", "b64_json": CODED})
    failure = failed(body, head=SSE_HEAD)
    assert not failure.retryable
    assert failure.kind in ("upstream", "stream_truncated")
    assert failed(body, head=SSE_HEAD, broken="reset").kind == "stream_truncated"
    assert failed(stream({"type": "image_generation.completed"}), head=SSE_HEAD).kind == "upstream"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"error": {"code": "OutputImageSensitive", "message": "may be sensitive"}}, "may be sensitive"),
        ({"error": "plain"}, "plain"),
        ({"error": {"x": 1}}, "without a message"),
        ({"respect_moderation": False, "url": ""}, "respect_moderation"),
        ({"is_image_safe": False, "url": None}, "is_image_safe"),
        ({"finish_reason": "CONTENT_FILTERED", "base64": ""}, "filter"),
    ],
)
def test_a_refused_picture_is_told(entry: Any, words: str) -> None:
    result = made({"data": [entry, {"url": LINK}]})
    assert len(result.images) == 1
    assert words in result.warnings[0]
    failure = failed({"data": [entry]})
    assert words in failure.message
    assert not failure.retryable


def test_a_refusal_by_the_filter_has_its_kind() -> None:
    assert failed({"data": [{"is_image_safe": False}]}).kind == "content_filter"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"data": []}, "upstream"),
        ({"created": 1}, "upstream"),
        ({"data": [{"b64_json": "!!"}]}, "upstream"),
        ({"data": [{"b64_json": ""}]}, "upstream"),
        ({"message": "try later"}, "upstream"),
        ({"error": {"message": "boom"}}, "upstream"),
        ({"error": {"message": "boom", "code": "rate_limit_exceeded"}}, "rate_limit"),
        (b"", "upstream"),
        (b"<html></html>", "config"),
        (b'{"data": [{"b64', "stream_truncated"),
        (b"no picture at all", "protocol"),
    ],
)
def test_no_picture_is_never_a_success_and_never_asked_for_again(value: Any, kind: str) -> None:
    failure = failed(value)
    assert failure.kind == kind
    assert failure.retryable is (kind == "rate_limit")


@pytest.mark.parametrize("value", [{"task_id": "t9"}, {"data": {"task_id": "t9"}}, {"task_id": "t9", "data": []}])
def test_a_ticket_is_no_picture_yet(value: Any) -> None:
    result = made(value)
    assert (result.task_id, result.images) == ("t9", ())


def test_there_is_neither_text_nor_news_of_pictures() -> None:
    reader = images_reader(SSE_HEAD, limit=1000)
    assert reader.feed(stream({"type": "image_generation.partial_image", "b64_json": "x"})) == ()
    assert reader.partial_text == ""
    assert not reader.done
    other = task_reader(SSE_HEAD, limit=1000)
    assert (list(other.feed(b"{}")), other.partial_text, other.done) == ([], "", False)


def test_a_flood_of_pictures_is_cut_off() -> None:
    assert len(made({"data": [{"url": LINK}] * 200}).images) == 128


def test_a_picture_after_the_limit_is_not_kept() -> None:
    reader = images_reader(SSE_HEAD, limit=100)
    for _ in range(20):
        reader.feed(PNG)
    assert reader.done


def test_a_number_is_a_ticket_too() -> None:
    assert made({"task_id": 7}).task_id == "7"


@pytest.mark.parametrize("value", [{"id": "t1", "request": {}}, {"id": "t1", "response": None}])
def test_work_that_goes_on_keeps_its_ticket(value: Any) -> None:
    result = task(value)
    assert isinstance(result, ImagesResult)
    assert (result.task_id, result.images) == ("t1", ())


@pytest.mark.parametrize(
    "value",
    [
        {"id": "t1", "response": {"success": True, "task_id": "t1", "data": [{"url": LINK}]}},
        {"id": "t1", "data": [{"url": LINK}]},
    ],
)
def test_finished_work_is_a_picture(value: Any) -> None:
    result = task(value)
    assert isinstance(result, ImagesResult)
    assert (result.task_id, result.images) == (None, (Picture(url=LINK),))


def test_failed_work_is_an_error() -> None:
    failure = task({"id": "t1", "response": {"success": False, "error": {"code": "api_error", "message": "boom"}}})
    assert isinstance(failure, Failure)
    assert "boom" in failure.message
    assert not failure.retryable
    empty = task({"id": "t1", "response": {"success": True}})
    assert isinstance(empty, Failure)


@pytest.mark.parametrize(
    ("start", "mime"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF1234WEBPVP8", "image/webp"),
        (b"GIF89a", "image/gif"),
        (b"BM" + bytes(30), "image/bmp"),
        (b"BMW is a car maker, not a picture", None),
        (b"\x00\x00\x00\x1cftypavif", "image/avif"),
        (b'<?xml version="1.0"?>\n<svg xmlns=', "image/svg+xml"),
        (b"  <svg>", "image/svg+xml"),
        (b"hello", None),
        (b"", None),
    ],
)
def test_the_type_is_told_by_the_bytes(start: bytes, mime: str | None) -> None:
    assert sniff_picture(start) == mime


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("aGk=", b"hi"), ("aGk", b"hi"), ("a_-_", b"k\xff\xbf"), ("aG\nk=", b"hi"), ("a", None), ("", b"")],
)
def test_base64_of_either_alphabet_is_read(text: str, wanted: bytes | None) -> None:
    assert decode_base64(text) == wanted
