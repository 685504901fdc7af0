"""One provider's answers in the form of each API through which chat turns can go.

A new line in `CHAT_APIS` needs a `Voice` here; every feature of `chat` is then tried through it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from anymodel_mcp.dialects.fields import ApiName
from tests.fakes import DONE, Endless, endless
from tests.sockets import socket_reply

Json = dict[str, Any]
Reply = Callable[[httpx2.Request], httpx2.Response]
SEAL = "EqQBCg/+signed=="
"""What a provider wants back with its turn, byte for byte."""


def _frames(*values: Json) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """How an API says things.

    Attributes:
        path: where a streamed request for model `m` goes, below the base URL.
        auth: the header that holds the key, and what stands before the key.
        begin: the frames of the beginning of a text.
        go_on: the frames of the rest of a text, and of the end.
        call: the frames of a sealed turn that calls `look` with `{"x": 1}`, by id.
        sealed: the frames of a text with a seal.
        failure: the frame of a failure in the middle of a stream.
        quirks: with which the provider must be configured so that the seal goes back.
        schema_field: the field in which a schema goes; "" = by instruction only.
        documents: it takes documents.
        play: answers a request with a body that comes piece by piece.
    """

    path: str
    auth: tuple[str, str]
    begin: Callable[[str], bytes]
    go_on: Callable[[str], bytes]
    call: Callable[[], bytes]
    sealed: Callable[[str], bytes]
    failure: bytes
    quirks: Mapping[str, Any]
    schema_field: str
    documents: bool = True
    play: Callable[[Endless], Reply] = lambda body: lambda _: endless(body)

    def reply(self, body: bytes) -> Reply:
        """Answers a request with these frames."""
        whole = Endless(body)
        whole.go_on.set()
        return self.play(whole)

    def whole(self, text: str) -> bytes:
        """A whole streamed answer."""
        return self.begin(text[:1]) + self.go_on(text[1:])


# --- chat -----------------------------------------------------------------------------------------------------------


def _chunk(delta: Json, finish: str | None = None) -> Json:
    return {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


_THOUGHT = {"reasoning_details": [{"type": "reasoning.encrypted", "data": SEAL, "index": 0}]}
_LOOK = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}

_CHAT = Voice(
    path="chat/completions",
    auth=("authorization", "Bearer "),
    begin=lambda text: _frames(_chunk({"content": text})),
    go_on=lambda text: _frames(_chunk({"content": text}), _chunk({}, "stop")) + DONE,
    call=lambda: _frames(_chunk(_THOUGHT), _chunk({"tool_calls": [_LOOK]}), _chunk({}, "tool_calls")) + DONE,
    sealed=lambda text: _frames(_chunk(_THOUGHT), _chunk({"content": text}), _chunk({}, "stop")) + DONE,
    failure=_frames({"error": {"message": "Overloaded", "code": 503}}),
    quirks={"reasoning_back": "always"},
    schema_field="response_format",
)


# --- Responses ------------------------------------------------------------------------------------------------------


def _text_delta(text: str) -> Json:
    return {"type": "response.output_text.delta", "output_index": 0, "delta": text}


def _ended(*output: Json) -> Json:
    whole = {"id": "r1", "model": "m", "status": "completed", "output": list(output)}
    return {"type": "response.completed", "response": whole}


_FUNCTION_CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"x": 1}'}

_RESPONSES = Voice(
    path="responses",
    auth=("authorization", "Bearer "),
    begin=lambda text: _frames(_text_delta(text)),
    go_on=lambda text: _frames(_text_delta(text), _ended()),
    call=lambda: _frames(_ended(_FUNCTION_CALL)),
    sealed=lambda text: _frames(_text_delta(text), _ended()),
    failure=_frames({"type": "error", "error": {"message": "Overloaded", "code": "overloaded_error"}}),
    quirks={},
    schema_field="text.format",
)


# --- Messages -------------------------------------------------------------------------------------------------------

_STARTED: Json = {"type": "message_start", "message": {"id": "msg_1", "role": "assistant", "model": "m", "content": []}}


def _block(index: int, **fields: Any) -> Json:
    return {"type": "content_block_start", "index": index, "content_block": fields}


def _delta(index: int, kind: str, **fields: Any) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def _stop(reason: str) -> Sequence[Json]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {}}, {"type": "message_stop"}


_THINKING = (
    _block(0, type="thinking", thinking="hm", signature=""),
    _delta(0, "signature_delta", signature=SEAL),
    {"type": "content_block_stop", "index": 0},
)

_MESSAGES = Voice(
    path="messages",
    auth=("x-api-key", ""),
    begin=lambda text: _frames(_STARTED, _block(0, type="text", text=""), _delta(0, "text_delta", text=text)),
    go_on=lambda text: _frames(_delta(0, "text_delta", text=text), *_stop("end_turn")),
    call=lambda: _frames(
        _STARTED,
        *_THINKING,
        _block(1, type="tool_use", id="call_1", name="look", input={}),
        _delta(1, "input_json_delta", partial_json='{"x": 1}'),
        *_stop("tool_use"),
    ),
    sealed=lambda text: _frames(_STARTED, *_THINKING, _block(1, type="text", text=text), *_stop("end_turn")),
    failure=_frames({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    quirks={},
    schema_field="output_config.format",
)


# --- Gemini ---------------------------------------------------------------------------------------------------------


def _candidate(*parts: Json, finish: str | None = None) -> Json:
    ended = {"finishReason": finish} if finish else {}
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **ended}]}


_GEMINI = Voice(
    path="models/m:streamGenerateContent",
    auth=("x-goog-api-key", ""),
    begin=lambda text: _frames(_candidate({"text": text})),
    go_on=lambda text: _frames(_candidate({"text": text}), _candidate(finish="STOP")),
    call=lambda: _frames(
        _candidate({"functionCall": {"name": "look", "args": {"x": 1}}, "thoughtSignature": SEAL}, finish="STOP")
    ),
    sealed=lambda text: _frames(
        _candidate({"text": text}), _candidate({"text": "", "thoughtSignature": SEAL}, finish="STOP")
    ),
    failure=_frames({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}),
    quirks={},
    schema_field="responseJsonSchema",
)

# --- Realtime -------------------------------------------------------------------------------------------------------

_RESPONSE: Json = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}


def _words(text: str) -> Json:
    return {"type": "response.output_text.delta", "item_id": "i1", "output_index": 0, "content_index": 0, "delta": text}


def _done(status: str, *output: Json, **details: Any) -> Json:
    response = {"id": "resp_1", "status": status, "status_details": details or None, "output": list(output)}
    return {"type": "response.done", "response": response}


_CALLED = {"id": "i2", "type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"x": 1}'}

_REALTIME = Voice(
    path="realtime",
    auth=("authorization", "Bearer "),
    begin=lambda text: _frames(_RESPONSE, _words(text)),
    go_on=lambda text: _frames(_words(text), _done("completed")),
    call=lambda: _frames(_RESPONSE, _done("completed", _CALLED)),
    sealed=lambda text: _frames(_RESPONSE, _words(text), _done("completed")),
    failure=_frames(_done("failed", type="failed", error={"code": "overloaded_error", "message": "Overloaded"})),
    quirks={},
    schema_field="",
    documents=False,
    play=socket_reply,
)

VOICES: Mapping[ApiName, Voice] = {
    "chat": _CHAT,
    "responses": _RESPONSES,
    "anthropic": _MESSAGES,
    "gemini": _GEMINI,
    "realtime": _REALTIME,
}
