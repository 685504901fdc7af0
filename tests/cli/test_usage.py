"""`usage`: the ledger summed up by what one asks for, since when one asks for."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.usage import usage
from anymodel_mcp.config import Settings, StoreSettings
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.state import UsageRow, open_store
from anymodel_mcp.state.usage_sums import parse_since
from tests.cli.terminals import Desk, make_desk

NOW = 1_800_000_000.0


def _row(model: str, **more: Any) -> UsageRow:
    fields: dict[str, Any] = {
        "time": time.time() - 60,
        "outcome": "complete",
        "duration_s": 2.0,
        "host": "terminal",
        **more,
    }
    return UsageRow(tool="chat", provider="p", model=model, **fields)


async def _sum(folder: Path, *rows: UsageRow, settings: Settings | None = None, **fields: Any) -> tuple[int, Desk]:
    desk, chosen = make_desk(folder, tty=bool(fields.pop("tty", False))), settings or Settings()
    async with open_store(chosen.store, folder / "data") as store:
        await store.add_usage(rows)
    given: dict[str, Any] = {"since": "7d", "by": "model", "as_json": False, **fields}
    return await usage(desk.terminal, chosen, **given), desk


async def test_calls_are_summed_up_with_a_total(tmp_path: Path) -> None:
    rows = [
        _row("a", input=1000, output=200, cost=0.5),
        _row("a", input=500, output=100, cost=0.25, outcome="timeout"),
        _row("b", input=10, output=5),
    ]
    status, desk = await _sum(tmp_path, *rows)
    assert status == 0
    assert [line.split("\t") for line in desk.said.splitlines()] == [
        ["model", "calls", "failed", "tokens in", "tokens out", "$", "seconds a call"],
        ["p/a", "2", "1", "1,500", "300", "0.7500", "2.0"],
        ["p/b", "1", "", "10", "5", "", "2.0"],
        ["all", "3", "1", "1,510", "305", "0.7500", "2.0"],
    ]


async def test_figures_that_nobody_told_are_left_open(tmp_path: Path) -> None:
    _, desk = await _sum(tmp_path, _row("a"), _row("b"), by="provider")
    assert desk.said.splitlines()[1:] == ["p\t2\t\t\t\t\t2.0"]
    _, by_host = await _sum(tmp_path, _row("c", host=""), by="host", tty=True)
    assert "(unknown)" in by_host.said
    assert "calls" in by_host.said


async def test_json_holds_the_sums(tmp_path: Path) -> None:
    _, desk = await _sum(tmp_path, _row("a", input=3), as_json=True)
    assert json.loads(desk.said)["sums"][0] | {"key": "p/a", "input": 3} == json.loads(desk.said)["sums"][0]


async def test_an_empty_ledger_says_so(tmp_path: Path) -> None:
    status, desk = await _sum(tmp_path)
    assert (status, desk.said) == (0, "")
    assert "no calls since" in desk.remarked


async def test_a_store_that_is_off_or_sick_is_named(tmp_path: Path) -> None:
    _, desk = await _sum(tmp_path, settings=Settings(store=StoreSettings(enabled=False)))
    assert "the store is disabled" in desk.remarked
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "anymodel.db").write_bytes(b"no database at all" * 100)
    desk = make_desk(tmp_path)
    assert await usage(desk.terminal, Settings(), since="7d", by="model", as_json=False) == 0
    assert len(desk.remarked.splitlines()) >= 2


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW - 1800),
        ("24h", NOW - 86_400),
        ("7d", NOW - 604_800),
        (" 2W ", NOW - 1_209_600),
        ("2026-11-01", datetime(2026, 11, 1).timestamp()),
    ],
)
def test_a_span_or_a_date_is_a_moment(text: str, moment: float) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "7", "d", "7y", "2026-13-01", "-7d", "999999999d"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="not a duration or date"):
        parse_since(text, NOW)


def test_the_command_sums_up_by_what_is_asked(tmp_path: Path) -> None:
    (tmp_path / "c.toml").touch()
    desk = make_desk(tmp_path)
    argv = ["usage", "--since", "1d", "--by", "day", "--json", "--config", str(tmp_path / "c.toml")]
    assert run_command(argv, desk.terminal) == 0
    assert json.loads(desk.said)["sums"] == []


@pytest.mark.parametrize("columns", ["40", "60", "120"])
async def test_a_narrow_terminal_keeps_every_figure(tmp_path: Path, columns: str) -> None:
    desk = make_desk(tmp_path, tty=True, environ={"COLUMNS": columns, "NO_COLOR": "1"})
    name = "a-model-with-a-rather-long-name"
    async with open_store(Settings().store, tmp_path / "data") as store:
        await store.add_usage([_row(name, input=1_234_567, output=7_654_321, cost=12.3456), _row("b")])
    assert await usage(desk.terminal, Settings(), since="7d", by="model", as_json=False) == 0
    for figure in ("1,234,567", "7,654,321", "12.3456", f"p/{name}"):
        assert figure in desk.said
    lines = re.sub(r"\x1b\[[0-9;]*m", "", desk.said).splitlines()
    assert [line for line in lines if len(line.rstrip()) > int(columns)] == []
