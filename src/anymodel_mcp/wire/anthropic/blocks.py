"""Chat messages as Messages API messages: content blocks, tool calls and results, pictures, documents."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, first_text, objects, parse_or_none
from anymodel_mcp.wire.fields.messages import split_data_url, text_of

CARRIED = "anthropic_content"
"""The field of an assistant message that holds its blocks unchanged."""

_INSTRUCTING = ("system", "developer")
_KEPT = ("cache_control", "citations")
_BAD_ID = re.compile(r"[^A-Za-z0-9_-]")


def split_system(messages: Sequence[Json]) -> tuple[str | list[Json], list[Json]]:
    """The leading instructions (as blocks if one of them has `cache_control`), and the messages after them."""
    at = next((i for i, m in enumerate(messages) if m.get("role") not in _INSTRUCTING), len(messages))
    blocks = [block for message in messages[:at] for block in _blocks(message.get("content"))]
    texts = [as_text(block.get("text")) for block in blocks]
    marked = any(block.keys() - {"type", "text"} for block in blocks)
    return (blocks if marked else "\n\n".join(texts)), list(messages[at:])


def to_messages(messages: Sequence[Json]) -> list[Json]:
    """The messages of a turn, neighbours of one role joined, tool results before everything else in their message.

    Raises:
        ArgumentError: the API does not take a part of this kind.
    """
    joined: list[tuple[str, list[Json]]] = []
    for message in messages:
        role = "assistant" if message.get("role") == "assistant" else "user"
        blocks = _assistant(message) if role == "assistant" else _user(message)
        if not blocks:
            continue
        if joined and joined[-1][0] == role:
            joined[-1][1].extend(blocks)
        else:
            joined.append((role, blocks))
    return [{"role": role, "content": _content(role, blocks)} for role, blocks in joined]


def _content(role: str, blocks: list[Json]) -> str | list[Json]:
    """The blocks, or only their text if they hold nothing else."""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"} and blocks[0]["type"] == "text":
        return blocks[0]["text"]
    if role == "user":
        blocks.sort(key=lambda block: block.get("type") != "tool_result")
    return blocks


def _user(message: Json) -> list[Json]:
    if message.get("role") != "tool":
        return _blocks(message.get("content"))
    content = message.get("content")
    plain = isinstance(content, str)
    result: Json = {"type": "tool_result", "tool_use_id": _id(message.get("tool_call_id"))}
    result["content"] = content if plain else _blocks(content)
    return [result | {k: message[k] for k in ("is_error", "cache_control") if k in message}]


def _assistant(message: Json) -> list[Json]:
    """An assistant message: its own blocks if they were kept, else its text and calls."""
    own = objects(message.get(CARRIED))
    if own:
        return [dict(block) for block in own]
    return [*_blocks(message.get("content")), *(_call(call) for call in objects(message.get("tool_calls")))]


def _call(call: Json) -> Json:
    function = as_object(call.get("function"))
    given = function.get("arguments")
    arguments = parse_or_none(given) if isinstance(given, str) else given
    return {
        "type": "tool_use",
        "id": _id(call.get("id")),
        "name": as_text(function.get("name")),
        "input": as_object(arguments),
    }


def _id(value: Any) -> str:
    """The id of a call in the form that the API takes: ids of other providers may contain dots and colons."""
    return _BAD_ID.sub("_", as_text(value))


def _blocks(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content.strip() else []
    return [block for part in as_list(content) if (block := _block(part))]


def _block(part: Any) -> Json | None:
    """Converts one part of a message; blocks of this API are returned unchanged."""
    fields = {"type": "text", "text": part} if isinstance(part, str) else as_object(part)
    kept = {k: fields[k] for k in _KEPT if k in fields}
    match as_text(fields.get("type")):
        case "text" | "input_text" | "output_text":
            text = as_text(fields.get("text"))
            return {"type": "text", "text": text, **kept} if text.strip() else None
        case "image_url" | "input_image":
            return {"type": "image", "source": _source(_address(fields)), **kept}
        case "file" | "input_file":
            return {**_document(as_object(fields.get("file")) or fields), **kept}
        case "refusal":
            return {"type": "text", "text": as_text(fields.get("refusal"))} if text_of([fields]) else None
        case "input_audio" | "video_url":
            what = "sound" if fields["type"] == "input_audio" else "video"
            raise ArgumentError(
                f"the Messages API takes no {what}",
                param="messages",
                fix="Send its text (transcribe gives that of a recording), or name a model that takes it.",
            )
        case _:
            return fields or None


def _address(fields: Json) -> str:
    inner = fields.get("image_url")
    return as_text(inner) or as_text(as_object(inner).get("url"))


def _source(address: str) -> Json:
    """The source of a picture or document: data or URL."""
    found = split_data_url(address)
    if found is None:
        return {"type": "url", "url": address}
    return {"type": "base64", "media_type": found[0] or "image/png", "data": found[1]}


def _document(file: Json) -> Json:
    """A document: text as text, anything else as bytes or by URL."""
    if file.get("file_id"):
        return {"type": "document", "source": {"type": "file", "file_id": file["file_id"]}}
    address = first_text(file, "file_data", "file_url")
    source = _source(address)
    if source.get("media_type", "").startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _decoded(source["data"])}
    elif source["type"] == "base64" and source["media_type"].startswith("image/"):
        return {"type": "image", "source": source}
    title = as_text(file.get("filename"))
    return {"type": "document", "source": source, **({"title": title} if title else {})}


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return data
