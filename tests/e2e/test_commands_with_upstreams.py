"""`doctor` and `ask` against servers that nobody here wrote: the same command line that a newcomer types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anymodel_mcp.cli.commands import run_command
from tests.cli.terminals import Desk, make_desk


def _desk(folder: Path, url: str, model: str) -> Desk:
    (folder / "config.toml").touch()
    environ = {
        "OPENAI_API_KEY": "sk-0123456789abcdef",
        "OPENAI_BASE_URL": url,
        "ANYMODEL_MODEL": model,
        "ANYMODEL_CONFIG": str(folder / "config.toml"),
    }
    return make_desk(folder, environ=environ)


@pytest.mark.parametrize(
    ("fixture", "model"), [("llmock_url", "gpt-4o-mini"), ("aimock_url", "gpt-4o-mini"), ("xpyd_url", "sim")]
)
def test_a_newcomer_gets_from_the_doctor_to_an_answer(
    tmp_path: Path, request: pytest.FixtureRequest, fixture: str, model: str
) -> None:
    url: str = request.getfixturevalue(fixture)
    desk = _desk(tmp_path, url, model)
    assert run_command(["doctor"], desk.terminal) == 0, desk.said
    assert f"{model} answers" in desk.said, desk.said
    desk = _desk(tmp_path, url, model)
    assert run_command(["ask", "Hello"], desk.terminal) == 0, desk.remarked
    assert desk.said.strip()
    desk = _desk(tmp_path, url, model)
    assert run_command(["models", "--json"], desk.terminal) == 0, desk.remarked
    assert json.loads(desk.said)["models"]
    desk = _desk(tmp_path, url.removesuffix("/v1"), model)
    run_command(["doctor"], desk.terminal)
    assert "to fix" not in desk.said or f"Set base_url = {url}" in desk.said, desk.said
