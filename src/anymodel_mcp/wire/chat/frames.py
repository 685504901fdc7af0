"""Converts one value of a chat answer, in any wrapper or native format, to a chat completion or chunk.

Gateways wrap the completion in their own field. Servers with their own API answer in its format if the
base URL lacks `/v1`: llama.cpp's `/completions` (https://github.com/ggml-org/llama.cpp/tree/master/tools/server),
Ollama's `/api/chat` and `/api/generate` (https://github.com/ollama/ollama/blob/main/docs/api.md), TGI's `/generate`
(https://huggingface.github.io/text-generation-inference/), Anthropic's Messages and Cohere's Chat API; all read
2026-11-28.
"""

from __future__ import annotations

from typing import Any

from anymodel_mcp.types import Json
from anymodel_mcp.wire.decode.json_values import as_object, as_text, first_text

NATIVE_FORM = "the answer is in the server's own format, not OpenAI's: base_url probably lacks /v1 at the end"
"""The warning for an answer that `native_choice` has read."""

_NESTS = ("provider", "data", "result", "response", "completion")
_FINISH = ("finish_reason", "stop_reason", "done_reason", "stop_type")
_SIGNS = frozenset((*_FINISH, "stop", "done", "role", "tokens_predicted", "tokens_evaluated", "generation_settings"))
_INPUT = ("tokens_evaluated", "prompt_eval_count")
_OUTPUT = ("tokens_predicted", "eval_count")


def unwrap(frame: Json) -> Json:
    """The completion itself, without a gateway's wrapper."""
    if frame.get("choices"):
        return frame
    for name in _NESTS:
        inner = as_object(frame.get(name))
        if inner.get("choices") and not frame.get("error"):
            return inner
    return frame


def from_native(frame: Json) -> Json | None:
    """Converts a value in a server's own format to a chunk or completion; `None` if it is not such a value."""
    if frame.get("choices") or frame.get("error") or frame.get("base_resp") or frame.get("success") is False:
        return None
    fields = _fields(frame)
    if fields is None:
        return None
    streamed = any(name in frame for name in ("stop", "done", "token"))
    choice = {"index": 0, ("delta" if streamed else "message"): fields, "finish_reason": _finish(frame)}
    return {"id": frame.get("id"), "model": frame.get("model"), "choices": [choice], "usage": _usage(frame)}


def _fields(frame: Json) -> Json | None:
    """The fields of the message or delta in the value; `None` if there are none."""
    message = as_object(frame.get("message"))
    if message and ("done" in frame or "finish_reason" in frame):
        return message
    token = as_object(frame.get("token"))
    if token:
        return {"content": "" if token.get("special") else as_text(token.get("text"))}
    if isinstance(frame.get("generated_text"), str):
        return {"content": frame["generated_text"]}
    if isinstance(frame.get("response"), str) and "done" in frame:
        return {"content": frame["response"], "thinking": as_text(frame.get("thinking"))}
    content = frame.get("content")
    if not isinstance(content, str | list) or _SIGNS.isdisjoint(frame):
        return None
    return {"content": content, "tool_calls": frame.get("tool_calls")}


def _finish(frame: Json) -> Any:
    """The finish reason; `None` while the answer continues."""
    if any(frame.get(name) is False for name in ("stop", "done")):
        return None
    said = first_text(frame, *_FINISH) or first_text(as_object(frame.get("details")), "finish_reason")
    if said and said != "none":
        return said
    if frame.get("stopped_limit") is True:
        return "limit"
    ended = any(frame.get(name) is True for name in ("stop", "done")) or isinstance(frame.get("generated_text"), str)
    return "stop" if ended else None


def _usage(frame: Json) -> Json | None:
    if isinstance(frame.get("usage"), dict):
        return as_object(frame["usage"])
    given = next((frame[name] for name in _INPUT if name in frame), None)
    made = next((frame[name] for name in _OUTPUT if name in frame), None)
    return {"prompt_tokens": given, "completion_tokens": made} if given is not None or made is not None else None
