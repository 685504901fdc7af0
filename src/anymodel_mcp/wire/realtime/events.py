"""Builds the events of one turn in the form of the connected server.

OpenAI's beta of the API had other names. OpenAI itself has removed it (May 2026); resellers, Azure's preview, Zhipu and
DashScope still speak it. The first event of a server shows which form it has: a session of the beta has `modalities`.
https://www.alibabacloud.com/help/en/model-studio/client-events (read 2026-11-28).
"""

from __future__ import annotations

from typing import Any

from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, objects

_BETA_MARKS = ("modalities", "input_audio_format", "output_audio_format", "voice", "max_response_output_tokens")
_BETA_FORMATS = {"audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}
_SAME = ("instructions", "tools", "tool_choice", "temperature")
_BESIDE = ("input", "response")
"""The fields of the body that do not belong to the session."""
_GA_ONLY = ("type", "output_modalities", "audio", "max_output_tokens", "reasoning")


def is_beta(event: Json) -> bool:
    """Whether a server with this first event uses the beta form."""
    session = as_object(event.get("session"))
    return "output_modalities" not in session and any(name in session for name in _BETA_MARKS)


def opening_events(body: Json, *, beta: bool) -> list[Json]:
    """The events of one turn: settings, items, the request for a response."""
    session = {name: value for name, value in body.items() if name not in _BESIDE}
    update = _beta_session(session) if beta else session
    items = [_beta_item(item) if beta else item for item in objects(body.get("input"))]
    response = as_object(body.get("response"))
    return [
        {"type": "session.update", "session": update},
        *({"type": "conversation.item.create", "item": item} for item in items),
        {"type": "response.create", **({"response": response} if response else {})},
    ]


def _beta_session(session: Json) -> Json:
    audio = as_object(session.get("audio"))
    heard, made = as_object(audio.get("input")), as_object(audio.get("output"))
    spoken = "audio" in as_list(session.get("output_modalities"))
    beta: dict[str, Any] = {"modalities": ["text", "audio"] if spoken else ["text"]}
    beta |= {name: session[name] for name in _SAME if name in session}
    beta["turn_detection"] = heard.get("turn_detection")
    beta["input_audio_format"] = _beta_format(heard)
    if spoken:
        beta["output_audio_format"] = _beta_format(made)
    if made.get("voice"):
        beta["voice"] = made["voice"]
    if "max_output_tokens" in session:
        beta["max_response_output_tokens"] = session["max_output_tokens"]
    return beta | {name: value for name, value in session.items() if name not in (*_GA_ONLY, *beta)}


def _beta_format(side: Json) -> str:
    return _BETA_FORMATS.get(as_text(as_object(side.get("format")).get("type")), "pcm16")


def _beta_item(item: Json) -> Json:
    if item.get("role") != "assistant":
        return item
    parts = [{**p, "type": "text"} if p.get("type") == "output_text" else p for p in objects(item.get("content"))]
    return {**item, "content": parts}
