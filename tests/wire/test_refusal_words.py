"""What the readers of refusals make of words: limits, missing fields, meanings; also where they must stay away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymodel_mcp.wire.failures import meanings
from anymodel_mcp.wire.failures.limits import named_bounds, output_room
from anymodel_mcp.wire.failures.missing import missing_field
from anymodel_mcp.wire.failures.texts import field_texts, listed_texts, loose_words, text_before_json


@pytest.mark.parametrize(
    ("text", "value", "limit"),
    [
        ("max_tokens must be at most 4096", 9000, 4096),
        ("max_tokens must be less than 4096", 9000, 4095),
        ("must not be greater than 4096, got 9000", 9000, 4096),
        ("max_tokens: 20,000 > 16,384", 20_000, 16_384),
        ("9000 > 4096", 8000, None),
        ("valid range: [1, 8192]", 9000, 8192),
        ("in range: 1 to 8192", 9000, 8192),
        ("must be at least 16", 5, 16),
        ("must be greater than 0", 0, 1),
        ("temperature must be between 0 and 1", 1.5, 1),
        ("temperature must be between 0 and 1", -0.5, 0),
        ("at most 9000", 9000, None),
        ("at most many", 9000, None),
        ("<400> max_tokens: at most 100", 9000, 100),
        ("at most 1.5.2", 9000, None),
    ],
)
def test_the_limit_of_a_number_is_the_one_that_forbids_it(text: str, value: float, limit: float | None) -> None:
    assert named_bounds(text, value).nearest == limit


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("maximum context length is 4096 tokens. You requested 5000 tokens (3000 in the messages, 2000 ...)", 1096),
        ("`inputs` 3000 + 2000 > 4096", 1096),
        ("maximum context length is 4096 tokens, 5000 in the messages", None),
        ("too long", None),
    ],
)
def test_what_may_be_generated_is_what_the_input_leaves(text: str, room: int | None) -> None:
    assert output_room(text, 2000) == room


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("max_tokens: Field required", "max_tokens"),
        ("Missing required parameter: 'max_tokens'", "max_tokens"),
        ("The request is missing `max_tokens` parameter", "max_tokens"),
        ("`max_tokens` parameter must be provided", "max_tokens"),
        ("Parameter max_tokens cannot be empty", "max_tokens"),
        ("缺少必填参数: max_tokens", "max_tokens"),
        ("messages[0].content is required", "messages[0].content"),
        ("Authentication required", None),
        ("the payment is required", None),
        ("this field is required", None),
        ("nothing to say", None),
    ],
)
def test_the_missing_field_is_named(text: str, name: str | None) -> None:
    assert missing_field(text) == name


@pytest.mark.parametrize(
    ("idea", "text", "lacks"),
    [
        ("stream", "Streaming is disabled for your account", True),
        ("stream", "enable_thinking must be false for non-streaming calls", False),
        ("stream", "stream_options is not supported", False),
        ("reasoning", "this model does not support thinking", True),
        ("reasoning", "missing reasoning_content, cannot continue", False),
        ("tools", "Tool use is unavailable for this model", True),
        ("tools", "tool_choice is required with tools", False),
        ("vision", "Model x only supports text input", True),
        ("vision", "the picture shows a house", False),
    ],
)
def test_a_lack_is_told_from_a_mention(idea: str, text: str, lacks: bool) -> None:
    assert meanings.lacks_idea(idea, text) is lacks


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("your prompt has 40000 tokens, the model supports up to 32768", "overflow"),
        ("number of inputs is 3000, the maximum is 2048", ""),
        ("max_tokens is 9000, the maximum is 4096 tokens", ""),
        ("Limit 10000, Used 9000, Requested 2000 tokens per min", ""),
        ("Limit 10000, Requested 20000 tokens per min", "larger"),
        ("maximum context length is 8192 tokens, you sent 9000", "larger"),
        ("limit: 3, you have 5 requests running", ""),
    ],
)
def test_what_is_too_large_is_told_from_what_is_too_often(text: str, meaning: str) -> None:
    larger = meanings.exceeds_limit(text)
    found = "larger" if larger else "overflow" if meanings.says_overflow(text) else ""
    throttled = meanings.says_throttled(text) or "running" in text
    assert ("" if throttled and not larger else found) == meaning


@given(st.text(max_size=400) | st.lists(st.sampled_from(["max_tokens", ">", "4,096", "at most", "[1,", "2]", "{"])))
def test_no_text_breaks_a_reader(text: str | list[str]) -> None:
    text = text if isinstance(text, str) else " ".join(text)
    named_bounds(text, 5)
    output_room(text, 5)
    missing_field(text)
    text_before_json(text)
    for reader in (meanings.says_overflow, meanings.says_challenged, meanings.refuses_roles, meanings.exceeds_limit):
        reader(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["error", "loc", "msg", "field", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_JSON)
def test_no_value_breaks_the_readers_of_texts(value: object) -> None:
    field_texts(value)
    assert isinstance(loose_words(value), str)
    if isinstance(value, list):
        listed_texts(value)  # pyright: ignore[reportUnknownArgumentType]
