from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.types import ChatResult, Citation, Picture
from tests.wire.feeding import (
    JSON_HEAD,
    STOP,
    as_bytes,
    chat,
    chat_failure,
    chunk,
    frame,
    message,
    texts,
)

Json = dict[str, Any]
PNG = "iVBORw0KGgo="


def whole(content: Any = "pong", finish: Any = "stop", **more: Any) -> ChatResult:
    return chat(as_bytes(message(content, finish, **more)), head=JSON_HEAD)


# --- reasoning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deltas", "wanted"),
    [
        ([{"reasoning_content": "a"}, {"reasoning_content": "b"}], "ab"),
        ([{"reasoning": "a"}, {"reasoning": "b"}], "ab"),
        ([{"thinking": "ab"}], "ab"),
        ([{"reasoning": "a", "reasoning_content": "a"}, {"reasoning": "b", "reasoning_content": "b"}], "ab"),
        ([{"reasoning": "a", "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": "a"}]}], "a"),
        ([{"reasoning_details": [{"type": "reasoning.summary", "index": 0, "summary": "ab"}]}], "ab"),
        ([{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "ab"}]}]}], "ab"),
        ([{"content": [{"type": "thinking", "thinking": "ab"}]}], "ab"),
        ([{"reasoning": "ab"}, {"content": "<think>ab</think>"}], "ab"),
        ([{"reasoning": {"text": "ab"}}], "ab"),
        ([{"reasoning_content": None, "reasoning": ""}], ""),
    ],
)
def test_reasoning_of_every_carrier_counts_once(deltas: list[Json], wanted: str) -> None:
    result = chat("".join(map(chunk, deltas)) + texts("Hi") + STOP)
    assert (result.text, result.reasoning) == ("Hi", wanted)


def test_tags_that_say_something_else_are_kept_too() -> None:
    assert chat(chunk({"reasoning": "a"}) + texts("<think>b</think>Hi") + STOP).reasoning == "a\nb"


def test_a_whole_message_brings_its_reasoning() -> None:
    result = whole("<think>a</think>Hi")
    assert (result.text, result.reasoning) == ("Hi", "a")
    assert whole("Hi", reasoning_content="a").reasoning == "a"
    assert whole([{"type": "thinking", "thinking": "a"}, {"type": "text", "text": "Hi"}]).reasoning == "a"


def test_a_last_message_adds_only_what_was_not_streamed() -> None:
    last = frame(
        message("Hi", reasoning_content="a", tool_calls=[{"id": "x", "function": {"name": "f", "arguments": "{}"}}])
    )
    result = chat(chunk({"reasoning_content": "a"}) + texts("H", "i") + last)
    assert (result.text, result.reasoning, len(result.tool_calls)) == ("Hi", "a", 1)


def test_what_must_go_back_is_carried() -> None:
    details = [
        {"type": "reasoning.text", "index": 0, "id": "r", "text": "a", "signature": None},
        {"type": "reasoning.text", "index": 0, "text": "b", "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "x"},
    ]
    stream = "".join(chunk({"reasoning_details": [d]}) for d in details)
    stream += chunk({"reasoning_content": "c", "extra_content": {"google": {"thought_signature": "U0"}}})
    result = chat(stream + texts("Hi") + STOP)
    assert result.carry == {
        "reasoning_content": "c",
        "reasoning_details": [
            {"type": "reasoning.text", "index": 0, "id": "r", "text": "ab", "signature": "s"},
            {"type": "reasoning.encrypted", "index": 1, "data": "x"},
        ],
        "extra_content": {"google": {"thought_signature": "U0"}},
    }
    assert whole("Hi").carry == {}


def test_text_before_a_closing_tag_is_reasoning_where_the_template_opens() -> None:
    result = chat(texts("hm", "</think>", "Hi") + STOP, think_tags="closing_only_possible")
    assert (result.text, result.reasoning) == ("Hi", "hm")
    result = chat(texts("just", " text") + STOP, think_tags="closing_only_possible")
    assert result.text == "just text"
    assert chat_failure(texts("just", " te"), think_tags="closing_only_possible").partial_text == "just te"


# --- tool calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "function_call", None])
def test_an_answer_with_calls_ends_with_calls(finish: str | None) -> None:
    result = whole(None, finish, tool_calls=[{"id": "x", "function": {"name": "f", "arguments": "{}"}}])
    assert result.finish_reason == "tool_calls"
    assert result.warnings == ()


def test_a_call_cut_off_by_the_limit_stays_cut_off() -> None:
    result = whole(None, "length", tool_calls=[{"id": "x", "function": {"name": "f", "arguments": '{"a"'}}])
    assert (result.finish_reason, result.tool_calls) == ("length", ())
    assert result.invalid_tool_calls[0].arguments_raw == '{"a"'


def test_a_legacy_function_call_is_a_call() -> None:
    assert whole(None, "function_call", function_call={"name": "f", "arguments": '{"a": 1}'}).tool_calls[
        0
    ].arguments == {"a": 1}
    stream = chunk({"function_call": {"name": "f", "arguments": '{"a"'}}) + chunk(
        {"function_call": {"arguments": ": 1}"}}
    )
    assert chat(stream + chunk({}, "function_call")).tool_calls[0].arguments == {"a": 1}


def test_entries_that_are_no_calls_are_told() -> None:
    result = whole("pong", tool_calls=["string"])
    assert result.tool_calls == ()
    assert "tool_calls" in result.warnings[0]


# --- pictures and sources ---------------------------------------------------------------------------------------------


def test_pictures_are_listed_wherever_they_stand() -> None:
    link = "https://x.example/a.png?sig=%2F&b=1"
    assert whole(f"Look: ![a cat]({link})").images == (Picture(url=link),)
    assert (
        whole(
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, {"type": "text", "text": "x"}]
        ).images
        == ()
    )
    assert whole([{"type": "audio"}, {"type": "text", "text": [[[[[["deep"]]]]]]}, "x"]).text == "x"
    assert whole("no ![x](ftp://a) and [y](https://x.example)").images == ()
    data = f"data:image/png;base64,{PNG}"
    for made in (whole("", images=[data]), whole([{"type": "image_url", "image_url": {"url": data}}])):
        assert [(i.mime, i.content) for i in made.images] == [("image/png", b"\x89PNG\r\n\x1a\n")]
        assert made.warnings == ()
    twice = chat(
        chunk({"images": [{"image_url": {"url": data}}]}) + frame(message("", images=[{"image_url": {"url": data}}]))
    )
    assert len(twice.images) == 1


def test_the_bytes_of_a_picture_are_taken_out_of_the_text() -> None:
    result = whole(f"Here: ![cat](data:image/png;base64,{PNG}) and ![](data:image/png;base64,=)")
    assert result.text == "Here: ![cat](picture-1) and ![](data:image/png;base64,=)"
    assert [i.mime for i in result.images] == ["image/png"]
    assert "removed" in result.warnings[0]


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        (
            {"citations": ["https://a", "https://b"], "search_results": [{"url": "https://a", "title": "A"}]},
            [("https://a", "A"), ("https://b", None)],
        ),
        ({"web_search": [{"link": "https://a", "title": "A"}]}, [("https://a", "A")]),
        ({"citations": [{"url": "https://a"}, 3, {}]}, [("https://a", None)]),
    ],
)
def test_sources_are_listed_once(more: Json, wanted: list[tuple[str, str | None]]) -> None:
    result = chat(as_bytes({**message(), **more}))
    assert list(result.citations) == [Citation(url=u, title=t) for u, t in wanted]
    streamed = chat(texts("Hi") + chunk({}, "stop", **more) + chunk({}, "stop", **more))
    assert streamed.citations == result.citations


def test_annotations_are_sources() -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A"}}
    assert whole("Hi", annotations=[note]).citations == (Citation(url="https://a", title="A"),)
    assert chat(chunk({"content": "Hi", "annotations": [note]}) + STOP).citations == (
        Citation(url="https://a", title="A"),
    )
    part = {"type": "text", "text": "Hi", "annotations": [{"type": "url_citation", "url": "https://b"}]}
    assert whole([part]).citations == (Citation(url="https://b"),)
