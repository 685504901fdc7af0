"""Reads answers to embeddings requests of any shape: vectors in the order of the inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, cast

from anymodel_mcp.types import EmbeddingsResult, Json
from anymodel_mcp.wire.content.usage import find_usage, read_usage
from anymodel_mcp.wire.decode.body import BodyReader, Document
from anymodel_mcp.wire.decode.json_values import as_count, as_list, as_object, as_text, objects
from anymodel_mcp.wire.embeddings.encodings import Form, asked_form, decode_vector
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest

_MAX_BYTES = 128_000_000
_MAX_NUMBERS = 20_000_000
_UNREADABLE = "an embedding is base64 that does not contain the requested numbers"
_ASK_FOR_FLOATS = 'Put {"encoding_format": "float"} into options, or set quirks.embed_form.'
_LISTS = ("data", "embeddings", "vectors", "float", "result", "output")


def read_embeddings(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[EmbeddingsResult]:
    """Reads one vector for each input that was sent: at most 128 MB and 20 million numbers."""
    body = sent.body or {}
    count = len(as_list(body.get("input")) or as_list(body.get("requests")))
    form = asked_form(body, options.dialect.embed_form)
    return BodyReader(
        head,
        Embeddings(head, model=options.model, count=count, form=form),
        max_event_bytes=_MAX_BYTES,
        max_values=_MAX_NUMBERS,
    )


class Embeddings(Document[EmbeddingsResult]):
    """Reads the vectors.

    Args:
        head: status and headers.
        model: the provider's id of the model that was asked.
        count: how many inputs were sent.
        form: the number format of base64 vectors; `None` = not known.
    """

    def __init__(self, head: ResponseHead, *, model: str, count: int, form: Form | None = "float32") -> None:
        super().__init__(head, endpoint="embeddings", model=model)
        self._count: Final = count
        self._form: Final = form

    def read(self, values: list[Any]) -> EmbeddingsResult:
        """Returns the vectors, sorted by index, after checking their number."""
        body, entries = _entries(values)
        vectors = [_vector(v, self._form) for v in _sorted(entries)]
        if len(vectors) != self._count:
            raise self.failure(f"{len(vectors)} vectors came for {self._count} inputs", "protocol")
        good = [v for v in vectors if v]
        if len(good) != len(vectors) and any(isinstance(_value(e), str) for e in entries):
            raise self.failure(_UNREADABLE, "protocol").with_fields(fix=_ASK_FOR_FLOATS)
        if len(good) != len(vectors):
            raise self.failure("an embedding is not a list of numbers", "protocol")
        widths = {len(v) for v in good}
        if len(widths) > 1:
            raise self.failure(f"the vectors have different lengths: {sorted(widths)[:5]}", "protocol")
        return EmbeddingsResult(
            vectors=tuple(good),
            model=as_text(body.get("model")) or self.model or None,
            usage=read_usage(find_usage(body)),
        )


def _entries(values: list[Any]) -> tuple[Json, list[Any]]:
    """The object around the vectors, and the list of them; a lone vector is a list of one."""
    value: Any = values if len(values) > 1 else values[0]
    body = as_object(value)
    entries: Any = value
    while isinstance(entries, dict):
        inner = as_object(entries)
        if "embedding" in inner:
            return body, [inner]
        entries = next((inner[n] for n in _LISTS if isinstance(inner.get(n), list | dict)), None)
    found = as_list(entries)
    if found and all(isinstance(v, int | float) for v in found):
        return body, [found]
    return body, found


def _sorted(entries: list[Any]) -> list[Any]:
    """Sorts by index if each entry has a unique one; otherwise keeps the order."""
    indexes = [as_count(e.get("index")) for e in objects(entries)]
    if len(indexes) != len(entries) or None in indexes or len(set(indexes)) != len(entries):
        return entries
    return [e for _, e in sorted(zip(indexes, entries, strict=True), key=lambda pair: pair[0] or 0)]


def _value(entry: Any) -> Any:
    """The vector of one entry, in any of the known fields."""
    value = entry
    if isinstance(entry, dict):
        source = as_object(entry)
        value = source.get("embedding", source.get("values", source.get("vector")))
    return as_object(cast("Any", value)).get("float") if isinstance(value, dict) else value


def _vector(entry: Any, form: Form | None) -> Sequence[float] | None:
    """The numbers of one entry: a list, a nested list or base64; `None` if it is none of these."""
    value = _value(entry)
    if isinstance(value, str):
        return decode_vector(value, form)
    row = as_list(value)
    if len(row) == 1 and isinstance(row[0], list):
        row = as_list(row[0])
    try:
        numbers = [float(v) for v in row if not isinstance(v, bool | str)]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if numbers and len(numbers) == len(row) and all(map(math.isfinite, numbers)) else None
