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
    ({"data": [{"embedding": A}, {"embedding": []}]}, "protocol", "no list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": None}]}, "protocol", "no list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": [None, 1]}]}, "protocol", "no list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": [float("nan"), 1]}]}, "protocol", "no list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": [10**400, 1]}]}, "protocol", "no list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": "!"}]}, "protocol", "no list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": coded(float("nan"), 1.0)}]}, "protocol", "no list of numbers"),
    ({"data": [{"embedding": A}, {"embedding": [1, "1.5"]}]}, "protocol", "no list of numbers"),
    ({"data": [{"embedding": A}, 7]}, "protocol", "no list of numbers"),
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
