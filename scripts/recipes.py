"""Runs every recipe of docs/recipes.md through the official MCP client over stdio, and writes what came back.

Three kinds of upstream answer: the embedded engine (a real model), aimock (a mock server that nobody here wrote), and
recorded bytes of named providers (tests/cases). Each recipe says which. Folders are shortened to `~`; nothing else of
an answer is changed.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import platformdirs

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the helpers of the tests, started as a script

from mcp import Client  # noqa: E402
from mcp.types import CallToolResult  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from tests.cases.runner import load_cases, to_reply  # noqa: E402
from tests.serving import child_environment, open_client  # noqa: E402
from tests.upstream import Line, Reply, Seen, open_upstream, play  # noqa: E402
from tests.upstreams import install  # noqa: E402
from tests.upstreams.fixtures import find_free_port, running  # noqa: E402

Json = dict[str, Any]
Done = Sequence[CallToolResult]
ENGINE = "the embedded engine, a real model of 135 million parameters on the machine that made this page"
MOCK = "aimock, a mock server from npm: the words and pictures are canned, the requests and the handling are real"
BYTES = "recorded bytes of {}, played on loopback"
LOCAL = "local/smollm2-135m-instruct"
# where the recorded bytes are: provider, model ("" = the model list) -> id in tests/cases/cases.jsonl
RECORDED = {
    ("openai", ""): "mo-01",
    ("openai", "gpt-9"): "er-02",
    ("openai", "gpt-5.2"): "pa-02",
    ("openrouter", ""): "mo-02",
    ("openrouter", "anthropic/claude-sonnet-4.5"): "us-06",
    ("gemini", "gemini-2.5-pro"): "rt-03",
    ("deepseek", "deepseek-reasoner"): "st-03",
    ("perplexity", "sonar"): "ns-25",
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
HEAD = """\
# Recipes

Each recipe shows a call and its answer. All answers came from a real run: `scripts/recipes` starts this server as a host
would, calls it through the official MCP client, and writes this page. Only the home folder is shortened to `~`.

No key was at hand, so three kinds of upstream answer, and each recipe says which: a real but tiny model on the same
machine (expect nonsense from it now and then), a mock server, and bytes that others recorded from a named provider. Replace the model's
name with one of yours.

A call is written as MCP's `tools/call` takes it. In a host you just say what you want; the host's model writes the call.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call; `arguments` may use the results of the calls before it in the same recipe."""

    tool: str
    arguments: Callable[[Done], Json]
    before: str = ""
    record: Sequence[str] = ()
    notes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Calls that belong together; `patience_s` is the soft deadline of its server."""

    title: str
    says: str
    upstream: str
    calls: Sequence[Call]
    after: str = ""
    patience_s: float = 50


def call(tool: str, arguments: Json | Callable[[Done], Json], **more: Any) -> Call:
    """A call with fixed arguments, or such as follow from earlier results."""
    return Call(tool=tool, arguments=arguments if callable(arguments) else lambda _: arguments, **more)


def record_of(result: CallToolResult) -> Json:
    """The record of a result, or of its error."""
    meta: Json = dict(result.meta or {})
    return meta.get("anymodel/result") or meta.get("anymodel/error") or {}


def text_of(result: CallToolResult) -> str:
    """The text of a result."""
    return "\n".join(block.text for block in result.content if block.type == "text")


RECIPES: list[Recipe] = [
    Recipe(
        title="Ask a question",
        says="The simplest call. The words come while they are made: a host that shows progress notes shows them.",
        upstream=ENGINE,
        calls=[
            call(
                "chat",
                {"prompt": "What is a lighthouse for?", "temperature": 0, "max_tokens": 60},
                notes=True,
                record=("provider", "model", "finish_reason", "truncated", "usage"),
            )
        ],
        after="The note is there because the answer was cut. The record is not shown to the host's model; programs find it "
        'in `_meta["anymodel/result"]`.',
    ),
    Recipe(
        title="Pictures in",
        says="`images` takes https URLs, data URLs and paths below a folder that you allow. Large pictures are made smaller "
        "first; where a provider takes no URLs, it gets the bytes.",
        upstream=MOCK,
        calls=[
            call(
                "chat",
                {"model": "mock/gpt-5-mini", "prompt": "What is in this picture?", "images": ["~/Pictures/harbour.png"]},
            ),
            call(
                "chat",
                {"model": "mock/gpt-5-mini", "prompt": "What is in this picture?", "images": ["/etc/hostname"]},
                before="A path elsewhere is refused:",
            ),
        ],
    ),
    Recipe(
        title="Pictures out, and edits",
        says="The picture is saved as it came; the host gets its path, a preview of at most 512 pixels and 200 kB, and a link. "
        '`inline` chooses "preview", "full" or "none". With `images` it is an edit.',
        upstream=MOCK,
        calls=[
            call(
                "generate_image",
                {"model": "mock/gpt-image-1", "prompt": "a lighthouse at night", "size": "1536x1024"},
                record=("images",),
            ),
            call(
                "generate_image",
                lambda done: {
                    "model": "mock/gpt-image-1",
                    "prompt": "make it day",
                    "images": [record_of(done[0])["images"][0]["path"]],
                    "inline": "none",
                },
                before="Edit the picture that was just made:",
            ),
        ],
    ),
    Recipe(
        title="Files in",
        says="Text files are put into the question under their names; PDF and other documents go as file parts where the "
        "provider takes them.",
        upstream=ENGINE,
        calls=[
            call(
                "chat",
                {
                    "prompt": "On which day do we sail?",
                    "files": ["~/Documents/trip.txt"],
                    "temperature": 0,
                    "max_tokens": 30,
                },
            ),
            call(
                "chat",
                {"prompt": "Sum it up.", "files": ["~/Documents/report.pdf"]},
                before="A provider that takes no documents says so:",
            ),
        ],
    ),
    Recipe(
        title="Rank texts by meaning",
        says="With `query`, `embed` compares by itself; no vector enters the chat.",
        upstream=ENGINE,
        calls=[
            call(
                "embed",
                {
                    "query": "a sleepy pet",
                    "input": [
                        "The train to Berlin leaves at noon.",
                        "Our cat sleeps all day.",
                        "Boil the grains in water for fifteen minutes.",
                    ],
                },
            )
        ],
    ),
    Recipe(
        title="Save vectors to a file",
        says="Without `query` the vectors go to a file that numpy reads; the texts stand in a JSON file beside it.",
        upstream=ENGINE,
        calls=[call("embed", {"input": ["red", "green", "red"]}, record=("vectors", "usage"))],
    ),
    Recipe(
        title="Keep a conversation",
        says='`conversation: "new"` gives an id; with the id any model goes on, also after a restart. The whole thread is the '
        "resource `anymodel://conversations/ID`.",
        upstream=ENGINE,
        calls=[
            call(
                "chat",
                {
                    "prompt": "My name is Ada. Say hello to me.",
                    "conversation": "new",
                    "temperature": 0,
                    "max_tokens": 40,
                },
            ),
            call(
                "chat",
                lambda done: {
                    "prompt": "What is my name?",
                    "conversation": record_of(done[0])["conversation"],
                    "temperature": 0,
                    "max_tokens": 40,
                },
                before="Go on:",
            ),
        ],
    ),
    Recipe(
        title="Ask several models at once",
        says="All are asked at the same time. One that fails does not spoil the others.",
        upstream=f"{ENGINE}; {MOCK}; recorded bytes of OpenAI",
        calls=[
            call(
                "chat",
                {
                    "models": [LOCAL, "mock/gpt-5-mini", "openai/gpt-9"],
                    "prompt": "Tabs or spaces? One sentence.",
                    "temperature": 0,
                    "max_tokens": 40,
                },
            )
        ],
    ),
    Recipe(
        title="A chain of models",
        says='An alias may be a list: `smart = ["gemini/gemini-2.5-pro", "local/smollm2-135m-instruct"]`. The next one answers '
        "when the first has no quota, is overloaded, down or silent; never after words have come. The answer says so.",
        upstream=f"{BYTES.format('Google Gemini')}; then {ENGINE}",
        calls=[
            call(
                "chat",
                {"model": "smart", "prompt": "Name a colour.", "temperature": 0, "max_tokens": 20},
                record=("provider", "model", "requested_model"),
            )
        ],
    ),
    Recipe(
        title="An answer as JSON",
        says="The answer is checked against the schema. If it does not fit, the model gets one chance to mend it; after that it is "
        "an error that holds the text.",
        upstream=ENGINE,
        calls=[
            call(
                "chat",
                {
                    "prompt": "Give me the capital of France and its country.",
                    "json_schema": {
                        "type": "object",
                        "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
                        "required": ["city", "country"],
                    },
                    "temperature": 0,
                    "max_tokens": 60,
                },
            )
        ],
    ),
    Recipe(
        title="Let another model call tools",
        says="Tool definitions pass through; the calls come back. Nothing is run here: you run the tool, and send its result in "
        "`messages`.",
        upstream=MOCK,
        calls=[
            call(
                "chat",
                {
                    "model": "mock/gpt-5-mini",
                    "messages": [{"role": "user", "content": "weather in Paris"}],
                    "tools": [WEATHER],
                },
                record=("finish_reason", "tool_calls"),
            ),
            call(
                "chat",
                lambda done: {
                    "model": "mock/gpt-5-mini",
                    "messages": [
                        {"role": "user", "content": "weather in Paris"},
                        {
                            "role": "assistant",
                            "content": None,
                            "tool_calls": [
                                {
                                    "id": record_of(done[0])["tool_calls"][0]["id"],
                                    "type": "function",
                                    "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
                                }
                            ],
                        },
                        {
                            "role": "tool",
                            "tool_call_id": record_of(done[0])["tool_calls"][0]["id"],
                            "content": "sunny, 21 degrees",
                        },
                    ],
                    "tools": [WEATHER],
                },
                before="The second half:",
            ),
        ],
    ),
    Recipe(
        title="Reasoning",
        says="`reasoning_effort` is said in each model's own way. What the model thought stays out of the text and stands in the "
        "record.",
        upstream=BYTES.format("DeepSeek"),
        calls=[
            call(
                "chat",
                {"model": "deepseek/deepseek-reasoner", "prompt": "Greet me.", "reasoning_effort": "high"},
                record=("reasoning", "finish_reason", "usage"),
            )
        ],
    ),
    Recipe(
        title="Search the web",
        says="Models that search give their sources: in the text and in the record. Where a switch is needed it goes into "
        "`options`, word for word as the provider wants it.",
        upstream=BYTES.format("Perplexity"),
        calls=[
            call(
                "chat",
                {
                    "model": "perplexity/sonar",
                    "prompt": "Where is the opera with the walkable roof?",
                    "options": {"web_search_options": {"search_context_size": "low"}},
                },
                record=("citations", "usage"),
            )
        ],
    ),
    Recipe(
        title="Usage and cost",
        says="The cost is the provider's own figure, or tokens times the price in its model list, or left out. It is never "
        "guessed. `anymodel-mcp usage` adds it up.",
        upstream=BYTES.format("OpenRouter"),
        calls=[
            call(
                "chat",
                {"model": "openrouter/anthropic/claude-sonnet-4.5", "prompt": "ping"},
                record=("usage", "attempts"),
            )
        ],
    ),
    Recipe(
        title="A long call",
        says="Before the host gives up, the answer so far comes back with an id, and the call goes on. For this page the limit was set to two "
        "seconds (`soft_deadline_s = 2`); it is 50 by default, and longer for hosts that are known to wait longer.",
        upstream=ENGINE,
        patience_s=2,
        calls=[
            call(
                "chat",
                {"prompt": "Tell me a long story about a lighthouse.", "temperature": 0, "max_tokens": 400},
            ),
            call(
                "get_result",
                lambda done: {
                    "id": record_of(done[0])["result_id"],
                    "offset": len(text_of(done[0]).partition("\n\n[still running")[0]),
                    "wait_s": 30,
                },
                before="The rest, by the numbers of the note:",
            ),
        ],
        after="The second answer starts where the first one ended. If it is still not whole, its note gives the next numbers. `cancel: true` "
        "stops a call.",
    ),
    Recipe(
        title="Continue a text",
        says="The legacy endpoint, for base models and code.",
        upstream=ENGINE,
        calls=[call("complete", {"prompt": "The sun rises in the", "temperature": 0, "max_tokens": 40, "stop": ["."]})],
    ),
    Recipe(
        title="Find a model",
        says="`query`, `provider` and `capability` narrow the list; it comes a page at a time.",
        upstream=BYTES.format("OpenRouter's model list"),
        calls=[call("list_models", {"provider": "openrouter", "limit": 3})],
    ),
    Recipe(
        title="A parameter that the model refuses",
        says="It is changed or left out once, told, and remembered for that model. What you put into `options` is never changed.",
        upstream=BYTES.format("OpenAI"),
        calls=[
            call(
                "chat",
                {"model": "openai/gpt-5.2", "prompt": "Hi", "temperature": 0.2, "stream": False},
                record=("warnings", "attempts"),
            )
        ],
    ),
    Recipe(
        title="When it fails",
        says="Three lines: what failed, why in the provider's own words, what to do.",
        upstream=BYTES.format("OpenAI"),
        calls=[call("chat", {"model": "openai/gpt-9", "prompt": "Hi"})],
    ),
]


# --- the upstreams --------------------------------------------------------------------------------------------------


def draw_lighthouse(width: int, height: int) -> bytes:
    """A picture for the mock to answer with, and for the recipes to send."""
    picture = Image.new("RGB", (width, height), "#0b1b3b")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, height * 3 // 4, width, height), fill="#123a5a")
    draw.polygon(
        [(width * 45 // 100, height * 3 // 4), (width * 55 // 100, height * 3 // 4), (width // 2, height // 5)],
        fill="#f0f0f0",
    )
    draw.polygon([(width // 2, height // 5), (width, 0), (width, height // 3)], fill="#f7d774")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def canned() -> Json:
    """What aimock answers."""
    picture = base64.b64encode(draw_lighthouse(1536, 1024)).decode()
    answers: list[tuple[Json, Json]] = [
        ({"endpoint": "image"}, {"images": [{"b64Json": picture}]}),
        ({"userMessage": "weather in Paris", "hasToolResult": True}, {"content": "It is sunny in Paris, 21 degrees."}),
        (
            {"userMessage": "weather in Paris", "toolName": "get_weather"},
            {"toolCalls": [{"id": "call_1", "name": "get_weather", "arguments": {"city": "Paris"}}]},
        ),
        ({"userMessage": "in this picture"}, {"content": "A white lighthouse; its beam points to the right."}),
        ({"userMessage": "Tabs or spaces"}, {"content": "Spaces, because everybody sees the same."}),
    ]
    return {"fixtures": [{"match": match, "response": response} for match, response in answers]}


@asynccontextmanager
async def open_mock(folder: Path) -> AsyncGenerator[str]:
    """The address of aimock."""
    await anyio.to_thread.run_sync(install.ensure)
    folder.mkdir()
    fixtures = folder / "canned.json"
    fixtures.write_text(json.dumps(canned()), encoding="utf-8")
    port = find_free_port()
    command = [str(install.node()), str(install.aimock_script()), "-p", str(port), "-f", str(fixtures), "-l", "20"]
    with running(command, port, folder) as url:
        yield url


@asynccontextmanager
async def open_recorded() -> AsyncGenerator[str]:
    """The origin of the recorded providers: the first part of the path is the provider."""
    cases = {case["id"]: case["http"] for case in load_cases()}
    turns: dict[tuple[str, str], int] = {}

    async def answer(seen: Seen, line: Line) -> None:
        provider = seen.path.split("/")[1]
        which = (provider, seen.json().get("model", "") if seen.body else "")
        if which not in RECORDED:
            await play(Reply(status=404, headers={"content-type": "application/json"}, frames=[b"{}"]), line)
            return
        http = cases[RECORDED[which]]
        replies = http.get("sequence", [http])
        turn = turns[which] = turns.get(which, 0) + 1
        await play(to_reply(replies[min(turn, len(replies)) - 1]), line)

    async with open_upstream(answer) as upstream:
        yield upstream.origin


def config(mock: str, recorded: str, patience_s: float) -> str:
    """The configuration of the recipes."""
    names = dict.fromkeys(provider for provider, _ in RECORDED)
    tables = [f'[providers.{name}]\nbase_url = "{recorded}/{name}/v1"\napi_key = "none-is-needed"\n' for name in names]
    return f"""\
default_model = "{LOCAL}"
default_completion_model = "{LOCAL}"
default_embedding_model = "{LOCAL}"
[aliases]
smart = ["gemini/gemini-2.5-pro", "{LOCAL}"]
[limits]
soft_deadline_s = {patience_s}
[files]
allowed_dirs = ["~/Pictures", "~/Documents"]
[providers.local]
[providers.mock]
base_url = "{mock}"
api_key = "none-is-needed"
{"".join(tables)}"""


# --- running --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Page:
    """The page as it grows."""

    home: Path
    lines: list[str] = field(default_factory=list[str])

    def add(self, text: str) -> None:
        """A paragraph."""
        self.lines += [text, ""]

    def block(self, kind: str, text: str) -> None:
        """A fenced block; the home folder becomes `~`."""
        fence = "````" if "```" in text else "```"
        self.add(f"{fence}{kind}\n{self.neutral(text).rstrip()}\n{fence}")

    def neutral(self, text: str) -> str:
        """The text as it would be on the reader's machine."""
        return re.sub(r"[ \t]+$", "", text.replace(str(self.home), "~"), flags=re.MULTILINE)

    def result(self, result: CallToolResult) -> None:
        """The blocks of a result as a host gets them."""
        shown: list[str] = []
        for block in result.content:
            if block.type == "text":
                shown.append(block.text)
            elif block.type == "image":
                content = base64.b64decode(block.data)
                size = "x".join(map(str, Image.open(io.BytesIO(content)).size))
                shown.append(f"(a picture: {block.mime_type}, {size}, {len(content)} bytes)")
            elif block.type == "resource_link":
                shown.append(f"(a link: {block.uri}, {block.mime_type})")
        self.block("text", "\n".join(shown))


async def run_recipe(client: Client, recipe: Recipe, page: Page) -> None:
    """Runs the calls of a recipe and writes them down."""
    page.add(f"## {recipe.title}")
    page.add(recipe.says)
    done: list[CallToolResult] = []
    for one in recipe.calls:
        if one.before:
            page.add(one.before)
        arguments = one.arguments(done)
        notes: list[str] = []

        async def note(progress: float, total: float | None, message: str | None, notes: list[str] = notes) -> None:
            notes.append(message or "")

        wanted = note if one.notes else None
        result = await client.call_tool(one.tool, arguments, progress_callback=wanted, read_timeout_seconds=120)
        done.append(result)
        page.block("json", json.dumps({"name": one.tool, "arguments": arguments}, indent=2, ensure_ascii=False))
        if notes:
            page.add("Progress notes while it ran:")
            page.block("text", "\n".join(notes))
        page.result(result)
        record = {key: record_of(result)[key] for key in one.record if key in record_of(result)}
        if record:
            page.add("From its record:")
            page.block("json", json.dumps(record, indent=2, ensure_ascii=False))
    if recipe.after:
        page.add(recipe.after)
    page.add(f"*Answered by {recipe.upstream}.*")


def prepare(home: Path) -> None:
    """The files that the recipes send."""
    for name in ("Pictures", "Documents"):
        (home / name).mkdir(parents=True)
    (home / "Pictures" / "harbour.png").write_bytes(draw_lighthouse(4000, 3000))
    (home / "Documents" / "trip.txt").write_text("We sail on Friday at nine. Bring a warm coat.\n", encoding="utf-8")
    (home / "Documents" / "report.pdf").write_bytes(b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n")


def own_folders(home: Path) -> Mapping[str, str]:
    """User folders as on the reader's machine; the model is fetched once for all runs."""
    return {
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_CACHE_HOME": str(Path(platformdirs.user_cache_dir()).absolute()),
    }


def show_usage(home: Path, page: Page) -> None:
    """What `anymodel-mcp usage` says after all recipes."""
    environ = {**child_environment(home / "config.toml", home, own_folders(home)), "COLUMNS": "110"}
    command = [sys.executable, "-m", "anymodel_mcp", "usage", "--by", "model"]
    said = subprocess.run(command, env=environ, cwd=home, capture_output=True, check=True).stdout.decode()
    page.add("## What it all cost")
    page.add("After all the calls above:")
    page.block("sh", "anymodel-mcp usage --by model")
    page.block("text", said)


async def build_page() -> str:
    """Runs everything."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anymodel-recipes-"))).resolve()
        home = folder / "home"
        prepare(home)
        page = Page(home, [HEAD])
        mock = await stack.enter_async_context(open_mock(folder / "mock"))
        recorded = await stack.enter_async_context(open_recorded())
        for patience_s in dict.fromkeys(recipe.patience_s for recipe in RECIPES):
            text = config(mock, recorded, patience_s)
            async with open_client(text, home, transport="stdio", env=own_folders(home)) as client:
                for recipe in RECIPES:
                    if recipe.patience_s == patience_s:
                        print(recipe.title, file=sys.stderr)
                        await run_recipe(client, recipe, page)
        await anyio.to_thread.run_sync(show_usage, home, page)
    return "\n".join(page.lines).rstrip() + "\n"


def main(arguments: Sequence[str]) -> int:
    """Writes the page, or prints it."""
    page = anyio.run(build_page)
    if "--print" in arguments:
        print(page, end="")
    else:
        (ROOT / "docs" / "recipes.md").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
