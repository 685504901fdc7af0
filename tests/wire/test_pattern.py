from __future__ import annotations

import json

import pytest

from anymodel_mcp.wire.decode.pattern import Pattern


def line(text: str, **more: object) -> str:
    return "data: " + json.dumps({"id": "1", "choices": [{"delta": {"content": text}}], **more})


def learned(text: str = "abc") -> Pattern:
    pattern = Pattern()
    pattern.learn(line(text), "content")
    return pattern


@pytest.mark.parametrize("text", ["", "x", 'a "quoted" \\ word', "two\nlines", "\u2028", "}]}"])
def test_a_line_that_differs_in_its_text_is_read(text: str) -> None:
    assert learned().read(line(text)) == text


@pytest.mark.parametrize(
    "other",
    [
        line("x", usage={}),
        line("x").replace('"id": "1"', '"id": "2"'),
        line("x") + " ",
        line('x", "more": "y').replace('\\"', '"'),
        line("x").replace('"x"', '"\\q"'),
        line("x").replace('"x"', "null"),
        "",
    ],
)
def test_a_line_that_differs_elsewhere_is_not(other: str) -> None:
    assert learned().read(other) is None


def test_a_line_that_names_the_field_twice_teaches_nothing() -> None:
    pattern = Pattern()
    twice = line("x", content="y")
    pattern.learn(twice, "content")
    assert pattern.read(twice) is None


def test_learning_in_vain_is_given_up_and_tried_again_later() -> None:
    pattern = Pattern()
    for number in range(63):
        pattern.learn(line("x", number=number), "content")
    assert pattern.read(line("y", number=7)) == "y"
    assert pattern.read(line("y", number=62)) is None
    pattern.learn(line("x", number=63), "content")
    assert pattern.read(line("y", number=63)) == "y"


def test_nothing_is_read_before_anything_is_learned() -> None:
    assert Pattern().read(line("x")) is None
