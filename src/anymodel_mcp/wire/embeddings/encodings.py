"""Decodes vectors in base64: detects the number format of the bytes.

What the request asks for decides; where it asks for nothing, the dialect's own form. Bytes are read as 32-bit floats
only if the values can be those of an embedding: eight-bit integers read as floats are garbage that looks like a vector
of a quarter of the length. Forms as documented by Perplexity (https://docs.perplexity.ai/docs/embeddings/best-practices),
Voyage AI (https://docs.voyageai.com/reference/embeddings-api), Cohere (https://docs.cohere.com/reference/embed), Jina
(https://jina.ai/embeddings), Azure AI Inference
(https://learn.microsoft.com/dotnet/api/azure.ai.inference.embeddingencodingformat) and vLLM
(https://docs.vllm.ai/en/latest/api/vllm/entrypoints/pooling/embed/protocol/); all read 2026-11-28.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from sys import byteorder
from typing import Literal

from anymodel_mcp.types import Json
from anymodel_mcp.wire.content.parts import decode_base64
from anymodel_mcp.wire.decode.json_values import as_list, as_text

Form = Literal["float32", "int8", "uint8", "bits"]

_DTYPES = ("output_dtype", "embedding_type", "embedding_types", "dtype")
_FORMS: dict[str, Form] = {
    **dict.fromkeys(("float", "float32", "single", "base64"), "float32"),
    **dict.fromkeys(("int8", "byte", "sbyte", "base64_int8"), "int8"),
    **dict.fromkeys(("uint8", "base64_uint8"), "uint8"),
    **dict.fromkeys(("binary", "ubinary", "bit", "bits", "base64_binary", "base64_ubinary"), "bits"),
}
_MOST = 1e6
_LEAST = 1e-15
_LEAST_LARGEST = 1e-4


def asked_form(body: Json, default: Form) -> Form | None:
    """The number format that a request asks for, or the default one; `None` = unknown."""
    for name in _DTYPES:
        said = as_text(body.get(name)) or next(iter(as_list(body.get(name))), "")
        if isinstance(said, str) and said:
            return _FORMS.get(said.lower())
    encoding = as_text(body.get("encoding_format")).lower()
    if encoding in ("", "float"):
        return default
    return _FORMS.get(encoding)


def decode_vector(text: str, form: Form | None) -> Sequence[float] | None:
    """Decodes the numbers; `None` if the text is not base64, or does not fit this number format."""
    content = decode_base64(text)
    if not content or form is None:
        return None
    if form == "float32":
        return _floats(content)
    if form == "bits":
        return [1.0 if byte >> shift & 1 else 0.0 for byte in content for shift in range(7, -1, -1)]
    return [float(number) for number in array("b" if form == "int8" else "B", content)]


def _floats(content: bytes) -> Sequence[float] | None:
    if len(content) % 4:
        return None
    numbers = array("f")
    numbers.frombytes(content)
    # tests run on little-endian machines
    if byteorder == "big":  # pragma: no cover
        numbers.byteswap()
    found = numbers.tolist()
    return found if _is_plausible(found) else None


def _is_plausible(numbers: Sequence[float]) -> bool:
    """Whether these may be the numbers of an embedding: finite, of plausible size, few of them nearly zero."""
    if not all(math.isfinite(n) and abs(n) < _MOST for n in numbers):
        return False
    tiny = sum(1 for n in numbers if 0 < abs(n) < _LEAST)
    return tiny * 10 <= len(numbers) and max(map(abs, numbers)) >= _LEAST_LARGEST
