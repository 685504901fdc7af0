"""Schemas of callers: which can be used, what is wrong with the others, and what an answer lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anymodel_mcp.tools.json_schema import answer_problem, is_light, schema_problem

DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
ENDLESS: dict[str, dict[str, Any]] = {
    "itself": {"$ref": "#"},
    "two": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    "anyOf": {"anyOf": [{"type": "string"}, {"$ref": "#"}]},
    "oneOf": {"$defs": {"a": {"oneOf": [{"$ref": "#/$defs/a"}]}}, "items": {"$ref": "#/$defs/a"}},
    "allOf-anchor": {"$anchor": "x", "allOf": [{"$ref": "#x"}]},
    "not": {"not": {"$ref": "#"}},
    "if": {"if": {"$ref": "#"}, "then": True},
    "else": {"if": False, "else": {"$ref": "#"}},
    "dependent": {"dependentSchemas": {"a": {"$ref": "#"}}},
    "dynamic": {"$dynamicAnchor": "x", "allOf": [{"$dynamicRef": "#x"}]},
    "recursive": {"$schema": DRAFT_2019, "allOf": [{"$recursiveRef": "#"}]},
    "pointer-to-itself": {"properties": {"a": {"$ref": "#/properties/a"}}},
    "under-an-unknown-keyword": {"$ref": "#/x", "x": {"allOf": [{"$ref": "#/x"}]}},
}


@pytest.mark.parametrize("name", ENDLESS)
def test_an_endless_schema_is_said_to_be_one(name: str) -> None:
    assert schema_problem(ENDLESS[name]) == "it refers to itself endlessly"


RECURSIVE: list[tuple[dict[str, Any], Any]] = [
    ({"properties": {"c": {"$ref": "#"}}, "required": ["c"]}, {"c": {"c": 1}}),
    ({"$dynamicAnchor": "n", "properties": {"c": {"$dynamicRef": "#n"}}, "type": "object"}, {"c": {"c": {}}}),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, [[[]]]),
    ({"propertyNames": {"$ref": "#/$defs/n"}, "$defs": {"n": {"maxLength": 1}}}, {"a": 1}),
    ({"$ref": "#/$defs/a%20b", "$defs": {"a b": {"type": "integer"}}}, 5),
    ({"$schema": "http://json-schema.org/draft-03/schema#", "divisibleBy": 0}, 5),
]


@pytest.mark.parametrize(("schema", "answer"), RECURSIVE)
def test_recursion_into_parts_is_fine(schema: dict[str, Any], answer: Any) -> None:
    assert schema_problem(schema) is None
    assert answer_problem(json.dumps(answer), schema) is None


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "nonsense"}, "not a valid JSON Schema: at $.type"),
        ({"type": "object", "properties": []}, "not a valid JSON Schema: at $.properties"),
        ({"pattern": "("}, "not a valid JSON Schema: at $.pattern"),
        ({"$ref": "#/$defs/a"}, "it refers to '/$defs/a', which it does not contain"),
        ({"$ref": "#nowhere"}, "which it does not contain"),
        ({"$ref": "#/x/0", "x": [5]}, "which is not a schema"),
        ({"$ref": "#/x", "x": {"type": 5}}, "not a valid JSON Schema: at $.type"),
        ({"$ref": "#/x", "x": {"$schema": 5}}, "not a valid JSON Schema"),
        ({"$id": "http://[", "$ref": "#/$defs/a", "$defs": {"a": {}}}, "IPv6"),
        ({"$ref": "http://127.0.0.1:9/x"}, "refers to another document"),
        ({"multipleOf": 0}, "not a valid JSON Schema"),
    ],
)
def test_what_is_wrong_with_a_schema_is_named(schema: dict[str, Any], words: str) -> None:
    assert words in (schema_problem(schema) or "")


def test_no_more_than_a_glimpse_of_a_schema_is_repeated() -> None:
    for schema in ({"type": "x" * 5000}, {"$ref": "http://" + "x" * 5000}, {"$ref": "#/" + "x" * 5000}):
        assert "x" * 81 not in (schema_problem(schema) or "x" * 81)


@pytest.mark.parametrize(
    ("text", "schema", "words"),
    [
        ("nope", {}, "it is not JSON"),
        ("[" * 100_000, {}, "it nests too deeply"),
        ("5", {"type": "string"}, "at $: 5 is not of type 'string'"),
        ('{"a": "x"}', {"properties": {"a": {"type": "integer"}}}, "at $.a: 'x' is not of type 'integer'"),
        ("1" + "0" * 400, {"multipleOf": 0.1}, "too large"),
    ],
)
def test_what_is_wrong_with_an_answer_is_named(text: str, schema: dict[str, Any], words: str) -> None:
    assert words in (answer_problem(text, schema) or "")


@pytest.mark.parametrize(
    ("schema", "light"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, True),
        ({"pattern": "a"}, False),
        ({"items": {"patternProperties": {"a": {}}}}, False),
        ({"uniqueItems": True}, False),
        ({"properties": {"c": {"$ref": "#/properties/c"}}}, False),
        ({"$ref": "#"}, False),
        ({"enum": list(range(1000))}, False),
    ],
)
def test_only_small_schemas_without_backtracking_are_checked_here(schema: dict[str, Any], light: bool) -> None:
    assert is_light(schema) is light


def test_a_long_answer_makes_the_work_heavy() -> None:
    schema = {"items": {"type": "integer", "enum": list(range(50))}}
    assert is_light(schema, "[1, 2]")
    assert not is_light(schema, json.dumps(list(range(5000))))
