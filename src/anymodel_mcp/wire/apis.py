"""The APIs that this server speaks: how each builds a request and reads the response. No other module lists them.

To add an API: a module or folder in `wire/` with a builder and a reader, and one line here. A chat API also needs
its name in `ApiName`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Generic, Literal, TypeVar

from anymodel_mcp.dialects.fields import ApiName, Dialect
from anymodel_mcp.record import positional_record
from anymodel_mcp.types import (
    ChatRequest,
    ChatResult,
    CompletionRequest,
    EmbeddingsRequest,
    EmbeddingsResult,
    ImageRequest,
    ImagesResult,
    ModelList,
)
from anymodel_mcp.wire.anthropic import blocks as anthropic_blocks
from anymodel_mcp.wire.anthropic.answer import read_messages
from anymodel_mcp.wire.anthropic.request import build_messages
from anymodel_mcp.wire.audio.sound import read_speech
from anymodel_mcp.wire.audio.speech import build_speech
from anymodel_mcp.wire.audio.transcript import read_transcription
from anymodel_mcp.wire.audio.transcription import build_transcription
from anymodel_mcp.wire.audio.values import SpeechRequest, SpeechResult, TranscriptionRequest, TranscriptionResult
from anymodel_mcp.wire.chat.answer import read_chat
from anymodel_mcp.wire.chat.request import build_chat
from anymodel_mcp.wire.completions import build_completion, read_completion
from anymodel_mcp.wire.embeddings.answer import read_embeddings
from anymodel_mcp.wire.embeddings.request import build_embeddings
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.gemini import parts as gemini_parts
from anymodel_mcp.wire.gemini.answer import read_generate
from anymodel_mcp.wire.gemini.request import build_generate
from anymodel_mcp.wire.images.answer import read_images, read_task
from anymodel_mcp.wire.images.request import build_image, build_task
from anymodel_mcp.wire.models.answer import read_models
from anymodel_mcp.wire.models.request import Page, build_models
from anymodel_mcp.wire.realtime.answer import read_realtime
from anymodel_mcp.wire.realtime.request import build_realtime
from anymodel_mcp.wire.rerank import RerankRequest, RerankResult, build_rerank, read_rerank
from anymodel_mcp.wire.responses.answer import read_responses
from anymodel_mcp.wire.responses.request import build_responses

Request = TypeVar("Request")
Result = TypeVar("Result")


@positional_record
class Api(Generic[Request, Result]):
    """One API.

    Attributes:
        build: makes the HTTP request.
        read: makes the reader of one successful response.
        apart: building a request may take long, so it is done in a worker thread.
        file_parts: the form in which a chat message carries documents; `None` = the dialect decides.
        carried: the fields of its own assistant messages that it takes back (`ChatResult.carry`).
    """

    build: Callable[[Request, Dialect], WireRequest]
    read: Callable[[ResponseHead, WireRequest, ReadOptions], Reader[Result]]
    apart: bool = False
    file_parts: Literal["chat", "responses", "none"] | None = None
    carried: tuple[str, ...] = ()


_REASONING = ("reasoning_content", "reasoning_details", "extra_content")

CHAT_APIS: Mapping[ApiName, Api[ChatRequest, ChatResult]] = MappingProxyType(
    {
        "chat": Api(build_chat, read_chat, carried=_REASONING),
        "responses": Api(build_responses, read_responses, file_parts="responses"),
        "anthropic": Api(build_messages, read_messages, file_parts="chat", carried=(anthropic_blocks.CARRIED,)),
        "realtime": Api(build_realtime, read_realtime, apart=True, file_parts="none"),
        "gemini": Api(build_generate, read_generate, file_parts="chat", carried=(gemini_parts.CARRIED,)),
    }
)
"""The APIs for chat turns, by their name in the configuration."""

COMPLETIONS: Api[CompletionRequest, ChatResult] = Api(build_completion, read_completion)
EMBEDDINGS: Api[EmbeddingsRequest, EmbeddingsResult] = Api(build_embeddings, read_embeddings)
IMAGES: Api[ImageRequest, ImagesResult] = Api(build_image, read_images)
TASKS: Api[str, ImagesResult] = Api(build_task, read_task)
TRANSCRIPTION: Api[TranscriptionRequest, TranscriptionResult] = Api(build_transcription, read_transcription)
SPEECH: Api[SpeechRequest, SpeechResult] = Api(build_speech, read_speech)
RERANK: Api[RerankRequest, RerankResult] = Api(build_rerank, read_rerank)
MODELS: Api[Page, ModelList] = Api(build_models, read_models)
