"""One factory for each endpoint: the reader of one successful response."""

from __future__ import annotations

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import ChatResult, EmbeddingsResult, ImagesResult, ModelList
from anymodel_mcp.wire.chat.answer import Accumulator
from anymodel_mcp.wire.decode.body import BodyReader
from anymodel_mcp.wire.embeddings import Embeddings
from anymodel_mcp.wire.exchange import Reader, ResponseHead
from anymodel_mcp.wire.images.answer import Images, PictureReader, Task
from anymodel_mcp.wire.models.answer import Models
from anymodel_mcp.wire.responses.answer import ResponsesAnswer

_VECTOR_BYTES = 131_072
"""More than the JSON of the longest vector takes: 4,096 numbers of 24 characters, and its envelope."""


def chat_reader(
    head: ResponseHead, *, dialect: Dialect, streamed: bool, max_event_bytes: int, model: str
) -> Reader[ChatResult]:
    """Reads a chat answer, streamed or whole: what came says which, not what was asked (`streamed`)."""
    del streamed
    answer = Accumulator(
        status=head.status,
        headers=head.headers,
        endpoint="chat",
        model=model,
        think_tags=dialect.think_tags,
        max_chars=max_event_bytes,
    )
    return BodyReader(head, answer, max_event_bytes=max_event_bytes)


def completion_reader(
    head: ResponseHead, *, dialect: Dialect, streamed: bool, max_event_bytes: int, model: str
) -> Reader[ChatResult]:
    """Reads a legacy completion; the text is the model's, tags and all."""
    del dialect, streamed
    answer = Accumulator(
        status=head.status,
        headers=head.headers,
        endpoint="completions",
        model=model,
        think_tags="none",
        max_chars=max_event_bytes,
    )
    return BodyReader(head, answer, max_event_bytes=max_event_bytes)


def responses_reader(
    head: ResponseHead, *, dialect: Dialect, streamed: bool, max_event_bytes: int, model: str
) -> Reader[ChatResult]:
    """Reads an answer of the Responses API, streamed or whole."""
    del streamed
    answer = ResponsesAnswer(head, model=model, think_tags=dialect.think_tags, max_chars=max_event_bytes)
    return BodyReader(head, answer, max_event_bytes=max_event_bytes)


def embeddings_reader(
    head: ResponseHead, *, count: int, max_event_bytes: int, model: str = ""
) -> Reader[EmbeddingsResult]:
    """Reads `count` vectors; a body of that many vectors may be longer than `max_event_bytes`."""
    limit = max(max_event_bytes, count * _VECTOR_BYTES)
    return BodyReader(head, Embeddings(head, model=model, count=count), max_event_bytes=limit)


def images_reader(head: ResponseHead, *, max_event_bytes: int, model: str = "") -> Reader[ImagesResult]:
    """Reads pictures: as JSON, as a stream of events, or as the bytes themselves; or the ticket for them."""
    return PictureReader(head, Images(head, model=model), max_event_bytes=max_event_bytes)


def task_reader(head: ResponseHead, *, task_id: str, max_event_bytes: int, model: str = "") -> Reader[ImagesResult]:
    """Reads what became of a ticket: pictures, or `task_id` again while the work goes on."""
    return BodyReader(head, Task(head, model=model, task_id=task_id), max_event_bytes=max_event_bytes)


def models_reader(head: ResponseHead, *, provider: str, max_event_bytes: int) -> Reader[ModelList]:
    """Reads one page of a model list."""
    return BodyReader(head, Models(head, provider=provider), max_event_bytes=max_event_bytes)
