"""Runs every recipe of docs/recipes.md through the official MCP client over stdio, and writes what came back.

Four kinds of upstream answer: the embedded engine (a real model), aimock (a mock server that nobody here wrote),
recorded bytes of named providers (tests/cases), and servers made after the documentation of a provider. Each recipe
says which. Folders are shortened to `~`; nothing else of an answer is changed.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import sys
import tempfile
import wave
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import anyio
import platformdirs

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the helpers of the tests, started as a script

from mcp import Client  # noqa: E402
from mcp.types import CallToolResult  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402
from recipe_calls import LOCAL, RECIPES, Call, Json, Recipe, record_of  # noqa: E402
from recipe_commands import COMMANDS, SAYS, TITLE, UPSTREAM, Shell  # noqa: E402
from recipe_servers import MEDIA, make_media, sign_thoughts, speak  # noqa: E402

from tests.cases.runner import CASES_FILES, load_cases, to_reply  # noqa: E402
from tests.jobs.strict import KEY  # noqa: E402
from tests.raw_upstream import Line, Reply, Seen, open_upstream, open_upstreams, play  # noqa: E402
from tests.serving import child_environment, open_client, write_config  # noqa: E402
from tests.upstreams import install  # noqa: E402
from tests.upstreams.fixtures import find_free_port, running  # noqa: E402

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
    ("openai", "gpt-audio"): "au-26",
    ("openai", "gpt-audio-mini"): "au-28",
    ("mistral", "voxtral-mini-tts-latest"): "au-20",
    ("mistral", "voxtral-mini-latest"): "au-17",
}
HEAD = """\
# Recipes

Each recipe shows a call and its answer. All answers came from a real run: `scripts/recipes` starts this server as a
host would, calls it through the official MCP client and writes this page. Only the home folder is shortened to `~`.

There was no key for a provider, so four kinds of upstream answer, and each recipe says which: a real but tiny model
on the same machine (which often answers nonsense), a mock server, bytes of a named provider as others recorded or
documented them, and a server made after a provider's documentation. Replace the model's name with one of yours.

A call is shown as MCP's `tools/call` takes it. In a host you just say what you want; the host's model writes the call.
"""


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
    fixtures = folder / "canned.json"
    port = find_free_port()
    command = [str(install.node()), str(install.aimock_script()), "-p", str(port), "-f", str(fixtures), "-l", "20"]
    with running(command, port, folder) as url:
        yield url


def model_of(seen: Seen) -> str:
    """The model that a request names, in JSON or in a form."""
    form = re.search(rb'name="model"\r\n\r\n([^\r]*)', seen.body)
    return form[1].decode() if form else seen.json().get("model", "")


@asynccontextmanager
async def open_recorded() -> AsyncGenerator[str]:
    """The origin of the recorded providers: the first part of the path is the provider."""
    cases = {
        case["id"]: case["http"]
        for case in load_cases(*CASES_FILES, CASES_FILES[0].with_name("cases3.jsonl"))
        if "http" in case
    }
    turns: dict[tuple[str, str], int] = {}

    async def answer(seen: Seen, line: Line) -> None:
        provider = seen.path.split("/")[1]
        made = {"anthropic": sign_thoughts, "openai": speak}.get(provider)
        if made is not None and (seen.path.endswith("/messages") or "upgrade" in seen.headers):
            await made(seen, line)
            return
        which = (provider, model_of(seen) if seen.body else "")
        if which not in RECORDED:
            await play(Reply(status=404, headers={"content-type": "application/json"}, frames=[b"{}"]), line)
            return
        http = cases[RECORDED[which]]
        replies = http.get("sequence", [http])
        turn = turns[which] = turns.get(which, 0) + 1
        await play(to_reply(replies[min(turn, len(replies)) - 1]), line)

    async with open_upstream(answer) as upstream:
        yield upstream.origin


@asynccontextmanager
async def open_media() -> AsyncGenerator[Mapping[str, str]]:
    """The origins of the media services."""
    async with open_upstreams() as upstreams:
        yield {name: upstreams.open(make_media(name)).origin for name in MEDIA}


def config(mock: str, recorded: str, media: Mapping[str, str], patience_s: float) -> str:
    """The configuration of the recipes."""
    names = dict.fromkeys(provider for provider, _ in RECORDED)
    tables = [f'[providers.{name}]\nbase_url = "{recorded}/{name}/v1"\napi_key = "none-is-needed"\n' for name in names]
    tables.append(f'[providers.anthropic]\nbase_url = "{recorded}/anthropic/v1"\napi_key = "none-is-needed"\n')
    tables += [
        f'[providers.{name}]\nbase_url = "{origin}/v1"\napi_key = "{KEY}"\nservices = ["{name}"]\n'
        for name, origin in media.items()
    ]
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


OpenServer = Callable[[], AbstractAsyncContextManager[Client]]


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


async def run_call(client: Client, one: Call, done: Sequence[CallToolResult], page: Page) -> CallToolResult:
    """Makes one call and writes it down."""
    if one.before:
        page.add(one.before)
    arguments = one.arguments(done)
    notes: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        notes.append(message or "")

    wanted = note if one.notes else None
    result = await client.call_tool(one.tool, arguments, progress_callback=wanted, read_timeout_seconds=120)
    page.block("json", json.dumps({"name": one.tool, "arguments": arguments}, indent=2, ensure_ascii=False))
    if notes:
        page.add("Progress notifications:")
        page.block("text", "\n".join(notes))
    page.result(result)
    record = {key: record_of(result)[key] for key in one.record if key in record_of(result)}
    if record:
        page.add("From its record:")
        page.block("json", json.dumps(record, indent=2, ensure_ascii=False))
    return result


async def run_recipe(open_server: OpenServer, client: Client, recipe: Recipe, page: Page) -> None:
    """Runs the calls of a recipe and writes them down; one that restarts the server gets a server of its own."""
    page.add(f"## {recipe.title}")
    page.add(recipe.says)
    done: list[CallToolResult] = []
    restarts = any(one.restart for one in recipe.calls)
    async with AsyncExitStack() as first:
        own = await first.enter_async_context(open_server()) if restarts else client
        for one in recipe.calls:
            if one.restart:
                await first.aclose()
                own = await first.enter_async_context(open_server())
            done.append(await run_call(own, one, done, page))
    if recipe.after:
        page.add(recipe.after)
    page.add(f"*Answered by {recipe.upstream}.*")


def prepare(home: Path, mock_folder: Path) -> None:
    """The files that the recipes send, and what the mock answers."""
    mock_folder.mkdir()
    (mock_folder / "canned.json").write_text(json.dumps(canned()), encoding="utf-8")
    for name in ("Pictures", "Documents"):
        (home / name).mkdir(parents=True)
    (home / "Pictures" / "harbour.png").write_bytes(draw_lighthouse(4000, 3000))
    (home / "Documents" / "trip.txt").write_text("We sail on Friday at nine. Bring a warm coat.\n", encoding="utf-8")
    with wave.open(str(home / "Documents" / "call.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(64_000))
    (home / "Documents" / "report.pdf").write_bytes(b"%PDF-1.4\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n")


def own_folders(home: Path) -> Mapping[str, str]:
    """User folders as on the reader's machine; the model is fetched once for all runs."""
    return {
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_CACHE_HOME": str(Path(platformdirs.user_cache_dir()).absolute()),
    }


async def show_commands(shell: Shell, page: Page) -> None:
    """The recipe of the command line."""
    page.add(f"## {TITLE}")
    page.add(SAYS)
    said = ""
    for one in COMMANDS:
        line = one.line(said)
        said = await shell.run(line, interrupt_at=one.interrupt_at)
        page.add(one.before)
        page.block("sh", line)
        page.block(one.kind, said)
    page.add(f"*Answered by {UPSTREAM}.*")


async def show_usage(shell: Shell, page: Page) -> None:
    """What `anymodel-mcp usage` says after all recipes."""
    line = "anymodel-mcp usage --by model"
    page.add("## What it all cost")
    page.add("After all the calls above:")
    page.block("sh", line)
    page.block("text", await Shell(shell.home, {**shell.environ, "FORCE_COLOR": "1"}).run(line))


async def build_page() -> str:
    """Runs everything."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anymodel-recipes-")))
        home, mock_folder = folder / "home", folder / "mock"
        prepare(home, mock_folder)
        page = Page(home, [HEAD])
        mock = await stack.enter_async_context(open_mock(mock_folder))
        recorded = await stack.enter_async_context(open_recorded())
        media = await stack.enter_async_context(open_media())
        for patience_s in dict.fromkeys(recipe.patience_s for recipe in RECIPES):
            text = config(mock, recorded, media, patience_s)
            open_server = partial(open_client, text, home, transport="stdio", env=own_folders(home))
            async with open_server() as client:
                for recipe in RECIPES:
                    if recipe.patience_s == patience_s:
                        print(recipe.title, file=sys.stderr)
                        await run_recipe(open_server, client, recipe, page)
        path = write_config(config(mock, recorded, media, 50), home)
        shell = Shell(home, child_environment(path, home, own_folders(home), coverage=False))
        await show_commands(shell, page)
        await show_usage(shell, page)
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
