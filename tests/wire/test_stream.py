from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.types import ChatResult, Usage
from anymodel_mcp.wire.exchange import ResponseHead
from tests.wire.feeding import (
    DONE,
    JSON_HEAD,
    STOP,
    as_bytes,
    chat,
    chat_failure,
    chat_reader,
    chunk,
    completion,
    frame,
    message,
    run,
    texts,
    words,
)

Json = dict[str, Any]
PNG = "iVBORw0KGgo="


def whole(content: Any = "pong", finish: Any = "stop", **more: Any) -> ChatResult:
    return chat(as_bytes(message(content, finish, **more)), head=JSON_HEAD)


# --- deltas -----------------------------------------------------------------------------------------------------------


def test_text_and_reasoning_arrive_as_news_in_order() -> None:
    reader = chat_reader()
    assert [(d.kind, d.text) for d in reader.feed((chunk({"reasoning": "a"}) + texts("b", "c")).encode())] == [
        ("reasoning", "a"),
        ("text", "bc"),
    ]
    assert reader.partial_text == "bc"
    assert not reader.done
    assert [(d.kind, d.text) for d in reader.feed((texts("d") + chunk({"content": "e"}, "stop") + DONE).encode())] == [
        ("text", "de")
    ]
    assert reader.done
    assert reader.feed(texts("late").encode()) == []


def test_thoughts_inside_the_text_never_show_up_as_news_of_text() -> None:
    reader = chat_reader()
    _, deltas = run(reader, [texts("<th", "ink>a</thi", "nk>\n", "Hi").encode(), STOP.encode()])
    assert words(deltas) == ("Hi", "a")


def test_a_tool_call_and_a_picture_are_news() -> None:
    stream = chunk({"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f"}}]})
    stream += chunk({"images": [{"image_url": {"url": f"data:image/png;base64,{PNG}"}}]})
    _, deltas = run(chat_reader(), [stream.encode()])
    assert [(d.kind, d.text) for d in deltas] == [("tool_call", "f"), ("image", "")]


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(chunk(None) + texts("Hi") + STOP, id="delta null"),
        pytest.param(frame({"id": "", "model": "", "choices": []}) + texts("Hi") + STOP, id="choices empty at first"),
        pytest.param(frame({"choices": None}) + texts("Hi") + STOP, id="choices null"),
        pytest.param(chunk({"role": "assistant", "content": None}) + texts("Hi") + STOP, id="content null"),
        pytest.param(
            chunk({"role": ""})
            + chunk({"role": None, "content": "H"})
            + chunk({"role": "assistant", "content": "i"})
            + STOP,
            id="roles",
        ),
        pytest.param(
            chunk({"content": [{"type": "text", "text": "H"}]}) + chunk({"content": ["i"]}) + STOP,
            id="content in parts",
        ),
        pytest.param(chunk({"content": {"type": "text", "text": {"value": "Hi"}}}) + STOP, id="content an object"),
        pytest.param(chunk({"content": "Hi"}, "stop"), id="all in one chunk"),
        pytest.param(texts("H", "i") + frame(message("Hi")), id="a whole message at the end"),
        pytest.param(
            chunk({"content": "H"}, choice={"message": {"content": "H"}})
            + chunk({"content": "i"}, "stop", choice={"message": {"content": "Hi"}}),
            id="a message beside each delta",
        ),
        pytest.param(frame(message("Hi")), id="only a whole message"),
        pytest.param(texts("Hi") + chunk({}, "stop", index=0, choice={"index": "0"}) + DONE, id="index as text"),
        pytest.param(frame({"choices": [{"delta": {"content": "Hi"}}, "x", None]}) + STOP, id="strange neighbours"),
        pytest.param(frame({"choices": [{"text": "Hi"}]}) + STOP, id="text beside delta"),
        pytest.param(texts("Hi") + chunk({"finish_reason": "stop"}), id="finish reason inside delta"),
        pytest.param(
            texts("Hi") + chunk({}, "stop", error=None, base_resp={"status_code": 0, "status_msg": ""}) + DONE,
            id="empty errors",
        ),
        pytest.param(texts("Hi") + chunk({}, "stop", error={}, success=True) + DONE, id="an empty error object"),
    ],
)
def test_odd_chunks_give_the_text_once(stream: str) -> None:
    result = chat(stream)
    assert result.text == "Hi"
    assert result.finish_reason == "stop"


def test_a_last_delta_that_repeats_the_whole_text_is_not_added() -> None:
    stream = texts("A long ", "answer ", "in pieces.") + chunk({"content": "A long answer in pieces."}, "stop") + DONE
    assert chat(stream).text == "A long answer in pieces."


def test_a_short_repetition_is_text() -> None:
    assert chat(texts("ha") + chunk({"content": "ha"}, "stop") + DONE).text == "haha"


def test_choices_are_put_together_by_index() -> None:
    stream = chunk({"content": "b"}, index=1) + chunk({"content": "a"}) + chunk({"content": "B"}, "stop", index=1)
    result = chat(stream + chunk({"content": "A"}, "length") + DONE)
    assert (result.text, list(result.choices), result.finish_reason) == ("aA", ["aA", "bB"], "length")


def test_a_flood_of_choices_is_cut_off() -> None:
    stream = "".join(chunk({"content": "x"}, index=i) for i in range(200))
    failure = chat_failure(stream + STOP)
    assert (failure.kind, failure.message) == ("protocol", "the answer holds more than 16 choices")
    assert len(chat("".join(chunk({"content": "x"}, index=i) for i in range(16)) + STOP).choices) == 16


def test_id_and_model_come_from_the_first_chunk_that_names_them() -> None:
    stream = frame({"id": "", "model": "", "choices": []}) + texts("Hi") + chunk({}, "stop", id="c2", model="m2")
    result = chat(stream)
    assert (result.id, result.model) == ("c1", "m")
    assert chat(frame({"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]})).model == "asked"


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("stop", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("eos", "stop"),
        ("eos_token", "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("function_call", "tool_calls"),
        ("sensitive", "content_filter"),
        ("SAFETY", "content_filter"),
        ("content_filter: SAFETY", "content_filter"),
        ("something_new", "unknown"),
        ("null", "unknown"),
        (7, "unknown"),
        (True, "unknown"),
        (None, "unknown"),
        ("", "unknown"),
    ],
)
def test_finish_reasons_are_told_in_our_words(raw: Any, wanted: str) -> None:
    result = whole(finish=raw)
    assert result.finish_reason == wanted
    assert result.finish_raw == (None if raw in (None, "", "null", True) else str(raw))


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(DONE, id="DONE"),
        pytest.param(chunk({}, "stop"), id="finish reason"),
        pytest.param(frame({"choices": [], "usage": {"prompt_tokens": 1}}), id="usage alone"),
    ],
)
@pytest.mark.parametrize("broken", [None, "reset"])
def test_an_answer_that_said_it_was_done_is_whole_however_the_connection_ends(end: str, broken: str | None) -> None:
    assert chat(texts("Hi") + end, broken=broken).text == "Hi"


@pytest.mark.parametrize("broken", [None, "the connection broke"])
@pytest.mark.parametrize(
    "tail",
    [
        "",
        'data: {"choices": [{"del',
        chunk({"content": ""}),
        chunk({"content": "", "role": "assistant"}, usage={"prompt_tokens": 1, "completion_tokens": 0}),
    ],
)
def test_an_answer_that_just_stops_is_truncated(tail: str, broken: str | None) -> None:
    failure = chat_failure(texts("Half") + tail, broken=broken)
    assert (failure.kind, failure.partial_text, failure.retryable) == ("stream_truncated", "Half", False)
    assert not broken or broken in failure.message


def test_what_was_held_back_is_part_of_a_truncated_text() -> None:
    assert chat_failure(texts("<thin")).partial_text == "<thin"


@pytest.mark.parametrize("broken", [None, "reset"])
def test_an_answer_that_never_began_may_be_asked_for_again(broken: str | None) -> None:
    failure = chat_failure(chunk({"role": "assistant"}), broken=broken)
    assert (failure.kind, failure.partial_text, failure.retryable) == ("stream_truncated", None, True)


def test_nothing_but_a_broken_connection_is_truncated() -> None:
    assert chat_failure("", broken="reset").kind == "stream_truncated"


def test_a_body_cut_short_is_truncated() -> None:
    failure = chat_failure(as_bytes(message())[:-20], head=JSON_HEAD, broken="reset")
    assert (failure.kind, failure.retryable) == ("stream_truncated", True)


@pytest.mark.parametrize("finish", ["error", "network_error"])
def test_a_finish_reason_that_means_failure_is_one(finish: str) -> None:
    failure = chat_failure(texts("Half") + chunk({}, finish) + DONE)
    assert (failure.kind, failure.partial_text) == ("upstream", "Half")
    assert finish in failure.message


EMPTY: list[Json] = [
    {"choices": []},
    {"choices": [{}]},
    {"choices": [{"message": None}]},
    {"choices": [{"message": {"content": None}, "finish_reason": None}]},
    {"id": "x"},
]


@pytest.mark.parametrize("value", EMPTY)
def test_an_answer_without_content_is_no_success(value: Json) -> None:
    failure = chat_failure(as_bytes(value), head=JSON_HEAD)
    assert failure.kind in ("upstream", "stream_truncated")
    assert failure.retryable


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (chunk({"reasoning": "Hm"}) + chunk({}, "length"), "reasoning"),
        (texts("<think>\nHm") + chunk({}, "length"), "reasoning"),
        (
            chunk(
                {},
                "length",
                usage={
                    "prompt_tokens": 1,
                    "completion_tokens": 9,
                    "completion_tokens_details": {"reasoning_tokens": 9},
                },
            ),
            "9 tokens went into reasoning",
        ),
        (chunk({}, "length"), "reasoning"),
        (chunk({}, "content_filter"), "content filter"),
        (chunk({"content": ""}, "stop"), "without any"),
        (chunk({"reasoning": "Hm"}) + chunk({}, "stop"), "reasoning"),
    ],
)
def test_an_empty_answer_says_why(stream: str, words: str) -> None:
    result = chat(stream + DONE)
    assert result.text == ""
    assert any(words in w for w in result.warnings)


def test_a_refusal_is_no_text() -> None:
    result = chat(chunk({"refusal": "I ca"}) + chunk({"refusal": "n't."}) + STOP)
    assert (result.text, result.refusal, result.warnings) == ("", "I can't.", ())
    assert whole([{"type": "refusal", "refusal": "No."}]).refusal == "No."
    assert whole(None, refusal="No.").refusal == "No."


def test_filtered_categories_are_named() -> None:
    results = {"violence": {"filtered": True, "severity": "high"}, "hate": {"filtered": False}}
    stream = texts("Ha") + chunk({}, "content_filter", choice={"content_filter_results": results}) + DONE
    result = chat(stream)
    assert (result.text, result.finish_reason, list(result.warnings)) == (
        "Ha",
        "content_filter",
        ["the provider's content filter stopped the answer (violence)"],
    )


def test_usage_before_the_text_is_no_end() -> None:
    stream = frame({"choices": [], "usage": {"prompt_tokens": 1}}) + texts("Half", " an", " answer")
    assert chat_failure(stream).kind == "stream_truncated"


# --- usage ------------------------------------------------------------------------------------------------------------


def test_the_last_usage_that_tells_anything_counts() -> None:
    zero = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    stream = chunk({"content": "H"}, usage={"prompt_tokens": 5, "completion_tokens": 1})
    stream += chunk({"content": "i"}, usage={"prompt_tokens": 5, "completion_tokens": 2})
    result = chat(stream + chunk({}, "stop", usage=zero) + DONE)
    assert result.usage == Usage(input=5, output=2, total=7)
    assert chat(texts("Hi") + chunk({}, "stop", usage=zero)).usage == Usage(input=0, output=0, total=0)


# --- errors inside ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "kind", "status", "retryable"),
    [
        (frame({"error": {"message": "boom", "code": 429}}), "rate_limit", 429, True),
        (frame({"error": {"message": "boom", "code": "rate_limit_exceeded"}}), "rate_limit", 200, True),
        (frame({"error": "boom"}), "upstream", 200, True),
        (frame({"error": {"message": "boom", "type": "server_error"}}), "server", 200, True),
        (
            frame({"object": "error", "message": "boom", "type": "InternalServerError", "code": 500}),
            "server",
            500,
            True,
        ),
        (frame({"type": "error", "error": {"type": "overloaded_error", "message": "boom"}}), "overloaded", 200, True),
        (frame({"base_resp": {"status_code": 1026, "status_msg": "boom sensitive"}}), "content_filter", 200, False),
        (frame({"base_resp": {"status_code": 1002, "status_msg": "boom"}, "choices": None}), "rate_limit", 200, True),
        (frame({"success": False, "errors": [{"code": 1, "message": "boom"}]}), "upstream", 200, True),
        (frame([{"error": {"code": 503, "message": "boom", "status": "UNAVAILABLE"}}]), "overloaded", 503, True),
        ("event: error\ndata: boom\n\n", "upstream", 200, True),
        ('event: error\ndata: {"message": "boom"}\n\n', "upstream", 200, True),
        ('event: error\ndata: "boom"\n\n', "upstream", 200, True),
        ("error: boom\n\n", "upstream", 200, True),
        ('error: {"code": 500, "message": "boom"}\n\n', "server", 500, True),
        (frame({"detail": "boom"}), "upstream", 200, True),
        (frame({"code": 500, "message": "boom"}), "server", 500, True),
        (frame({"code": "InvalidApiKey", "message": "boom"}), "auth", 200, False),
    ],
)
def test_an_error_inside_a_stream_ends_it(event: str, kind: str, status: int, retryable: bool) -> None:
    failure = chat_failure(event + DONE)
    assert "boom" in failure.message
    assert (failure.kind, failure.status, failure.retryable) == (kind, status, retryable)
    later = chat_failure(texts("Half") + event + texts("more") + STOP)
    assert (later.kind, later.partial_text, later.retryable) == (kind, "Half", False)


def test_an_error_event_that_says_nothing_is_one() -> None:
    assert chat_failure("event: error\ndata: {}\n\n").kind == "upstream"


def test_the_text_beside_an_error_is_kept() -> None:
    event = chunk({"content": " an"}, "error", error={"message": "gone", "code": "server_error"})
    failure = chat_failure(texts("Half") + event)
    assert (failure.kind, failure.partial_text) == ("upstream", "Half an")


# --- completions ------------------------------------------------------------------------------------------------------


def test_a_completion_is_read_whole_and_streamed() -> None:
    body = {
        "id": "c",
        "choices": [{"index": 0, "text": "<think>x</think>ok", "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
    }
    result = completion(as_bytes(body), head=JSON_HEAD)
    assert isinstance(result, ChatResult)
    assert result.text == "<think>x</think>ok"
    streamed = completion(
        "".join(frame({"choices": [{"index": 0, "text": t, "finish_reason": None}]}) for t in ("o", "k"))
        + frame({"choices": [{"text": "", "finish_reason": "length"}]})
        + DONE
    )
    assert isinstance(streamed, ChatResult)
    assert (streamed.text, streamed.finish_reason) == ("ok", "length")
    cut = completion(frame({"choices": [{"text": "o", "finish_reason": None}]}))
    assert isinstance(cut, Failure)
    assert (cut.kind, cut.partial_text) == ("stream_truncated", "o")


def test_a_completion_without_a_finish_reason_is_whole_in_one_body() -> None:
    result = completion(as_bytes({"choices": [{"text": "ok"}]}), head=JSON_HEAD)
    assert isinstance(result, ChatResult)
    assert result.finish_reason == "unknown"


LATER = ResponseHead(status=202, headers={"content-type": "application/json", "nvcf-reqid": "r-7"})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "'r-7'"),
        (b'{"id": "job-1", "status": "pending"}', "'job-1'"),
        (b'{"requestId": "job-2"}', "'job-2'"),
        (b'{"id": ', "'r-7'"),
        (b'{"code": 202, "message": "in the queue"}', "queue"),
    ],
)
def test_work_that_was_taken_on_is_not_asked_for_again(body: bytes, words: str) -> None:
    failure = chat_failure(body, head=LATER)
    assert (failure.kind, failure.retryable) == ("upstream", False)
    assert words in failure.message


def test_an_answer_that_came_with_an_odd_status_is_one() -> None:
    assert chat(as_bytes(message("Hi")), head=LATER).text == "Hi"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"choices": [{"message": {"content": "Hi"}}],}', "protocol"),
        ('{"choices": [{"message": {"content": "Hi"},}]}', "protocol"),
        ('{"choices": ["\\x"]}', "protocol"),
        ('{"choices": []]}', "protocol"),
        ('{"choices": [{"message": {"content": "H', "stream_truncated"),
        ('{"choices": [{"message": {"content": "Hi}]}', "stream_truncated"),
        ('{"choices": [{"message": {"content": "Hi"}}],', "stream_truncated"),
        ('{"choices": [{"message": {"content": "Hi"}}], "a": tr', "stream_truncated"),
        ('"Hi', "stream_truncated"),
    ],
)
def test_a_whole_body_that_is_wrong_is_not_one_that_was_cut(body: str, kind: str) -> None:
    assert chat_failure(body, head=JSON_HEAD).kind == kind
