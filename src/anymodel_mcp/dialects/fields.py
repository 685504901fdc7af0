"""`Dialect`: every way in which "OpenAI-compatible" endpoints differ; `Quirks`: the same names, sparse.

Defaults are OpenAI's own behaviour as far as all imitations accept it, so an unlisted provider needs no row.
Each field has a reader in `wire/` and a test. A difference that a field
cannot say gets a new field, never a name in an `if`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from types import MappingProxyType
from typing import Literal, TypedDict

from anymodel_mcp.record import record

Auth = str
"""How the key is sent: "bearer", "none", "header:NAME", or "scheme:WORD" (`Authorization: WORD key`)."""

ApiName = Literal["chat", "responses", "anthropic", "gemini", "realtime"]
"""The APIs that can serve a chat turn."""

API_AUTH: Mapping[ApiName, Auth] = MappingProxyType(
    {
        "chat": "bearer",
        "responses": "bearer",
        "anthropic": "header:x-api-key",
        "gemini": "header:x-goog-api-key",
        "realtime": "bearer",
    }
)
"""How the key is sent if neither the configuration nor a row says so."""

Feature = Literal["chat", "completions", "embeddings", "images", "image_edits", "responses", "models"]
"""An endpoint that a provider may have."""

Reasoning = Literal[
    "effort",
    "openrouter",
    "thinking",
    "thinking_effort",
    "thinking_budget",
    "adaptive",
    "thinking_level",
    "enable_thinking",
    "suffix",
    "none",
]
"""How a reasoning effort is sent."""


SearchForm = Literal[
    "none",
    "always",
    "web_search",
    "web_search_options",
    "enable_search",
    "google_search",
    "web_search_20250305",
    "plugins",
    "glm",
    "browser_search",
    "kimi",
]
"""How web search is turned on; what each sends is in `wire/fields/search.py`."""

SpeechForm = Literal["openai", "minimax", "dashscope", "elevenlabs", "fish"]
"""The provider whose fields a speech request uses."""

RerankForm = Literal["jina", "voyage", "tei", "dashscope", "nvidia"]
"""The provider whose fields a rerank request uses; Cohere and llama.cpp use Jina's."""

AudioService = Literal["transcription", "speech"]


@record
class Dialect:
    """The complete behaviour of one provider and model.

    Attributes:
        api: the API for chat turns, where it is not the provider's own; `None` = the provider's.
        fields_in: the object that holds a model's own fields (`temperature`, `top_p`, switches of thinking); "" =
            at the top level.
        token_param: the chat field that caps generated tokens.
        drop_params: request fields of ours that are left out, with a warning (never the user's `options`).
        system_role: the role that instructions travel under; "user" folds them into the first user message.
        stream_options: whether `stream_options.include_usage` may be sent with a stream.
        stop_limit: how many stop sequences are taken; 0 = no limit known.
        default_max_tokens: sent when the caller names none, because the endpoint's own default is useless.
        min_temperature: the smallest temperature taken; lower ones are raised to it.
        max_temperature: the largest temperature taken.
        reasoning: how an effort is said: "effort" (`reasoning_effort`), "openrouter" (`reasoning: {effort}`),
            "thinking" (`thinking: {type}`), "thinking_effort" (both `thinking: {type}` and `reasoning_effort`),
            "thinking_budget" (`thinking: {type, budget_tokens}`; `thinkingConfig.thinkingBudget` in the Gemini API),
            "adaptive" (`thinking: {type: adaptive}` with `output_config.effort`), "thinking_level"
            (`thinkingConfig.thinkingLevel`),
            "enable_thinking" (with `thinking_budget`), "suffix" (model-thinking-high), "none" (no way known:
            left out with a warning).
        reasoning_efforts: the words that are taken, weakest first; others are moved to the nearest.
        reasoning_split: `reasoning_split: true` is sent, so that thoughts do not come inside the text.
        think_tags: where `<think>` blocks may stand in the text: "leading", "closing_only_possible" (the template
            opened the block), "none".
        reasoning_back: which field of an assistant message must come back in the next turn: "none", "tools"
            (within a tool loop only), "always".
        foreign_signature: what stands for the thought signature of a function call that another model has made, where
            the Gemini API requires one; "" = nothing.
        structured: the strongest form of structured answers: "json_schema", "json_object", "tool" (a tool that
            the model must call, in the Messages API), "instruction".
        search: how web search is turned on: "web_search" (a tool of that type), "web_search_options" (a field),
            "enable_search" (a field), "google_search" (a tool), "web_search_20250305" (a tool), "plugins" (the plugin
            `web`), "glm" (the tool `web_search` with its settings), "browser_search" (a tool), "kimi" (the built-in
            function `$web_search`, whose calls are returned), "always" (every answer rests on a search), "none" (no way
            known: left out with a warning).
        search_api: the API through which a turn with web search goes, where `search` is "none"; `None` = there is none.
        vision_urls: pictures may be given by URL (else their bytes are sent).
        file_parts: documents: "chat" (`file` parts), "responses" (only through the Responses API), "none".
        embed_batch: inputs in one embeddings request.
        embed_dialect: names and place of the fields of an embeddings request: "openai" or "gemini"
            (`batchEmbedContents`).
        embed_input_type: `input_type` must be sent: "none", or "nvidia" (query, passage), or "cohere" (search_query,
            search_document), or "gemini" (as `taskType`: RETRIEVAL_QUERY, RETRIEVAL_DOCUMENT).
        embed_encoding: `encoding_format` that is sent; `None` = the field is left out.
        embed_form: the numbers in vectors that come as base64 without having been asked for: "float32", "int8",
            "uint8", "bits" (packed, the highest first).
        image_dialect: names of the fields of a picture request.
        image_size_separator: between width and height.
        image_response_format: how pictures shall come (bytes need no second request); `None` = the field is left out.
        image_input_field: the form field of an edit's pictures.
        transcription_form: how a sound is sent to be transcribed: "form" (multipart) or "json" (`input_audio`).
        transcription_times: what asks for segments with times: a `response_format`, or "granularities"
            (`timestamp_granularities` without a format).
        transcription_stream: a transcript is asked for as a stream of events.
        audio_max_mb: the largest sound that is taken, in millions of bytes.
        audio_input: the form of a sound in a chat message: "openai" (bare base64 and a format), "data_url" (in `data`),
            "string" (`input_audio` is the base64 itself).
        speech_form: names and place of the fields of a speech request.
        speech_format: the audio format that is asked for where the caller names none; "" = the provider's default.
        speech_voice: the voice that is asked for where neither the caller nor the configuration names one.
        rerank_form: names and place of the fields of a rerank request.
        rerank_url: where rerank requests go: a whole URL, or a path of the base URL's host; "" = BASE/rerank.
        key_hosts: the provider's own hosts, any of which may have its key where the base URL is at one of them.
        task_path: where a ticket (`task_id`) is turned into a result by POST {id, action: "retrieve"}; "" = nowhere.
        models_path: where the list is, below the base URL.
        lacks: endpoints that the provider does not have.
    """

    api: ApiName | None = None
    fields_in: str = ""
    token_param: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    drop_params: frozenset[str] = frozenset()
    system_role: Literal["system", "developer", "user"] = "system"
    stream_options: bool = True
    stop_limit: int = 0
    default_max_tokens: int | None = None
    min_temperature: float | None = None
    max_temperature: float | None = None
    reasoning: Reasoning = "effort"
    reasoning_efforts: tuple[str, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
    reasoning_split: bool = False
    think_tags: Literal["leading", "closing_only_possible", "none"] = "leading"
    reasoning_back: Literal["none", "tools", "always"] = "none"
    foreign_signature: str = ""
    structured: Literal["json_schema", "json_object", "tool", "instruction"] = "json_schema"
    search: SearchForm = "none"
    search_api: ApiName | None = None
    vision_urls: bool = True
    file_parts: Literal["chat", "responses", "none"] = "chat"
    embed_batch: int = 2048
    embed_dialect: Literal["openai", "gemini"] = "openai"
    embed_input_type: Literal["none", "nvidia", "cohere", "gemini"] = "none"
    embed_encoding: Literal["float", "base64"] | None = None
    embed_form: Literal["float32", "int8", "uint8", "bits"] = "float32"
    image_dialect: Literal["openai", "together", "siliconflow", "xai", "openrouter", "chat", "gemini"] = "openai"
    image_size_separator: str = "x"
    image_response_format: Literal["b64_json", "url", "base64"] | None = "b64_json"
    image_input_field: Literal["image[]", "image"] = "image[]"
    transcription_form: Literal["form", "json"] = "form"
    transcription_times: Literal["verbose_json", "diarized_json", "granularities"] = "verbose_json"
    transcription_stream: bool = False
    audio_max_mb: int = 25
    audio_input: Literal["openai", "data_url", "string"] = "openai"
    speech_form: SpeechForm = "openai"
    speech_format: str = ""
    speech_voice: str = ""
    rerank_form: RerankForm = "jina"
    rerank_url: str = ""
    key_hosts: tuple[str, ...] = ()
    task_path: str = "tasks"
    models_path: str = "models"
    lacks: frozenset[Feature] = frozenset()


class Quirks(TypedDict, total=False):
    """Some fields of `Dialect`, as set by a row, a family or the user's configuration."""

    api: ApiName | None
    fields_in: str
    token_param: Literal["max_tokens", "max_completion_tokens"]
    drop_params: frozenset[str]
    system_role: Literal["system", "developer", "user"]
    stream_options: bool
    stop_limit: int
    default_max_tokens: int | None
    min_temperature: float | None
    max_temperature: float | None
    reasoning: Reasoning
    reasoning_efforts: tuple[str, ...]
    reasoning_split: bool
    think_tags: Literal["leading", "closing_only_possible", "none"]
    reasoning_back: Literal["none", "tools", "always"]
    foreign_signature: str
    structured: Literal["json_schema", "json_object", "tool", "instruction"]
    search: SearchForm
    search_api: ApiName | None
    vision_urls: bool
    file_parts: Literal["chat", "responses", "none"]
    embed_batch: int
    embed_dialect: Literal["openai", "gemini"]
    embed_input_type: Literal["none", "nvidia", "cohere", "gemini"]
    embed_encoding: Literal["float", "base64"] | None
    embed_form: Literal["float32", "int8", "uint8", "bits"]
    image_dialect: Literal["openai", "together", "siliconflow", "xai", "openrouter", "chat", "gemini"]
    image_size_separator: str
    image_response_format: Literal["b64_json", "url", "base64"] | None
    image_input_field: Literal["image[]", "image"]
    transcription_form: Literal["form", "json"]
    transcription_times: Literal["verbose_json", "diarized_json", "granularities"]
    transcription_stream: bool
    audio_max_mb: int
    audio_input: Literal["openai", "data_url", "string"]
    speech_form: SpeechForm
    speech_format: str
    speech_voice: str
    rerank_form: RerankForm
    rerank_url: str
    key_hosts: tuple[str, ...]
    task_path: str
    models_path: str
    lacks: frozenset[Feature]


QUIRK_NAMES: frozenset[str] = frozenset(f.name for f in fields(Dialect))


@record
class ApiAccess:
    """Another API of a provider.

    Attributes:
        base_url: where it is, if not at the row's own base URL.
        quirks: where it differs from the API itself, at this provider.
    """

    base_url: str | None = None
    quirks: Quirks = field(default_factory=Quirks)


@record
class ProviderRow:
    """What is known of one provider.

    Attributes:
        base_url: the address that its documentation gives; `None` where every user has another (`url_hint` says
            which form).
        key_env: the variable that holds its key; `None` where it needs none.
        docs_url: the source of the facts.
        checked: ISO date on which they were read.
        quirks: where it differs from the defaults; also what shares its habits (`dialect = "..."`) gets these.
        own: what holds only at `base_url` itself, not at gateways that share its habits.
        auth: how the key travels; "" = as the API has it (`API_AUTH`).
        api: the API through which chat turns go.
        apis: what is known of its APIs for chat turns: other addresses, other habits.
        key_optional: it also answers without a key (local servers).
        models: models to offer where there is no list.
        models_url: the list's address where it is not below the base URL.
        max_parallel: how many calls it takes at once; 0 = no limit that is known.
        services: what it sells besides chat and pictures, at `base_url` itself; where there is none, at every address.
        audio: what it does with sound at `base_url` itself; where there is none, at every address.
        rerank: it has a rerank endpoint, at its own address or at every one.
        list_prices: the list names prices.
        note: one sentence for the provider table.
    """

    name: str
    title: str
    base_url: str | None
    key_env: str | None
    docs_url: str
    checked: str
    quirks: Quirks
    own: Quirks = field(default_factory=Quirks)
    url_hint: str = ""
    auth: Auth = ""
    api: ApiName = "chat"
    apis: Mapping[ApiName, ApiAccess] = field(default_factory=dict[ApiName, ApiAccess])
    key_optional: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    models_url: str | None = None
    max_parallel: int = 0
    services: tuple[str, ...] = ()
    audio: tuple[AudioService, ...] = ()
    rerank: bool = False
    list_prices: bool = False
    note: str = ""
