"""Reads model lists of any shape into our records.

What a list does not contain is not guessed, except what a model's modalities or name show clearly. Shapes and names
from a survey of documentation and recorded lists, 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Any, Final

from anymodel_mcp.types import Capability, Json, ModelList, ModelRecord, Price
from anymodel_mcp.wire.decode.body import BodyReader, Document
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, first_text, objects
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.models.figures import context_length, max_output_tokens, price_per_million
from anymodel_mcp.wire.models.names import audio_modalities, guess_type
from anymodel_mcp.wire.models.unit_prices import unit_prices
from anymodel_mcp.wire.patterns import LazyPattern

_MAX_DEPTH = 4
_RETIRED = (
    "shutdown_date",
    "deprecation",
    "deprecation_date",
    "expiration_date",
    "deprecated_at",
    "retirement_date",
    "retires_at",
)
_TOOLS = frozenset(
    ("tools", "function_calling", "tool_calling", "tool_use", "tool_calls", "function_call", "tool-use", "tool")
)
_REASONING = frozenset(("reasoning", "thinking", "reasoning_effort", "include_reasoning"))
_VISION = frozenset(("vision", "image_input", "multimodal", "image-to-text", "image-text-to-text"))
_ABILITIES = (
    "capabilities",
    "supported_parameters",
    "features",
    "supported_features",
    "tags",
    "supported_capabilities",
)
_TYPES: tuple[tuple[LazyPattern, Capability], ...] = (
    (LazyPattern(r"embed", re.IGNORECASE), "embedding"),
    (LazyPattern(r"text-to-image|image[-_]gen|^images?$", re.IGNORECASE), "image"),
    (
        LazyPattern(
            r"chat|text-generation|^llm$|^vlm$|^language|image-text-to-text|text generation|^text$", re.IGNORECASE
        ),
        "chat",
    ),
)

_OTHER_TYPE = LazyPattern(
    r"video|audio|music|speech|voice|re-?rank|^asr|^tts|^stt|transcri|moderation|upscal|inpaint", re.IGNORECASE
)
_MAX_MODELS = 20_000
_OUTPUTS: tuple[tuple[str, Capability], ...] = (
    ("text", "chat"),
    ("image", "image"),
    ("rerank", "rerank"),
    ("speech", "audio"),
    ("audio", "audio"),
    ("transcription", "audio"),
    ("music", "audio"),
    ("video", "video"),
)
_ENDPOINTS: tuple[tuple[str, Capability], ...] = (
    # https://github.com/QuantumNous/new-api constant/endpoint_type.go, 2026-11-28: a model's `supported_endpoint_types`
    ("openai-video", "video"),
    ("jina-rerank", "rerank"),
    ("embeddings", "embedding"),
    ("image-generation", "image"),
    ("suno", "audio"),
    ("midjourney", "image"),
)
_HUMP = LazyPattern(r"(?<=[a-z0-9])(?=[A-Z])")


def read_models(head: ResponseHead, _sent: WireRequest, options: ReadOptions) -> Reader[ModelList]:
    """Reads one page of a model list."""
    return BodyReader(head, Models(head, provider=options.provider), max_event_bytes=options.max_event_bytes)


class Models(Document[ModelList]):
    """Reads one page of a list.

    Args:
        head: status and headers.
        provider: the name under which the provider is configured.
    """

    def __init__(self, head: ResponseHead, *, provider: str) -> None:
        super().__init__(head, endpoint="models", model="")
        self._provider: Final = provider

    def read(self, values: list[Any]) -> ModelList:
        """The records, in the provider's order, each id once."""
        value = values[0] if len(values) == 1 else values
        body = as_object(value)
        entries = _entries(value)
        if entries is None:
            raise self.failure("the answer is not a list of models", "protocol")
        records: dict[str, ModelRecord] = {}
        skipped = 0
        for entry in entries[:_MAX_MODELS]:
            record = _record(entry, self._provider)
            skipped += record is None
            if record is not None and record.id not in records:
                records[record.id] = record
        warnings = (f"{skipped} entries of the list have no id and were left out",) if skipped else ()
        if len(entries) > _MAX_MODELS:
            warnings += (f"the list holds {len(entries)} entries: those after {_MAX_MODELS} were left out",)
        return ModelList(models=tuple(records.values()), next_page=_next_page(body), warnings=warnings)


def _entries(value: Any, depth: int = 0) -> list[Any] | None:
    """The list itself; `None` = there is none."""
    if isinstance(value, list):
        return as_list(value)
    body = as_object(value)
    for name in ("data", "models", "result", "items", "results", "body"):
        if isinstance(body.get(name), list) and body[name]:
            return as_list(body[name])
    for name in ("data", "models", "result"):
        inner = as_object(body.get(name))
        if inner and depth < _MAX_DEPTH:
            nested = _entries(inner, depth + 1)
            return nested if nested is not None else [{"id": k, **as_object(v)} for k, v in inner.items()]
    if (
        any(name in body and not body[name] for name in ("data", "models", "result", "items"))
        or body.get("object") == "list"
    ):
        return []
    return [body] if isinstance(body.get("id"), str) else None


def _next_page(body: Json) -> dict[str, str] | None:
    """The query of the next page, if there is one."""
    last = as_text(body.get("last_id"))
    if body.get("has_more") is True and last:
        return {"after_id": last}
    token = first_text(body, "nextPageToken", "next_page_token")
    return {"pageToken": token} if token else None


def _record(entry: Any, provider: str) -> ModelRecord | None:
    if isinstance(entry, str):
        return ModelRecord(id=entry, provider=provider, type=_type({}, entry, (), ())) if entry.strip() else None
    source = as_object(entry)
    id_ = first_text(source, "id", "model", "name", "slug", "model_name")
    if not id_:
        return None
    providers = objects(source.get("providers"))
    inputs, outputs = _modalities(source)
    type_ = _type(source, id_, inputs, outputs)
    capabilities = _capabilities(source, providers, type_, inputs)
    if "vision" in capabilities and not inputs:
        inputs = ("text", "image")
    if type_ == "audio" and not (inputs or outputs):
        inputs, outputs = audio_modalities(f"{' '.join(_said(source))} {id_}")
    if type_ == "video" and not outputs:
        outputs = ("video",)
    by_token = price_per_million(source)
    spec = as_object(source.get("model_spec"))  # Venice
    name = first_text(source, "display_name", "displayName", "title", "name") or first_text(spec, "name")
    return ModelRecord(
        id=id_,
        provider=provider,
        name=name if name and name != id_ else None,
        type=type_,
        context_length=context_length(source),
        max_output_tokens=max_output_tokens(source),
        input_modalities=inputs,
        output_modalities=outputs,
        capabilities=capabilities,
        price_per_million=by_token,
        price={} if _sold(by_token) else unit_prices(source, type_),
        deprecated_on=_retired(source),
        entry=source,
    )


def _modalities(source: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    architecture = as_object(source.get("architecture"))
    inputs = _texts(
        architecture.get("input_modalities")
        or source.get("input_modalities")
        or source.get("supported_input_modalities")
    )
    outputs = _texts(
        architecture.get("output_modalities")
        or source.get("output_modalities")
        or source.get("supported_output_modalities")
    )
    modality = as_text(architecture.get("modality")) or as_text(source.get("modality"))
    if "->" in modality and not (inputs and outputs):
        left, _, right = modality.partition("->")
        inputs = inputs or tuple(left.split("+"))
        outputs = outputs or tuple(right.split("+"))
    return inputs, outputs


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(v.lower() for v in as_list(value) if isinstance(v, str) and v)


def _sold(price: Price | None) -> bool:
    """Whether it is sold by tokens: a price of nothing on both sides is a placeholder."""
    return price is not None and bool(price.input or price.output)


def _said(source: Json) -> list[str]:
    """What the entry calls the model's kind, in its fields for it."""
    said = [as_text(source.get(n)) for n in ("type", "task", "model_type", "pipeline_tag", "category", "sub_type")]
    said += [as_text(as_object(source.get("task")).get("name"))]
    said += [as_text(source.get("mode")), as_text(as_object(source.get("model_info")).get("mode"))]  # LiteLLM
    said += list(_texts(source.get("supportedGenerationMethods")))
    said += [as_text(as_object(source.get("capabilities")).get("type"))]
    tags = _texts(as_object(source.get("metadata")).get("tags"))  # DeepInfra
    return [*said, *sorted(tags, key=lambda tag: tag != "chat")]


def _type(source: Json, id_: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Capability | None:
    """The type of the model: from the entry, else from its modalities or name."""
    if outputs:
        if any("embed" in o for o in outputs):
            return "embedding"
        return next((type_ for word, type_ in _OUTPUTS if word in outputs), None)
    endpoints = _texts(source.get("supported_endpoint_types"))
    for word, type_ in _ENDPOINTS:
        if word in endpoints:
            return type_
    for words in _said(source):
        if other := _OTHER_TYPE.search(words):
            return _type_of_other(other.group().lower())
        for pattern, type_ in _TYPES:
            if words and pattern.search(words):
                return type_
    return guess_type(id_)


def _type_of_other(word: str) -> Capability | None:
    if word.startswith("re"):
        return "rerank"
    if word == "video":
        return "video"
    return "audio" if word in ("audio", "music", "speech", "voice", "asr", "tts", "stt", "transcri") else None


def _capabilities(
    source: Json, providers: list[Json], type_: Capability | None, inputs: tuple[str, ...]
) -> tuple[Capability, ...]:
    named = _capabilities_in(source, providers)
    found: list[Capability] = [type_] if type_ else []
    if type_ in (None, "chat"):
        if "image" in inputs or named & _VISION:
            found.append("vision")
        if named & _TOOLS:
            found.append("tools")
        if named & _REASONING:
            found.append("reasoning")
    if "image" in _modalities(source)[1] and "image" not in found:
        found.append("image")
    return tuple(found)


def _capabilities_in(source: Json, providers: list[Json]) -> set[str]:
    """All capabilities in the entry, in lower case."""
    found: set[str] = set()
    spec = as_object(source.get("model_spec"))  # Venice
    for place in (source, spec):
        for name in _ABILITIES:
            value = place.get(name)
            found.update(_texts(value))
            for ability, yes in as_object(value).items():
                found.update(_affirmed({ability: yes}), _affirmed(as_object(yes)))
    for place in (source, *providers):
        found.update(_affirmed(place))
    found.update(_texts(as_object(source.get("metadata")).get("tags")))
    return found


def _affirmed(place: Json) -> list[str]:
    """The capabilities that are true; `supports_tools`, `supportsTools` and `tools` are the same."""
    return [_HUMP.sub("_", name).lower().removeprefix("supports_") for name, yes in place.items() if yes is True]


def _retired(source: Json) -> str | None:
    for name in _RETIRED:
        value = source.get(name)
        date = as_text(value) or first_text(as_object(value), "date", "shutdown_date", "deprecation_date")
        if date:
            return date[:40]
    return None
