"""Real refusals, rule by rule: read and repaired without a network, and played to the whole server."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import ErrorKind
from anymodel_mcp.types import ChatRequest, EmbeddingsRequest
from anymodel_mcp.wire.chat.request import build_chat
from anymodel_mcp.wire.embeddings.request import build_embeddings
from anymodel_mcp.wire.exchange import ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import read_failure
from anymodel_mcp.wire.failures.repair import apply, find_repair
from tests.cases.requests import MISSING, equal, value_at
from tests.cases.runner import play_cases
from tests.serving import Transport
from tests.slow import mostly_slow

Json = dict[str, Any]
_FILE = Path(__file__).parents[1] / "fixtures" / "refusals.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refusal as a provider wrote it, what had been sent, and what must come of it.

    Attributes:
        rule: the rule that reads it.
        vendor: who wrote it.
        page: where it stands; where only the sentence does, the body has the shape that this provider uses.
        sent: the tool's arguments besides the prompt.
        again: what the request after the repair holds, by path; `None` = an error after one request.
        gone: what that request does not hold.
        says: stands in the warning, or in the error's message.
        do: stands in the error's advice.
    """

    rule: str
    vendor: str
    page: str
    status: int
    body: Any
    kind: ErrorKind
    sent: Json = field(default_factory=dict[str, Any])
    again: Json | None = None
    gone: list[str] = field(default_factory=list[str])
    retryable: bool = False
    retry_after_s: float | None = None
    says: str = ""
    do: str = ""
    tool: str = "chat"


_ALL = [Refusal(**json.loads(line)) for line in _FILE.read_text(encoding="utf-8").splitlines()]
_RULES = list(dict.fromkeys(one.rule for one in _ALL))
_REFUSALS = {f"{one.rule}: {one.vendor}": one for one in _ALL}
_FINE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": '{"a":1}'}, "finish_reason": "stop"}]}
_VECTORS = {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}


@pytest.mark.parametrize("rule", _RULES)
def test_every_rule_has_five_sentences_of_its_own(rule: str) -> None:
    table = [one for one in _ALL if one.rule == rule]
    assert len(table) >= 5
    assert len({one.vendor for one in table}) == len(table)
    assert all(one.page.startswith("https://") for one in table)


def _request(one: Refusal) -> WireRequest:
    sent: Json = dict(one.sent)
    dialect = resolve("openai", "m", sent.pop("quirks", {}))
    options = sent.pop("options", {})
    sent.setdefault("stream", False)
    if one.tool == "embed":
        del sent["stream"]
        return build_embeddings(EmbeddingsRequest(model="m", inputs=["hi"], options=options), dialect)
    system = sent.pop("system", None)
    messages = sent.pop("messages", [{"role": "user", "content": "hi"}])
    messages = [{"role": "system", "content": system}, *messages] if system else messages
    return build_chat(ChatRequest(model="m", messages=messages, options=options, **sent), dialect)


def _raw(one: Refusal) -> str:
    return one.body if isinstance(one.body, str) else json.dumps(one.body)


@pytest.mark.parametrize("one", _REFUSALS.values(), ids=_REFUSALS)
def test_a_refusal_is_read_and_repaired(one: Refusal) -> None:
    request = _request(one)
    error = read_failure(
        ResponseHead(status=one.status, headers={}),
        _raw(one).encode(),
        endpoint=request.endpoint,
        model="m",
        base_url="https://x.example/v1",
        now=1_789_000_000,
        sent=request,
    )
    failure = error.failure
    assert (failure.kind, failure.retryable, failure.status) == (one.kind, one.retryable, one.status)
    assert failure.retry_after_s == (None if one.retry_after_s is None else pytest.approx(one.retry_after_s))  # pyright: ignore[reportUnknownMemberType]
    assert one.do in failure.advice
    assert not any(mark in failure.message for mark in ('{"', "{'"))
    repair = find_repair(request, error, frozenset())
    if one.again is None:
        assert repair is None
        assert one.says in failure.message
        return
    assert repair is not None
    repaired = apply(request, [repair])
    body: Any = json.loads(json.dumps(repaired.body))
    assert not {path: value_at(body, path) for path, v in one.again.items() if not equal(value_at(body, path), v)}
    assert not [path for path in one.gone if value_at(body, path) is not MISSING]
    assert any(one.says in warning for warning in repaired.warnings) or repair.field == "encoding_format"


def _case(number: int, one: Refusal) -> Json:
    """The refusal as a case of the collection: it is played first, a plain answer after it."""
    sent: Json = dict(one.sent)
    config: Json = {"retry": {"attempts": 1}, "profile": sent.pop("quirks", {})}
    args: Json = {"model": "m", **sent}
    args |= {"input": ["hi"]} if one.tool == "embed" else ({} if "messages" in sent else {"prompt": "hi"})
    answer = _VECTORS if one.tool == "embed" else _FINE
    kind = "text/html" if _raw(one).startswith("<") else "application/json"
    first = {"status": one.status, "headers": {"content-type": kind}, "body": _raw(one)}
    fine = {"status": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(answer)}
    expect: Json = {"ok": False, "plain": one.page, "request_count": 1}
    expect["error"] = {"kind": one.kind, "status": one.status, "retryable": one.retryable}
    if one.again is not None:
        expect = {"ok": True, "plain": one.page, "warnings": [one.says]}
        if one.tool == "embed":
            expect["warnings"] = []
    return {
        "id": f"refusal-{number}",
        "group": "http_error",
        "request": {"tool": one.tool, "args": args, "config": config, "wire": _wire(one)},
        "http": {"sequence": [first, *([first] if "chatglm" in one.vendor else []), fine]},
        "expect": expect,
    }


def _wire(one: Refusal) -> list[Json] | None:
    if one.again is None or "chatglm" in one.vendor:
        return None
    return [{}, {"body_has": one.again, "body_not": one.gone}]


@pytest.mark.parametrize("transport", mostly_slow(["stdio", "http"], quick=["stdio"]))
async def test_every_refusal_is_met_in_one_call(
    transport: Transport, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    cases = [_case(number, one) for number, one in enumerate(_REFUSALS.values())]
    for name, played in zip(_REFUSALS, await play_cases(cases, transport, tmp_path), strict=True):
        with subtests.test(refusal=name):
            assert not played.problems, "\n".join([played.case["expect"]["plain"], *played.problems])
