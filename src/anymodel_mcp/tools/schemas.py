"""Schemas that several tools share, in the portable subset: every object names a property, every array its items."""

from __future__ import annotations

from pydantic import Field, WithJsonSchema

MODEL = Field(description="`provider/id`, alias or id (list_models); default: configured")
"""Described once, in `chat`, because each repetition costs tokens in every listing."""

_OPTIONS = {"type": "object", "properties": {"seed": {"type": "integer"}}}
OPTIONS = WithJsonSchema(_OPTIONS)
DESCRIBED_OPTIONS = WithJsonSchema({**_OPTIONS, "description": "in every tool: any other request field, verbatim"})
JSON_SCHEMA = WithJsonSchema(
    {
        "type": "object",
        "description": "the answer must satisfy it",
        "properties": {"type": {"type": "string"}},
    }
)
MESSAGES = WithJsonSchema(
    {
        "type": "array",
        "description": "OpenAI messages, not prompt",
        "items": {"type": "object", "properties": {"role": {"type": "string"}}},
    }
)
TOOLS = WithJsonSchema(
    {
        "type": "array",
        "description": "OpenAI definitions; calls come back unrun",
        "items": {
            "type": "object",
            "properties": {"function": {"type": "object", "properties": {"name": {"type": "string"}}}},
        },
    }
)
