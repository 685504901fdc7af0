from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.errors import Failure
from anymodel_mcp.wire.exchange import ResponseHead
from anymodel_mcp.wire.failures.provider_error import failure_from, read_failure, tidy

# each line a status, a body and the kind that it must get; sources: facts/dialects.md B.1 and B.2, read 2026-11-20
BODIES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures" / "error-bodies.jsonl").read_text(encoding="ascii").splitlines()
]


def refused(
    status: int,
    body: Any,
    *,
    headers: dict[str, str] | None = None,
    endpoint: str = "chat",
    base_url: str = "https://x.example/v1",
) -> Failure:
    raw = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return read_failure(
        ResponseHead(status=status, headers=headers or {}),
        raw,
        endpoint=endpoint,
        model="asked",
        base_url=base_url,
        now=1789000000,
    ).failure


@pytest.mark.parametrize("case", BODIES, ids=lambda case: f"{case['status']} {case['body'][:60]}")
def test_a_body_gets_its_kind(case: dict[str, Any]) -> None:
    failure = refused(case["status"], case["body"])
    assert failure.kind == case["kind"]
    assert failure.message
    assert failure.model == "asked"


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "bad_request", False),
        (401, "auth", False),
        (402, "quota", False),
        (403, "auth", False),
        (404, "endpoint_not_found", False),
        (405, "endpoint_not_found", False),
        (406, "bad_request", False),
        (408, "timeout", True),
        (409, "bad_request", True),
        (410, "gone", False),
        (413, "too_large", False),
        (415, "bad_request", False),
        (422, "bad_request", False),
        (425, "bad_request", True),
        (429, "rate_limit", True),
        (500, "server", True),
        (501, "server", False),
        (502, "server", True),
        (503, "overloaded", True),
        (504, "timeout", True),
        (520, "server", True),
        (521, "server", True),
        (522, "server", True),
        (524, "timeout", True),
        (529, "overloaded", True),
        (599, "server", False),
    ],
)
def test_a_status_alone_gives_its_kind(status: int, kind: str, retryable: bool) -> None:
    failure = refused(status, b"")
    assert (failure.kind, failure.retryable, failure.status) == (kind, retryable, status)
    assert str(status) in failure.message


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model.", "max_tokens"),
        ("Unsupported value: 'temperature' does not support 0.7 with this model.", "temperature"),
        ("Unrecognized request argument supplied: foo", "foo"),
        ('Invalid JSON payload received. Unknown name "frequency_penalty": Cannot find field.', "frequency_penalty"),
        ("property 'messages.0.name' is unsupported", "messages.0.name"),
        ("parameter.enable_thinking must be set to false for non-streaming calls", "enable_thinking"),
        ("The parameter `size` specified in the request is not valid", "size"),
        ("logprobs is not supported with this model", None),
        ("parallel_tool_calls is not supported with this model", "parallel_tool_calls"),
    ],
)
def test_the_field_that_was_refused_is_found_in_the_words(message: str, param: str | None) -> None:
    assert refused(400, {"error": {"message": message}}).param == param


def test_a_field_named_by_the_provider_wins() -> None:
    assert refused(400, {"error": {"message": "Unsupported value: 'x'", "param": "top_p"}}).param == "top_p"
    entries: list[Any] = [{"loc": ["body", "messages", 0, "name"], "msg": "extra"}, {"msg": "and more"}, "x"]
    detail = {"detail": entries}
    failure = refused(422, detail)
    assert (failure.param, failure.message) == ("messages.0.name", "messages.0.name: extra; and more; x")


@pytest.mark.parametrize(
    ("headers", "body", "wanted"),
    [
        ({"x-request-id": "r1"}, {}, "r1"),
        ({"request-id": "r1", "cf-ray": "c"}, {}, "r1"),
        ({"cf-ray": "c"}, {"error": {"message": "x"}, "request_id": "r2"}, "r2"),
        ({}, {"error": {"message": "x", "trace_id": "r3"}}, "r3"),
        ({}, {"error": {"message": "busy (request id: 2026abcdef)"}}, "2026abcdef"),
        ({}, {}, None),
    ],
)
def test_the_request_id_is_kept(headers: dict[str, str], body: Any, wanted: str | None) -> None:
    assert refused(500, body, headers=headers).request_id == wanted


def test_a_json_error_inside_a_message_is_unwrapped() -> None:
    inner = json.dumps(
        {"error": {"code": 429, "message": "Exhausted.", "details": [{"@type": "x/RetryInfo", "retryDelay": "36s"}]}}
    )
    failure = refused(429, {"error": {"message": inner, "code": 429}})
    assert (failure.message, failure.retry_after_s, failure.kind) == ("Exhausted.", 36, "rate_limit")


def test_the_words_of_the_upstream_behind_a_gateway_are_told() -> None:
    raw = json.dumps({"error": {"message": "context length exceeded", "code": "context_length_exceeded"}})
    failure = refused(
        400,
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": raw, "provider_name": "Chutes"},
            }
        },
    )
    assert failure.message == "Provider returned error (Chutes: context length exceeded)"
    assert failure.kind == "context_length"


def test_the_broken_output_of_a_model_is_told() -> None:
    failure = refused(
        400, {"error": {"message": "Failed.", "code": "tool_use_failed", "failed_generation": "<function=f{"}}
    )
    assert failure.message == "Failed. (failed_generation: <function=f{)"
    assert failure.retryable


def test_filtered_categories_are_named() -> None:
    results = {"violence": {"filtered": True}, "hate": {"filtered": False}}
    for field in ("innererror", "inner_error"):
        failure = refused(
            400,
            {"error": {"message": "Filtered.", "code": "content_filter", field: {"content_filter_results": results}}},
        )
        assert failure.message == "Filtered. (filtered: violence)"


@pytest.mark.parametrize(("said", "retryable"), [("true", True), ("false", False), ("maybe", True)])
def test_the_provider_knows_best_whether_to_try_again(said: str, retryable: bool) -> None:
    assert refused(500, b"", headers={"x-should-retry": said}).retryable is retryable


def test_no_quota_is_never_worth_another_try() -> None:
    assert not refused(402, b"", headers={"x-should-retry": "true"}).retryable


def test_words_are_cleaned_and_cut() -> None:
    failure = refused(400, {"error": {"message": "bad\x1b[31m \u202ered\n\n" + "so " * 1000}})
    assert failure.message.startswith("bad red so so")
    assert 290 < len(failure.message) <= 300
    assert failure.message.endswith("…")
    assert tidy("a\n b\t") == "a b"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html><head><title>502 Bad\nGateway</title></head></html>", "502 Bad Gateway"),
        ("<html><body><h1>Sorry <b>closed</b></h1></body></html>", "Sorry closed"),
        ("<p>plain <i>words</i></p>", "plain words"),
        ("upstream connect error", "upstream connect error"),
        ('{"broken": ', '{"broken":'),
        ('{"foo": "bar"}', "foo: bar"),
        ("[]", "HTTP 502"),
        ('""', "HTTP 502"),
        ("\ufeff\n plain", "plain"),
    ],
)
def test_a_body_of_any_kind_has_words(body: str, words: str) -> None:
    assert words in refused(502, body).message


def test_a_web_page_with_an_html_content_type_is_cut_to_its_title() -> None:
    assert refused(500, "words <h1>Oops</h1>", headers={"content-type": "text/html"}).message == "Oops"


@pytest.mark.parametrize(
    ("endpoint", "base_url", "words"),
    [
        ("completions", "https://x.example/v1", "chat"),
        ("models", "https://x.example/v1", "models"),
        ("responses", "https://x.example/v1", 'api = "chat"'),
        ("chat", "https://x.example", "/v1"),
        ("embeddings", "https://x.example/v1", "base_url"),
    ],
)
def test_an_endpoint_that_is_not_there_comes_with_advice(endpoint: str, base_url: str, words: str) -> None:
    failure = refused(404, "404 page not found", endpoint=endpoint, base_url=base_url)
    assert failure.kind == "endpoint_not_found"
    assert words in failure.fix


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (400, "'input_type' parameter is required for asymmetric models", "embed_input_type"),
        (400, "parameter.enable_thinking must be set to false for non-streaming calls", "stream"),
        (400, "registry.ollama.ai/library/x does not support tools", "tools"),
        (404, "The model `x` does not exist", "list_models"),
        (401, "no", "key"),
    ],
)
def test_advice_fits_the_words(status: int, message: str, words: str) -> None:
    assert words in refused(status, {"error": {"message": message}}).fix


@pytest.mark.parametrize(
    ("location", "words"),
    [("https://evil.example/x", "evil.example"), ("", "without saying where"), ("/relative", "without saying where")],
)
def test_a_redirect_names_its_target(location: str, words: str) -> None:
    failure = refused(307, b"", headers={"location": location})
    assert failure.kind == "config"
    assert words in failure.message
    assert "base_url" in failure.fix


def test_a_redirect_that_cannot_be_read_is_one_without_a_target() -> None:
    assert "without saying where" in refused(302, b"", headers={"location": "https://[broken"}).message


@pytest.mark.parametrize(
    "value",
    [
        None,
        1,
        "text",
        [],
        {},
        {"error": None},
        {"error": {}},
        {"error": ""},
        {"error": False},
        {"error": True},
        {"object": "list", "data": []},
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
        {"code": 0, "message": "ok", "data": {}},
        {"code": "success", "message": "ok"},
        {"code": 200, "msg": "ok"},
        {"choices": [{"x": 1}], "detail": "y"},
        {"data": [1], "message": "hi", "code": 7},
        {"message": "hi"},
        [{"embedding": [1]}],
        {"choices": [1], "errors": [{"message": "x"}]},
        {"status": "ok", "message": "fine"},
    ],
)
def test_what_may_be_an_answer_is_no_error(value: Any) -> None:
    assert failure_from(value, status=200, headers={}) is None


@pytest.mark.parametrize(
    "value",
    [
        {"error": {"message": "boom"}},
        {"error": "boom"},
        {"error": ["boom"]},
        {"errors": ["boom"]},
        {"errors": [{"detail": "boom"}]},
        [{"error": "boom"}],
        {"object": "error", "message": "boom"},
        {"type": "error", "message": "boom"},
        {"success": False, "message": "boom"},
        {"detail": {"msg": "boom"}},
        {"base_resp": {"status_code": 1, "status_msg": "boom"}},
        {"code": 7, "message": "boom"},
        {"code": "bad", "msg": "boom"},
        {"statusCode": 500, "message": "boom"},
        {"httpStatus": 500, "messages": [{"errorCode": "x", "message": "boom"}]},
        {"error_code": 17, "error_msg": "boom"},
        {"status": 500, "title": "boom"},
        {"error": {"error": {"error": "boom"}}},
        {"error": {"code": "x", "message": {"text": "boom"}}},
    ],
)
def test_errors_of_every_shape_are_found_inside_a_success(value: Any) -> None:
    error = failure_from(value, status=200, headers={})
    assert error is not None
    assert "boom" in error.failure.message


def test_an_error_nested_without_end_is_still_an_error() -> None:
    value: Any = "boom"
    for _ in range(50):
        value = {"error": value}
    error = failure_from({"error": value, "message": "outer", "code": "x"}, status=200, headers={})
    assert error is not None
    assert error.failure.message


@pytest.mark.parametrize(
    ("number", "kind"),
    [(17, "quota"), (18, "rate_limit"), (19, "quota"), (110, "auth"), (111, "auth"), (9, "upstream")],
)
def test_a_number_means_something_in_its_own_field_only(number: int, kind: str) -> None:
    error = failure_from({"error_code": number, "error_msg": "boom"}, status=200, headers={})
    assert error is not None
    assert (error.failure.kind, error.failure.code) == (kind, str(number))
    other = failure_from({"code": number, "message": "boom"}, status=200, headers={})
    assert other is not None
    assert other.failure.kind == "upstream"


@pytest.mark.parametrize(
    ("status", "body", "retryable"),
    [
        (408, b"", False),
        (500, b"", False),
        (502, "<html><title>502 Bad Gateway</title></html>", False),
        (504, b"", False),
        (524, b"", False),
        (429, b"", True),
        (503, {"error": {"message": "overloaded"}}, True),
    ],
)
def test_a_picture_that_may_have_been_made_is_looked_for_first(status: int, body: Any, retryable: bool) -> None:
    failure = refused(status, body, endpoint="images")
    assert failure.retryable is retryable
    assert ("whether a picture was made" in failure.fix) is not retryable
    assert refused(status, body).retryable
