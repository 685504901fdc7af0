"""A provider behind httpx2's own seam, with answers in a queue and the requests seen; a client on our server."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp.client import Client
from mcp.types import CallToolResult, ImageContent, Implementation, TextContent

from anymodel_mcp.app import build_server
from anymodel_mcp.config import ProviderSettings, Secret, Settings
from anymodel_mcp.server.render import ERROR_KEY, RESULT_KEY

Answer = httpx2.Response | Exception
KEY = "sk-canary-0123456789abcdef"


def chunk(text: str = "", finish: str | None = None, **more: Any) -> bytes:
    """One frame of a chat stream."""
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c1", "model": "m", "choices": [choice], **more}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def completion(text: str, **message: Any) -> httpx2.Response:
    """A whole chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return httpx2.Response(200, json={"id": "c1", "model": "m", "choices": [choice], "usage": usage})


def stream(*frames: bytes) -> httpx2.Response:
    """A streamed answer."""
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=b"".join(frames))


def problem(status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> httpx2.Response:
    """A refusal in OpenAI's form."""
    return httpx2.Response(status, headers=headers, json={"error": {"message": message, **more}})


class Endless(httpx2.AsyncByteStream):
    """A body that gives some frames and then nothing more; `closed` is set when the reader lets go."""

    def __init__(self, *frames: bytes) -> None:
        self._frames = frames
        self.closed = anyio.Event()
        self.go_on = anyio.Event()
        self.rest: tuple[bytes, ...] = ()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for frame in self._frames:
            yield frame
        await self.go_on.wait()
        for frame in self.rest:
            yield frame

    async def aclose(self) -> None:
        self.closed.set()


def endless(body: Endless) -> httpx2.Response:
    """A streamed answer that does not end by itself."""
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)


@dataclass(slots=True)
class FakeProvider:
    """Answers requests from a queue, the last for ever; a GET of models is answered from `models`."""

    answers: list[Answer | Callable[[httpx2.Request], Answer]] = field(default_factory=list[Any])
    models: Sequence[Mapping[str, Any]] = ()
    seen: list[httpx2.Request] = field(default_factory=list[httpx2.Request])

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/models"):
            return httpx2.Response(200, json={"object": "list", "data": list(self.models)})
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, Exception):
            raise answer
        if not self.answers or answer is self.answers[0]:  # a response can be read once
            return httpx2.Response(answer.status_code, headers=answer.headers, stream=answer.stream)
        return answer

    def body(self, index: int = -1) -> dict[str, Any]:
        """The JSON of a request."""
        return json.loads(self.seen[index].content)


def provider(name: str = "p", **more: Any) -> ProviderSettings:
    """A provider that answers at an address nobody has."""
    fields: dict[str, Any] = {"base_url": f"http://{name}.test/v1", "api_key": Secret(KEY), **more}
    return ProviderSettings(name=name, **fields)


def settings(*providers: ProviderSettings, **more: Any) -> Settings:
    """Settings with these providers, the first one's model `m` as default."""
    known = {p.name: p for p in providers or (provider(),)}
    fields: dict[str, Any] = {"default_model": f"{next(iter(known))}/m", **more}
    return Settings(providers=known, **fields)


@asynccontextmanager
async def connect(
    fake: FakeProvider | Callable[[httpx2.Request], Any],
    folder: Path,
    configured: Settings | None = None,
    *,
    name: str = "tests",
    mode: str = "auto",
) -> AsyncGenerator[Client]:
    """A client on a server whose providers are `fake`."""
    handler = fake.handle if isinstance(fake, FakeProvider) else fake
    chosen = configured or settings()
    chosen = replace(chosen, files=replace(chosen.files, output_dir=chosen.files.output_dir or str(folder / "out")))
    server = build_server(chosen, transport=httpx2.MockTransport(handler), data_dir=folder)
    async with Client(server, client_info=Implementation(name=name, version="1"), mode=mode) as client:
        yield client


def text_of(result: CallToolResult) -> str:
    """The one text block."""
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    assert len(texts) == 1
    return texts[0]


def images_of(result: CallToolResult) -> list[ImageContent]:
    """The picture blocks."""
    return [block for block in result.content if isinstance(block, ImageContent)]


def record_of(result: CallToolResult) -> dict[str, Any]:
    """The result record."""
    assert not result.is_error, text_of(result)
    assert result.meta
    return result.meta[RESULT_KEY]


def error_of(result: CallToolResult) -> dict[str, Any]:
    """The error record."""
    assert result.is_error, text_of(result)
    assert result.meta
    return result.meta[ERROR_KEY]
