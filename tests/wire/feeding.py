"""Feeding readers in every cut, and making the bytes that streams consist of."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from anymodel_mcp.dialects.fields import Dialect, Quirks
from anymodel_mcp.errors import Failure, ProviderError
from anymodel_mcp.types import ChatResult, Delta, EmbeddingsResult, ImagesResult, Json, ModelList
from anymodel_mcp.wire.apis import CHAT_APIS, COMPLETIONS, EMBEDDINGS, IMAGES, MODELS, TASKS, Api
from anymodel_mcp.wire.exchange import Endpoint, Reader, ReadOptions, ResponseHead, WireRequest

T = TypeVar("T")
LIMIT = 33_554_432
JSON_HEAD = ResponseHead(status=200, headers={"content-type": "application/json"})
SSE_HEAD = ResponseHead(status=200, headers={"content-type": "text/event-stream; charset=utf-8"})


def cuts(data: bytes, seed: int = 1, times: int = 4) -> Iterator[list[bytes]]:
    """The whole, byte by byte, and at random places."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    rng = random.Random(seed)
    for _ in range(times):
        places = [0, *sorted(rng.randrange(len(data) + 1) for _ in range(6)), len(data)]
        yield [data[a:b] for a, b in pairwise(places)]


def run(reader: Reader[T], parts: Sequence[bytes], broken: str | None = None) -> tuple[T | Failure, list[Delta]]:
    """What the reader makes of these pieces, as the sender would feed them."""
    deltas: list[Delta] = []
    for part in parts:
        deltas += reader.feed(part)
        if reader.done:
            break
    try:
        return reader.finish(broken=broken), deltas
    except ProviderError as error:
        return error.failure, deltas


def everyway(make: Callable[[], Reader[T]], data: bytes, broken: str | None = None) -> T | Failure:
    """The outcome, after checking that every cut gives the same."""
    outcomes = [run(make(), parts, broken) for parts in cuts(data)]
    first = outcomes[0]
    for other in outcomes[1:]:
        assert other[0] == first[0]
        assert words(other[1]) == words(first[1])
    return first[0]


def words(deltas: Sequence[Delta]) -> tuple[str, str]:
    """All text and all reasoning among deltas."""
    text = "".join(d.text for d in deltas if d.kind == "text")
    return text, "".join(d.text for d in deltas if d.kind == "reasoning")


def reader_of(
    api: Api[Any, T],
    head: ResponseHead = SSE_HEAD,
    *,
    endpoint: Endpoint = "chat",
    body: Json | None = None,
    limit: int = LIMIT,
    model: str = "asked",
    **quirks: Any,
) -> Reader[T]:
    """The reader of one response of an API, for a dialect with these quirks."""
    sent = WireRequest(path="", endpoint=endpoint, body=body)
    options = ReadOptions(dialect=Dialect(**Quirks(**quirks)), model=model, provider="p", max_event_bytes=limit)
    return api.read(head, sent, options)


def chat_reader(head: ResponseHead = SSE_HEAD, *, limit: int = LIMIT, **quirks: Any) -> Reader[ChatResult]:
    return reader_of(CHAT_APIS["chat"], head, limit=limit, **quirks)


def responses_reader(head: ResponseHead = SSE_HEAD, *, limit: int = LIMIT) -> Reader[ChatResult]:
    return reader_of(CHAT_APIS["responses"], head, endpoint="responses", limit=limit)


def images_reader(head: ResponseHead = SSE_HEAD, *, limit: int = LIMIT) -> Reader[ImagesResult]:
    return reader_of(IMAGES, head, endpoint="images", limit=limit)


def task_reader(head: ResponseHead = SSE_HEAD, *, limit: int = LIMIT) -> Reader[ImagesResult]:
    return reader_of(TASKS, head, endpoint="tasks", body={"id": "t1"}, limit=limit)


def chat_outcome(
    data: bytes | str, *, head: ResponseHead = SSE_HEAD, broken: str | None = None, limit: int = LIMIT, **quirks: Any
) -> ChatResult | Failure:
    raw = data.encode() if isinstance(data, str) else data
    return everyway(lambda: chat_reader(head, limit=limit, **quirks), raw, broken)


def chat(data: bytes | str, *, head: ResponseHead = SSE_HEAD, broken: str | None = None, **quirks: Any) -> ChatResult:
    outcome = chat_outcome(data, head=head, broken=broken, **quirks)
    assert isinstance(outcome, ChatResult), outcome
    return outcome


def chat_failure(
    data: bytes | str, *, head: ResponseHead = SSE_HEAD, broken: str | None = None, limit: int = LIMIT, **quirks: Any
) -> Failure:
    outcome = chat_outcome(data, head=head, broken=broken, limit=limit, **quirks)
    assert isinstance(outcome, Failure), outcome
    return outcome


def completion(data: bytes | str, *, head: ResponseHead = SSE_HEAD) -> ChatResult | Failure:
    raw = data.encode() if isinstance(data, str) else data
    return everyway(lambda: reader_of(COMPLETIONS, head, endpoint="completions"), raw)


def responses(data: bytes | str, *, head: ResponseHead = SSE_HEAD, broken: str | None = None) -> ChatResult | Failure:
    raw = data.encode() if isinstance(data, str) else data
    return everyway(lambda: responses_reader(head), raw, broken)


def embeddings(
    value: Any, count: int, *, head: ResponseHead = JSON_HEAD, asked: Json | None = None, **quirks: Any
) -> EmbeddingsResult | Failure:
    body = {"input": ["text"] * count, **(asked or {})}
    return everyway(lambda: reader_of(EMBEDDINGS, head, endpoint="embeddings", body=body, **quirks), as_bytes(value))


def images(
    value: Any, *, head: ResponseHead = JSON_HEAD, broken: str | None = None, limit: int = LIMIT
) -> ImagesResult | Failure:
    return everyway(lambda: images_reader(head, limit=limit), as_bytes(value), broken)


def task(value: Any, *, head: ResponseHead = JSON_HEAD) -> ImagesResult | Failure:
    return everyway(lambda: task_reader(head), as_bytes(value))


def models(value: Any, *, head: ResponseHead = JSON_HEAD) -> ModelList | Failure:
    return everyway(lambda: reader_of(MODELS, head, endpoint="models"), as_bytes(value))


def as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def frame(value: Any) -> str:
    """One event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def chunk(delta: Any, finish: Any = None, *, index: int = 0, **more: Any) -> str:
    """One event of a chat stream."""
    choice: dict[str, Any] = {"index": index, "delta": delta, "finish_reason": finish, **more.pop("choice", {})}
    return frame(
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
    )


def texts(*parts: str) -> str:
    """Events of plain text."""
    return "".join(chunk({"content": part}) for part in parts)


DONE = "data: [DONE]\n\n"
STOP = chunk({}, "stop") + DONE


def message(content: Any = "pong", finish: Any = "stop", **more: Any) -> dict[str, Any]:
    """A whole chat answer; `more` goes into the message."""
    return {
        "id": "c1",
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content, **more}, "finish_reason": finish}
        ],
    }
