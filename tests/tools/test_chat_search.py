"""`search` of `chat`: with several models, chains, threads and handles; notes where nothing is searched; sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from anymodel_mcp.dialects.fields import ApiName
from tests.fakes import FakeProvider, completion, connect, problem, provider, record_of, settings, stream, text_of

Json = dict[str, Any]
ASK: Json = {"prompt": "What is new?", "search": True, "stream": False}
NOTE = "this server knows no web search for"


async def test_an_answer_with_sources_has_no_note(tmp_path: Path) -> None:
    note = {"type": "url_citation", "url_citation": {"url": "https://n.example/a", "title": "News"}}
    fake = FakeProvider([completion("Rain.", annotations=[note])])
    async with connect(fake, tmp_path, settings(provider(dialect="openrouter"))) as client:
        result = await client.call_tool("chat", ASK)
    assert fake.body()["plugins"] == [{"id": "web"}]
    assert text_of(result) == "Rain.\n\n[sources]\n1. News https://n.example/a"
    assert record_of(result)["citations"] == [{"url": "https://n.example/a", "title": "News"}]


@pytest.mark.parametrize("asked", [{}, {"search": False}])
async def test_nothing_is_sent_unless_asked_for(asked: Json, tmp_path: Path) -> None:
    fake = FakeProvider([completion("Rain.")])
    async with connect(fake, tmp_path, settings(provider(dialect="openrouter"))) as client:
        result = await client.call_tool("chat", {"prompt": "What is new?", "stream": False, **asked})
    assert "plugins" not in fake.body()
    assert text_of(result) == "Rain."


async def test_a_provider_without_a_known_search_is_named_in_a_note(tmp_path: Path) -> None:
    fake = FakeProvider([completion("Rain.")])
    async with connect(fake, tmp_path, settings(provider("work"))) as client:
        result = await client.call_tool("chat", ASK)
    assert fake.body().keys() == {"model", "messages"}
    assert text_of(result) == f"Rain.\n\n[search was left out: {NOTE} work with m]"
    assert [w for w in record_of(result)["warnings"] if NOTE in w]


async def test_the_note_names_the_api_that_has_a_search(tmp_path: Path) -> None:
    fake = FakeProvider([completion("Rain.")])
    async with connect(fake, tmp_path, settings(provider(dialect="gemini"))) as client:
        result = await client.call_tool("chat", ASK)
    assert text_of(result) == f'Rain.\n\n[search was left out: {NOTE} p with m; it knows one with api = "gemini"]'


async def test_a_provider_that_always_searches_is_asked_plainly(tmp_path: Path) -> None:
    fake = FakeProvider([completion("Rain.")])
    async with connect(fake, tmp_path, settings(provider(dialect="perplexity"))) as client:
        result = await client.call_tool("chat", ASK)
    assert fake.body().keys() == {"model", "messages"}
    assert text_of(result) == "Rain."


async def test_a_refused_search_is_left_out_once_said_and_remembered(tmp_path: Path) -> None:
    refusal = problem(400, "The web search plugin is not available", code="invalid_request")
    fake = FakeProvider([refusal, completion("One."), completion("Two.")])
    async with connect(fake, tmp_path, settings(provider(dialect="openrouter"))) as client:
        one = await client.call_tool("chat", ASK)
        two = await client.call_tool("chat", ASK)
    assert ["plugins" in json.loads(request.content) for request in fake.seen] == [True, False, False]
    for result, text in ((one, "One."), (two, "Two.")):
        said = "[search was left out: the provider refuses web search for this model]"
        assert text_of(result) == f"{text}\n\n{said}"


async def test_each_of_several_models_searches_by_its_own_row(tmp_path: Path) -> None:
    fake = FakeProvider([completion("Rain.")])
    both = settings(provider("a", dialect="zhipu"), provider("b"), provider("c", dialect="dashscope"))
    async with connect(fake, tmp_path, both) as client:
        result = await client.call_tool(
            "chat", {"prompt": "x", "models": ["a/m", "b/m", "c/m"], "search": True, "stream": False}
        )
    sent = {request.url.host: json.loads(request.content) for request in fake.seen}
    assert sent["a.test"]["tools"][0]["type"] == "web_search"
    assert sent["c.test"]["enable_search"] is True
    assert sent["b.test"].keys() == {"model", "messages"}
    notes = [bool([w for w in one.get("warnings", []) if NOTE in w]) for one in record_of(result)["answers"]]
    assert notes == [False, True, False]


@pytest.mark.parametrize(("first", "second", "noted"), [("b", "a", False), ("a", "b", True)])
async def test_a_note_is_about_the_model_that_answered(first: str, second: str, noted: bool, tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return problem(503, "down") if request.url.host == f"{first}.test" else completion("Rain.")

    chain = settings(
        provider("a", dialect="openrouter", max_attempts=1),
        provider("b", max_attempts=1),
        aliases={"chain": (f"{first}/m", f"{second}/m")},
    )
    async with connect(answer, tmp_path, chain) as client:
        result = await client.call_tool("chat", {**ASK, "model": "chain"})
    assert record_of(result)["provider"] == second
    assert (NOTE in text_of(result)) == noted


async def test_a_turn_of_a_conversation_searches_only_where_it_asks(tmp_path: Path) -> None:
    fake = FakeProvider([completion("One."), completion("Two.")])
    async with connect(fake, tmp_path, settings(provider(dialect="openrouter"))) as client:
        one = record_of(await client.call_tool("chat", {**ASK, "conversation": "new"}))
        await client.call_tool("chat", {"prompt": "And?", "conversation": one["conversation"], "stream": False})
    assert [("plugins" in json.loads(request.content)) for request in fake.seen] == [True, False]


async def test_a_model_that_searches_in_responses_only_is_asked_there(tmp_path: Path) -> None:
    part = {
        "type": "output_text",
        "text": "Rain.",
        "annotations": [{"type": "url_citation", "url": "https://n.example"}],
    }
    reply = {"id": "r", "status": "completed", "output": [{"type": "message", "content": [part]}]}
    fake = FakeProvider([httpx2.Response(200, json=reply), completion("Plain.")])
    async with connect(fake, tmp_path, settings(provider(dialect="xai"))) as client:
        result = await client.call_tool("chat", ASK)
        plain = await client.call_tool("chat", {"prompt": "x", "stream": False})
    assert [request.url.path for request in fake.seen] == ["/v1/responses", "/v1/chat/completions"]
    assert fake.body(0)["tools"] == [{"type": "web_search"}]
    assert text_of(result) == "Rain.\n\n[sources]\n1. https://n.example"
    assert text_of(plain) == "Plain."


CLAUDE: Json = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 2},
    "content": [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "news"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {
            "type": "text",
            "text": "Rain.",
            "citations": [{"type": "web_search_result_location", "url": "https://n.example", "title": "News"}],
        },
    ],
}
GEMINI: Json = {
    "responseId": "g",
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": "Rain."}]},
            "finishReason": "STOP",
            "groundingMetadata": {"groundingChunks": [{"web": {"uri": "https://n.example", "title": "News"}}]},
        }
    ],
}


@pytest.mark.parametrize(
    ("api", "reply", "tool"),
    [("anthropic", CLAUDE, "web_search_20250305"), ("gemini", GEMINI, "google_search")],
)
async def test_native_apis_search_and_name_their_sources(api: ApiName, reply: Json, tool: str, tmp_path: Path) -> None:
    fake = FakeProvider([httpx2.Response(200, json=reply)])
    async with connect(fake, tmp_path, settings(provider(api=api))) as client:
        result = await client.call_tool("chat", ASK)
    assert tool in json.dumps(fake.body()["tools"])
    assert text_of(result) == "Rain.\n\n[sources]\n1. News https://n.example"
    assert "tool_calls" not in record_of(result)


async def test_the_pages_that_groq_visited_are_sources(tmp_path: Path) -> None:
    pages = {"results": [{"title": "News", "url": "https://n.example", "content": "..."}]}
    fake = FakeProvider([completion("Rain.", executed_tools=[{"type": "search", "search_results": pages}])])
    async with connect(fake, tmp_path, settings(provider(dialect="groq"), default_model="p/groq/compound")) as client:
        result = await client.call_tool("chat", ASK)
    assert text_of(result) == "Rain.\n\n[sources]\n1. News https://n.example"


async def test_the_calls_of_kimis_own_search_are_returned_until_it_answers(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "builtin_function", "function": {"name": "$web_search", "arguments": '{"q":"news"}'}}
    calls = completion("", tool_calls=[call])
    fake = FakeProvider([calls, completion("Rain.")])
    async with connect(fake, tmp_path, settings(provider(dialect="moonshot"))) as client:
        result = await client.call_tool("chat", {**ASK, "conversation": "new"})
        await client.call_tool("chat", {"prompt": "And?", "conversation": record_of(result)["conversation"]})
    assert text_of(result).startswith("Rain.")
    assert record_of(result)["usage"]["total"] == 10
    assert record_of(result)["attempts"] == 2
    assert fake.body(1)["messages"][1]["tool_calls"][0]["id"] == "c1"
    assert fake.body(1)["messages"][2] == {
        "role": "tool",
        "tool_call_id": "c1",
        "name": "$web_search",
        "content": '{"q": "news"}',
    }
    assert [turn["role"] for turn in fake.body(2)["messages"]] == ["user", "assistant", "user"]


async def test_kimis_search_ends_although_it_never_answers(tmp_path: Path) -> None:
    call = {"id": "c1", "type": "builtin_function", "function": {"name": "$web_search", "arguments": "{}"}}
    fake = FakeProvider([completion("", tool_calls=[call])])
    async with connect(fake, tmp_path, settings(provider(dialect="moonshot"))) as client:
        result = await client.call_tool("chat", ASK)
    assert len(fake.seen) == 6
    assert record_of(result)["tool_calls"]


async def test_a_streamed_search_is_the_same(tmp_path: Path) -> None:
    frame = {"choices": [{"index": 0, "delta": {"content": "Rain."}, "finish_reason": "stop"}]}
    body = b"data: " + json.dumps({**frame, "citations": ["https://n.example"]}).encode() + b"\n\ndata: [DONE]\n\n"
    fake = FakeProvider([stream(body)])
    async with connect(fake, tmp_path, settings(provider(dialect="dashscope"))) as client:
        result = await client.call_tool("chat", {"prompt": "x", "search": True})
    assert fake.body()["enable_search"] is True
    assert text_of(result) == "Rain.\n\n[sources]\n1. https://n.example"


@pytest.mark.parametrize("value", ["always", 7, ["web"]])
async def test_search_is_a_boolean(value: Any, tmp_path: Path) -> None:
    fake = FakeProvider([completion("Rain.")])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "x", "search": value})
    assert result.is_error
    assert "search" in text_of(result)
    assert not fake.seen
