"""Schemas that several tools share, in the portable subset: every object names a property, every array its items."""

from __future__ import annotations

from pydantic import Field, WithJsonSchema

MODEL = Field(description="`provider/id`, an alias or a bare id; list_models shows them; default: the configured one")
OPTIONS = WithJsonSchema(
    {
        "type": "object",
        "description": "any other request field, sent verbatim",
        "properties": {"seed": {"type": "integer"}},
    }
)
JSON_SCHEMA = WithJsonSchema(
    {
        "type": "object",
        "description": "JSON Schema that the answer must satisfy; checked",
        "properties": {"type": {"type": "string"}},
    }
)
MESSAGES = WithJsonSchema(
    {
        "type": "array",
        "description": "OpenAI messages, instead of prompt",
        "items": {"type": "object", "properties": {"role": {"type": "string"}}},
    }
)
TOOLS = WithJsonSchema(
    {
        "type": "array",
        "description": "OpenAI tool definitions; calls come back, nothing is run",
        "items": {
            "type": "object",
            "properties": {"function": {"type": "object", "properties": {"name": {"type": "string"}}}},
        },
    }
)
