"""Feeding readers in every cut, and making the bytes that streams consist of."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from anymodel_mcp.dialects.fields import Dialect, Quirks
from anymodel_mcp.errors import Failure, ProviderError
from anymodel_mcp.types import ChatResult, Delta, EmbeddingsResult, ImagesResult, ModelList
from anymodel_mcp.wire import readers
from anymodel_mcp.wire.exchange import Reader, ResponseHead

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


def chat_reader(head: ResponseHead = SSE_HEAD, *, limit: int = LIMIT, **quirks: Any) -> Reader[ChatResult]:
    dialect = Dialect(**Quirks(**quirks))
    return readers.chat_reader(head, dialect=dialect, streamed=True, max_event_bytes=limit, model="asked")


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
    return everyway(
        lambda: readers.completion_reader(head, dialect=Dialect(), streamed=True, max_event_bytes=LIMIT, model="asked"),
        raw,
    )


def responses(data: bytes | str, *, head: ResponseHead = SSE_HEAD, broken: str | None = None) -> ChatResult | Failure:
    raw = data.encode() if isinstance(data, str) else data
    return everyway(
        lambda: readers.responses_reader(head, dialect=Dialect(), streamed=True, max_event_bytes=LIMIT, model="asked"),
        raw,
        broken,
    )


def embeddings(value: Any, count: int, *, head: ResponseHead = JSON_HEAD) -> EmbeddingsResult | Failure:
    return everyway(
        lambda: readers.embeddings_reader(head, count=count, max_event_bytes=LIMIT, model="asked"), as_bytes(value)
    )


def images(
    value: Any, *, head: ResponseHead = JSON_HEAD, broken: str | None = None, limit: int = LIMIT
) -> ImagesResult | Failure:
    return everyway(lambda: readers.images_reader(head, max_event_bytes=limit, model="asked"), as_bytes(value), broken)


def task(value: Any, *, head: ResponseHead = JSON_HEAD) -> ImagesResult | Failure:
    return everyway(
        lambda: readers.task_reader(head, task_id="t1", max_event_bytes=LIMIT, model="asked"), as_bytes(value)
    )


def models(value: Any, *, head: ResponseHead = JSON_HEAD) -> ModelList | Failure:
    return everyway(lambda: readers.models_reader(head, provider="p", max_event_bytes=LIMIT), as_bytes(value))


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
