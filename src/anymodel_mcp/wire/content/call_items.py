"""Tool calls and their results as items: the form that the Responses and the Realtime API share."""

from __future__ import annotations

import json

from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_object
from anymodel_mcp.wire.fields.messages import text_of


def call_item(call: Json) -> Json:
    """Converts a tool call of an assistant message."""
    function = as_object(call.get("function"))
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    return {"type": "function_call", "call_id": call.get("id"), "name": function.get("name"), "arguments": text}


def result_item(message: Json) -> Json:
    """Converts a tool message."""
    content = message.get("content")
    output = content if isinstance(content, str) else text_of(content)
    return {"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": output}
