"""Converts chat messages to contents of the Gemini API: text, files, function calls and their responses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anymodel_mcp.types import Json
from anymodel_mcp.wire.audio.formats import ENDINGS
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, first_text, objects, parse_or_none
from anymodel_mcp.wire.fields.messages import split_data_url, text_of

CARRIED = "gemini_parts"
"""The field of an assistant message that holds its parts unchanged."""

_TYPES = {ending: mime for mime, ending in ENDINGS.items()}
_INSTRUCTING = ("system", "developer")


def split_system(messages: Sequence[Json]) -> tuple[str, list[Json]]:
    """The text of the leading instructions, and the messages after them."""
    at = next((i for i, m in enumerate(messages) if m.get("role") not in _INSTRUCTING), len(messages))
    texts = [text_of(message.get("content")) for message in messages[:at]]
    return "\n\n".join(text for text in texts if text), list(messages[at:])


def to_contents(messages: Sequence[Json], placeholder: str = "") -> list[Json]:
    """The contents of a turn, with adjacent messages of one role merged.

    Args:
        messages: in chat's format.
        placeholder: the signature for calls that another API made; "" = none.
    """
    names = _call_names(messages)
    joined: list[Json] = []
    for message in messages:
        role = "model" if message.get("role") == "assistant" else "user"
        parts = _model(message, placeholder) if role == "model" else _user(message, names)
        if not parts:
            continue
        if joined and joined[-1]["role"] == role:
            joined[-1]["parts"].extend(parts)
        else:
            joined.append({"role": role, "parts": parts})
    return joined


def _call_names(messages: Sequence[Json]) -> dict[str, Json]:
    """The name and native id of each call, by its id in chat."""
    found: dict[str, Json] = {}
    for message in messages:
        own = [as_object(part["functionCall"]) for part in objects(message.get(CARRIED)) if "functionCall" in part]
        for number, call in enumerate(objects(message.get("tool_calls"))):
            native = own[number] if number < len(own) else {}
            name = as_text(as_object(call.get("function")).get("name"))
            id_ = {"id": native["id"]} if native.get("id") else {}
            found[as_text(call.get("id"))] = {"name": name, **id_}
    return found


def _user(message: Json, names: dict[str, Json]) -> list[Json]:
    if message.get("role") != "tool":
        return _parts(message.get("content"))
    id_ = as_text(message.get("tool_call_id"))
    said = text_of(message.get("content"))
    response = parse_or_none(said)
    call = names.get(id_, {"name": as_text(message.get("name")) or id_})
    result: Json = {**call, "response": response if isinstance(response, dict) else {"result": said}}
    files = [part for part in _parts(message.get("content")) if "text" not in part]
    return [{"functionResponse": result}, *files]


def _model(message: Json, placeholder: str) -> list[Json]:
    """A model message: its own parts if they were kept, else its text and calls."""
    own = objects(message.get(CARRIED))
    if own:
        return [dict(part) for part in own]
    calls = [_call(call) for call in objects(message.get("tool_calls"))]
    if calls and placeholder:
        calls[0]["thoughtSignature"] = placeholder  # the first of parallel calls is signed
    return [*_parts(message.get("content")), *calls]


def _call(call: Json) -> Json:
    function = as_object(call.get("function"))
    given = function.get("arguments")
    arguments = parse_or_none(given) if isinstance(given, str) else given
    return {"functionCall": {"name": as_text(function.get("name")), "args": as_object(arguments)}}


def _parts(content: Any) -> list[Json]:
    if isinstance(content, str):
        return [{"text": content}] if content else []
    return [part for one in as_list(content) if (part := _part(one))]


def _part(part: Any) -> Json | None:
    """Converts one part of a message; parts of this API are returned unchanged."""
    fields = {"type": "text", "text": part} if isinstance(part, str) else as_object(part)
    match as_text(fields.get("type")):
        case "text" | "input_text" | "output_text":
            return {"text": as_text(fields.get("text"))} if fields.get("text") else None
        case "image_url" | "input_image" | "video_url":
            inner = fields.get("image_url", fields.get("video_url"))
            return _file(as_text(inner) or as_text(as_object(inner).get("url")))
        case "file" | "input_file":
            file = as_object(fields.get("file")) or fields
            return _file(first_text(file, "file_data", "file_url", "file_id"))
        case "input_audio":
            sound = as_object(fields.get("input_audio"))
            ending, data = as_text(sound.get("format")) or "wav", as_text(sound.get("data"))
            found = split_data_url(data)
            return {
                "inlineData": {"mimeType": _TYPES.get(ending, f"audio/{ending}"), "data": found[1] if found else data}
            }
        case "refusal":
            return {"text": as_text(fields.get("refusal"))} if fields.get("refusal") else None
        case _:
            return fields or None


def _file(address: str) -> Json:
    found = split_data_url(address)
    if found is None:
        return {"fileData": {"fileUri": address}}
    return {"inlineData": {"mimeType": found[0] or "application/octet-stream", "data": found[1]}}
