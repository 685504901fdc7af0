"""Every recorded media job of the dialect cases, played against the pure engine: no network, no clock."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.dialects.jobs import find_job_row, service_of_model
from anymodel_mcp.errors import Failure, ProviderError
from anymodel_mcp.types import Json
from anymodel_mcp.wire.exchange import ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import read_failure
from anymodel_mcp.wire.jobs.answer import JobState, read_poll, read_submit
from anymodel_mcp.wire.jobs.request import Job, JobRequest, build_fetch, build_poll, build_submit, root_of
from tests.wire.feeding import everyway

CASES = Path(__file__).parents[2] / "cases"
OURS = {"service", "action", "prompt", "model", "options"}


def _cases() -> list[Json]:
    texts = [(CASES / name).read_text(encoding="utf-8") for name in ("cases.jsonl", "cases3.jsonl")]
    lines = [line for text in texts for line in text.splitlines()]
    cases: list[Json] = [json.loads(line) for line in lines if '"media_task"' in line]
    return [case for case in cases if case["request"]["tool"] == "media_task"]


class _Played:
    """One case: its answers in turn, and the requests that were built."""

    def __init__(self, case: Json) -> None:
        http = case["http"]
        self.answers: list[Json] = list(http["sequence"]) if "sequence" in http else [http]
        self.requests: list[WireRequest] = []
        args = case["request"]["args"]
        config: Json = case["request"].get("config") or {}
        self.base: str = config.get("base_url") or "https://api.example/v1"
        host = urlsplit(self.base).hostname or ""
        found = find_job_row(
            args.get("service") or service_of_model(args.get("model", "")), args.get("action", ""), host
        )
        assert found, args
        self.row, self.action = found
        options = {**{k: v for k, v in args.items() if k not in OURS}, **args.get("options", {})}
        self.asked = JobRequest(action=self.action, prompt=args.get("prompt"), model=args.get("model"), options=options)
        self.options = ReadOptions(dialect=Dialect(), model="", max_event_bytes=1_000_000)

    def take(self, request: WireRequest) -> tuple[ResponseHead, bytes]:
        self.requests.append(request)
        answer = self.answers.pop(0)
        headers = {k.lower(): v for k, v in answer["headers"].items()}
        body = answer.get("body", "").encode()
        head = ResponseHead(status=answer["status"], headers=headers)
        if head.status >= 400:
            raise read_failure(head, body, endpoint="jobs", model="", base_url=self.base)
        return head, body

    def read(self, head: ResponseHead, body: bytes, job: Job) -> JobState:
        return _result(everyway(lambda: read_poll(head, job, self.row, self.options), body))

    def run(self) -> tuple[str, JobState]:
        wire, job = build_submit(self.asked, self.row, root_of(self.row, self.base))
        head, body = self.take(wire)
        made = _result(everyway(lambda: read_submit(head, job, self.row, self.base, self.options), body))
        job, state = made.job, made.state
        for _ in range(9):
            if state.status not in ("queued", "running"):
                break
            try:
                head, body = self.take(build_poll(job, self.row))
                state = self.read(head, body, job)
            except ProviderError as error:
                if error.failure.status not in (408, 425, 429, 500, 502, 503, 504):
                    raise
        if state.needs_fetch and self.row.fetch.startswith("json"):
            head, body = self.take(build_fetch(job, self.row, state.answer))
            state = self.read(head, body, job)
        elif state.needs_fetch:
            self.requests.append(build_fetch(job, self.row, state.answer))
        if state.failure is not None:
            raise ProviderError(**_fields(state.failure))
        return job.id, state


def _result(found: Any) -> Any:
    if isinstance(found, Failure):
        raise ProviderError(**_fields(found))
    return found


def _fields(failure: Failure) -> Json:
    return asdict(failure)


def _at(body: Any, path: str) -> Any:
    for step in path.replace("[", ".").replace("]", "").split("."):
        body = body[int(step)] if step.isdigit() else body[step]
    return body


@pytest.mark.parametrize("case", _cases(), ids=lambda c: c["id"])
def test_a_recorded_job_gives_what_its_case_promises(case: Json) -> None:
    played, expect = _Played(case), case["expect"]
    if not expect["ok"]:
        with pytest.raises(ProviderError) as caught:
            played.run()
        wanted, failure = expect["error"], caught.value.failure
        kinds = wanted["kind"] if isinstance(wanted["kind"], list) else [wanted["kind"]]
        assert failure.kind in kinds
        assert wanted.get("message_contains", "") in failure.message
        assert wanted.get("status", failure.status) == failure.status
        assert wanted.get("retryable", failure.retryable) == failure.retryable
        return
    id_, state = played.run()
    assert state.status == {"succeeded": "done"}.get(expect["status"], expect["status"])
    if "urls" in expect:
        assert list(state.outputs) == expect["urls"]
    if "texts" in expect:
        assert list(state.texts) == expect["texts"]
    assert id_ == expect.get("task_id", id_)
    for words in expect.get("warnings", ()):
        assert any(words in w for w in [*state.warnings, played.row.input_action]), words
    if "cost" in expect.get("usage", {}):
        assert state.cost == expect["usage"]["cost"]
    for request, wire in zip(played.requests, case["request"].get("wire", ()), strict=False):
        assert request.method == wire.get("method", request.method)
        assert request.url.endswith(wire.get("url_suffix", ""))
        assert request.url == wire.get("url", request.url)
        for name, value in wire.get("headers", {}).items():
            if name != "content-type":
                assert {k.lower(): v for k, v in request.headers.items()}[name] == value
        for path, value in wire.get("body_has", {}).items():
            assert _at(request.body, path) == value
