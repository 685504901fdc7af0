"""Paid calls, each as the tool calls of one client, and an upstream that answers them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.types import CallToolResult
from PIL import Image

from anymodel_mcp.config import Limits, ProviderSettings, Secret, Settings
from anymodel_mcp.server.render import RESULT_KEY
from tests.raw_upstream import Line, Reply, Seen, play

JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}
TEXT = "the answer that was paid for"
URL = "https://127.0.0.1:9/paid.png?sig=a%2Fb"
INPUTS = [f"text {n}" for n in range(3)]


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


PNG = _png()
_TEXT = (TEXT.encode(),)
_PICTURE = (PNG, b"<picture>")


@dataclass(slots=True)
class Control:
    """What the upstream receives while a fault is on.

    Attributes:
        hold: it says nothing more, so that only a closed connection ends a request.
        pause_s: how long it waits in the middle of an answer.
        paid: the requests that cost something.
        polls: how often a job was asked for: its id is known by then.
    """

    hold: bool = False
    pause_s: float = 0.0
    polls: int = 0
    paid: list[Seen] = field(default_factory=list[Seen])

    async def answer(self, seen: Seen, line: Line) -> None:
        """Answers as the path and the model say."""
        if seen.method == "GET":
            models = [{"id": name, "pricing": {"prompt": "0.000001", "completion": "0.000002"}} for name in ("m", "n")]
            await play(Reply(headers=JSON, frames=[json.dumps({"data": models}).encode()]), line)
            return
        if seen.path.endswith("/tasks"):
            self.polls += 1
        else:
            self.paid.append(seen)
        if self.hold:
            await line.stall()
        frames, headers = self._frames(seen)
        await line.send(Reply(headers=headers, framing="close").head())
        for index, frame in enumerate(frames):
            if index:
                await anyio.sleep(self.pause_s)
            if self.hold:
                await line.stall()
            await line.send(frame)

    def _frames(self, seen: Seen) -> tuple[Sequence[bytes], dict[str, str]]:
        body = seen.json()
        if seen.path.endswith("/embeddings"):
            data = [{"index": i, "embedding": [float(i), 1.0]} for i in range(len(body["input"]))]
            return _halves({"data": data, "usage": {"prompt_tokens": 3, "total_tokens": 3}}), JSON
        if seen.path.endswith("/tasks"):
            return _halves({"id": "t1", "response": {"success": True, "task_id": "t1", "data": [{"url": URL}]}}), JSON
        if seen.path.endswith("/images/generations"):
            if body["model"] == "queued":
                return _halves({"task_id": "t1"}), JSON
            made = {"url": URL} if body["model"] == "linked" else {"b64_json": base64.b64encode(PNG).decode()}
            return _halves({"data": [made]}), JSON
        return _chat_frames(body["model"]), SSE


def _halves(value: Any) -> list[bytes]:
    content = json.dumps(value).encode()
    return [content[:10], content[10:]]


def _chat_frames(model: str) -> list[bytes]:
    def frame(delta: dict[str, Any], **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish", None)}
        return f"data: {json.dumps({'id': 'c', 'model': model, 'choices': [choice], **more})}\n\n".encode()

    pictures = {"images": [{"image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}}]}
    half = len(TEXT) // 2
    return [
        frame({"role": "assistant", "content": TEXT[:half]}),
        frame({"content": TEXT[half:], **(pictures if model == "painter" else {})}),
        frame({}, finish="stop", usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7})
        + b"data: [DONE]\n\n",
    ]


Call = Callable[[str, dict[str, Any]], Awaitable[CallToolResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One paid call.

    Attributes:
        act: makes the tool calls; gives the last result.
        marks: what must not be lost, each in the forms in which it may stand in the answer, in the store or in a file.
        soft_deadline_s: when a handle is given instead of the answer.
        pause_s: how long the upstream waits in the middle of an answer.
        prepare: what has happened before, without faults.
        in_thread: whether the answer must stand in a conversation.
    """

    act: Callable[[Call, str], Awaitable[CallToolResult]]
    marks: Sequence[tuple[bytes, ...]] = (_TEXT,)
    soft_deadline_s: float | None = None
    pause_s: float = 0.0
    prepare: Callable[[Call], Awaitable[str]] | None = None
    in_thread: bool = False

    def settings(self, origin: str) -> Settings:
        """One provider, at this address."""
        provider = ProviderSettings(
            name="p", base_url=f"{origin}/v1", api_key=Secret("sk-fault-0123456789"), max_attempts=1
        )
        limits = Limits(soft_deadline_s=0 if self.soft_deadline_s is None else self.soft_deadline_s)
        return Settings(providers={"p": provider}, default_model="p/m", limits=limits)


async def _begin(call: Call) -> str:
    result = await call("chat", {"prompt": "hello", "conversation": "new"})
    assert result.meta is not None
    return result.meta[RESULT_KEY]["conversation"]


async def _handle(call: Call, _: str) -> CallToolResult:
    first = await call("chat", {"prompt": "x"})
    handle = (first.meta or {}).get(RESULT_KEY, {}).get("result_id")
    if handle is None:
        return first
    while True:
        result = await call("get_result", {"id": handle, "wait_s": 5})
        if (result.meta or {}).get(RESULT_KEY, {}).get("status") != "running":
            return result


SCENARIOS: dict[str, Scenario] = {
    "chat": Scenario(act=lambda call, _: call("chat", {"prompt": "x"})),
    "chat with a picture": Scenario(
        act=lambda call, _: call("chat", {"prompt": "x", "model": "p/painter"}), marks=(_TEXT, _PICTURE)
    ),
    "new conversation": Scenario(act=lambda call, _: call("chat", {"prompt": "x", "conversation": "new"})),
    "conversation": Scenario(
        act=lambda call, thread: call("chat", {"prompt": "x", "conversation": thread}), prepare=_begin
    ),
    "conversation with a picture": Scenario(
        act=lambda call, _: call("chat", {"prompt": "x", "model": "p/painter", "conversation": "new"}),
        marks=(_TEXT, _PICTURE),
        in_thread=True,
    ),
    "handle": Scenario(act=_handle, soft_deadline_s=0.05, pause_s=0.1),
    "models": Scenario(act=lambda call, _: call("chat", {"prompt": "x", "models": ["p/m", "p/n"]})),
    "embed to file": Scenario(
        act=lambda call, _: call("embed", {"input": INPUTS, "model": "p/e"}), marks=((b"<vectors>", b"[[0.0,1.0],"),)
    ),
    "picture": Scenario(
        act=lambda call, _: call("generate_image", {"prompt": "x", "model": "p/painter"}), marks=(_PICTURE,)
    ),
    "picture by URL": Scenario(
        act=lambda call, _: call("generate_image", {"prompt": "x", "model": "p/linked"}), marks=((URL.encode(),),)
    ),
    "async picture": Scenario(
        act=lambda call, _: call("generate_image", {"prompt": "x", "model": "p/queued"}), marks=((URL.encode(),),)
    ),
}
