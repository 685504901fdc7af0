"""Answers of the Gemini API: events, one array, whole; in every cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import Failure
from anymodel_mcp.types import ChatResult, Citation, Usage
from anymodel_mcp.wire.apis import CHAT_APIS
from anymodel_mcp.wire.exchange import ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.gemini.parts import CARRIED
from tests.wire.feeding import JSON_HEAD, SSE_HEAD, everyway, run

Json = dict[str, Any]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"


def part_text(text: str, **more: Any) -> Json:
    return {"text": text, **more}


def response(*parts: Json, finish: str | None = None, usage: Json | None = None, **more: Any) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}
    if finish:
        candidate["finishReason"] = finish
    whole: Json = {"candidates": [candidate], "modelVersion": "gemini", "responseId": "r1"}
    return whole | ({"usageMetadata": usage} if usage else {})


def events(*responses: Json) -> str:
    return "".join(f"data: {json.dumps(one)}\r\n\r\n" for one in responses)


def array(*responses: Json) -> str:
    return "[" + "\n,\r\n".join(json.dumps(one, indent=1) for one in responses) + "\n]"


def reader(head: ResponseHead, *, stream: bool) -> Any:
    sent = WireRequest(path="", endpoint="generate", body={}, stream=stream)
    options = ReadOptions(dialect=Dialect(), model="gemini", provider="p", max_event_bytes=100_000)
    return CHAT_APIS["gemini"].read(head, sent, options)


def outcome(data: str, *, whole: bool = False, broken: str | None = None) -> Any:
    return everyway(lambda: reader(JSON_HEAD if whole else SSE_HEAD, stream=not whole), data.encode(), broken)


def answer(data: str, *, whole: bool = False) -> ChatResult:
    result = outcome(data, whole=whole)
    assert isinstance(result, ChatResult), result
    return result


HALVES = (response(part_text("po")), response(part_text("ng")), response(part_text(""), finish="STOP"))


@pytest.mark.parametrize(
    "data",
    [events(*HALVES), array(*HALVES), json.dumps(list(HALVES)), events({"response": HALVES[0]}, *HALVES[1:])],
    ids=["events", "array", "array-on-one-line", "wrapped"],
)
def test_a_stream_gives_its_text(data: str) -> None:
    result = answer(data)
    assert (result.text, result.finish_reason, result.finish_raw) == ("pong", "stop", "STOP")
    assert (result.model, result.id, result.carry) == ("gemini", "r1", {})


def test_a_whole_response_gives_its_text() -> None:
    assert answer(json.dumps(response(part_text("pong"), finish="STOP")), whole=True).text == "pong"


def test_thoughts_are_reasoning() -> None:
    data = events(response(part_text("hm", thought=True)), response(part_text("pong"), finish="STOP"))
    result, deltas = run(reader(SSE_HEAD, stream=True), [data.encode()])
    assert isinstance(result, ChatResult)
    assert (result.text, result.reasoning) == ("pong", "hm")
    assert [(d.kind, d.text) for d in deltas] == [("reasoning", "hm"), ("text", "pong")]


def test_signed_parts_are_carried_as_they_came() -> None:
    call: Json = {"functionCall": {"name": "f", "args": {"a": 1}, "id": "fc1"}, "thoughtSignature": "EqMB+/=="}
    last = part_text("", thoughtSignature="ErQD/")
    data = events(
        response(part_text("hm", thought=True)),
        response(part_text("po")),
        response(part_text("ng")),
        response(call, {"inlineData": {"mimeType": "image/png", "data": PNG}}),
        response(last, finish="STOP"),
    )
    assert answer(data).carry == {CARRIED: [{"text": "pong"}, call, last]}


def test_calls_have_ids_and_end_as_calls() -> None:
    one: Json = {"functionCall": {"name": "f", "args": {"a": 1}}}
    result = answer(events(response(one, one, {"functionCall": {"name": "g"}}, finish="STOP")))
    assert [(c.name, c.arguments) for c in result.tool_calls] == [("f", {"a": 1}), ("f", {"a": 1}), ("g", {})]
    assert len({c.id for c in result.tool_calls}) == 3
    assert result.finish_reason == "tool_calls"


def test_a_made_picture_comes_along() -> None:
    result = answer(
        json.dumps(response({"inlineData": {"mimeType": "image/png", "data": PNG}}, finish="STOP")), whole=True
    )
    assert [picture.mime for picture in result.images] == ["image/png"]
    assert result.carry == {}


def test_candidates_are_choices() -> None:
    more = {"candidates": [{"content": {"parts": [part_text("two")]}, "index": 1, "finishReason": "STOP"}]}
    assert answer(events(response(part_text("one"), finish="STOP"), more)).choices == ("one", "two")


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("LANGUAGE", "unknown"),
        ("OTHER", "unknown"),
    ],
)
def test_a_finish_reason_has_its_word(finish: str, reason: str) -> None:
    result = answer(events(response(part_text("pong"), finish=finish)))
    assert (result.finish_reason, result.finish_raw) == (reason, finish)
    assert bool(result.warnings) == (reason in ("unknown", "content_filter"))


def test_a_blocked_answer_names_its_categories() -> None:
    ratings = [
        {"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": True},
        {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "LOW"},
    ]
    result = answer(events(response(finish="SAFETY", safetyRatings=ratings)))
    assert any("HARASSMENT" in warning and "HATE" not in warning for warning in result.warnings)


def test_what_an_answer_rests_on_is_listed() -> None:
    grounding: Json = {
        "groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}, {"retrievedContext": {}}]
    }
    cited = {"citationSources": [{"uri": "https://b.example/"}]}
    result = answer(
        events(response(part_text("x"), finish="STOP", groundingMetadata=grounding, citationMetadata=cited))
    )
    assert result.citations == (Citation(url="https://a.example/", title="A"), Citation(url="https://b.example/"))


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"promptTokenCount": 9, "candidatesTokenCount": 23, "thoughtsTokenCount": 185}, (9, 208, 185, None)),
        ({"promptTokenCount": 9, "thoughtsTokenCount": 4}, (9, 5, 4, None)),
        (
            {
                "promptTokenCount": 9,
                "candidatesTokenCount": 1,
                "toolUsePromptTokenCount": 5,
                "cachedContentTokenCount": 8,
            },
            (14, 1, None, 8),
        ),
    ],
    ids=str,
)
def test_usage_counts_thoughts_and_tools(told: Json, usage: tuple[Any, ...]) -> None:
    first = response(part_text("a"), usage={"promptTokenCount": 9, "candidatesTokenCount": 1})
    result = answer(events(first, response(part_text("b"), finish="STOP", usage=told)))
    assert isinstance(result.usage, Usage)
    assert (result.usage.input, result.usage.output, result.usage.reasoning, result.usage.cached) == usage


LIMITED = {
    "error": {
        "code": 429,
        "message": "Quota exceeded, slow down.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3s"}],
    }
}


@pytest.mark.parametrize(
    ("data", "kind", "partial"),
    [
        pytest.param(
            events({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
            "content_filter",
            None,
            id="blocked-prompt",
        ),
        pytest.param(events(response(finish="MALFORMED_FUNCTION_CALL")), "upstream", None, id="malformed-call"),
        pytest.param(events(response(part_text("Half"))), "stream_truncated", "Half", id="no-finish"),
        pytest.param(array(*HALVES[:2])[:-2], "stream_truncated", "pong", id="array-without-end"),
        pytest.param(array(HALVES[0], HALVES[1])[:-20], "stream_truncated", "po", id="array-cut-inside-element"),
        pytest.param(
            events(
                response(part_text("Half")), {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
            ),
            "overloaded",
            "Half",
            id="error-event",
        ),
        pytest.param(json.dumps([LIMITED]), "rate_limit", None, id="error-array"),
        pytest.param(events(response(finish="OTHER")), "upstream", None, id="other-without-text"),
        pytest.param(events({"usageMetadata": {"promptTokenCount": 3}}), "upstream", None, id="usage-only"),
        pytest.param("", "upstream", None, id="nothing"),
    ],
)
def test_what_is_no_answer_is_a_failure(data: str, kind: str, partial: str | None) -> None:
    failure = outcome(data)
    assert isinstance(failure, Failure), failure
    assert (failure.kind, failure.partial_text) == (kind, partial)


def test_a_blocked_prompt_says_why() -> None:
    rating = {"category": "HARM_CATEGORY_HARASSMENT", "blocked": True}
    failure = outcome(events({"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": [rating]}}))
    assert "SAFETY" in failure.message
    assert "HARM_CATEGORY_HARASSMENT" in failure.message
    assert not failure.retryable


def test_a_refusal_keeps_the_wait_that_it_asks_for() -> None:
    assert outcome(json.dumps([LIMITED])).retry_after_s == 3
