"""`models`: a table for a person, tabs for a program, JSON on request; what is left out is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.models import Search, models
from anymodel_mcp.config import Settings
from anymodel_mcp.redact import Redactor
from tests.cli.terminals import Desk, make_desk
from tests.fakes import KEY, FakeProvider, provider, settings

LIST: list[Mapping[str, Any]] = [
    {
        "id": "gpt-5-mini",
        "context_length": 1_500_000,
        "pricing": {"prompt": "0.00000025", "completion": "0.000002"},
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"]},
    },
    {"id": "text-embedding-3-small"},
    {"id": "tiny", "context_length": 512, "deprecation_date": "2027-01-01"},
]


async def _list(
    folder: Path, *, tty: bool = False, entries: list[Mapping[str, Any]] | None = None, **fields: Any
) -> tuple[int, Desk]:
    desk = make_desk(folder, fake=FakeProvider(models=entries if entries is not None else LIST), tty=tty)
    terminal = replace(desk.terminal, redactor=Redactor([KEY]))
    return await models(terminal, settings(), Search(**fields)), desk


async def test_a_program_gets_cells_with_tabs(tmp_path: Path) -> None:
    status, desk = await _list(tmp_path)
    assert status == 0
    head, *lines = [line.split("\t") for line in desk.said.splitlines()]
    assert head == ["model", "can", "context", "$/M in", "$/M out", "note"]
    assert [line[0] for line in lines] == ["p/gpt-5-mini", "p/text-embedding-3-small", "p/tiny"]
    assert lines[0][2:5] == ["1.5M", "0.25", "2"]
    assert "vision" in lines[0][1]
    assert lines[1][1] == "embedding"
    assert lines[2][2] == "512"


async def test_prices_by_unit_stand_in_the_note(tmp_path: Path) -> None:
    entries: list[Mapping[str, Any]] = [
        {"id": "sora-2", "pricing_skus": {"duration_seconds": "0.1"}, "deprecation_date": "2027-01-01"}
    ]
    status, desk = await _list(tmp_path, entries=entries, capability="video")
    assert status == 0
    assert desk.said.splitlines()[1].split("\t") == ["p/sora-2", "video", "", "", "", "$0.1/s, ends 2027-01-01"]


async def test_a_person_gets_a_table_with_heads(tmp_path: Path) -> None:
    _, desk = await _list(tmp_path, tty=True)
    assert "model" in desk.said.splitlines()[0]
    assert "p/gpt-5-mini" in desk.said


async def test_json_holds_the_records(tmp_path: Path) -> None:
    _, desk = await _list(tmp_path, as_json=True, query="mini")
    found = json.loads(desk.said)
    assert (found["total"], found["models"][0]["id"]) == (1, "gpt-5-mini")


async def test_a_limit_says_how_many_there_are(tmp_path: Path) -> None:
    _, desk = await _list(tmp_path, limit=1)
    assert len(desk.said.splitlines()) == 1 + 1
    assert "1 of 3: add a word" in desk.remarked


async def test_all_pages_are_read_when_all_are_wanted(tmp_path: Path) -> None:
    status, desk = await _list(tmp_path, limit=0, entries=[{"id": f"m-{i}"} for i in range(450)])
    assert (status, len(desk.said.splitlines())) == (0, 1 + 450)
    _, desk = await _list(tmp_path, limit=250, entries=[{"id": f"m-{i}"} for i in range(450)])
    assert len(desk.said.splitlines()) == 1 + 250


async def test_a_misspelt_name_brings_the_closest(tmp_path: Path) -> None:
    _, desk = await _list(tmp_path, query="gtp-5-mini")
    assert desk.said == ""
    assert "closest: p/gpt-5-mini" in desk.remarked
    _, as_json = await _list(tmp_path, query="gtp-5-mini", as_json=True)
    assert "closest" in json.loads(as_json.said)["notes"][0]


@pytest.mark.parametrize(
    ("configured", "fields", "words", "status"),
    [
        (Settings(), {}, "anymodel-mcp demo", 2),
        (settings(), {"provider": "nobody"}, "there is no provider 'nobody'", 2),
        (settings(provider("p", max_attempts=1)), {"refresh": True}, "no model list from p", 1),
    ],
    ids=["nothing", "provider", "down"],
)
async def test_what_goes_wrong_is_three_lines(
    tmp_path: Path, configured: Settings, fields: dict[str, Any], words: str, status: int
) -> None:
    def down(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(500, json={"error": {"message": "down"}})

    desk = make_desk(tmp_path, fake=down)
    assert await models(desk.terminal, configured, Search(**fields)) == status
    assert len(desk.remarked.splitlines()) == 3
    assert words in desk.remarked


def test_the_command_line_reaches_the_search(tmp_path: Path) -> None:
    desk = make_desk(tmp_path, fake=FakeProvider(models=LIST), environ={"OPENAI_API_KEY": KEY})
    argv = ["models", "mini", "--provider", "openai", "-c", "vision", "--limit", "5", "--refresh", "--json"]
    (tmp_path / "c.toml").touch()
    assert run_command([*argv, "--config", str(tmp_path / "c.toml")], desk.terminal) == 0
    assert [m["id"] for m in json.loads(desk.said)["models"]] == ["gpt-5-mini"]


async def test_names_that_play_with_the_terminal_are_tamed(tmp_path: Path) -> None:
    entries: list[Mapping[str, Any]] = [{"id": f"bad\x1b[2J\tname\nof {KEY}"}]
    for tty in (False, True):
        _, desk = await _list(tmp_path, entries=entries, tty=tty, refresh=True)
        assert "\x1b[2J" not in desk.said
        assert KEY not in desk.said
    _, desk = await _list(tmp_path, entries=entries)
    assert len(desk.said.splitlines()) == 1 + 1
