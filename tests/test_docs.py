"""README and manual: generated parts are up to date; what is shown parses, runs or leads somewhere."""

from __future__ import annotations

import base64
import json
import os
import re
import runpy
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from ruamel.yaml import YAML

import anymodel_mcp
from anymodel_mcp.cli.commands import build_commands, run_command
from anymodel_mcp.config import load
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.table import CONFIGURABLE
from anymodel_mcp.tools import TOOLS
from anymodel_mcp.tools.arguments import parse, schema
from tests.cli.terminals import make_desk

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
PAGES = {"README.md": README} | {
    f"docs/{path.name}": path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))
}
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "readme"))
KEY = {"OPENAI_API_KEY": "sk-docs-0123456789"}
PROGRAM = re.compile(r"(?:^|\s|/bin/)anymodel-mcp((?: +[^\s`#|&;)<]+)*)")

Block = tuple[str, str]


def blocks(text: str) -> list[Block]:
    """Kind and content of each fenced block."""
    found = re.finditer(r"^(`{3,})(\w*)\n(.*?)^\1$", text, re.DOTALL | re.MULTILINE)
    return [(match[2], match[3]) for match in found]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)


ALL_BLOCKS = [pytest.param(*block, id=f"{page}-{i}") for page, t in PAGES.items() for i, block in enumerate(blocks(t))]


# --- generated from the code ----------------------------------------------------------------------------------------


def test_the_readme_is_what_the_code_says() -> None:
    assert SCRIPT["build_readme"](README) == README, "run scripts/readme with the Python of the environment"


@pytest.mark.parametrize("page", ["tools", "hosts", "media"])
def test_a_generated_page_is_what_the_code_says(page: str) -> None:
    assert PAGES[f"docs/{page}.md"] == SCRIPT[f"{page}_page"](), "run scripts/readme with the Python of the environment"


def test_a_missing_mark_is_an_error() -> None:
    with pytest.raises(AssertionError, match="0 parts marked 'tools'"):
        SCRIPT["build_readme"]("# nothing")


def test_the_readme_shows_every_tool_and_the_manual_its_arguments() -> None:
    page = PAGES["docs/tools.md"]
    for tool in TOOLS:
        assert f"| `{tool.name}` |" in README
        section = page.partition(f"\n## {tool.name}\n")[2].partition("\n## ")[0]
        assert all(f"`{name}`" in section for name in schema(tool.arguments)["properties"])


def test_the_readme_names_every_host_that_install_knows() -> None:
    rows = [line for line in README.splitlines() if line.startswith("| ")]
    for host in CONFIGURABLE:
        assert any(f"`{host.name}`" in row and f"`{host.section}`" in row for row in rows), host.name


def test_the_readme_stays_short() -> None:
    """A page of ten minutes: what does not fit belongs in the manual."""
    assert len(README.encode()) < 11_000


# --- the manual ----------------------------------------------------------------------------------------------------


def links_of(page: str) -> list[tuple[Path, str]]:
    """The links of a page that stay in the repository: file and anchor."""
    targets = [target.partition("#") for target in re.findall(r"\]\(([^)\s]+)\)", prose(PAGES[page]))]
    here = ROOT / page
    return [
        ((here.parent / path).resolve() if path else here, anchor) for path, _, anchor in targets if "://" not in path
    ]


def test_the_index_of_the_manual_names_every_page() -> None:
    linked = {path.name for path, _ in links_of("docs/README.md") if path.parent == ROOT / "docs"}
    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}


def test_the_readme_leads_to_the_manual() -> None:
    assert ROOT / "docs" / "README.md" in {path for path, _ in links_of("README.md")}


# --- configuration --------------------------------------------------------------------------------------------------

READERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": cast("Any", YAML(typ="safe", pure=True)).load,
}


@pytest.mark.parametrize(("kind", "text"), ALL_BLOCKS)
def test_every_block_is_of_a_known_kind_and_parses(kind: str, text: str) -> None:
    assert kind in {"json", "toml", "yaml", "sh", "text", "python", ""}
    assert text.strip()
    if kind in READERS:
        assert READERS[kind](text)


def entry_of(row: ConfigurableHost) -> dict[str, Any]:
    """The entry that the page of hosts shows."""
    page = PAGES["docs/hosts.md"]
    text = page[page.index(f"<code>anymodel-mcp install {row.name}</code>") :]
    kind, block = blocks(text)[0]
    assert kind == row.format
    servers = READERS[kind](block)[row.section]
    return servers[0] if row.listed else servers["anymodel"]


@pytest.mark.parametrize("row", CONFIGURABLE, ids=lambda row: row.name)
def test_the_block_of_each_host_starts_a_configured_server(row: ConfigurableHost) -> None:
    entry = entry_of(row)
    command: Any = entry[row.command_key]
    started = [command, *entry[row.args_key]] if row.args_key else command
    assert started == ["uvx", "anymodel-mcp"]
    given: dict[str, str] = {**entry.get(row.env_key, {})}
    reached = given.get("OPENAI_API_KEY") or (row.names_key and entry[row.names_key] == ["OPENAI_API_KEY"])
    assert reached, "the key reaches the server"
    found = load({**given, **KEY})
    assert found.default_model == "gpt-5-mini"
    assert list(found.providers) == ["openai"]


def test_the_block_of_the_readme_is_one_that_hosts_get() -> None:
    (shown,) = [json.loads(text) for kind, text in blocks(README) if kind == "json"]
    assert shown["mcpServers"]["anymodel"] in [entry_of(row) for row in CONFIGURABLE if row.section == "mcpServers"]


def test_the_file_of_the_readme_loads() -> None:
    (text,) = [text for kind, text in blocks(README) if kind == "toml" and "[aliases]" in text]
    found = load({**KEY, "WORK_API_KEY": "work-0123456789"}, file_text=text, file_name="config.toml")
    assert list(found.providers) == ["openai", "deepseek", "work"]
    assert found.default_model == "smart"
    assert not found.warnings


NAMED = sorted({name for text in PAGES.values() for name in re.findall(r"\bANYMODEL_[A-Z_]+[A-Z]\b", text)})


@pytest.mark.parametrize("name", [n for n in NAMED if n not in {"ANYMODEL_CONFIG", "ANYMODEL_PROVIDERS"}])
def test_every_variable_that_is_named_is_read(name: str) -> None:
    """A value that is taken is among the origins; one that is refused is refused under the variable's name."""
    turned_on = "name" if "_PROVIDERS_NAME_" in name else "ollama"
    given = {"ANYMODEL_PROVIDERS": turned_on, "ANYMODEL_PROVIDERS_NAME_BASE_URL": "https://x.example"}
    try:
        said = str(load({**KEY, **given, name: "https://x.example"}).origins)
    except ConfigError as error:
        said = str(error)
    assert name in said


@pytest.mark.parametrize("line", re.findall(r"(?:^|`)export ([^\n`]+)", README, re.MULTILINE))
def test_what_is_to_be_exported_makes_a_provider_and_a_default_model(line: str) -> None:
    environ = dict(pair.split("=", 1) for pair in line.split())
    found = load(environ)
    assert found.providers
    assert found.default_model == environ["ANYMODEL_MODEL"]
    assert not found.warnings


def test_the_links_hold_the_same_server() -> None:
    found: list[tuple[str, str]] = re.findall(r"\[Add to ([^\]]+)\]\(([^)]+)\)", PAGES["docs/hosts.md"])
    links = dict(found)
    assert set(links) == {"VS Code", "VS Code Insiders", "Cursor", "LM Studio", "Goose"}
    queries = {title: parse_qs(urlsplit(link).query) for title, link in links.items()}
    for title, query in queries.items():
        assert query["name"][0].lower() == "anymodel"
        if title == "Goose":
            assert (query["cmd"], query["arg"]) == (["uvx"], ["anymodel-mcp"])
            continue
        (held,) = query["config"]
        server = json.loads(held if title.startswith("VS Code") else base64.b64decode(held, validate=True))
        assert (server["command"], server["args"]) == ("uvx", ["anymodel-mcp"])
        assert "OPENAI_API_KEY" in server["env"]
    (asked,) = json.loads(queries["VS Code"]["inputs"][0])
    assert asked["password"] is True
    assert f"${{input:{asked['id']}}}" in queries["VS Code"]["config"][0]


# --- commands -------------------------------------------------------------------------------------------------------


def commands_of(text: str) -> set[tuple[str, ...]]:
    """The words after each `anymodel-mcp` that somebody could type: in blocks of commands and between ticks."""
    typed = [line for kind, block in blocks(text) if kind == "sh" for line in block.splitlines()]
    typed += re.findall(r"`([^`\n]+)`", prose(text)) + re.findall(r"<code>([^<]+)</code>", text)
    return {tuple(match[1].split()) for line in typed for match in PROGRAM.finditer(line) if "=" not in match[1]}


ALL_COMMANDS = sorted({command for text in PAGES.values() for command in commands_of(text) if command})


@pytest.mark.parametrize("command", ALL_COMMANDS, ids=" ".join)
def test_every_command_exists_with_its_options(
    command: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = make_desk(tmp_path)
    name, options = command[0], [word for word in command if word.startswith("-")]
    if name == "serve":
        with pytest.raises(SystemExit, match="0"):
            run_command(["serve", "--help"], desk.terminal)
    else:
        assert name in set(build_commands(desk.terminal)), command
        assert run_command([name, "--help"], desk.terminal) == 0
    told = desk.said + capsys.readouterr().out
    assert all(option in told for option in options), told
    if name in {"install", "uninstall"} and command[1:] not in ((), ("HOST",)):
        assert command[1] in {row.name for row in CONFIGURABLE}


def test_the_page_of_commands_shows_every_command(tmp_path: Path) -> None:
    shown = {command[0] for command in commands_of(PAGES["docs/commands.md"]) if command}
    hidden = {"--help", "--version", "-h", "-V"}
    assert shown == set(build_commands(make_desk(tmp_path).terminal)) - hidden


def test_every_script_that_is_named_can_be_run() -> None:
    named = {
        found
        for text in PAGES.values()
        for found in re.findall(r"\b((?:scripts|benchmarks)/[a-z0-9_-]+(?:\.py)?)\b", text)
    }
    assert {"scripts/demo", "scripts/test", "scripts/recipes"} <= named
    for name in named:
        assert os.access(ROOT / name, os.R_OK if name.endswith(".py") else os.X_OK), name


GROUPS = ("Front", "Work", "Resources", "Values")


def test_the_architecture_has_every_module_in_the_order_of_the_layers() -> None:
    """Four groups from top to bottom; the order of their rows is that of import-linter's layers."""
    package = ROOT / "src" / "anymodel_mcp"
    page = PAGES["docs/architecture.md"]
    assert tuple(re.findall(r"^\*\*(\w+)\*\*$", page, re.MULTILINE)) == GROUPS
    named = re.findall(r"^\| `([\w./]+)` \|", page, re.MULTILINE)
    assert [name for name in named if not (package / name).exists()] == []
    modules = {path.name.removesuffix(".py") for path in package.iterdir() if path.name[0] not in "_."} | {"__main__"}
    shown = [name.strip("/").removesuffix(".py") for name in named]
    assert set(shown) == modules - {"py.typed"}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    depth = {name.strip(): number for number, layer in enumerate(layers) for name in layer.split("|")}
    assert [depth[name] for name in shown] == sorted(depth[name] for name in shown)


def test_every_file_that_the_architecture_names_is_there() -> None:
    package = ROOT / "src" / "anymodel_mcp"
    text = re.sub(r"^```python.*?^```$", "", PAGES["docs/architecture.md"], flags=re.DOTALL | re.MULTILINE)
    files = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", text)
    assert len(files) > 8
    assert [name for name in files if not (package / name).exists() and not (ROOT / name).exists()] == []


def test_the_architecture_is_read_in_five_minutes() -> None:
    """240 words a minute; code blocks are looked at, not read."""
    assert len(prose(PAGES["docs/architecture.md"]).split()) < 1200


# --- links and privacy ----------------------------------------------------------------------------------------------


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in a link."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_within_the_repository_leads_somewhere(page: str) -> None:
    for path, anchor in links_of(page):
        assert path.exists(), path
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), (path, anchor)


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md", "SECURITY.md", "llms.txt"])
def test_no_page_holds_a_folder_of_the_machine_that_made_it(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert re.findall(r"(?<![\w.~])/(?:work|opt|root|tmp|home/(?!me/)\w+)/\S*", text) == []


def test_the_changelog_names_this_version_and_counts_the_providers() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{anymodel_mcp.__version__}]" in text
    assert f"and {len(PROVIDERS)} known ones" in text


# --- recipes --------------------------------------------------------------------------------------------------------


def split_sections(page: str) -> dict[str, str]:
    """The parts below the headings of second order; what is inside a fence is no heading."""
    outside = re.sub(
        r"^(`{3,}).*?^\1$", lambda fence: fence[0].replace("\n#", "\n\0"), page, flags=re.DOTALL | re.MULTILINE
    )
    parts = re.split(r"^## (.+)$", outside, flags=re.MULTILINE)[1:]
    return {title: text.replace("\0", "#") for title, text in zip(parts[::2], parts[1::2], strict=True)}


SECTIONS = split_sections(RECIPES)
FEATURES = {
    "Pictures in": ("chat", "images"),
    "Pictures out, and edits": ("generate_image", "images"),
    "Files in": ("chat", "files"),
    "Speech and transcripts": ("transcribe", "format"),
    "Sound in a chat": ("chat", "files"),
    "Rank texts by meaning": ("embed", "query"),
    "Save vectors to a file": ("embed", "input"),
    "Keep a conversation": ("chat", "conversation"),
    "Ask several models at once": ("chat", "models"),
    "A chain of models": ("chat", "model"),
    "An answer as JSON": ("chat", "json_schema"),
    "Let another model call tools": ("chat", "tools"),
    "Reasoning": ("chat", "reasoning_effort"),
    "Search the web": ("chat", "search"),
    "Usage and cost": ("chat", "model"),
    "A long call": ("get_result", "offset"),
    "Music and video": ("create_media", "service"),
    "Continue a text": ("complete", "prompt"),
    "Find a model": ("list_models", "capability"),
}


def calls_of(section: str) -> list[tuple[dict[str, Any], str]]:
    """The calls of a recipe, each with the text that came back."""
    found: list[tuple[dict[str, Any], str]] = []
    for kind, text in blocks(section):
        if kind == "json" and "arguments" in (call := cast("dict[str, Any]", json.loads(text))):
            found.append((call, ""))
        elif kind == "text" and found:
            found[-1] = (found[-1][0], text)
    return found


@pytest.mark.parametrize(("title", "shown"), FEATURES.items(), ids=list(FEATURES))
def test_every_feature_has_a_recipe_that_uses_it(title: str, shown: tuple[str, str]) -> None:
    tool, argument = shown
    assert any(call["name"] == tool and argument in call["arguments"] for call, _ in calls_of(SECTIONS[title]))


@pytest.mark.parametrize("title", [title for title, section in SECTIONS.items() if calls_of(section)])
def test_the_calls_of_a_recipe_are_valid_and_answered(title: str) -> None:
    tools = {tool.name: tool for tool in TOOLS}
    section = SECTIONS[title]
    for call, answer in calls_of(section):
        tool = tools[call["name"]]
        jsonschema.validate(call["arguments"], schema(tool.arguments))
        parse(tool.arguments, call["arguments"], frozenset())
        assert answer.strip()
    assert re.search(r"^\*Answered by .+\.\*$", section, re.MULTILINE), "who answered is said"


NO_RECIPE = frozenset({"usage"})
"""Tools that are off by default."""


def test_the_recipes_show_every_tool() -> None:
    used = {call["name"] for section in SECTIONS.values() for call, _ in calls_of(section)}
    assert used == {tool.name for tool in TOOLS} - NO_RECIPE


def test_the_recipe_of_the_command_line_shows_each_command_and_what_it_printed() -> None:
    shown = blocks(SECTIONS["On the command line"])
    lines = [text for kind, text in shown if kind == "sh"]
    used = {word for line in lines for word in re.findall(r"anymodel-mcp (\w+)", line)}
    assert used == {"ask", "image", "speak", "transcribe", "media"}
    assert [kind == "sh" for kind, _ in shown] == [True, False] * len(lines)
    assert all(text.strip() for _, text in shown)


def test_the_recipe_of_music_and_video_ends_with_the_saved_files() -> None:
    calls = calls_of(SECTIONS["Music and video"])
    ends = [answer for call, answer in calls if call["name"] == "get_result"]
    assert len(ends) == 2
    assert all("/anymodel/files/" in end for end in ends)
