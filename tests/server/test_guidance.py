"""What a host's model reads: who answered, what is configured, where a key comes from, what an argument should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.types import CallToolResult

from anymodel_mcp.config import Limits, Secret, Settings, load
from tests.fakes import (
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
    text_of,
)
from tests.waiting import HANG_S

MODELS: list[dict[str, Any]] = [
    {"id": "blind", "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]}},
    {"id": "sees", "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]}},
    {"id": "unknown"},
]
PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)


# --- threads ---------------------------------------------------------------------------------------------------------


async def test_a_thread_goes_on_with_the_model_that_answered_last(tmp_path: Path) -> None:
    fake = FakeProvider([lambda _: completion("x")])
    async with connect(fake, tmp_path) as client:
        first = await client.call_tool("chat", {"prompt": "a", "conversation": "new", "model": "p/other"})
        id = record_of(first)["conversation"]
        second = await client.call_tool("chat", {"prompt": "b", "conversation": id})
        third = await client.call_tool("chat", {"prompt": "c", "conversation": id, "model": "p/third"})
        fourth = await client.call_tool("chat", {"prompt": "d", "conversation": id})
    assert [fake.body(i)["model"] for i in range(4)] == ["other", "other", "third", "third"]
    assert "answered by" not in text_of(first) + text_of(second) + text_of(fourth)
    assert "[answered by p/third; the turn before by p/other]" in text_of(third)


async def test_a_thread_whose_provider_is_gone_says_who_answers_now(tmp_path: Path) -> None:
    fake = FakeProvider([lambda _: completion("x")])
    async with connect(fake, tmp_path, settings(provider("q"), provider("p"))) as client:
        first = await client.call_tool("chat", {"prompt": "a", "conversation": "new", "model": "q/m1"})
    async with connect(fake, tmp_path, settings(provider("p"))) as client:
        second = await client.call_tool("chat", {"prompt": "b", "conversation": record_of(first)["conversation"]})
    assert "[answered by p/m; the turn before by q/m1]" in text_of(second)


# --- names of providers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("chat", {"prompt": "x"}), ("complete", {"prompt": "x"}), ("embed", {"input": ["x"]})],
)
async def test_a_misspelt_provider_is_said_with_who_answered(
    tool: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    vectors = {"data": [{"index": 0, "embedding": [1.0, 0.0]}], "model": "m"}

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json=vectors) if tool == "embed" else completion("hello")

    async with connect(FakeProvider([answer]), tmp_path, settings(provider("p"), provider("real"))) as client:
        wrong = await client.call_tool(tool, {**arguments, "model": "raal/gpt-4o"})
        far = await client.call_tool(tool, {**arguments, "model": "zzzzzz/gpt-4o"})
        right = await client.call_tool(tool, {**arguments, "model": "real/gpt-4o"})
    assert "no provider 'raal' is configured: answered by p" in text_of(wrong)
    assert "did you mean real/gpt-4o?" in text_of(wrong)
    assert "no provider 'zzzzzz' is configured: answered by p" in text_of(far)
    assert "did you mean" not in text_of(far)
    assert "configured" not in text_of(right)


async def test_a_name_that_the_provider_lists_needs_no_remark(tmp_path: Path) -> None:
    fake = FakeProvider([lambda _: completion("x")], models=[{"id": "openai/gpt-5"}])
    async with connect(fake, tmp_path) as client:
        await client.call_tool("list_models", {})
        listed = await client.call_tool("chat", {"prompt": "x", "model": "openai/gpt-5"})
    assert text_of(listed) == "x"


async def test_an_unknown_model_of_a_misspelt_provider_gets_the_near_name(tmp_path: Path) -> None:
    refusal = problem(404, "The model `raal/gpt-4o` does not exist", code="model_not_found")
    async with connect(FakeProvider([refusal]), tmp_path, settings(provider("p"), provider("real"))) as client:
        result = await client.call_tool("chat", {"prompt": "x", "model": "raal/gpt-4o"})
    assert error_of(result)["kind"] == "model_not_found"
    assert "Did you mean real/gpt-4o?" in text_of(result)


# --- what is configured ----------------------------------------------------------------------------------------------


def _rich(**more: Any) -> Settings:
    aliases = {"fast": ("p/small",), "smart": ("p/big", "q/big")}
    return settings(provider("p"), provider("q"), aliases=aliases, default_image_model="q/pic", **more)


async def test_instructions_and_the_head_of_the_list_name_defaults_aliases_and_providers(tmp_path: Path) -> None:
    async with connect(FakeProvider(models=MODELS), tmp_path, _rich()) as client:
        told = client.instructions or ""
        listed = text_of(await client.call_tool("list_models", {}))
        later = text_of(await client.call_tool("list_models", {"offset": 2}))
    for text in (told, listed.partition("\n\n")[0]):
        for words in ("p/m", "q/pic for pictures", "fast = p/small", "smart = p/big, then q/big", "p; q"):
            assert words in text
    assert len(told.encode()) <= 1500
    assert "fast = " not in later


async def test_instructions_stay_short_and_clean_whatever_is_configured(tmp_path: Path) -> None:
    aliases = {f"alias-{i}\x1b[31m\n\u200b": (f"p/{'x' * 300}-{i}",) for i in range(200)}
    providers = [provider(f"p{i}") for i in range(100)]
    async with connect(FakeProvider(), tmp_path, settings(*providers, aliases=aliases)) as client:
        told = client.instructions or ""
    assert len(told.encode()) <= 1500
    assert "more." in told
    assert "\x1b" not in told
    assert "\u200b" not in told
    assert told.count("\n") == 2


async def test_instructions_without_configuration_name_the_tools(tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path, Settings()) as client:
        told = client.instructions or ""
    for tool in ("chat", "complete", "embed", "generate_image", "list_models", "get_result"):
        assert f"{tool}:" in told
    assert "Configured providers" not in told


# --- keys ------------------------------------------------------------------------------------------------------------

WORK = "[providers.work]\nbase_url = 'http://gw.test/v1'\n"
SOURCES: dict[str, tuple[str, dict[str, str], str]] = {
    "variable": (WORK + "api_key_env = 'WORK_KEY'", {"WORK_KEY": "sk-wrong-123456"}, "variable WORK_KEY"),
    "regular variable": (WORK, {"ANYMODEL_PROVIDERS_WORK_API_KEY": "sk-wrong-1234"}, "ANYMODEL_PROVIDERS_WORK_API_KEY"),
    "file": (WORK + "api_key = 'sk-wrong-123456'", {}, "api_key in [providers.work] of /c.toml"),
    "key file": (WORK + "api_key_file = '/secret/key'", {}, "file /secret/key"),
    "command": (WORK + "api_key_command = 'printf sk-wrong-123456'", {}, "command 'printf'"),
    "header": (WORK + "auth = 'none'\nheaders = { x-api-key = 'sk-wrong-123456' }", {}, "header x-api-key"),
    "none": (WORK, {}, "None is configured: set api_key_env in [providers.work]"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "environ", "says"), SOURCES.values(), ids=SOURCES.keys())
async def test_a_refused_key_names_where_it_comes_from(
    text: str, environ: dict[str, str], says: str, tmp_path: Path
) -> None:
    configured = load(environ, file_text=text, file_name="/c.toml", read_file=lambda _: "sk-wrong-123456")
    async with connect(FakeProvider([problem(401, "Incorrect API key provided")]), tmp_path, configured) as client:
        result = await client.call_tool("chat", {"prompt": "x", "model": "work/m"})
    assert error_of(result)["kind"] == "auth"
    assert says in text_of(result)
    assert "sk-wrong" not in result.model_dump_json()


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422, 429, 500, 502, 503]
)
@pytest.mark.parametrize("words", ["no", "Invalid request.", ""])
async def test_every_error_says_what_to_do(status: int, words: str, tmp_path: Path) -> None:
    place = provider(max_attempts=1)
    async with connect(FakeProvider([problem(status, words)]), tmp_path, settings(place)) as client:
        result = await client.call_tool("chat", {"prompt": "x"})
    lines = text_of(result).split("\n")
    assert [line.partition(": ")[0] for line in lines[:3]] == ["Failed", "Why", "Do"]
    assert lines[2].removeprefix("Do: ").strip()


async def test_only_configured_providers_are_offered_as_makers_of_pictures(tmp_path: Path) -> None:
    lacking = {"lacks": frozenset({"images", "image_edits"})}
    places = (provider("p", quirks=lacking), provider("paints"), provider("blind", quirks=lacking))
    async with connect(FakeProvider([]), tmp_path, settings(*places, default_image_model="p/pic")) as client:
        several = text_of(await client.call_tool("generate_image", {"prompt": "x"}))
    async with connect(FakeProvider([]), tmp_path, settings(places[0], default_image_model="p/pic")) as client:
        alone = text_of(await client.call_tool("generate_image", {"prompt": "x"}))
    assert "Name a model of another provider: paints." in several
    assert "No other configured provider makes pictures" in alone
    assert "openrouter" not in several + alone


# --- arguments -------------------------------------------------------------------------------------------------------

HELP: list[tuple[str, dict[str, Any], str]] = [
    ("chat", {"prompt": "x", "response_format": {"type": "json_object"}}, "did you mean 'json_schema'?"),
    ("chat", {"message": "x"}, "did you mean 'prompt'?"),
    ("chat", {"question": "x"}, "did you mean 'prompt'?"),
    ("chat", {"prompt": "x", "system_prompt": "y"}, "did you mean 'system'?"),
    ("chat", {"prompt": "x", "maxTokens": 5}, "did you mean 'max_tokens'?"),
    ("chat", {"prompt": "x", "max_completion_tokens": 5}, "did you mean 'max_tokens'?"),
    ("chat", {"prompt": "x", "image": "y"}, "did you mean 'images'?"),
    ("chat", {"prompt": "x", "temperatur": 1}, "did you mean 'temperature'?"),
    ("chat", {"prompt": "x", "seed": 1}, "options={'seed': …}"),
    ("chat", {"prompt": "x", "top_k": 1}, "options={'top_k': …}"),
    ("chat", {"prompt": "x", "logit_bias": {}}, "options={'logit_bias': …}"),
    ("chat", {"prompt": "x", "frequency_penalty": 1}, "options={'frequency_penalty': …}"),
    ("chat", {"prompt": "x", "n": 1}, "options={'n': …}"),
    ("complete", {"text": "x"}, "did you mean 'prompt'?"),
    ("complete", {"prompt": "x", "echo": True}, "options={'echo': …}"),
    ("embed", {"texts": ["x"]}, "did you mean 'input'?"),
    ("embed", {"documents": ["x"]}, "did you mean 'input'?"),
    ("embed", {"input": ["x"], "encoding_format": "float"}, "options={'encoding_format': …}"),
    ("generate_image", {"prompt": "x", "response_format": "b64_json"}, "did you mean 'output_format'?"),
    ("generate_image", {"prompt": "x", "num_images": 2}, "did you mean 'n'?"),
    ("generate_image", {"prompt": "x", "negative_prompt": "y"}, "options={'negative_prompt': …}"),
    ("list_models", {"search": "x"}, "did you mean 'query'?"),
    ("list_models", {"zzz": 1}, "the arguments are query, provider"),
    ("get_result", {"result_id": "r-1"}, "did you mean 'id'?"),
]


@pytest.mark.parametrize(("tool", "arguments", "says"), HELP, ids=[f"{t}-{list(a)[-1]}" for t, a, _ in HELP])
async def test_an_unknown_argument_is_answered_with_the_right_one(
    tool: str, arguments: dict[str, Any], says: str, tmp_path: Path
) -> None:
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool(tool, arguments)
    assert error_of(result)["kind"] == "invalid_argument"
    assert says in text_of(result)
    assert not fake.seen


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
FLAT: dict[str, dict[str, Any]] = {
    "wrapped": {"type": "function", "function": {"name": "f", "description": "d", "parameters": PARAMETERS}},
    "Responses": {"type": "function", "name": "f", "description": "d", "parameters": PARAMETERS},
    "no type": {"name": "f", "description": "d", "parameters": PARAMETERS},
    "Anthropic": {"name": "f", "description": "d", "input_schema": PARAMETERS},
    "MCP": {"name": "f", "description": "d", "inputSchema": PARAMETERS},
}


@pytest.mark.parametrize("tool", FLAT.values(), ids=FLAT.keys())
async def test_a_flat_tool_definition_is_wrapped(tool: dict[str, Any], tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path) as client:
        await client.call_tool("chat", {"prompt": "x", "tools": [tool]})
    assert fake.body()["tools"] == [FLAT["wrapped"]]


@pytest.mark.parametrize("tool", [{"type": "web_search"}, {"type": "mcp", "name": "x"}, {"name": "f"}])
async def test_other_tool_definitions_stay_as_they_are(tool: dict[str, Any], tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path) as client:
        await client.call_tool("chat", {"prompt": "x", "tools": [tool]})
    assert fake.body()["tools"] == [tool]


# --- lists and results -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("models", "arguments", "says"),
    [
        ([], {}, "no provider lists a model: name one as provider/id"),
        (MODELS, {"query": "seees"}, "none of 3 models matches 'seees'; closest: p/sees"),
        (MODELS, {"query": "qqqqqqq"}, "none of 3 models matches 'qqqqqqq'"),
        (MODELS, {"query": "blind", "capability": "vision"}, "matches 'blind' as vision; 1 do without capability"),
        ([{"id": "a"}], {"capability": "vision"}, "none of 1 models is listed as vision"),
    ],
    ids=["nothing", "near", "far", "without capability", "capability"],
)
async def test_an_empty_list_says_why(
    models: list[dict[str, Any]], arguments: dict[str, Any], says: str, tmp_path: Path
) -> None:
    async with connect(FakeProvider(models=models), tmp_path) as client:
        result = await client.call_tool("list_models", arguments)
    assert record_of(result).get("models", []) == []
    assert says in text_of(result)


async def test_a_stopped_call_is_no_error_and_a_running_one_tells_its_age_and_model(tmp_path: Path) -> None:
    body = Endless(chunk("so far "))
    with anyio.fail_after(HANG_S):
        async with connect(
            FakeProvider([endless(body)]), tmp_path, settings(limits=Limits(soft_deadline_s=0.2))
        ) as client:
            running = await client.call_tool("chat", {"prompt": "a"})
            again = await client.call_tool("get_result", {"id": record_of(running)["result_id"], "wait_s": 0})
            listed = await client.call_tool("get_result", {})
            stopped = await client.call_tool("get_result", {"id": record_of(running)["result_id"], "cancel": True})
            ended = await client.call_tool("get_result", {})
            await body.closed.wait()
    for result in (running, again):
        assert "[still running after 0 s, p/m: get_result(" in text_of(result)
    (call,) = record_of(listed)["calls"]
    assert call == {**call, "id": record_of(running)["result_id"], "tool": "chat", "model": "p/m", "status": "running"}
    assert f"{call['id']} · chat · p/m · running · 0 s ago" in text_of(listed)
    assert not stopped.is_error
    assert text_of(stopped) == "so far \n\n[stopped on request; the text received before that is above]"
    assert record_of(stopped)["cancelled"] is True
    assert record_of(ended)["calls"][0]["status"] == "cancelled"


async def test_without_an_id_the_newest_twenty_calls_are_listed_without_their_texts(tmp_path: Path) -> None:
    long = settings(limits=Limits(max_output_bytes=1000))
    fake = FakeProvider([lambda request: completion(f"{len(request.content)} " * 500)])
    async with connect(fake, tmp_path, long) as client:
        nothing = await client.call_tool("get_result", {})
        made = [await client.call_tool("chat", {"prompt": f"secret words {i}", "stream": False}) for i in range(23)]
        listed = await client.call_tool("get_result", {"id": " "})
        refused = [await client.call_tool("get_result", {name: 1}) for name in ("offset",)]
        refused.append(await client.call_tool("get_result", {"cancel": True}))
    assert "no call has an id" in text_of(nothing)
    calls = record_of(listed)["calls"]
    assert len(calls) == 20
    assert [call["id"] for call in calls] == [record_of(result)["result_id"] for result in made[:2:-1]]
    assert {call["model"] for call in calls} == {"p/m"}
    assert "secret words" not in listed.model_dump_json()
    for result in refused:
        assert error_of(result)["kind"] == "invalid_argument"
        assert "needs an id" in text_of(result)


BREAKS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "paragraphs": ("word word word.\n\n" * 400, lambda piece: piece.endswith(".\n\n")),
    "lines": ("a line of words\n" * 400, lambda piece: piece.endswith("words\n")),
    "words": ("words " * 2000, lambda piece: piece.endswith("words ")),
    "one word": ("x" * 9000, lambda piece: bool(piece)),
}


@pytest.mark.parametrize(("whole", "ends_well"), BREAKS.values(), ids=BREAKS.keys())
async def test_pages_end_at_a_paragraph_line_or_word(
    whole: str, ends_well: Callable[[str], bool], tmp_path: Path
) -> None:
    async with connect(
        FakeProvider([completion(whole)]), tmp_path, settings(limits=Limits(max_output_bytes=2000))
    ) as client:
        result = await client.call_tool("chat", {"prompt": "x", "stream": False})
        got, pages = "", 0
        while True:
            piece, cut, note = text_of(result).rpartition("\n\n[cut: ")
            got += piece if cut else text_of(result)
            if not cut:
                break
            assert ends_well(piece)
            assert len(piece) > 900
            pages += 1
            offset = int(note.split("offset=")[1].split(")")[0])
            assert offset == len(got)
            result = await client.call_tool("get_result", {"id": record_of(result)["result_id"], "offset": offset})
    assert got == whole
    assert pages > 2


# --- pictures --------------------------------------------------------------------------------------------------------


async def _asked_with_a_picture(client: Client, model: str, *, in_messages: bool) -> CallToolResult:
    if not in_messages:
        return await client.call_tool("chat", {"prompt": "x", "model": model, "images": [PICTURE], "stream": False})
    content = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": PICTURE}}]
    messages = [{"role": "user", "content": content}]
    return await client.call_tool("chat", {"messages": messages, "model": model, "stream": False})


@pytest.mark.parametrize("in_messages", [False, True])
async def test_a_model_known_not_to_see_is_not_asked_about_a_picture(in_messages: bool, tmp_path: Path) -> None:
    fake = FakeProvider([lambda _: completion("x")], models=MODELS)
    configured = settings(aliases={"chain": ("p/blind", "p/sees")})
    async with connect(fake, tmp_path, configured) as client:
        await client.call_tool("list_models", {})
        refused = await _asked_with_a_picture(client, "p/blind", in_messages=in_messages)
        assert not fake.seen
        answers = [
            await _asked_with_a_picture(client, model, in_messages=in_messages)
            for model in ("p/sees", "p/unknown", "p/not-listed", "chain")
        ]
        text_only = await client.call_tool("chat", {"prompt": "x", "model": "p/blind", "stream": False})
    assert error_of(refused)["kind"] == "invalid_argument"
    assert "p/blind does not see pictures" in text_of(refused)
    assert "Models that can see: p/sees." in text_of(refused)
    assert not any(result.is_error for result in [*answers, text_only])
    assert "answered by p/sees: p/blind failed (invalid_argument: p/blind does not see pictures" in text_of(answers[-1])
    assert fake.body(3)["model"] == "sees"


async def test_what_the_store_knows_of_a_model_is_enough_to_refuse(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")], models=MODELS)
    async with connect(fake, tmp_path) as client:
        await client.call_tool("list_models", {})
    fake.models = ()
    async with connect(fake, tmp_path, settings(provider(api_key=Secret("sk-other-123456")))) as client:
        refused = await _asked_with_a_picture(client, "p/blind", in_messages=False)
    assert "does not see pictures" in text_of(refused)
    assert not fake.seen
