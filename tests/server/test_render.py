"""From outcomes to results: the text first and whole, cut with a handle, cleaned, fitted to host and version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args

import pytest
from mcp.types import ImageContent, ResourceLink, TextContent

from anymodel_mcp.calls.outcomes import failed
from anymodel_mcp.errors import ADVICE, ErrorKind, Failure
from anymodel_mcp.hosts.model import Host
from anymodel_mcp.hosts.table import find_host
from anymodel_mcp.redact import Redactor
from anymodel_mcp.server.client_info import ClientInfo
from anymodel_mcp.server.render import (
    ERROR_KEY,
    RESULT_KEY,
    Attachment,
    OutputLimit,
    body_of,
    cap_of,
    fits,
    page,
    render,
)
from anymodel_mcp.types import Outcome

PLAIN = Redactor(["sk-secret-value"])


def _text(outcome: Outcome, peer: ClientInfo | None = None, limit: int = 40_000) -> str:
    result = render(outcome, text=page(outcome, cap=OutputLimit(limit)), peer=peer or ClientInfo(), redactor=PLAIN)
    block = result.content[0]
    assert isinstance(block, TextContent)
    return block.text


def test_the_answer_comes_first_and_unchanged() -> None:
    assert _text(Outcome(text="\n\n answer \n", notes=["cut"], record={})) == "\n\n answer \n\n\n[cut]"


def test_a_note_with_its_own_bracket_keeps_it() -> None:
    assert _text(Outcome(text="a", notes=["[sources]\n1. x"], record={})) == "a\n\n[sources]\n1. x"


def test_parts_of_a_long_answer_make_the_whole() -> None:
    whole = "".join(chr(0x4E00 + i % 500) for i in range(5000))
    outcome, got, offset = Outcome(text=whole, record={}, result_id="r-1"), "", 0
    assert not fits(outcome, OutputLimit(2000))
    while True:
        part = Outcome(text=whole, record={}, result_id="r-1", offset=offset)
        text = page(part, cap=OutputLimit(2000))
        assert len(text.encode()) <= 2000
        piece, cut, note = text.partition("\n\n[cut: ")
        got += piece
        if not cut:
            break
        offset = int(note.split("offset=")[1].split(")")[0])
        assert offset == len(got)
    assert got == whole


def test_a_running_call_says_how_to_get_the_rest() -> None:
    outcome = Outcome(text="so far", status="running", result_id="r-9")
    text = page(outcome, cap=OutputLimit(1000), waited_s=50.2)
    assert text == "so far\n\n[still running after 50 s: get_result(id='r-9', offset=6) gives the rest]"


def test_nothing_left_is_said() -> None:
    assert (
        page(Outcome(text="abc", record={}, offset=3), cap=OutputLimit(100))
        == "[complete: nothing follows character 3]"
    )


def test_an_error_says_what_why_and_what_to_do() -> None:
    failure = Failure(
        kind="rate_limit", message="slow down, sk-secret-value", status=429, provider="p", model="m", attempts=3,
        retryable=True, retry_after_s=12.5, fix="Wait.",
    )  # fmt: skip
    outcome = failed(failure, "half an ans")
    result = render(outcome, text=page(outcome, cap=OutputLimit(40_000)), peer=ClientInfo(), redactor=PLAIN)
    assert result.is_error
    assert isinstance(result.content[0], TextContent)
    assert result.content[0].text == (
        "Failed: p/m: rate_limit, HTTP 429, after 3 requests.\nWhy: slow down, [key removed]\n"
        "Do: Wait. Try again in 12.5 s.\n\nPartial text:\nhalf an ans"
    )
    assert result.meta is not None
    record = result.meta[ERROR_KEY]
    assert record["kind"] == "rate_limit"
    assert record["partial_text"] == "half an ans"
    assert "sk-secret" not in str(result.meta)


@pytest.mark.parametrize("kind", get_args(ErrorKind))
def test_an_error_without_advice_of_its_own_gets_that_of_its_kind(kind: ErrorKind) -> None:
    text = page(failed(Failure(kind=kind, message="x"), ""), cap=OutputLimit(1000))
    assert text == f"Failed: {kind}.\nWhy: x\nDo: {ADVICE[kind]}"


def test_control_and_bidi_characters_and_lone_surrogates_are_removed() -> None:
    assert _text(Outcome(text="a\x00\x1b[31mb\u202ec\ud800d\te\u0085", record={})) == "abcd\te\u0085"


@pytest.mark.parametrize(
    ("peer", "kinds"),
    [
        (ClientInfo(protocol="2025-06-18"), [TextContent, ImageContent, ResourceLink]),
        (ClientInfo(protocol="2025-03-26"), [TextContent, ImageContent]),
        (ClientInfo(protocol="2026-07-28", host=find_host("@cline/core")), [TextContent]),
        (ClientInfo(protocol="2025-11-25", host=find_host("opencode")), [TextContent, ImageContent]),
    ],
)
def test_only_what_version_and_host_can_take(peer: ClientInfo, kinds: list[type]) -> None:
    shown = [Attachment(name="a.png", mime="image/png", bytes=3, preview=(b"png", "image/png"))]
    result = render(Outcome(text="a", record={}), text="a", peer=peer, redactor=PLAIN, shown=shown)
    assert [type(block) for block in result.content] == kinds


def test_a_host_that_shows_the_record_to_its_model_gets_none() -> None:
    with_record = render(Outcome(text="a", record={"x": 1}), text="a", peer=ClientInfo(), redactor=PLAIN)
    without = render(
        Outcome(text="a", record={"x": 1}),
        text="a",
        peer=ClientInfo(host=Host(names=(), title="t", meta=False)),
        redactor=PLAIN,
    )
    assert with_record.meta == {RESULT_KEY: {"x": 1, "status": "complete"}}
    assert without.meta is None


def test_gemini_cli_gets_the_record_of_an_answer_but_not_of_an_error() -> None:
    """It shows its model the JSON of the whole result when a call fails."""
    gemini = ClientInfo(host=find_host("gemini-cli-mcp-client"))
    failure = failed(Failure(kind="server", message="x"), "")
    assert render(failure, text="Failed", peer=gemini, redactor=PLAIN).meta is None
    assert render(failure, text="Failed", peer=ClientInfo(), redactor=PLAIN).meta is not None
    assert render(Outcome(text="a", record={}), text="a", peer=gemini, redactor=PLAIN).meta is not None


@pytest.mark.parametrize(
    ("name", "configured", "expected"),
    [
        ("", None, 40_000),
        ("@cline/core", None, 7_500),
        ("claude-code", None, 40_000),
        ("claude-code", 90_000, 45_000),
        ("", 500, 500),
    ],
)
def test_the_smaller_cap_holds(name: str, configured: int | None, expected: int) -> None:
    assert cap_of(ClientInfo(host=find_host(name)), configured).limit == expected


@pytest.mark.parametrize(
    ("name", "text", "whole"),
    [
        ("@cline/core", "\u6f22" * 7_000, True),  # 21,000 bytes of UTF-8, 7,002 characters of JSON
        ("@cline/core", '"' * 7_000, False),  # 7,000 bytes, 14,002 characters of JSON
        ("", "\u6f22" * 13_000, True),  # 39,000 bytes
        ("", "\u6f22" * 14_000, False),  # 42,000 bytes in fewer characters than the cap
        ("", '"' * 39_000, True),
    ],
    ids=["cline, long in bytes", "cline, long in JSON", "within bytes", "long in bytes", "long in JSON"],
)
def test_a_host_counts_bytes_or_characters_of_json(name: str, text: str, whole: bool) -> None:
    cap = cap_of(ClientInfo(host=find_host(name)), None)
    outcome = Outcome(text=text, record={}, result_id="r-1")
    assert fits(outcome, cap) is whole
    shown = page(outcome, cap=cap)
    assert (shown == text) is whole
    assert ("get_result(id='r-1'" in shown) is not whole
    if name:
        assert len(json.dumps(shown, ensure_ascii=False)) <= 7_500
    else:
        assert len(shown.encode()) <= 40_000


@pytest.mark.parametrize("cap", [OutputLimit(2000), OutputLimit(2000, in_json=True)])
def test_parts_hold_answer_and_notes_however_they_are_counted(cap: OutputLimit) -> None:
    outcome = Outcome(text='"a"\n' * 2000, notes=["[tool calls]\n" + "z" * 3000], record={}, result_id="r-1")
    got = ""
    while len(got) < len(body_of(outcome)):
        text = page(replace(outcome, offset=len(got)), cap=cap, fetch_by="any_get_result")
        assert cap.size(text) <= cap.limit
        piece, cut, note = text.partition("\n\n[cut: ")
        got += piece
        assert not cut or f"any_get_result(id='r-1', offset={len(got)})" in note
    assert got == body_of(outcome)
