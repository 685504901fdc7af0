"""Advice on the command line names commands and options, not tools and their arguments."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.screen import this_terminal
from anymodel_mcp.cli.wording import as_typed, in_cli_words
from anymodel_mcp.errors import ADVICE, ConfigError
from anymodel_mcp.tools import TOOLS
from anymodel_mcp.upstream.routing import ModelNames
from tests.cli.terminals import make_desk

_TOOL_WORDS = re.compile(rf"\b({'|'.join(t.name for t in TOOLS if '_' in t.name)})\b|`(model|models|images|stream)`")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Call list_models to see the names.", "Run `anymodel-mcp models` to see the names."),
        ("Use a model with vision (list_models capability=vision).", "(`anymodel-mcp models -c vision`)."),
        ("Give `model`, or set ANYMODEL_MODEL. Available: p/m.", "Name one with -m, or run `anymodel-mcp setup`"),
        ("Give `model`, or set ANYMODEL_IMAGE_MODEL.", "(or set ANYMODEL_IMAGE_MODEL)."),
        ("Try again with the opposite `stream`; if", "Try again with --no-stream; if"),
        ("Leave `images` out.", "Leave `--image` out."),
        ("name the models under `models` in its configuration", "under `models` in its configuration"),
        ("`anymodel-mcp doctor` tries each part", "`anymodel-mcp doctor` tries each part"),
    ],
)
def test_tool_language_becomes_cli_language(written: str, read: str) -> None:
    assert read in in_cli_words(written)


@pytest.mark.parametrize("kind", ADVICE)
def test_no_general_advice_names_a_tool(kind: str) -> None:
    assert not _TOOL_WORDS.search(in_cli_words(ADVICE[kind]))  # pyright: ignore[reportArgumentType] a key of the table


@pytest.mark.parametrize("argv", [["ask", "hi"], ["models"]])
def test_an_unconfigured_command_names_setup_first(tmp_path: Path, argv: list[str]) -> None:
    (tmp_path / "config.toml").touch()
    desk = make_desk(tmp_path, environ={"ANYMODEL_CONFIG": str(tmp_path / "config.toml")})
    assert run_command(argv, desk.terminal) == 2
    (advice,) = [line for line in desk.remarked.splitlines() if line.startswith("do:")]
    assert advice.split()[1:4] == ["Run", "anymodel-mcp", "setup,"]
    assert not _TOOL_WORDS.search(desk.remarked)


def test_the_program_is_named_as_it_has_to_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/anymodel-mcp", "ask"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert this_terminal().program == ".venv/bin/anymodel-mcp"
    said = as_typed("Run anymodel-mcp setup, or `anymodel-mcp doctor`: pip install anymodel-mcp[local]", "bin/x")
    assert said == "Run bin/x setup, or `bin/x doctor`: pip install anymodel-mcp[local]"
    monkeypatch.setattr(sys, "argv", ["-m"])
    assert this_terminal().program == "anymodel-mcp"


def test_a_server_without_a_provider_names_setup_first() -> None:
    with pytest.raises(ConfigError, match=r"^no provider is configured\. Run `anymodel-mcp setup`"):
        ModelNames().check_configured()
