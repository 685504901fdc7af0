"""`chat` through a real client: answers, streams, chains, several models, threads, structured answers, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from anymodel_mcp.config import Limits, Settings, ToolSettings
from anymodel_mcp.dialects.fields import Quirks
from tests.fakes import (
    DONE,
    KEY,
    Endless,
    FakeProvider,
    chunk,
    completion,
    connect,
    endless,
    error_of,
    problem,
    provider,
    record_of,
    settings,
    stream,
    text_of,
)
from tests.waiting import HANG_S

ANSWER = (chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE)


async def test_a_streamed_answer_is_text_and_record(tmp_path: Path) -> None:
    fake = FakeProvider([stream(*ANSWER)])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "hi"})
    assert text_of(result) == "Hello"
    record = record_of(result)
    assert record.pop("duration_s") >= 0
    assert record.pop("first_delta_s") >= 0
    assert record == {
        "provider": "p",
        "model": "m",
        "requested_model": "m",
        "id": "c1",
        "finish_reason": "stop",
        "finish_raw": "stop",
        "attempts": 1,
        "status": "complete",
        "truncated": False,
    }
    assert fake.body()["stream"] is True
    assert fake.seen[0].headers["authorization"] == f"Bearer {KEY}"


async def test_arguments_reach_the_provider_and_options_pass_unchanged(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")])
    arguments: dict[str, Any] = {
        "messages": [{"role": "user", "content": "q", "cache_control": {"type": "ephemeral"}}],
        "system": "be short", "temperature": "0.2", "top_p": 0.9, "max_tokens": 7, "stop": "END", "stream": False,
        "options": {"seed": 5, "thinking": {"type": "enabled"}, "logit_bias": None},
    }  # fmt: skip
    async with connect(fake, tmp_path) as client:
        await client.call_tool("chat", arguments)
    body = fake.body()
    assert body["messages"] == [{"role": "system", "content": "be short"}, arguments["messages"][0]]
    assert (body["temperature"], body["top_p"], body["max_tokens"], body["stop"]) == (0.2, 0.9, 7, ["END"])
    assert (body["seed"], body["thinking"]) == (5, {"type": "enabled"})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "prompt is missing"),
        ({"prompt": "  "}, "prompt is empty"),
        ({"prompt": "a", "messages": []}, "both prompt and messages"),
        ({"messages": []}, "messages is empty"),
        ({"messages": [{"content": "x"}]}, "messages[0] has no role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"prompt": "a", "max_token": 5}, "did you mean 'max_tokens'"),
        ({"prompt": "a", "models": []}, "models is empty"),
        ({"prompt": "a", "models": ["x"], "model": "y"}, "both model and models"),
        ({"prompt": "a", "models": ["x"], "conversation": "new"}, "do not go together"),
        ({"prompt": "a", "json_schema": {"type": "nonsense"}}, "not a valid JSON Schema"),
        ({"prompt": "a", "conversation": "t-unknown"}, "no conversation 't-unknown'"),
    ],
)
async def test_bad_arguments_get_a_sentence_and_no_request(
    tmp_path: Path, arguments: dict[str, Any], sentence: str
) -> None:
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", arguments)
    assert error_of(result)["kind"] == "invalid_argument"
    assert sentence in text_of(result)
    assert not fake.seen


async def test_an_unknown_model_gets_the_closest_names(tmp_path: Path) -> None:
    fake = FakeProvider(
        [problem(404, "The model `gpt5-mini` does not exist", code="model_not_found")],
        models=[{"id": "gpt-5-mini"}, {"id": "other"}],
    )
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "a", "model": "p/gpt5-mini"})
    assert error_of(result)["kind"] == "model_not_found"
    assert "gpt-5-mini" in text_of(result).partition("Do:")[2]


async def test_no_model_and_no_default_offers_some(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")], models=[{"id": "m1"}, {"id": "m2"}, {"id": "text-embedding-3"}])
    async with connect(fake, tmp_path, settings(default_model=None)) as client:
        result = await client.call_tool("chat", {"prompt": "a"})
    assert error_of(result)["kind"] == "config"
    assert "p/m1, p/m2." in text_of(result)


async def test_the_only_model_that_fits_needs_no_name(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")], models=[{"id": "m1"}, {"id": "text-embedding-3"}])
    async with connect(fake, tmp_path, settings(default_model=None)) as client:
        result = await client.call_tool("chat", {"prompt": "a"})
    assert text_of(result) == "x"
    assert record_of(result)["requested_model"] == "m1"


async def test_nothing_configured_says_what_to_set(tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path, Settings()) as client:
        assert len((await client.list_tools()).tools) == 6
        result = await client.call_tool("chat", {"prompt": "a"})
    assert "OPENAI_API_KEY" in text_of(result)


async def test_a_key_never_shows_even_if_the_provider_echoes_it(tmp_path: Path) -> None:
    fake = FakeProvider([problem(401, f"Incorrect API key provided: {KEY}", code="invalid_api_key")])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "a"})
    assert error_of(result)["kind"] == "auth"
    assert KEY not in str(result)


async def test_a_chain_goes_on_and_says_who_answered_and_why(tmp_path: Path) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "a.test":
            return problem(429, "You exceeded your current quota", code="insufficient_quota", type="insufficient_quota")
        return completion("from b")

    configured = settings(provider("a"), provider("b"), aliases={"smart": ("a/m", "b/m")})
    async with connect(handle, tmp_path, configured) as client:
        result = await client.call_tool("chat", {"prompt": "a", "model": "smart", "stream": False})
    text = text_of(result)
    assert text.startswith("from b\n\n[answered by b/m: a/m failed (quota")
    assert record_of(result)["provider"] == "b"


async def test_a_chain_never_goes_on_after_text_has_come(tmp_path: Path) -> None:
    hosts: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(404)
        hosts.append(str(request.url.host))
        return stream(chunk("half"), b'data: {"error": {"message": "overloaded", "code": 503}}\n\n')

    configured = settings(provider("a"), provider("b"), aliases={"smart": ("a/m", "b/m")})
    async with connect(handle, tmp_path, configured) as client:
        result = await client.call_tool("chat", {"prompt": "a", "model": "smart"})
    assert error_of(result)["partial_text"] == "half"
    assert hosts == ["a.test"]


async def test_several_models_answer_under_their_names(tmp_path: Path) -> None:
    def handle(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(404)
        model = json.loads(request.content)["model"]
        return problem(400, "no such thing") if model == "bad" else completion(f"I am {model}")

    async with connect(handle, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "a", "models": ["one", "bad", "two"], "stream": False})
        failed = await client.call_tool("chat", {"prompt": "a", "models": ["bad", "p/bad"], "stream": False})
    text = text_of(result)
    assert text.index("## one\n\nI am one") < text.index("## bad\n\nFailed") < text.index("## two\n\nI am two")
    answers = record_of(result)["answers"]
    assert [a["text"] for a in answers] == ["I am one", "", "I am two"]
    assert answers[1]["kind"] == "bad_request"
    assert "none of the 2 models" in str(error_of(failed)["message"])


async def test_a_thread_goes_on_where_it_was(tmp_path: Path) -> None:
    fake = FakeProvider([completion("first", reasoning_content="because"), completion("second")])
    async with connect(fake, tmp_path) as client:
        one = await client.call_tool("chat", {"prompt": "a", "system": "s", "conversation": "new", "stream": False})
        thread = record_of(one)["conversation"]
        assert thread in text_of(one)
        two = await client.call_tool("chat", {"prompt": "b", "conversation": thread, "stream": False})
        shown = await client.read_resource(f"anymodel://conversations/{thread}")
    assert text_of(two).startswith("second")
    messages = fake.body()["messages"]
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert "first" in str(shown.contents[0])


async def test_a_failure_in_a_thread_is_told_as_what_it_is(tmp_path: Path) -> None:
    fake = FakeProvider([completion("first"), problem(400, "no such thing"), completion("third")])
    async with connect(fake, tmp_path) as client:
        one = await client.call_tool("chat", {"prompt": "a", "conversation": "new", "stream": False})
        thread = record_of(one)["conversation"]
        two = await client.call_tool("chat", {"prompt": "b", "conversation": thread, "stream": False})
        three = await client.call_tool("chat", {"prompt": "c", "conversation": thread, "stream": False})
    assert error_of(two)["kind"] == "bad_request"
    assert text_of(three).startswith("third")
    assert [m["content"] for m in fake.body()["messages"]] == ["a", "first", "c"]


async def test_a_structured_answer_is_checked_and_repaired_once(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    fake = FakeProvider([completion('{"n": "x"}'), completion('```json\n{"n": 1}\n```')])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "a", "json_schema": schema, "stream": False})
        assert json.loads(text_of(result).partition("\n\n[")[0]) == {"n": 1}
        assert len(fake.seen) == 2
        assert "$.n" in fake.body(1)["messages"][-1]["content"]
        fake.answers = [completion("no json")]
        wrong = await client.call_tool("chat", {"prompt": "a", "json_schema": schema, "stream": False})
    assert error_of(wrong)["partial_text"] == "no json"
    assert len(fake.seen) == 4


async def test_past_the_deadline_a_handle_gives_the_rest(tmp_path: Path) -> None:
    body = Endless(chunk("so far "))
    body.rest = (chunk("and the rest"), chunk(finish="stop"), DONE)
    configured = settings(limits=Limits(soft_deadline_s=0.3))
    with anyio.fail_after(HANG_S):
        async with connect(FakeProvider([endless(body)]), tmp_path, configured) as client:
            running = await client.call_tool("chat", {"prompt": "a"})
            record = record_of(running)
            assert record["status"] == "running"
            assert text_of(running).startswith("so far \n\n[still running")
            body.go_on.set()
            rest = await client.call_tool("get_result", {"id": record["result_id"], "offset": 7, "wait_s": 5})
            assert text_of(rest) == "and the rest"
            assert record_of(rest)["status"] == "complete"
            whole = await client.read_resource(f"anymodel://results/{record['result_id']}")
            assert getattr(whole.contents[0], "text", "") == "so far and the rest"
            past = await client.call_tool("get_result", {"id": record["result_id"], "offset": 700})
            assert "past the end" in text_of(past)


async def test_a_cancelled_call_closes_upstream(tmp_path: Path) -> None:
    body = Endless(chunk("so far "))
    configured = settings(limits=Limits(soft_deadline_s=0.2))
    with anyio.fail_after(HANG_S):
        async with connect(FakeProvider([endless(body)]), tmp_path, configured) as client:
            running = await client.call_tool("chat", {"prompt": "a"})
            stopped = await client.call_tool("get_result", {"id": record_of(running)["result_id"], "cancel": True})
            assert text_of(stopped).startswith("so far ")
            assert record_of(stopped)["cancelled"] is True
            await body.closed.wait()


async def test_an_answer_over_the_cap_comes_in_parts(tmp_path: Path) -> None:
    long = "".join(f"{i:05d} " for i in range(2000))
    configured = settings(limits=Limits(max_output_bytes=4000))
    async with connect(FakeProvider([completion(long)]), tmp_path, configured) as client:
        first = await client.call_tool("chat", {"prompt": "a", "stream": False})
        got, cut, note = text_of(first).partition("\n\n[cut: ")
        assert cut
        handle = record_of(first)["result_id"]
        while cut:
            offset = int(note.split("offset=")[1].split(")")[0])
            part = await client.call_tool("get_result", {"id": handle, "offset": offset})
            assert len(text_of(part).encode()) <= 4000
            piece, cut, note = text_of(part).partition("\n\n[cut: ")
            got += piece
    assert got == long


async def test_progress_tells_the_newest_words(tmp_path: Path) -> None:
    notes: list[str] = []
    told = anyio.Event()
    body = Endless(chunk("so far "))
    body.rest = (chunk(finish="stop"), DONE)

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert (progress > 0, total) == (True, None)
        notes.append(message or "")
        body.go_on.set()
        told.set()

    with anyio.fail_after(HANG_S):
        async with connect(FakeProvider([endless(body)]), tmp_path, mode="legacy") as client:
            await client.call_tool("chat", {"prompt": "a"}, progress_callback=note)
            await told.wait()
    assert "so far" in notes[0]
    assert "p/m" in notes[0]


async def test_usage_is_accounted_without_texts(tmp_path: Path) -> None:
    async with connect(FakeProvider([completion("x")]), tmp_path) as client:
        await client.call_tool("chat", {"prompt": "secret words", "stream": False})
        shown = await client.read_resource("anymodel://usage")
    rows = json.loads(getattr(shown.contents[0], "text", "{}"))["by_model"]
    assert (rows[0]["key"], rows[0]["input"], rows[0]["output"]) == ("p/m", 3, 2)
    assert "secret words" not in str(shown)


async def test_cost_comes_from_the_price_in_the_list(tmp_path: Path) -> None:
    fake = FakeProvider(
        [completion("x")], models=[{"id": "m", "pricing": {"prompt": "0.000001", "completion": "0.000002"}}]
    )
    async with connect(fake, tmp_path) as client:
        first = await client.call_tool("chat", {"prompt": "a", "stream": False})
        other = await client.call_tool("chat", {"prompt": "a", "model": "p/unpriced", "stream": False})
    assert record_of(first)["usage"]["cost"] == pytest.approx(3e-6 + 4e-6)
    assert "cost" not in record_of(other)["usage"]


async def test_a_list_without_prices_is_not_asked_for_where_a_row_says_so(tmp_path: Path) -> None:
    asked: list[str] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return completion("x")

    place = provider(base_url="https://api.openai.com/v1", dialect="openai")
    async with connect(handle, tmp_path, settings(place)) as client:
        await client.call_tool("chat", {"prompt": "a", "stream": False})
    assert asked == ["/v1/chat/completions"]


async def test_a_long_tool_call_comes_whole_in_parts(tmp_path: Path) -> None:
    arguments = json.dumps({"t": "z" * 9000})
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}
    configured = settings(limits=Limits(max_output_bytes=3000), tools=ToolSettings(prefix="any_"))
    async with connect(FakeProvider([completion("", tool_calls=[call])]), tmp_path, configured) as client:
        result = await client.call_tool("any_chat", {"prompt": "a", "stream": False})
        got, cut, note = text_of(result).partition("\n\n[cut: ")
        handle = record_of(result)["result_id"]
        while cut:
            assert "any_get_result(" in note
            part = await client.call_tool("any_get_result", {"id": handle, "offset": len(got)})
            piece, cut, note = text_of(part).partition("\n\n[cut: ")
            got += piece
        whole = await client.read_resource(f"anymodel://results/{handle}")
    assert json.loads(got.partition("]\n")[2])[0]["arguments"] == json.loads(arguments)
    assert getattr(whole.contents[0], "text", "") == got


SCHEMA = {"type": "object", "required": ["a"]}


@pytest.mark.parametrize(
    "given",
    [
        {"name": "n", "strict": True, "schema": SCHEMA},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    ],
)
async def test_a_schema_in_openai_s_wrapper_is_checked_as_the_schema_that_it_holds(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    fake = FakeProvider([completion('{"b": 2}'), completion('{"a": 1}')])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "x", "json_schema": given, "stream": False})
    assert text_of(result).startswith('{"a": 1}')
    assert record_of(result)["attempts"] == 2
    assert record_of(result)["usage"]["total"] == 10
    assert fake.body(0)["response_format"]["json_schema"]["schema"]["required"] == ["a"]


async def test_a_structured_answer_that_is_cut_says_so_and_is_not_asked_for_again(tmp_path: Path) -> None:
    fake = FakeProvider([stream(chunk('{"a":'), chunk(finish="length"), DONE)])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "x", "json_schema": SCHEMA})
    assert "cut at the token limit" in error_of(result)["message"]
    assert "max_tokens" in text_of(result)
    assert len(fake.seen) == 1


async def test_a_pattern_of_model_ids_chooses_api_and_quirks(tmp_path: Path) -> None:
    overrides: tuple[tuple[str, Quirks], ...] = (
        ("o4-*", {"api": "responses"}),
        ("*-old", {"token_param": "max_completion_tokens"}),
    )
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path, settings(provider(overrides=overrides))) as client:
        for model in ("p/o4-mini", "p/O4-mini", "p/gpt-5", "p/gpt-old", "p/my-o4-mini"):
            await client.call_tool("chat", {"prompt": "hi", "model": model, "max_tokens": 9, "stream": False})
    paths = [seen.url.path.removeprefix("/v1/") for seen in fake.seen]
    assert paths == ["responses", "responses", "chat/completions", "chat/completions", "chat/completions"]
    limits = [next(k for k in fake.body(i) if k.startswith("max_")) for i in range(5)]
    assert limits == ["max_output_tokens", "max_output_tokens", "max_tokens", "max_completion_tokens", "max_tokens"]


@pytest.mark.parametrize(("model", "path"), [("o4-mini", "responses"), ("gpt-5.2", "chat/completions")])
async def test_a_model_may_need_another_api_than_its_provider(tmp_path: Path, model: str, path: str) -> None:
    """LeapX: https://docs.leapx-hub.com/en/api-reference/endpoint/chat-openai."""
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path, settings(provider(dialect="leapx"))) as client:
        await client.call_tool("chat", {"prompt": "hi", "model": f"p/{model}", "stream": False})
    assert fake.seen[0].url.path == f"/v1/{path}"


async def test_a_whole_number_reaches_the_provider_as_one(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path) as client:
        await client.call_tool("chat", {"prompt": "hi", "temperature": 1, "top_p": 0.5, "stream": False})
    assert b'"temperature":1,' in fake.seen[0].content.replace(b" ", b"")


async def test_an_incomplete_response_without_a_reason_is_cut_and_says_so_once(tmp_path: Path) -> None:
    message = {"type": "message", "status": "incomplete", "content": [{"type": "output_text", "text": "Half an"}]}
    body = {"id": "r1", "status": "incomplete", "incomplete_details": None, "output": [message]}
    fake = FakeProvider([httpx2.Response(200, json=body)])
    async with connect(fake, tmp_path, settings(provider(api="responses"))) as client:
        result = await client.call_tool("chat", {"prompt": "hi", "stream": False})
    assert record_of(result)["truncated"] is True
    assert text_of(result).count("[") == 1
    assert "does not say why" in text_of(result)


INCOMPLETE_RESPONSES: list[dict[str, Any]] = [
    # LiteLLM's bridge: https://github.com/BerriAI/litellm/pull/40833
    {"status": "incomplete", "incomplete_details": None},
    # llama-stack / ogx: https://github.com/ogx-ai/ogx/issues/4709
    {"status": "incomplete"},
    # a null reason: https://github.com/NVIDIA-NeMo/Switchyard/pull/796
    {"status": "incomplete", "incomplete_details": {"reason": None}},
    # vLLM marks the message: https://github.com/vllm-project/vllm/pull/24561
    {"status": "completed", "incomplete_details": None},
    # the reason alone: https://github.com/BerriAI/litellm/pull/37710
    {"status": "completed", "incomplete_details": {"reason": "max_output_tokens"}},
]


@pytest.mark.parametrize("fields", INCOMPLETE_RESPONSES)
async def test_an_unfinished_state_marks_the_answer(tmp_path: Path, fields: dict[str, Any]) -> None:
    message = {"type": "message", "status": "incomplete", "content": [{"type": "output_text", "text": "Half an"}]}
    fake = FakeProvider([httpx2.Response(200, json={"id": "r1", "output": [message], **fields})])
    async with connect(fake, tmp_path, settings(provider(api="responses"))) as client:
        result = await client.call_tool("chat", {"prompt": "hi", "stream": False})
    assert text_of(result).startswith("Half an\n\n[")
    assert record_of(result)["truncated"] is True
