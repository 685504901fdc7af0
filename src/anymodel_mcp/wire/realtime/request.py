"""Builds sessions of the Realtime API for chat turns: one session, its items, one response.

https://developers.openai.com/api/reference/resources/realtime (openai-openapi 2.3.0, read 2026-11-21). The body holds
the fields of the session, and the items as `input`. It is never sent as it is: the reader turns it into events, in the
form that the server's first event shows (see `events.py`).
`options` reach the session verbatim and last; what is written in chat's form (`modalities`, `audio`, `tool_choice`) is
translated.
"""

from __future__ import annotations

from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import ChatRequest, Json
from anymodel_mcp.wire.content.call_items import call_item, result_item
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, objects
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.efforts import set_effort
from anymodel_mcp.wire.fields.messages import check_file_bytes, text_of, with_instruction
from anymodel_mcp.wire.fields.options import TOKEN_LIMITS, merge_options, protected_names
from anymodel_mcp.wire.fields.structured import instruction
from anymodel_mcp.wire.realtime.samples import RATE, to_samples

_LACKS = ("temperature", "top_p", "stop")
_DOCUMENTS = frozenset({"file", "input_file", "document"})
_NO_DOCUMENTS = "Give its text, or name a model that takes documents."
_AUDIO_OUT = ("voice", "format", "speed")
_NOT_SESSION = ("model", "stream", "modalities", "response", "tool_choice", *TOKEN_LIMITS)
_PCM: Json = {"type": "audio/pcm", "rate": RATE}
"""The only format with a sample rate that the API accepts and returns."""
_FORMATS: dict[str, Json] = {
    **dict.fromkeys(("pcm16", "pcm", "wav"), _PCM),
    "g711_ulaw": {"type": "audio/pcmu"},
    "g711_alaw": {"type": "audio/pcma"},
}


def build_realtime(request: ChatRequest, dialect: Dialect) -> WireRequest:
    """Builds a turn for `realtime`.

    Raises:
        ArgumentError: the API does not take a part of a message, or the files are too large.
    """
    check_file_bytes(request.messages)
    session: dict[str, Any] = {"type": "realtime", "output_modalities": [_modality(request.options)]}
    messages = list(request.messages)
    if request.json_schema is not None:
        messages = with_instruction(messages, instruction(request.json_schema))
    leading, messages = _split_instructions(messages)
    if leading:
        session["instructions"] = leading
    limit = request.max_tokens if request.max_tokens is not None else dialect.default_max_tokens
    if limit is not None:
        session["max_output_tokens"] = limit
    if request.tools:
        session["tools"] = [_flat_tool(tool) for tool in request.tools]
    warnings = [f"{name} was left out: the Realtime API has no such field" for name in _LACKS if getattr(request, name)]
    if request.reasoning_effort:
        warnings += set_effort(session, request.reasoning_effort, dialect, nested=True)
    session["audio"] = _audio(request.options)
    warnings += merge_options(session, _session_options(request.options))
    body: Json = {**session, "input": [item for message in messages for item in _items(message)]}
    response = as_object(request.options.get("response"))
    if response:
        body["response"] = response
    return WireRequest(
        path="realtime",
        endpoint="realtime",
        api="realtime",
        body=body,
        query={"model": as_text(request.options.get("model")) or request.model},
        socket=True,
        stream=True,
        protected=protected_names(request.options),
        warnings=tuple(warnings),
    )


def _modality(options: Json) -> str:
    """Text, unless the user requests sound; the API returns one of them, and a transcript with sound."""
    asked = [as_text(word) for word in as_list(options.get("modalities"))]
    return "audio" if "audio" in asked or as_object(options.get("audio")) or options.get("voice") else "text"


def _audio(options: Json) -> Json:
    """The session's audio settings: the user's, in chat's or the API's format."""
    given = as_object(options.get("audio"))
    flat = {name: given[name] for name in _AUDIO_OUT if given.get(name) is not None}
    flat |= {"voice": options["voice"]} if options.get("voice") else {}
    if isinstance(flat.get("format"), str):
        flat["format"] = _FORMATS.get(flat["format"], _PCM)
    # the server must not answer by itself after a pause
    heard: Json = {"format": _PCM, "turn_detection": None, **as_object(given.get("input"))}
    made: Json = {**flat, **as_object(given.get("output"))}
    if _modality(options) == "audio":
        made.setdefault("format", _PCM)
    return {"input": heard, **({"output": made} if made else {})}


def _session_options(options: Json) -> Json:
    native = {name: value for name, value in options.items() if name not in (*_NOT_SESSION, "audio", "voice")}
    limit = next((options[name] for name in TOKEN_LIMITS if options.get(name) is not None), None)
    if limit is not None:
        native["max_output_tokens"] = limit
    choice = options.get("tool_choice")
    name = as_text(as_object(as_object(choice).get("function")).get("name"))
    if name:
        choice = {"type": "function", "name": name}
    if choice is not None:
        native["tool_choice"] = choice
    return native


def _split_instructions(messages: list[Json]) -> tuple[str, list[Json]]:
    """The text of the leading instructions, and the messages after them."""
    count = next((i for i, m in enumerate(messages) if m.get("role") not in ("system", "developer")), len(messages))
    texts = [text_of(message.get("content")) for message in messages[:count]]
    return "\n\n".join(text for text in texts if text), messages[count:]


def _flat_tool(tool: Json) -> Json:
    function = as_object(tool.get("function"))
    if not function:
        return tool
    return {"type": "function", **{k: v for k, v in function.items() if k != "strict"}}


def _items(message: Json) -> list[Json]:
    """Converts a chat message to conversation items; items of this API are returned unchanged."""
    if "role" not in message:
        return [message]
    role, content = message["role"], message.get("content")
    if role == "tool":
        return [result_item(message)]
    role = "system" if role == "developer" else role
    calls = [call_item(call) for call in objects(message.get("tool_calls"))]
    given = [content] if isinstance(content, str) else as_list(content)
    parts = [shaped for part in given if (shaped := _part(part, role))]
    return [*([{"type": "message", "role": role, "content": parts}] if parts else []), *calls]


def _part(part: Any, role: str) -> Json | None:
    """Converts one part; `None` for an empty text, which the API refuses."""
    fields = {"type": "text", "text": part} if isinstance(part, str) else as_object(part)
    kind = as_text(fields.get("type"))
    if kind in ("text", "input_text", "output_text"):
        text = as_text(fields.get("text"))
        return {"type": "output_text" if role == "assistant" else "input_text", "text": text} if text else None
    if kind == "image_url":
        url = fields.get("image_url")
        return {"type": "input_image", "image_url": as_text(as_object(url).get("url")) or url}
    if kind == "input_audio" and isinstance(fields.get("input_audio"), dict):
        sound = as_object(fields["input_audio"])
        return {"type": "input_audio", "audio": to_samples(as_text(sound.get("data")))}
    if kind in _DOCUMENTS:
        raise ArgumentError(f"a realtime model takes no part of type {kind!r}", param="messages", fix=_NO_DOCUMENTS)
    return fields or None
