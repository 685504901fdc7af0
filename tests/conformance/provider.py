"""A provider for the product under test: answers chat, completion, embedding, picture and list, always the same."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image

from tests.raw_upstream import Line, Reply, Seen, play

ANSWER = "pong from the other model"

_JSON = {"content-type": "application/json"}
_SSE = {"content-type": "text/event-stream"}


def config(origin: str) -> str:
    """The product's configuration file for this provider."""
    kinds = ("", "completion_", "embedding_", "image_")
    defaults = "\n".join(f'default_{kind}model = "fake/m"' for kind in kinds)
    return f'{defaults}\n[providers.fake]\nbase_url = "{origin}/v1"\nauth = "none"\n'


def _picture() -> str:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def _chat(asked: dict[str, Any]) -> Reply:
    choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
    whole = {"id": "c", "model": "m", "choices": [choice | {"message": {"role": "assistant", "content": ANSWER}}]}
    if not asked.get("stream"):
        return _json(whole | {"object": "chat.completion"})
    words = [f"{word} " for word in ANSWER.split()]
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in [*words[:-1], words[-1].strip()])]
    chunks = [{"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    last: dict[str, Any] = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    frames = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in [*chunks, last]]
    return Reply(headers=_SSE, frames=[*frames, b"data: [DONE]\n\n"], framing="chunked")


def _json(value: Any) -> Reply:
    return Reply(headers=_JSON, frames=[json.dumps(value).encode()])


def _reply(path: str, asked: dict[str, Any]) -> Reply:
    if path.endswith("/chat/completions"):
        return _chat(asked)
    if path.endswith("/completions"):
        return _json({"id": "t", "model": "m", "choices": [{"index": 0, "text": ANSWER, "finish_reason": "stop"}]})
    if path.endswith("/embeddings"):
        rows = [{"index": index, "embedding": [1.0, float(index)]} for index in range(len(asked["input"]))]
        return _json({"data": rows, "model": "m"})
    if path.endswith("/images/generations"):
        return _json({"created": 1, "data": [{"b64_json": _picture()}]})
    return _json({"object": "list", "data": [{"id": "m", "object": "model"}]})


async def answer(seen: Seen, line: Line) -> None:
    """Answers one request."""
    asked: dict[str, Any] = seen.json() if seen.body and seen.body[:1] == b"{" else {}
    reply = _reply(seen.path, asked)
    if asked.get("stream") and not seen.path.endswith("/chat/completions"):
        body = reply.frames[0].decode()
        reply = Reply(headers=_SSE, frames=[f"data: {body}\n\ndata: [DONE]\n\n".encode()], framing="chunked")
    await play(reply, line)
