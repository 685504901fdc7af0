"""The comparison finds each kind of difference: a runner that lets things pass proves nothing."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.cases.compare import ERROR_KEY, RESULT_KEY, Outcome, compare
from tests.cases.requests import Json
from tests.raw_upstream import Seen


def _case(expect: Json, wire: list[Json] | None = None) -> Json:
    return {"request": {"wire": wire} if wire else {}, "expect": {"ok": "error" not in expect, **expect}}


def _good(text: str = "", requests: list[Seen] | None = None, **record: Any) -> Outcome:
    return Outcome(text=text, is_error=False, meta={RESULT_KEY: record}, requests=requests or [])


def _bad(text: str = "", **error: Any) -> Outcome:
    return Outcome(text=text, is_error=True, meta={ERROR_KEY: error})


def _seen(body: bytes = b"{}", at: float = 0.0, **headers: str) -> Seen:
    return Seen(method="POST", target="/v1/x?a=b", headers=headers, body=body, at=at, answered_at=at)


_CALL = {"id": "c1", "name": "f", "arguments": {"a": 1}}
_MODEL = {"id": "m", "capabilities": ["chat", "tools"], "price_per_million": {"input": 1.0, "output": 2.0}}

PASSES: dict[str, tuple[Json, Outcome]] = {
    "a text without the unwanted words": ({"text_not": ["base64"]}, _good("Hi")),
    "the alternative is kept": ({"text": "Hi", "or": [{"ok": True, "text": "Ho"}]}, _good("Ho")),
    "the text alone": ({"text": "Hi"}, _good("Hi\n")),
    "an addition after an empty line": ({"text": "Hi [1]"}, _good("Hi [1]\n\n[cut]")),
    "an empty text and an addition": ({"text": ""}, _good("[refused]")),
    "leading white space": ({"text": "\n\nHi"}, _good("\n\nHi")),
    "usage with more than was promised": ({"usage": {"input": 1, "cost": 0.1}}, _good(usage={"input": 1, "cost": 0.1})),
    "no usage": ({"usage": None}, _good()),
    "one field of usage absent": ({"usage": {"input": 1, "cached": None}}, _good(usage={"input": 1})),
    "any id": ({"tool_calls": [_CALL | {"id": "*"}]}, _good(tool_calls=[_CALL])),
    "no calls": ({"tool_calls": []}, _good()),
    "no reasoning": ({"reasoning": ""}, _good()),
    "vectors": ({"vectors": [[0.1]]}, _good("[[0.10000000149]]\n\n[note]", vectors={"count": 1})),
    "models in another order": ({"models": [_MODEL, {"id": "n"}]}, _good(models=[{"id": "n"}, _MODEL])),
    "part of a warning": ({"warnings": ["cut"]}, _good(warnings=["it was cut"])),
    "one of two kinds": ({"error": {"kind": ["auth", "quota"]}}, _bad(kind="quota")),
    "an error": (
        {"error": {"kind": "auth", "status": 401, "retryable": False, "message_contains": "key"}},
        _bad("no key", kind="auth", status=401, retryable=False, message="wrong key"),
    ),
    "partial text": ({"error": {}, "partial_text": "Ha"}, _bad("cut\n\nHa", partial_text="Ha")),
}

FAILS: dict[str, tuple[Json, Outcome]] = {
    "another text": ({"text": "Hi"}, _good("Ho")),
    "more text": ({"text": "Hi"}, _good("Hi there")),
    "an addition without its empty line": ({"text": "Hi"}, _good("Hi\n[cut]")),
    "isError": ({"text": ""}, Outcome(text="", is_error=True, meta={RESULT_KEY: {}})),
    "no record": ({}, Outcome(text="", is_error=False, meta={})),
    "both records": ({}, Outcome(text="", is_error=False, meta={RESULT_KEY: {}, ERROR_KEY: {}})),
    "structured content": ({}, Outcome(text="", is_error=False, meta={RESULT_KEY: {}}, structured={})),
    "usage that is not known": ({"usage": None}, _good(usage={"input": 1})),
    "unwanted words": ({"text_not": ["base64"]}, _good("base64")),
    "no alternative is kept": ({"text": "Hi", "or": [{"ok": True, "text": "Ho"}]}, _good("Ha")),
    "another usage": ({"usage": {"input": 1}}, _good(usage={"input": 2})),
    "usage that must be absent": ({"usage": {"cached": None}}, _good(usage={"cached": 0})),
    "an empty id": ({"tool_calls": [_CALL | {"id": "*"}]}, _good(tool_calls=[_CALL | {"id": ""}])),
    "another argument": ({"tool_calls": [_CALL]}, _good(tool_calls=[_CALL | {"arguments": {"a": True}}])),
    "a call too many": ({"tool_calls": []}, _good(tool_calls=[_CALL])),
    "other vectors": ({"vectors": [[0.1]]}, _good("[[0.2]]", vectors={"count": 1})),
    "vectors that are none": ({"vectors": [[0.1]]}, _good("saved", vectors={"count": 1})),
    "vectors and words": ({"vectors": [[0.1]]}, _good("[[0.1]] saved", vectors={"count": 1})),
    "vectors uncounted": ({"vectors": [[0.1]]}, _good("[[0.1]]")),
    "a model too many": ({"models": [_MODEL]}, _good(models=[_MODEL, {"id": "n"}])),
    "a capability missing": ({"models": [_MODEL]}, _good(models=[_MODEL | {"capabilities": ["chat"]}])),
    "another price": ({"models": [_MODEL]}, _good(models=[_MODEL | {"price_per_million": {"input": 1.0}}])),
    "no warning": ({"warnings": ["cut"]}, _good(warnings=["kept"])),
    "a picture too many": ({"images": []}, _good(images=[{"url": "u"}])),
    "another picture": ({"images": [{"url": "u"}]}, _good(images=[{"url": "v"}])),
    "a picture not saved": ({"images": [{"b64": "AA=="}]}, _good(images=[{"url": "v"}])),
    "a picture that is gone": ({"images": [{"b64": "AA=="}]}, _good(images=[{"path": "/nowhere/a.png"}])),
    "truncated unsaid": ({"truncated": True}, _good()),
    "another reason": ({"finish_reason": "stop"}, _good(finish_reason="length")),
    "another request id": ({"request_id": "r"}, _good(request_id="s")),
    "another kind": ({"error": {"kind": "auth"}}, _bad(kind="quota")),
    "another status": ({"error": {"status": 401}}, _bad(status=None)),
    "retryable is no number": ({"error": {"retryable": True}}, _bad(retryable=1)),
    "another wait": ({"error": {"retry_after_s": 5}}, _bad(retry_after_s=6)),
    "other words": ({"error": {"message_contains": "key"}}, _bad("key", message="no")),
    "words only in the record": ({"error": {"message_contains": "key"}}, _bad("no", message="key")),
    "partial text only in the record": ({"error": {}, "partial_text": "Ha"}, _bad("cut", partial_text="Ha")),
    "partial text only in the text": ({"error": {}, "partial_text": "Ha"}, _bad("cut Ha")),
    "another field refused": ({"error": {}, "param": "n"}, _bad(param="top_p")),
}

WIRE: dict[str, Json] = {
    "another method": {"method": "GET"},
    "another query": {"url": "https://api.example.com/v1/x?a=c"},
    "another end": {"url_suffix": "/y"},
    "another header": {"headers": {"Key": "2"}},
    "a header too many": {"headers_absent": ["Key"]},
    "another beginning": {"headers_prefix": {"key": "2"}},
    "another value": {"body_has": {"a[1].b": 1}},
    "a row too few": {"body_has": {"a[2]": 1}},
    "a field too many": {"body_not": ["a[1].b"]},
    "a form field missing": {"form_fields": ["file"]},
    "no alternative": {"any_of": [{"body_has": {"a[1].b": 1}}, {"body_not": ["a"]}]},
}


@pytest.mark.parametrize(("expect", "outcome"), PASSES.values(), ids=PASSES)
def test_what_is_promised_passes(expect: Json, outcome: Outcome) -> None:
    assert compare(_case(expect), outcome) == []


@pytest.mark.parametrize(("expect", "outcome"), FAILS.values(), ids=FAILS)
def test_a_difference_is_told(expect: Json, outcome: Outcome) -> None:
    assert len(compare(_case(expect), outcome)) == 1


@pytest.mark.parametrize("wanted", WIRE.values(), ids=WIRE)
def test_a_request_that_differs_is_told(wanted: Json) -> None:
    seen = _seen(b'{"a": [0, {"b": true}]}', key="1")
    assert len(compare(_case({}, [wanted]), _good(requests=[seen]))) == 1


def test_a_request_as_promised_passes() -> None:
    wanted = {
        "method": "POST",
        "url": "https://api.example.com/v1/x?a=b",
        "url_suffix": "/x",
        "headers": {"KEY": "1"},
        "headers_absent": ["other"],
        "headers_prefix": {"key": "1"},
        "body_has": {"a[1].b": True, "a": [0, {"b": True}]},
        "body_not": ["b", "a[7]", "a.b"],
    }
    seen = _seen(b'{"a": [0, {"b": true}]}', key="1")
    assert compare(_case({"request_count": 1}, [wanted]), _good(requests=[seen])) == []


def test_requests_are_counted_and_bodies_read() -> None:
    assert compare(_case({"request_count": 1}), _good()) == ["0 requests were made, wanted 1"]
    assert len(compare(_case({}, [{}]), _good())) == 1
    assert len(compare(_case({}, [{"body_has": {"a": 1}}]), _good(requests=[_seen(b"<html>")]))) == 1


@pytest.mark.parametrize(("gap", "problems"), [(2.0, 0), (1.5, 1), (9.0, 1)])
def test_waits_are_measured_between_requests(gap: float, problems: int) -> None:
    seen = [_seen(at=0.0), _seen(at=gap)]
    assert len(compare(_case({"waits_s": [2]}), _good(requests=seen))) == problems


def test_a_saved_picture_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"PNG")
    wanted = {"images": [{"mime": "image/png", "b64": base64.b64encode(b"PNG").decode()}]}
    image = {"mime": "image/png", "path": str(path)}
    assert compare(_case(wanted), _good(images=[image])) == []
    path.write_bytes(b"GIF")
    assert len(compare(_case(wanted), _good(images=[image]))) == 1
