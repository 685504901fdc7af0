from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.wire.decode.json_values import as_count, as_number, first_text, glimpse, joined_pairs, parse_or_none


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (1, 1),
        (1.5, 1.5),
        ("2", 2),
        ("-3.5", -3.5),
        ("x", None),
        ("9" * 50, None),
        (True, None),
        (None, None),
        (10**400, None),
        (float("inf"), None),
        ([], None),
    ],
)
def test_numbers_are_read_and_nothing_else(value: Any, wanted: float | None) -> None:
    assert as_number(value) == wanted


@pytest.mark.parametrize(("value", "wanted"), [(3, 3), ("3", 3), (3.9, 3), (-1, None), (False, None)])
def test_counts_are_whole_and_not_negative(value: Any, wanted: int | None) -> None:
    assert as_count(value) == wanted


def test_the_first_text_that_is_there_counts() -> None:
    assert first_text({"a": "", "b": 1, "c": "x"}, "a", "b", "c") == "x"
    assert first_text({}, "a") == ""


def test_json_that_is_none_is_nothing() -> None:
    assert parse_or_none("{") is None
    assert parse_or_none("[" * 200_000) is None
    assert parse_or_none('"a\tb"') == "a\tb"


def test_a_glimpse_is_short_and_never_fails() -> None:
    assert glimpse({"a": 1}) == '{"a": 1}'
    assert len(glimpse(["word"] * 1000, 50)) <= 50
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    assert len(glimpse(deep)) <= 600
    while deep:
        deep = deep[0]


@pytest.mark.parametrize(
    ("text", "wanted"), [("a", "a"), ("\ud83d\ude00", "\U0001f600"), ("\ud83d", "\ud83d"), ("é", "é")]
)
def test_halves_of_a_character_are_joined(text: str, wanted: str) -> None:
    assert joined_pairs(text) == wanted
