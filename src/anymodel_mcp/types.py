"""Values that cross the packages: requests, results, usage, model records.

Frozen, complete, and without behaviour. A field that is `None` means "not known" or "not asked for".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from anymodel_mcp.record import record

Json = dict[str, Any]
"""A JSON object that is not parsed yet."""
MAX_CHOICES = 16
"""How many choices of one answer are read."""

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "unknown"]
Capability = Literal["chat", "embedding", "image", "vision", "tools", "reasoning", "rerank", "audio", "video"]
PriceUnit = Literal["picture", "second", "minute", "million_characters", "call"]


# --- requests -------------------------------------------------------------------------------------------------------


@record
class ChatRequest:
    """One chat turn, independent of any API.

    Attributes:
        model: the provider's own id.
        messages: OpenAI messages; unknown keys pass through.
        max_tokens: ceiling of generated tokens.
        reasoning_effort: the effort as the caller wrote it ("low", "high", ...); mapped per model family.
        json_schema: the schema that the answer must satisfy.
        tools: OpenAI tool definitions.
        search: the model may search the web.
        options: any other request field, sent verbatim.
    """

    model: str
    messages: Sequence[Json]
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: Sequence[str] | None = None
    reasoning_effort: str | None = None
    json_schema: Json | None = None
    tools: Sequence[Json] | None = None
    search: bool = False
    stream: bool = True
    options: Json = field(default_factory=dict[str, Any])


@record
class CompletionRequest:
    """One legacy text completion."""

    model: str
    prompt: str
    max_tokens: int | None = None
    temperature: float | None = None
    stop: Sequence[str] | None = None
    stream: bool = True
    options: Json = field(default_factory=dict[str, Any])


@record
class EmbeddingsRequest:
    """Texts to embed; `purpose` says whether they are queries or documents, which some providers distinguish."""

    model: str
    inputs: Sequence[str]
    dimensions: int | None = None
    purpose: Literal["document", "query"] = "document"
    options: Json = field(default_factory=dict[str, Any])


@record
class FilePart:
    """Bytes to send as a part of a form or message: a name, a media type, the content."""

    name: str
    mime: str
    content: bytes = field(repr=False)


@record
class ImageRequest:
    """A request to make a picture, or with `images` to edit them."""

    model: str
    prompt: str
    size: str | None = None
    n: int | None = None
    quality: str | None = None
    output_format: str | None = None
    images: Sequence[FilePart] = ()
    mask: FilePart | None = None
    options: Json = field(default_factory=dict[str, Any])


# --- results --------------------------------------------------------------------------------------------------------


@record
class Usage:
    """Tokens and cost of a call, as the provider reports them.

    Attributes:
        input: tokens read.
        output: everything generated, reasoning included.
        total: input and output.
        reasoning: the part of output spent on reasoning.
        cached: the part of input that came from a cache.
        cost: the provider's own figure, in its currency (nearly always US dollars).
    """

    input: int | None = None
    output: int | None = None
    total: int | None = None
    reasoning: int | None = None
    cached: int | None = None
    cost: float | None = None


@record
class ToolCall:
    """A tool call of the model; `arguments` is the parsed object."""

    id: str
    name: str
    arguments: Json
    extra: Json = field(default_factory=dict[str, Any])
    """Fields that the provider wants back with the call (`extra_content` with a thought signature)."""


@record
class InvalidToolCall:
    """A tool call whose arguments are not a JSON object; the raw text is kept."""

    id: str
    name: str
    arguments_raw: str


@record
class Citation:
    """A source cited by the provider."""

    url: str
    title: str | None = None


@record
class Picture:
    """A picture from a provider: bytes, a URL, or both.

    Attributes:
        content: the decoded bytes, unchanged.
        url: as given, byte for byte (signed URLs break otherwise).
        mime: the media type sniffed from the bytes, never the provider's header.
    """

    content: bytes | None = field(default=None, repr=False)
    url: str | None = None
    mime: str | None = None
    revised_prompt: str | None = None


@record
class Sound:
    """A sound from a provider: bytes, or a URL.

    Attributes:
        content: the bytes; raw samples have got a WAV header.
        url: as given, byte for byte.
        mime: sniffed from the bytes.
        duration_s: as the provider reports it.
    """

    content: bytes | None = field(default=None, repr=False)
    url: str | None = None
    mime: str | None = None
    duration_s: float | None = None
    sample_rate: int | None = None


@record
class ChatResult:
    """The result of a chat or completion call, independent of the API.

    Attributes:
        text: the answer of the first choice, unchanged.
        choices: all texts, by index, when there is more than one.
        carry: fields of the assistant message that the provider wants back in the next turn
            (`reasoning_content`, `reasoning_details`, `extra_content`), as they came.
        task_id: the id of a background task, if the provider returned one instead of an answer.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str | None = None
    choices: Sequence[str] = ()
    tool_calls: Sequence[ToolCall] = ()
    invalid_tool_calls: Sequence[InvalidToolCall] = ()
    citations: Sequence[Citation] = ()
    images: Sequence[Picture] = ()
    sounds: Sequence[Sound] = ()
    finish_reason: FinishReason = "unknown"
    finish_raw: str | None = None
    usage: Usage | None = None
    id: str | None = None
    model: str | None = None
    carry: Json = field(default_factory=dict[str, Any])
    warnings: Sequence[str] = ()


@record
class EmbeddingsResult:
    """Vectors in the order of the inputs."""

    vectors: Sequence[Sequence[float]]
    model: str | None = None
    usage: Usage | None = None
    warnings: Sequence[str] = ()


@record
class ImagesResult:
    """Pictures in the order in which they came, or a `task_id` where the provider works in the background."""

    images: Sequence[Picture]
    model: str | None = None
    usage: Usage | None = None
    task_id: str | None = None
    warnings: Sequence[str] = ()


@record
class Price:
    """US dollars for a million tokens."""

    input: float | None = None
    output: float | None = None


@record
class ModelRecord:
    """One model of one provider.

    Attributes:
        price: US dollars by unit, for what is not sold by tokens.
        entry: the provider's own list entry.
    """

    id: str
    provider: str = ""
    name: str | None = None
    type: Capability | None = None
    context_length: int | None = None
    max_output_tokens: int | None = None
    input_modalities: Sequence[str] = ()
    output_modalities: Sequence[str] = ()
    capabilities: Sequence[Capability] = ()
    price_per_million: Price | None = None
    price: Mapping[PriceUnit, float] = field(default_factory=dict["PriceUnit", float])
    deprecated_on: str | None = None
    source: Literal["endpoint", "config"] = "endpoint"
    entry: Json = field(default_factory=dict[str, Any], repr=False)


@record
class ModelList:
    """One page of a provider's list; `next_page` holds the query of the page that follows."""

    models: Sequence[ModelRecord]
    next_page: Mapping[str, str] | None = None
    warnings: Sequence[str] = ()


# --- progress and outcome ------------------------------------------------------------------------------------------


@record
class Delta:
    """An increment of a running call: answer text, reasoning text, or a started tool call."""

    kind: Literal["text", "reasoning", "tool_call", "image", "sound"]
    text: str = ""


@record
class CallStats:
    """How the requests of one call went.

    Attributes:
        attempts: requests made, the first included.
        first_delta_s: seconds from the first request to the first text or reasoning.
        duration_s: seconds of the whole call.
        rate_limit: the `x-ratelimit-*` headers of the last answer, names shortened.
        warnings: repairs and retries to report.
    """

    attempts: int = 1
    first_delta_s: float | None = None
    duration_s: float = 0.0
    request_id: str | None = None
    rate_limit: Mapping[str, str] = field(default_factory=dict[str, str])
    warnings: Sequence[str] = ()


@record
class Outcome:
    """The outcome of a call, before it is rendered for a host; stored as JSON if it must outlive the call.

    Attributes:
        text: the answer, unchanged; offsets of `get_result` count its characters.
        notes: remarks for the reader, each without its brackets.
        record: the result record of the contract, or `None` with `error`.
        error: the error record of the contract.
        advice: what to do about the error.
        pictures: names of saved pictures to show.
        inline: how to show them.
        status: "running" if `text` is partial.
        result_id: the handle, once one was given.
        offset: the first character of `text` that is given now.
        running_s: how long a running call has run.
        running_model: whom it asks.
    """

    text: str = ""
    notes: Sequence[str] = ()
    record: Json | None = None
    error: Json | None = None
    advice: str = ""
    pictures: Sequence[str] = ()
    inline: Literal["preview", "full", "none"] = "preview"
    status: Literal["complete", "running"] = "complete"
    result_id: str | None = None
    offset: int = 0
    running_s: float | None = None
    running_model: str = ""
