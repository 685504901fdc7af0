"""Prompts: what is listed, what a host's model reads, what is refused, and how the model's name is completed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError
from mcp.types import PromptReference, TextContent

from anymodel_mcp.config import OwnPrompt, PromptSettings, Settings, ToolSettings
from anymodel_mcp.server.prompts import BUILT_IN, MOST_REQUEST_CHARS
from tests.fakes import KEY, FakeProvider, connect, provider, settings
from tests.serving import child_environment, open_client, open_http_server, write_config

NAMES = [
    "second_opinion",
    "compare_models",
    "review_changes",
    "cheap_summary",
    "draw_picture",
    "pick_model",
    "use_model",
]
ARGUMENTS = {name: "model" if name == "use_model" else "request" for name in NAMES}
MODES = ("legacy", "auto")  # "auto" speaks 2026-07-28
STANDUP = OwnPrompt(text="Write the standup.\nAbout: {request} {other} {}", description="Daily standup")


async def text(client: Client, name: str, arguments: Mapping[str, str] | None = None) -> str:
    (message,) = (await client.get_prompt(name, dict(arguments) if arguments is not None else None)).messages
    assert message.role == "user"
    assert isinstance(message.content, TextContent)
    return message.content.text


async def refusal(client: Client, name: str, arguments: dict[str, str] | None = None) -> str:
    with pytest.raises(MCPError) as caught:
        await client.get_prompt(name, arguments)
    assert caught.value.error.code == -32602
    return caught.value.error.message


@pytest.mark.parametrize("mode", MODES)
async def test_seven_prompts_with_one_optional_argument_each(mode: str, tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path, mode=mode) as client:
        assert client.server_capabilities.prompts is not None
        listed = await client.list_prompts()
        assert [prompt.name for prompt in listed.prompts] == NAMES
        for prompt in listed.prompts:
            (argument,) = prompt.arguments or []
            assert argument.name == ARGUMENTS[prompt.name]
            assert not argument.required
            assert prompt.description
            assert await text(client, prompt.name) == await text(client, prompt.name, {argument.name: ""})
    prompts = [p.model_dump(by_alias=True, exclude_none=True) for p in listed.prompts]
    assert len(json.dumps(prompts, separators=(",", ":"))) <= 1_150


@pytest.mark.parametrize("name", NAMES)
async def test_the_value_is_inserted_once_as_it_came(name: str, tmp_path: Path) -> None:
    values = ("$1", "{request}", "{} {0} %s \\1 \\g<0>", "two\nlines\tand  spaces ", "`chat` äöü 🦊", "Request: x")
    async with connect(FakeProvider(), tmp_path) as client:
        before, _, after = (await text(client, name)).partition("Request: ")
        for value in values:
            filled = await text(client, name, {ARGUMENTS[name]: value})
            assert filled == f"{before}Request: {value}{after}"
            assert len(filled.encode()) - len(value.encode()) < 600
    assert after.startswith("\nIf it is empty, ")


async def test_a_host_that_hands_over_the_typed_words_itself_gets_one_text_for_all(tmp_path: Path) -> None:
    configured = settings(
        prompts=PromptSettings(own={"standup": STANDUP, "plain": OwnPrompt(text="Do it.")}),
    )
    async with connect(FakeProvider(), tmp_path, configured, name="claude-code") as client:
        for name in [*NAMES, "standup", "plain"]:
            argument = ARGUMENTS.get(name, "request")
            one = await text(client, name, {argument: "frobnicate"})
            assert one == await text(client, name)
            assert "frobnicate" not in one
            assert "{request}" not in one
            assert name == "plain" or "the words typed after the command" in one


async def test_own_prompts_stand_beside_the_others_and_replace_those_of_their_name(tmp_path: Path) -> None:
    own = {
        "standup": STANDUP,
        "draw_picture": OwnPrompt(text="Draw {request} in our house style."),
        "plain": OwnPrompt(text=f"Deploy the branch.\nSecond line with {KEY}"),
    }
    async with connect(FakeProvider(), tmp_path, settings(prompts=PromptSettings(own=own))) as client:
        listed = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        assert list(listed) == [*NAMES, "standup", "plain"]
        assert listed["standup"].description == "Daily standup"
        assert listed["plain"].description == "Deploy the branch."
        assert await text(client, "standup", {"request": "{x}"}) == "Write the standup.\nAbout: {x} {other} {}"
        assert await text(client, "draw_picture", {"request": "a fox"}) == "Draw a fox in our house style."
        plain = await text(client, "plain")
        assert plain.startswith("Deploy the branch.\nSecond line with ")
        assert await text(client, "plain", {"request": "main"}) == f"{plain}\n\nRequest: main"
        assert KEY not in plain
        assert KEY not in await text(client, "standup", {"request": f"my key is {KEY}, is it good?"})


@pytest.mark.parametrize(
    ("tools", "names"),
    [
        (ToolSettings(enabled=("chat",)), [*NAMES[:4], "use_model"]),
        (ToolSettings(enabled=("list_models",)), ["pick_model"]),
        (ToolSettings(enabled=("generate_image",)), ["draw_picture"]),
        (ToolSettings(enabled=("embed",)), []),
        (ToolSettings(prefix="any_"), ["any_" + name for name in NAMES]),
    ],
)  # fmt: skip
async def test_only_prompts_whose_tools_are_listed(tools: ToolSettings, names: list[str], tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path, settings(tools=tools)) as client:
        if not names:
            assert client.server_capabilities.prompts is None
            return
        offered = [tool.name for tool in (await client.list_tools()).tools]
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == names
        for name in names:
            named = set(re.findall(r"the tool `(\w+)`", await text(client, name)))
            assert named
            assert named <= set(offered)


@pytest.mark.parametrize("mode", MODES)
async def test_without_prompts_the_capability_is_not_advertised(mode: str, tmp_path: Path) -> None:
    own = {"standup": STANDUP}
    async with connect(
        FakeProvider(), tmp_path, settings(prompts=PromptSettings(enabled=False, own=own)), mode=mode
    ) as client:
        assert client.server_capabilities.prompts is None
        for ask in (client.list_prompts, lambda: client.get_prompt("standup")):
            with pytest.raises(MCPError) as caught:
                await ask()
            assert caught.value.error.code == -32601


@pytest.mark.parametrize("mode", MODES)
async def test_what_is_wrong_with_a_prompt_is_said_in_words(mode: str, tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path, mode=mode) as client:
        assert await refusal(client, "second_opinon") == "Unknown prompt: second_opinon; did you mean 'second_opinion'?"
        assert await refusal(client, f"x\x1b[31m\ny {KEY}") == "Unknown prompt: x y [key removed]"
        wrong = await refusal(client, "use_model", {"request": "p/m"})
        assert wrong == "use_model has no argument 'request'; its only one is 'model'"
        long = await refusal(client, "second_opinion", {"request": "x" * (MOST_REQUEST_CHARS + 1)})
        assert long == f"second_opinion: request has 200001 characters; at most {MOST_REQUEST_CHARS} are taken"
        assert len(await text(client, "second_opinion", {"request": "x" * MOST_REQUEST_CHARS})) > MOST_REQUEST_CHARS


@pytest.mark.parametrize("mode", MODES)
async def test_a_host_that_fills_required_arguments_only_is_told_so(mode: str, tmp_path: Path) -> None:
    """Gemini CLI drops what is typed after a command whose argument is optional; measured with 0.61.0, 2026-11-28."""
    async with connect(FakeProvider(), tmp_path, name="gemini-cli-mcp-client", mode=mode) as client:
        for prompt in (await client.list_prompts()).prompts:
            assert [argument.required for argument in prompt.arguments or []] == [True]
            assert await text(client, prompt.name)


async def test_what_a_host_adds_of_its_own_is_dropped(tmp_path: Path) -> None:
    async with connect(FakeProvider(), tmp_path, name="gemini-cli-mcp-client") as client:
        plain = await text(client, "draw_picture", {"request": "a fox"})
        assert plain == await text(client, "draw_picture", {"request": "a fox", "wait_for_previous": "true"})


MODELS: list[dict[str, Any]] = [{"id": "gpt-5-mini"}, {"id": "gpt-5"}, {"id": "org/llama"}]


def _several() -> Settings:
    return settings(provider("p"), provider("q"), aliases={"fast": ("p/gpt-5-mini",)})


@pytest.mark.parametrize(
    ("typed", "first", "total"),
    [("", "fast", 7), ("p/", "p/gpt-5-mini", 3), ("llama", "p/org/llama", 2), ("fats", "fast", 1)],
)
async def test_use_model_completes_names_that_can_be_called(typed: str, first: str, total: int, tmp_path: Path) -> None:
    async with connect(FakeProvider(models=MODELS), tmp_path, _several()) as client:
        found = await client.complete(PromptReference(name="use_model"), {"name": "model", "value": typed})
    assert found.completion.values[0] == first
    assert found.completion.total == total


async def test_no_other_argument_and_no_unknown_prompt_is_completed(tmp_path: Path) -> None:
    async with connect(FakeProvider(models=MODELS), tmp_path, settings(tools=ToolSettings(prefix="any_"))) as client:
        for name, argument in (
            ("any_second_opinion", "request"),
            ("any_use_model", "request"),
            ("any_pick_model", "model"),
        ):
            found = await client.complete(PromptReference(name=name), {"name": argument, "value": ""})
            assert found.completion.values == []
        found = await client.complete(PromptReference(name="any_use_model"), {"name": "model", "value": "gpt-5-m"})
        assert found.completion.values == ["p/gpt-5-mini"]
        found = await client.complete(PromptReference(name="use_model"), {"name": "model", "value": ""})
        assert found.completion.values == []  # unknown: it has a prefix


CONFIG = '[prompts.standup]\ntext = """\nStandup:\n{request}"""\n'


async def _is_offered(client: Client) -> None:
    assert [prompt.name for prompt in (await client.list_prompts()).prompts] == [*NAMES, "standup"]
    assert await text(client, "standup", {"request": "x"}) == "Standup:\nx"


async def test_prompts_are_offered_over_http_in_both_protocols(tmp_path: Path) -> None:
    environment = child_environment(write_config(CONFIG, tmp_path), tmp_path)
    with anyio.fail_after(60):
        async with open_http_server(environment, tmp_path) as server:
            for mode in MODES:
                async with Client(server.url, mode=mode) as client:
                    await _is_offered(client)


@pytest.mark.parametrize("mode", MODES)
async def test_prompts_are_offered_over_stdio(mode: str, tmp_path: Path) -> None:
    with anyio.fail_after(60):
        async with open_client(CONFIG, tmp_path, transport="stdio", mode=mode) as client:
            await _is_offered(client)


def test_texts_say_where_the_request_is_and_name_their_tool() -> None:
    for prompt in BUILT_IN:
        assert prompt.text.count("{request}") == 1
        assert f"`{prompt.tool}`" in prompt.text
