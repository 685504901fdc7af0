from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.types import EmbeddingsResult, Usage
from tests.wire.feeding import embeddings


def coded(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


A, B = [1.0, 1.5], [2.0, 2.5]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"data": [{"index": 0, "embedding": A}, {"index": 1, "embedding": B}]}, id="as specified"),
        pytest.param({"data": [{"index": 1, "embedding": B}, {"index": 0, "embedding": A}]}, id="out of order"),
        pytest.param({"data": [{"embedding": A}, {"embedding": B}]}, id="no index"),
        pytest.param({"data": [{"index": 0, "embedding": A}, {"index": 0, "embedding": B}]}, id="index 0 for all"),
        pytest.param(
            {"data": [{"index": 0, "embedding": coded(*A)}, {"index": 1, "embedding": coded(*B)}]}, id="base64"
        ),
        pytest.param([{"index": 0, "embedding": [A]}, {"index": 1, "embedding": [B]}], id="bare list, nested vectors"),
        pytest.param({"embeddings": [A, B]}, id="embeddings of numbers"),
        pytest.param({"embeddings": [{"values": A}, {"values": B}]}, id="values"),
        pytest.param({"embeddings": {"float": [A, B]}}, id="by type"),
        pytest.param({"result": {"data": [A, B]}}, id="in a result"),
        pytest.param([A, B], id="bare vectors"),
    ],
)
def test_vectors_come_in_the_order_of_the_inputs(value: Any) -> None:
    result = embeddings(value, 2)
    assert isinstance(result, EmbeddingsResult), result
    assert [list(v) for v in result.vectors] == [A, B]


def test_model_and_usage_are_told() -> None:
    result = embeddings({"model": "e", "data": [{"embedding": A}], "usage": {"prompt_tokens": 4, "total_tokens": 4}}, 1)
    assert isinstance(result, EmbeddingsResult)
    assert (result.model, result.usage) == ("e", Usage(input=4, output=0, total=4))


@pytest.mark.parametrize("value", [{"embedding": A}, {"data": {"embedding": A}}, A, {"data": A}])
def test_a_lone_vector_is_a_list_of_one(value: Any) -> None:
    result = embeddings(value, 1)
    assert isinstance(result, EmbeddingsResult), result
    assert [list(v) for v in result.vectors] == [A]


WRONG: list[tuple[Any, str, str]] = [
    ({"data": [{"embedding": A}]}, "protocol", "1 vectors came for 2 inputs"),
    ({"data": [{"embedding": A}] * 3}, "protocol", "3 vectors"),
    ({"data": []}, "protocol", "0 vectors"),
    ({"data": None}, "protocol", "0 vectors"),
    ({"data": [{"embedding": A}, {"embedding": [1.0]}]}, "protocol", "different lengths"),
    ({"data": [{"embedding": A}, {"embedding": []}]}, "protocol", "not a list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": None}]}, "protocol", "not a list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": [None, 1]}]}, "protocol", "not a list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": [float("nan"), 1]}]}, "protocol", "not a list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": [10**400, 1]}]}, "protocol", "not a list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": "!"}]}, "protocol", "base64"),
    ({"data": [{"embedding": A}, {"embedding": coded(float("nan"), 1.0)}]}, "protocol", "base64"),
    ({"data": [{"embedding": A}, {"embedding": [1, "1.5"]}]}, "protocol", "not a list of numbers"),
    ({"data": [{"embedding": A}, 7]}, "protocol", "not a list of numbers"),
    ({"error": {"message": "boom", "type": "server_error"}}, "server", "boom"),
    (b"", "upstream", "empty"),
    (b'{"data": [{"embedding": [1.0', "stream_truncated", "cut off"),
    (b"<html><title>x</title>", "config", "HTML"),
    (b"hello", "protocol", "hello"),
]


@pytest.mark.parametrize(("value", "kind", "words"), WRONG)
def test_anything_but_a_vector_for_each_input_is_an_error(value: Any, kind: str, words: str) -> None:
    failure = embeddings(value, 2)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert words in failure.message
    assert failure.retryable is (kind in ("protocol", "upstream", "stream_truncated", "server"))


PACKED = base64.b64encode(bytes([1, 254, 3, 128, 127, 0, 5, 250])).decode()
SIGNED = [1.0, -2.0, 3.0, -128.0, 127.0, 0.0, 5.0, -6.0]
UNSIGNED = [1.0, 254.0, 3.0, 128.0, 127.0, 0.0, 5.0, 250.0]
BITS = [float(bit) for byte in (1, 254, 3, 128, 127, 0, 5, 250) for bit in f"{byte:08b}"]
_PERPLEXITY = "Perplexity: https://docs.perplexity.ai/docs/embeddings/best-practices"
_VOYAGE = "Voyage: https://docs.voyageai.com/reference/embeddings-api"
_AZURE = "Azure: https://learn.microsoft.com/dotnet/api/azure.ai.inference.embeddingencodingformat"
_JINA = "Jina: https://docs.camel-ai.org/reference/camel.embeddings.jina_embedding"
FORMS: list[tuple[str, dict[str, Any], dict[str, Any], list[float]]] = [
    # (where, fields of the request, quirks, numbers)
    (_PERPLEXITY, {}, {"embed_form": "int8"}, SIGNED),
    (_PERPLEXITY, {"encoding_format": "base64_int8"}, {}, SIGNED),
    (_PERPLEXITY, {"encoding_format": "base64_binary"}, {}, BITS),
    (_VOYAGE, {"encoding_format": "base64", "output_dtype": "int8"}, {}, SIGNED),
    (_VOYAGE, {"encoding_format": "base64", "output_dtype": "uint8"}, {}, UNSIGNED),
    (_VOYAGE, {"encoding_format": "base64", "output_dtype": "ubinary"}, {}, BITS),
    ("Cohere: https://docs.cohere.com/reference/embed", {"embedding_types": ["uint8"]}, {}, UNSIGNED),
    (_JINA, {"embedding_type": "int8"}, {}, SIGNED),
    (_AZURE, {"encoding_format": "ubinary"}, {}, BITS),
]


@pytest.mark.parametrize(("asked", "quirks", "wanted"), [pytest.param(a, q, w, id=n) for n, a, q, w in FORMS])
def test_eight_bit_and_binary_forms_are_read_as_what_they_are(
    asked: dict[str, Any], quirks: dict[str, Any], wanted: list[float]
) -> None:
    result = embeddings({"data": [{"index": 0, "embedding": PACKED}]}, 1, asked=asked, **quirks)
    assert isinstance(result, EmbeddingsResult), result
    assert [list(v) for v in result.vectors] == [wanted]


@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
@pytest.mark.parametrize(
    "raw",
    [
        bytes([1, 254, 3, 128, 127, 0, 5, 250]),  # eight signed bytes
        bytes(range(256)) * 4,
        struct.pack("<4d", 0.1, -0.2, 0.3, 0.4),  # 64-bit floats
        struct.pack("<8e", *[0.1, -0.2, 0.3, 0.4] * 2),  # 16-bit floats
        b"abc",
    ],
)
def test_base64_that_cannot_be_floats_is_refused_and_never_garbage(asked: dict[str, Any], raw: bytes) -> None:
    coded_ = base64.b64encode(raw).decode()
    failure = embeddings({"data": [{"index": 0, "embedding": coded_}]}, 1, asked=asked)
    assert isinstance(failure, Failure), failure
    assert failure.kind == "protocol"
    assert "encoding_format" in failure.fix


def test_floats_that_nobody_asked_for_in_base64_are_read() -> None:
    numbers = [0.0123, -0.5, 0.0, 1e-6, 0.75]
    result = embeddings({"data": [{"embedding": coded(*numbers)}]}, 1)
    assert isinstance(result, EmbeddingsResult), result
    assert list(result.vectors[0]) == pytest.approx(numbers)
