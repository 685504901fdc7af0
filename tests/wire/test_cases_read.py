"""The collected cases, read without a network: each answer gives what its case promises, however it is cut."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.types import ChatResult, EmbeddingsResult, ImagesResult, ModelList
from anymodel_mcp.wire.apis import CHAT_APIS, COMPLETIONS, EMBEDDINGS, IMAGES, MODELS, TASKS, Api
from anymodel_mcp.wire.exchange import Endpoint, Reader, ResponseHead
from anymodel_mcp.wire.failures.provider_error import read_failure
from tests.wire.feeding import everyway, reader_of

Json = dict[str, Any]
_UNSERVED = ("async_tasks", "audio")
_CASES: list[Json] = [
    case
    for line in (Path(__file__).parents[1] / "cases" / "cases.jsonl").read_text(encoding="ascii").splitlines()
    if (case := json.loads(line))["group"] not in _UNSERVED
]


def _responses(case: Json) -> list[Json]:
    return case["http"].get("sequence", [case["http"]])


def _body(response: Json) -> bytes:
    if "sse" in response:
        return "".join(response["sse"]).encode()
    if "chunks_b64" in response:
        return b"".join(map(base64.b64decode, response["chunks_b64"]))
    if "body_b64" in response:
        return base64.b64decode(response["body_b64"])
    return response.get("body", "").encode()


def _head(response: Json) -> ResponseHead:
    return ResponseHead(status=response["status"], headers={k.lower(): v for k, v in response["headers"].items()})


def _reader(case: Json, head: ResponseHead) -> Callable[[], Reader[Any]]:
    tool, args = case["request"]["tool"], case["request"]["args"]
    profile = _profile(case)
    model: str = args.get("model", "m")
    if "/tasks" in json.dumps(case["request"].get("wire", [])):
        return lambda: reader_of(TASKS, head, endpoint="tasks", body={"id": "t"}, model=model)
    api, endpoint = _APIS["messages" if case["endpoint"] == "messages" else tool]
    body = {"input": [""] * _count(case)} if tool == "embed" else None
    return lambda: reader_of(api, head, endpoint=endpoint, body=body, model=model, **profile)


_APIS: dict[str, tuple[Api[Any, Any], Endpoint]] = {
    "chat": (CHAT_APIS["chat"], "chat"),
    "messages": (CHAT_APIS["anthropic"], "messages"),
    "respond": (CHAT_APIS["responses"], "responses"),
    "complete": (COMPLETIONS, "completions"),
    "embed": (EMBEDDINGS, "embeddings"),
    "generate_image": (IMAGES, "images"),
    "edit_image": (IMAGES, "images"),
    "list_models": (MODELS, "models"),
}


def _profile(case: Json) -> Json:
    config: Json = case["request"].get("config") or {}
    return config.get("profile") or {}


def _count(case: Json) -> int:
    given = case["request"]["args"]["input"]
    count = 1 if isinstance(given, str) else len(given)
    batch: int = _profile(case).get("embed_batch", count)
    return count % batch or batch


_READ = [
    pytest.param(case, _responses(case)[-1], id=case["id"])
    for case in _CASES
    if _responses(case) and _responses(case)[-1]["status"] < 300 and case["expect"].get("request_count") != 0
]
_REFUSED = [
    pytest.param(case, response, id=f"{case['id']}-{number}")
    for case in _CASES
    for number, response in enumerate(_responses(case))
    if response["status"] >= 300
]


@pytest.mark.parametrize(("case", "response"), _READ)
def test_an_answer_gives_what_the_case_promises(case: Json, response: Json) -> None:
    broken = "reset" if response.get("end") == "reset" else None
    outcome = everyway(_reader(case, _head(response)), _body(response), broken)
    expect: Json = case["expect"]
    if isinstance(outcome, Failure):
        assert not expect["ok"], outcome
        _check_failure(outcome, expect)
    elif isinstance(outcome, ChatResult):
        assert expect["ok"]
        _check_chat(outcome, expect)
    elif isinstance(outcome, EmbeddingsResult):
        _check_usage(outcome, expect)
        wanted = expect["vectors"][-len(outcome.vectors) :]
        assert [list(v) for v in outcome.vectors] == wanted
    elif isinstance(outcome, ImagesResult):
        _check_usage(outcome, expect)
        _check_images(outcome, expect)
    else:
        assert isinstance(outcome, ModelList)
        _check_models(outcome, expect)


@pytest.mark.parametrize(("case", "response"), _REFUSED)
def test_a_refusal_is_read_as_the_case_promises(case: Json, response: Json) -> None:
    error = read_failure(
        _head(response), _body(response), endpoint=case["endpoint"], model="m", base_url="https://x.example/v1"
    )
    if "error" in case["expect"]:
        _check_failure(error.failure, case["expect"])
    assert error.failure.message
    assert error.failure.fix or error.failure.kind == "bad_request"


def _check_failure(failure: Failure, expect: Json) -> None:
    wanted: Json = expect["error"]
    kinds: Any = wanted.get("kind", failure.kind)
    assert failure.kind in (kinds if isinstance(kinds, list) else [kinds]), failure
    assert wanted.get("message_contains", "") in failure.message
    for name in ("status", "retryable"):
        assert getattr(failure, name) == wanted.get(name, getattr(failure, name))
    if "retry_after_s" in wanted:
        assert failure.retry_after_s == pytest.approx(wanted["retry_after_s"])  # pyright: ignore[reportUnknownMemberType]
    for name in ("partial_text", "param", "request_id"):
        assert getattr(failure, name) == expect.get(name, getattr(failure, name))


def _check_usage(result: ChatResult | EmbeddingsResult | ImagesResult, expect: Json) -> None:
    if "usage" not in expect or expect.get("request_count", 1) > 1:
        return
    if expect["usage"] is None:
        assert result.usage is None
        return
    assert result.usage is not None
    told = asdict(result.usage)
    assert {name: told[name] for name in expect["usage"]} == expect["usage"]


def _check_chat(result: ChatResult, expect: Json) -> None:
    _check_usage(result, expect)
    for name in ("text", "reasoning", "finish_reason", "finish_raw", "refusal", "model"):
        if name in expect:
            assert getattr(result, name) == expect[name]
    assert list(result.choices) == expect.get("choices", [])
    if "tool_calls" in expect:
        calls = [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in result.tool_calls]
        assert all(c["id"] for c in calls)
        wanted = [
            c | {"id": g["id"]} if c["id"] == "*" else c for c, g in zip(expect["tool_calls"], calls, strict=True)
        ]
        assert calls == wanted
    if "citations" in expect:
        assert [asdict(c) for c in result.citations] == [{"title": None} | c for c in expect["citations"]]
    if "images" in expect:
        _check_images(result, expect)


def _check_images(result: ChatResult | ImagesResult, expect: Json) -> None:
    assert len(result.images) == len(expect["images"])
    for image, wanted in zip(result.images, expect["images"], strict=True):
        if "b64" in wanted:
            assert image.content == base64.b64decode(wanted["b64"])
        assert image.mime == wanted.get("mime", image.mime)
        assert image.url == wanted.get("url", image.url)


def _check_models(result: ModelList, expect: Json) -> None:
    assert [m.id for m in result.models] == [m["id"] for m in expect["models"]]
    for model, wanted in zip(result.models, expect["models"], strict=True):
        got = json.loads(json.dumps(asdict(model)))
        for name, value in wanted.items():
            if name == "capabilities":
                assert set(value) <= set(got[name])
            else:
                assert got[name] == value
