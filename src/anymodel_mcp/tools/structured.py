"""Structured answers: the schema is checked before it is sent, the answer when it comes."""

from __future__ import annotations

import json
import re
from typing import Any

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.redact import shorten
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_object

_FENCE = re.compile(r"\A\s*```[a-zA-Z0-9_-]*[ \t]*\n(.*?)\n?[ \t]*```\s*\Z", re.DOTALL)


def plain_schema(given: Json) -> Json:
    """The schema itself, out of the wrappers that OpenAI's `response_format` puts around it."""
    inner = as_object(given.get("json_schema")) if given.get("type") == "json_schema" else given
    schema = as_object(inner.get("schema"))
    return schema if schema and set(inner) <= {"name", "description", "strict", "schema"} else inner


def check_schema(schema: Json) -> None:
    """Refuses what is no JSON Schema.

    Raises:
        ArgumentError: names what is wrong with it.
    """
    from jsonschema import Draft202012Validator, SchemaError  # 60 ms that only structured calls pay

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ArgumentError(f"json_schema is no valid JSON Schema: {error.message}", param="json_schema") from error


def bare_json(text: str) -> str:
    """The JSON of an answer: without the code fence that models like to put around it."""
    found = _FENCE.match(text)
    return found.group(1) if found else text


def complaint(text: str, schema: Json) -> str | None:
    """What is wrong with an answer, in words that its model can mend it by; `None` when it satisfies the schema."""
    from jsonschema import Draft202012Validator
    from referencing.exceptions import Unresolvable

    try:
        value: Any = json.loads(text)
    except ValueError as error:
        return f"it is not JSON: {error}"
    try:
        errors = list(Draft202012Validator(schema).iter_errors(value))  # pyright: ignore[reportUnknownMemberType] its second form is untyped
    except Unresolvable as error:
        return f"the schema refers to {error.ref!r}, which it does not hold"
    if not errors:
        return None
    return "; ".join(f"at {e.json_path}: {shorten(e.message, 300)}" for e in errors[:5])


def mending_turns(text: str, wrong: str) -> list[Json]:
    """The turns that ask for a corrected answer."""
    demand = (
        f"That answer does not satisfy the JSON Schema: {wrong}. Answer again with the corrected JSON and nothing else."
    )
    return [{"role": "assistant", "content": text or "(empty)"}, {"role": "user", "content": demand}]
