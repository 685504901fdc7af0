"""How much a JSON text holds is known before it is parsed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymodel_mcp.wire.decode.extent import ExcessError, check_extent, weight

VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(VALUES)
def test_what_is_within_the_bounds_is_taken(value: Any) -> None:
    check_extent(json.dumps(value))


@pytest.mark.parametrize(
    "text",
    [
        "[" + "{}," * 1_000_000 + "0]",
        "[" + "1," * 2_000_000 + "0]",
        "[" + '"a",' * 1_500_000 + "0]",
        '{"a":' + '{"b":1},' * 1_000_000,
    ],
    ids=["objects", "numbers", "strings", "cut"],
)
def test_too_many_values_are_refused(text: str) -> None:
    with pytest.raises(ExcessError, match="more than 1,000,000 JSON values"):
        check_extent(text)


@pytest.mark.parametrize("text", ["[" * 101, '{"a":' * 101 + "1", '["]",' * 200])
def test_too_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(ExcessError, match="deeper than 100 levels"):
        check_extent(text)


@pytest.mark.parametrize(
    "value",
    [
        "," * 5_000_000,
        "[" * 5_000_000,
        '{"a": [' * 1_000_000,
        '\\"' * 1_000_000,
        ["[[[[[[[[[["] * 50,
        [[1]] * 100_000,
        ["\\" * n + '"[,' for n in range(2000)],
    ],
    ids=["commas", "brackets", "JSON in a string", "quotes", "many strings", "wide", "backslashes"],
)
def test_what_stands_in_strings_does_not_count(value: Any) -> None:
    check_extent(json.dumps(value))


def test_the_weight_of_a_value_is_about_its_text() -> None:
    assert weight({"a": ["x" * 1000, {"b": "y" * 500}]}) >= 1500
