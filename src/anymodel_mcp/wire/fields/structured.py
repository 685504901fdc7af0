"""Structured answers: a JSON schema as `response_format`, in a weaker form, or by instruction only."""

from __future__ import annotations

import json
import re
from typing import Any

from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_list, as_object

_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_OBJECT_KEYS = ("properties", "$defs", "definitions")
_LIST_KEYS = ("anyOf", "oneOf", "allOf")


def instruction(schema: Any) -> str:
    """The instruction to answer by a schema."""
    text = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    return (
        "Answer with one JSON value that satisfies this JSON Schema and with nothing else: no comment, no code fence.\n"
        f"{text}"
    )


def schema_format(schema: Json) -> Json:
    """The inner object of a `json_schema` response format: name, schema, and `strict` if the schema allows it."""
    title = schema.get("title")
    name = _NAME.sub("_", title).strip("_")[:64] if isinstance(title, str) else ""
    inner: Json = {"name": name or "answer", "schema": schema}
    if schema.get("type") == "object" and _is_strict(schema):
        inner["strict"] = True
    return inner


def _is_strict(schema: Any) -> bool:
    """Whether a schema follows the rules of strict mode: objects closed, all properties required.

    These are OpenAI's known rules; if they are stricter, the refusal is repaired.
    """
    if schema is True:
        return False
    node = as_object(schema)
    if node.get("type") == "object" or "properties" in node:
        open_ended = node.get("additionalProperties") is not False
        if open_ended or set(as_object(node.get("properties"))) - {str(n) for n in as_list(node.get("required"))}:
            return False
    return all(_is_strict(child) for child in _children(node))


def _children(node: Json) -> list[Any]:
    found: list[Any] = []
    for key in _OBJECT_KEYS:
        found += as_object(node.get(key)).values()
    for key in _LIST_KEYS:
        found += as_list(node.get(key))
    return [*found, node["items"]] if "items" in node else found
