"""Arguments: strict about names, lenient about spelling, one sentence for what is wrong; portable schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.tools import TOOLS
from anymodel_mcp.tools.arguments import parse, schema
from anymodel_mcp.tools.chat import ChatArguments
from anymodel_mcp.tools.context import ToolSpec

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        ({"prompt": "[1]"}, "prompt", "[1]"),
        ({"prompt": '{"a": 1}'}, "prompt", '{"a": 1}'),
        ({"temperature": "0.5"}, "temperature", 0.5),
        ({"max_tokens": "12"}, "max_tokens", 12),
        ({"max_tokens": 12.0}, "max_tokens", 12),
        ({"stop": "END"}, "stop", ["END"]),
        ({"stop": '["a", "b"]'}, "stop", ["a", "b"]),
        ({"stop": "[not json"}, "stop", ["[not json"]),
        ({"messages": '[{"role": "user"}]'}, "messages", [{"role": "user"}]),
        ({"options": '{"seed": 1}'}, "options", {"seed": 1}),
        ({"model": None}, "model", None),
        ({"stream": "false"}, "stream", False),
    ],
)
def test_values_are_taken_as_hosts_spell_them(given: dict[str, Any], field: str, expected: Any) -> None:
    assert getattr(parse(ChatArguments, given, NONE), field) == expected


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"max_token": 5}, "unknown argument 'max_token': did you mean 'max_tokens'?"),
        ({"zzz": 5}, "unknown argument 'zzz': a field of the provider's request goes into options"),
        ({"max_tokens": True}, "max_tokens must be a number"),
        ({"temperature": False}, "temperature must be a number"),
        ({"temperature": "warm"}, "temperature must be a number"),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
        ({"prompt": 5}, "prompt must be a string"),
        ({"messages": "hello"}, "messages must be an array"),
        ({"messages": ["hello"]}, "messages[0] must be an object"),
        ({"options": "seed"}, "options must be an object"),
        ({"stop": [1]}, "stop[0] must be a string"),
        ({"max_tokens": 0}, "max_tokens should be greater than or equal to 1"),
        ({"max_tokens": 0, "prompt": 5}, "prompt must be a string; max_tokens should"),
    ],
)
def test_what_is_wrong_is_one_sentence(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse(ChatArguments, given, NONE)
    assert sentence in caught.value.failure.message
    assert "\n" not in caught.value.failure.message


def test_what_a_host_adds_is_passed_over() -> None:
    parsed = parse(ChatArguments, {"prompt": "x", "wait_for_previous": True}, frozenset({"wait_for_previous"}))
    assert parsed.prompt == "x"


@pytest.mark.parametrize("tool", TOOLS, ids=lambda t: t.name)
def test_schemas_stay_in_the_subset_that_every_host_takes(tool: ToolSpec) -> None:
    made = schema(tool.arguments)
    assert made["additionalProperties"] is False
    text = json.dumps(made)
    for word in (
        "anyOf",
        "oneOf",
        "allOf",
        "$ref",
        "$defs",
        '"default"',
        '"title"',
        '"null"',
        "prefixItems",
        "exclusive",
    ):
        assert word not in text, word
    _walk(made)


def _walk(entry: dict[str, Any]) -> None:
    assert isinstance(entry.get("type"), str)
    if entry["type"] == "array":
        _walk(entry["items"])
    if entry["type"] == "object":
        assert entry["properties"]
        for part in entry["properties"].values():
            _walk(part)
