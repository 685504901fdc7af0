"""Every feature of `chat` through every API of `CHAT_APIS`: the same arguments, texts and records."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from anymodel_mcp.config import Limits, Settings
from anymodel_mcp.dialects.fields import ApiName
from anymodel_mcp.wire.apis import CHAT_APIS
from tests.fakes import (
    KEY,
    Endless,
    FakeProvider,
    connect,
    error_of,
    problem,
    provider,
    record_of,
    settings,
    text_of,
)
from tests.tools.voices import SEAL, VOICES
from tests.waiting import HANG_S

Json = dict[str, Any]
EVERY_API = pytest.mark.parametrize("api", CHAT_APIS)
LOOK: Json = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
SCHEMA: Json = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
PDF = base64.b64encode(b"%PDF-1.7 x").decode()
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def configured(api: ApiName, *names: str, **more: Any) -> Settings:
    """Providers that are called through the API."""
    quirks = dict(VOICES[api].quirks)
    found = [provider(name, api=api, quirks=quirks, max_attempts=1) for name in names or ("p",)]
    return settings(*found, **more)


def said(request: httpx2.Request) -> str:
    """What a request says as text, without the escapes of JSON inside JSON: its body, or the messages of its socket."""
    socket = request.extensions.get("socket")
    text = json.dumps(socket.messages, ensure_ascii=False) if socket else request.content.decode()
    return text.replace("\\", "")


def test_every_api_has_a_voice() -> None:
    assert set(VOICES) == set(CHAT_APIS)


@EVERY_API
async def test_a_streamed_answer_is_text_and_record(api: ApiName, tmp_path: Path) -> None:
    voice = VOICES[api]
    fake = FakeProvider([voice.reply(voice.whole("Hello"))])
    async with connect(fake, tmp_path, configured(api)) as client:
        result = await client.call_tool("chat", {"prompt": "Say hello", "system": "Be brief.", "max_tokens": 77})
    assert text_of(result) == "Hello"
    record = record_of(result)
    assert (record["provider"], record["requested_model"], record["finish_reason"]) == ("p", "m", "stop")
    request = fake.seen[0]
    name, before = voice.auth
    assert request.url.path == f"/v1/{voice.path}"
    assert request.headers[name] == f"{before}{KEY}"
    assert all(words in said(request) for words in ("Say hello", "Be brief.", "77"))


@EVERY_API
async def test_a_thread_goes_on_after_a_restart_with_what_was_sealed(api: ApiName, tmp_path: Path) -> None:
    voice = VOICES[api]
    fake = FakeProvider([voice.reply(voice.sealed("First")), voice.reply(voice.whole("Second"))])
    async with connect(fake, tmp_path, configured(api)) as client:
        one = await client.call_tool("chat", {"prompt": "Question one", "conversation": "new"})
    thread = record_of(one)["conversation"]
    async with connect(fake, tmp_path, configured(api)) as client:
        two = await client.call_tool("chat", {"prompt": "Question two", "conversation": thread})
    assert text_of(two).startswith("Second")
    again = said(fake.seen[1])
    assert [again.index(words) for words in ("Question one", "First", "Question two")] == sorted(
        again.index(words) for words in ("Question one", "First", "Question two")
    )
    assert again.count("First") == 1
    assert (SEAL in again) == (SEAL.encode() in voice.sealed("First"))


@EVERY_API
async def test_a_tool_loop_gives_back_the_call_its_seal_and_the_result(api: ApiName, tmp_path: Path) -> None:
    voice = VOICES[api]
    fake = FakeProvider([voice.reply(voice.call()), voice.reply(voice.whole("A cat."))])
    async with connect(fake, tmp_path, configured(api)) as client:
        arguments: Json = {"prompt": "What is it?", "tools": [LOOK], "conversation": "new"}
        one = record_of(await client.call_tool("chat", arguments))
        (call,) = one["tool_calls"]
        assert (call["name"], call["arguments"], one["finish_reason"]) == ("look", {"x": 1}, "tool_calls")
        turn = {"role": "tool", "tool_call_id": call["id"], "content": "whiskers"}
        two = await client.call_tool("chat", {"messages": [turn], "tools": [LOOK], "conversation": one["conversation"]})
    assert text_of(two).startswith("A cat.")
    again = said(fake.seen[1])
    assert "whiskers" in again
    assert again.count('"look"') == 2 + (api == "gemini")  # the offer, the call; Gemini's response names it too
    assert (SEAL in again) == (SEAL.encode() in voice.call())


@EVERY_API
async def test_what_is_sealed_goes_to_no_other_provider(api: ApiName, tmp_path: Path) -> None:
    voice = VOICES[api]
    fake = FakeProvider([voice.reply(voice.sealed("First")), voice.reply(voice.whole("Second"))])
    async with connect(fake, tmp_path, configured(api, "p", "q")) as client:
        one = await client.call_tool("chat", {"prompt": "a", "conversation": "new", "model": "p/m"})
        thread = record_of(one)["conversation"]
        await client.call_tool("chat", {"prompt": "b", "conversation": thread, "model": "q/m"})
    assert "First" in said(fake.seen[1])
    assert SEAL not in said(fake.seen[1])


@EVERY_API
async def test_several_models_answer_side_by_side(api: ApiName, tmp_path: Path) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        return VOICES[api].reply(VOICES[api].whole(f"I am {request.url.host}"))(request)

    async with connect(handle, tmp_path, configured(api, "p", "q")) as client:
        result = await client.call_tool("chat", {"prompt": "a", "models": ["p/m", "q/m"]})
    assert [answer["text"] for answer in record_of(result)["answers"]] == ["I am p.test", "I am q.test"]


@EVERY_API
async def test_a_schema_is_asked_for_and_the_answer_corrected_once(api: ApiName, tmp_path: Path) -> None:
    voice = VOICES[api]
    fake = FakeProvider([voice.reply(voice.whole('{"n": "x"}')), voice.reply(voice.whole('{"n": 1}'))])
    async with connect(fake, tmp_path, configured(api)) as client:
        result = await client.call_tool("chat", {"prompt": "a", "json_schema": SCHEMA})
    assert json.loads(text_of(result).partition("\n\n[")[0]) == {"n": 1}
    assert all('"integer"' in said(request) for request in fake.seen)
    assert "$.n" in said(fake.seen[1])


@pytest.mark.parametrize("api", [api for api in CHAT_APIS if VOICES[api].schema_field])
async def test_a_refused_schema_is_asked_for_in_a_weaker_form(api: ApiName, tmp_path: Path) -> None:
    refusal = problem(400, f"Invalid value for {VOICES[api].schema_field}: json_schema is not supported")
    fake = FakeProvider([refusal, VOICES[api].reply(VOICES[api].whole('{"n": 1}'))])
    strict = configured(api)
    strict.providers["p"].quirks["structured"] = "json_schema"
    async with connect(fake, tmp_path, strict) as client:
        result = await client.call_tool("chat", {"prompt": "a", "json_schema": SCHEMA})
    assert json.loads(text_of(result).partition("\n\n[")[0]) == {"n": 1}
    assert '"integer"' in said(fake.seen[1])
    assert any("schema" in warning for warning in record_of(result)["warnings"])


@EVERY_API
async def test_pictures_and_documents_go_along(api: ApiName, tmp_path: Path) -> None:
    fake = FakeProvider([VOICES[api].reply(VOICES[api].whole("A page."))])
    arguments: Json = {
        "prompt": "What is this?",
        "images": [f"data:image/png;base64,{PNG}"],
        "files": [f"data:application/pdf;base64,{PDF}"] if VOICES[api].documents else [],
        "conversation": "new",
    }
    async with connect(fake, tmp_path, configured(api)) as client:
        one = record_of(await client.call_tool("chat", arguments))
        await client.call_tool("chat", {"prompt": "And now?", "conversation": one["conversation"]})
    for request in fake.seen:
        assert request.url.path == f"/v1/{VOICES[api].path}"
        assert (PDF in said(request)) == VOICES[api].documents
        assert "image/png" in said(request)


@EVERY_API
async def test_the_next_model_answers_where_one_is_overloaded(api: ApiName, tmp_path: Path) -> None:
    fake = FakeProvider([problem(503, "Overloaded"), VOICES[api].reply(VOICES[api].whole("Hello"))])
    chain = configured(api, "p", "q", aliases={"smart": ("p/m", "q/m")})
    async with connect(fake, tmp_path, chain) as client:
        result = await client.call_tool("chat", {"prompt": "a", "model": "smart"})
    assert record_of(result)["provider"] == "q"
    assert text_of(result).startswith("Hello")


@EVERY_API
async def test_past_the_deadline_a_handle_gives_the_rest(api: ApiName, tmp_path: Path) -> None:
    voice = VOICES[api]
    body = Endless(voice.begin("so far "))
    body.rest = (voice.go_on("and the rest"),)
    with anyio.fail_after(HANG_S):
        chosen = configured(api, limits=Limits(soft_deadline_s=0.3))
        async with connect(FakeProvider([VOICES[api].play(body)]), tmp_path, chosen) as client:
            running = await client.call_tool("chat", {"prompt": "a"})
            assert text_of(running).startswith("so far \n\n[still running")
            body.go_on.set()
            id_ = record_of(running)["result_id"]
            rest = await client.call_tool("get_result", {"id": id_, "wait_s": 5})
            assert text_of(rest).startswith("so far and the rest")
            assert record_of(rest)["status"] == "complete"


@EVERY_API
async def test_a_cancelled_call_closes_upstream(api: ApiName, tmp_path: Path) -> None:
    body = Endless(VOICES[api].begin("so far "))
    with anyio.fail_after(HANG_S):
        chosen = configured(api, limits=Limits(soft_deadline_s=0.2))
        async with connect(FakeProvider([VOICES[api].play(body)]), tmp_path, chosen) as client:
            running = await client.call_tool("chat", {"prompt": "a"})
            id_ = record_of(running)["result_id"]
            stopped = await client.call_tool("get_result", {"id": id_, "cancel": True})
            assert text_of(stopped).startswith("so far ")
            assert record_of(stopped)["cancelled"] is True
            await body.closed.wait()


@EVERY_API
@pytest.mark.parametrize(("end", "kind"), [("failure", "overloaded"), ("cut", "stream_truncated")])
async def test_a_failure_in_the_middle_keeps_the_partial_text(
    api: ApiName, end: str, kind: str, tmp_path: Path
) -> None:
    voice = VOICES[api]
    body = voice.begin("Half") + (voice.failure if end == "failure" else b"")
    async with connect(FakeProvider([voice.reply(body)]), tmp_path, configured(api)) as client:
        error = error_of(await client.call_tool("chat", {"prompt": "a"}))
    assert (error["kind"], error["partial_text"], error["retryable"]) == (kind, "Half", False)


@EVERY_API
async def test_a_refused_key_is_told(api: ApiName, tmp_path: Path) -> None:
    async with connect(FakeProvider([problem(401, "invalid key")]), tmp_path, configured(api)) as client:
        result = await client.call_tool("chat", {"prompt": "a"})
    assert error_of(result)["kind"] == "auth"
    assert KEY not in text_of(result)
