from __future__ import annotations

import json

import pytest

from anymodel_mcp.wire.exchange import ResponseHead
from tests.wire.feeding import DONE, LIMIT, SSE_HEAD, STOP, chat, chat_failure, chat_outcome, chunk, texts

HELLO = texts("Hel", "lo") + STOP
WHOLE = '{"choices":[{"message":{"content":"pong"},"finish_reason":"stop"}]}'
PRETTY = json.dumps(json.loads(WHOLE), indent=2)


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(HELLO, id="as specified"),
        pytest.param(HELLO.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(HELLO.replace("\n", "\r"), id="CR"),
        pytest.param("\ufeff" + HELLO, id="byte order mark"),
        pytest.param("\n\n\n" + HELLO, id="empty lines first"),
        pytest.param(HELLO.replace("data: ", "data:"), id="no space"),
        pytest.param(HELLO.replace("data: ", "data:  "), id="two spaces"),
        pytest.param(HELLO.replace("data: {", "data:\n {"), id="JSON on the next line"),
        pytest.param(HELLO.replace("\n\n", "\n"), id="no empty lines"),
        pytest.param(HELLO.replace("\n\n", "\n\n\n\n"), id="more empty lines"),
        pytest.param(HELLO.replace(DONE, ""), id="no DONE"),
        pytest.param(HELLO.rstrip("\n"), id="no line end at the end"),
        pytest.param(HELLO.replace(STOP, DONE), id="DONE without a finish reason"),
        pytest.param(HELLO.replace("[DONE]", "[DONE] "), id="space after DONE"),
        pytest.param(HELLO.replace("[DONE]", '"[DONE]"'), id="DONE as JSON"),
        pytest.param(HELLO.replace("data: [DONE]", "[DONE]"), id="bare DONE"),
        pytest.param(HELLO.replace("data: ", "").replace("[DONE]", ""), id="bare objects between empty lines"),
        pytest.param(HELLO.replace("data: ", "").replace("[DONE]\n\n", "").replace("\n\n", "\n"), id="JSON lines"),
        pytest.param(": ping - 2026\n\n" + HELLO.replace("data:", ":\n:x\ndata:"), id="comments"),
        pytest.param(HELLO.replace("data:", "event: message\nid: 7\nretry: 10\ndata:"), id="other fields"),
        pytest.param(
            HELLO.replace(',"choices"', ',\ndata: "choices"').replace(', "choices"', ',\ndata: "choices"'),
            id="an event on two data lines",
        ),
        pytest.param(HELLO.replace("data: {", "data: ping\n\ndata: {"), id="heartbeats that are no JSON"),
        pytest.param(HELLO.replace("data: {", "data: ping\ndata: {"), id="heartbeats without an empty line"),
        pytest.param(HELLO.replace("data: {", "data:\n\ndata: {"), id="empty events"),
        pytest.param(HELLO.replace("data: {", "data: {}\n\ndata: {"), id="empty objects"),
        pytest.param(HELLO.replace("data: {", 'data: {"type": "ping"}\n\ndata: {'), id="pings"),
        pytest.param(HELLO.replace("data: {", "x-unknown: 1\nnonsense\ndata: {"), id="unknown fields"),
    ],
)
def test_a_stream_gives_the_same_however_it_is_framed(stream: str) -> None:
    result = chat(stream)
    assert result.text == "Hello"
    assert result.model == "m"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(WHOLE, id="one line"),
        pytest.param("\n\n  " + WHOLE, id="after white space"),
        pytest.param("\ufeff" + WHOLE, id="byte order mark"),
        pytest.param(PRETTY, id="pretty"),
        pytest.param(PRETTY.replace("\n", "\n\n"), id="pretty with empty lines"),
        pytest.param(PRETTY.replace("\n", "\r\n"), id="pretty with CRLF"),
        pytest.param(WHOLE + "\n\n" + DONE, id="DONE behind it"),
        pytest.param(WHOLE + DONE, id="DONE glued to it"),
        pytest.param(PRETTY + "\n" + DONE, id="DONE behind pretty JSON"),
        pytest.param(PRETTY + DONE, id="DONE glued to pretty JSON"),
        pytest.param(f"data: {WHOLE}\n\n", id="as the one event"),
        pytest.param("data: " + PRETTY + "\n\n", id="as one event with line ends in it"),
        pytest.param(f"[{WHOLE}]", id="in a list"),
        pytest.param(": keep-alive\n\n" + WHOLE, id="after a comment"),
        pytest.param("\n\n\n\n" + PRETTY + "\n\n", id="keep-alive lines around it"),
        pytest.param(f'{{"code": 0, "data": {WHOLE}}}', id="wrapped"),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", ""])
def test_a_whole_body_gives_its_answer_whatever_it_is_called(body: str, kind: str) -> None:
    assert chat(body, head=ResponseHead(status=200, headers={"content-type": kind})).text == "pong"


def test_separators_of_unicode_stay_in_the_text() -> None:
    assert (
        chat(texts("one\u2028two\u2029three\u0085four\x0bfive") + STOP).text
        == "one\u2028two\u2029three\u0085four\x0bfive"
    )


def test_a_surrogate_pair_that_came_in_two_deltas_is_one_character() -> None:
    stream = r'data: {"choices":[{"delta":{"content":"a\ud83d"}}]}' + "\n\n"
    stream += r'data: {"choices":[{"delta":{"content":"\ude00b"}}]}' + "\n\n"
    assert chat(stream + STOP).text == "a\U0001f600b"


def test_bytes_that_are_no_utf_8_cost_only_themselves() -> None:
    assert chat(texts("a?b").encode().replace(b"?", b"\xff") + STOP.encode()).text == "a\ufffdb"


def test_raw_control_characters_in_a_string_are_taken() -> None:
    assert chat(texts("a?b").replace("?", "\t") + STOP).text == "a\tb"


def test_nothing_after_done_is_read() -> None:
    assert chat(texts("Hi") + STOP + 'data: {"error": {"message": "late"}}\n\n').text == "Hi"
    assert chat(texts("H", "i") + STOP + texts("late", "later")).text == "Hi"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ("", "upstream", "empty answer"),
        ("\n\n \n", "upstream", "empty answer"),
        (": ping\n\n: ping\n\n", "upstream", "empty answer"),
        (DONE, "upstream", "empty answer"),
        ("data: {}\n\n" + DONE, "upstream", "without content"),
        ("hello", "protocol", "'hello'"),
        ("data: hello\n\n", "protocol", "'hello'"),
        ('data: {"choices": [}\n\ndata: {}\n\n', "protocol", "not JSON"),
        ("{'choices': []}" + " " * 20, "protocol", "not JSON"),
        ("\x00\x01\x02", "protocol", "not JSON"),
        ('{"choices": [{"mess', "stream_truncated", "inside a value"),
        ('data: {"choices": [{"del', "stream_truncated", "inside a value"),
        ("[" * 100_000, "stream_truncated", ""),
        ('{"a":' + "9" * 5000 + "}", "protocol", ""),
        ('{"status": "ok"}', "upstream", "ok"),
        ('"Invalid token"', "upstream", "Invalid token"),
        ("42", "protocol", "42"),
    ],
)
def test_a_body_without_an_answer_is_a_named_error(body: str, kind: str, words: str) -> None:
    if len(body) > 10_000:
        kind = "protocol"
    failure = chat_failure(body)
    assert failure.kind == kind
    assert words in failure.message
    assert failure.status == 200


@pytest.mark.parametrize(
    "page",
    [
        "<!DOCTYPE html><html><head><title>My Gateway</title></head><body>{</body></html>",
        "\r\n<html>\n<title>\nMy Gateway</title>\ndata: {}\n{\n</html>",
        "<h1>My Gateway</h1>",
    ],
)
def test_a_web_page_says_what_is_wrong_with_the_base_url(page: str) -> None:
    failure = chat_failure(page, head=ResponseHead(status=200, headers={"content-type": "text/html"}))
    assert failure.kind == "config"
    assert "HTML" in failure.message
    assert "My Gateway" in failure.message
    assert "/v1" in failure.fix


def test_a_bot_check_in_place_of_an_answer_is_told_as_one() -> None:
    failure = chat_failure("<html><title>Just a moment...</title></html>")
    assert (failure.kind, failure.retryable) == ("blocked", False)
    assert "Just a moment" in failure.message


def test_a_page_without_a_title_is_a_page_too() -> None:
    assert "HTML" in chat_failure("<div>hello</div>").message


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(texts("x" * 2000), id="a line"),
        pytest.param("data: {\n" + 'data: "a": 1,\n' * 200, id="an event of many lines"),
        pytest.param("{\n" + '"a": 1,\n' * 200, id="a bare value of many lines"),
        pytest.param("x" * 2000, id="a line that never ends"),
    ],
)
def test_what_exceeds_the_limit_ends_the_answer(stream: str) -> None:
    failure = chat_failure(stream, limit=500)
    assert failure.kind == "too_large"
    assert "max_event_bytes" in failure.fix


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(texts("Hi") * 300, id="a text of many pieces"),
        pytest.param("".join(chunk({"reasoning": "x" * 100}) for _ in range(20)), id="thoughts"),
        pytest.param("".join(chunk({"content": "x" * 60}, index=i % 10) for i in range(20)), id="several choices"),
        pytest.param(
            "".join(
                chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "x" * 100}}]})
                for _ in range(20)
            ),
            id="arguments",
        ),
    ],
)
def test_an_answer_that_is_too_long_in_all_is_refused(stream: str) -> None:
    failure = chat_failure(stream, limit=500)
    assert (failure.kind, failure.retryable) == ("protocol", False)
    assert "max_event_bytes" in failure.fix


def test_what_came_before_the_limit_is_kept() -> None:
    failure = chat_failure(texts("Half") + texts("x" * 2000) + texts("more"), limit=500)
    assert failure.partial_text == "Half"
    assert not failure.retryable


def test_an_answer_that_was_whole_before_the_limit_stays_whole() -> None:
    outcome = chat_outcome(texts("Hi") + STOP + "x" * 2000, limit=500)
    assert not hasattr(outcome, "kind")


def test_lines_as_long_as_the_limit_are_read() -> None:
    line = texts("Hi").split("\n")[0]
    assert chat((line + "\n\n") * 3 + STOP, head=SSE_HEAD).text == "HiHiHi"
    outcome = chat_outcome((line + "\n\n") * 3 + DONE, limit=len(line))
    assert getattr(outcome, "text", "") == "HiHiHi"
    assert len(line) < LIMIT
