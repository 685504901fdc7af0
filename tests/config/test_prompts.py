"""`[prompts]`: own slash commands from the file and from variables."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from anymodel_mcp.config import OwnPrompt, load
from anymodel_mcp.config.prompts import MOST_PROMPTS
from anymodel_mcp.errors import ConfigError

STANDUP = "[prompts.stand-up]\ndescription = 'Daily'\ntext = '''\nFirst.\n\tSecond: {request}'''\n"
TEXT = "First.\n\tSecond: {request}"


@pytest.mark.parametrize(
    ("text", "environ", "enabled", "own"),
    [
        ("", {}, True, {}),
        ("[prompts]\nenabled = false", {}, False, {}),
        ("", {"ANYMODEL_PROMPTS_ENABLED": "no"}, False, {}),
        (STANDUP, {}, True, {"stand-up": OwnPrompt(text=TEXT, description="Daily")}),
        (
            STANDUP,
            {"ANYMODEL_PROMPTS_STAND_UP_TEXT": "X"},
            True,
            {"stand-up": OwnPrompt(text="X", description="Daily")},
        ),
        ("", {"ANYMODEL_PROMPTS_STANDUP_TEXT": "A\nB"}, True, {"standup": OwnPrompt(text="A\nB")}),
        ("", {"ANYMODEL_PROMPTS_STANDUP_TEXT": "${user_config.standup}"}, True, {}),
        (
            "",
            {"ANYMODEL_PROMPTS_A_TEXT": "x", "ANYMODEL_PROMPTS_A_DESCRIPTION": "y"},
            True,
            {"a": OwnPrompt(text="x", description="y")},
        ),
    ],
)  # fmt: skip
def test_own_prompts_are_read(
    text: str, environ: Mapping[str, str], *, enabled: bool, own: Mapping[str, OwnPrompt]
) -> None:
    found = load(environ, file_text=text, file_name="/c/config.toml")
    assert found.prompts.enabled is enabled
    assert found.prompts.own == own
    assert found.warnings == ()


def test_there_are_not_more_prompts_than_a_host_can_show() -> None:
    many = "".join(f"[prompts.p{n}]\ntext = 'x'\n" for n in range(MOST_PROMPTS + 1))
    with pytest.raises(ConfigError, match="holds 101 prompts; at most 100 are offered"):
        load({}, file_text=many, file_name="/c/config.toml")


def test_a_misspelt_variable_is_noticed() -> None:
    (warning,) = load({"ANYMODEL_PROMPTS_ENABLE": "no"}).warnings
    assert "did you mean ANYMODEL_PROMPTS_ENABLED?" in warning
