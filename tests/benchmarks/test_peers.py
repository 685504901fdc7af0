"""The figures beside peers: what is read, said and written of them; the measuring itself on servers of this machine."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from benchmarks.peers import table
from benchmarks.peers.measure import Bench, Record
from benchmarks.peers.page import SKELETON, compare_section
from benchmarks.peers.roster import EMPTY, OURS, SERVERS, Server
from benchmarks.peers.session import NoAnswerError, Session
from benchmarks.peers.upstream import BenchUpstream
from tests.slow import slow
from tests.waiting import HANG_S

ROWS = {server.key: server for server in SERVERS}
linux = pytest.mark.skipif(sys.platform == "win32", reason="select waits on no pipe there")


def record(key: str, **figures: float | str) -> Record:
    return Record(server=ROWS[key], versions="1.0", figures=dict(figures))


FOUND = [
    record(EMPTY, start=400.0, p50=0.5),
    record(OURS, start=440.0, p50=1.0, list=5675, cancel=1.2, note=200.0, alive="yes", busy=3),
    record("pal", start=1000.0, p50=4.2, list=24506, cancel="no", note=6.0, alive="no", busy=12),
    record("unichat", start=420.0, p50="no answer in 40 s", list=914, cancel="no", note="no", alive="yes", busy=3),
]


def test_figures_stand_with_their_unit_and_their_ratio_to_the_empty_server() -> None:
    lines = {line[0]: line[1:] for line in table.build_grid(FOUND)}
    assert lines["start to tools/list (median)"] == ["400 ms", "440 ms (1.10x)", "1,000 ms (2.50x)", "420 ms (1.05x)"]
    assert lines["chat, p50"] == ["0.50 ms", "1.00 ms (2.00x)", "4.20 ms (8.40x)", "failed"]
    assert lines["answers the next call after it"] == ["-", "yes", "no", "yes"]


def test_a_peer_is_named_where_its_figure_is_clearly_better() -> None:
    better = "\n".join(table.list_better(FOUND))
    assert "tools/list on the wire: unichat-mcp-server (914 bytes); this server 5,675 bytes." in better
    assert "first progress of a 3 s call: pal-mcp-server (6 ms)" in better
    assert "start" not in better  # a twentieth is no difference on a shared machine
    assert "cancel" not in better


def test_what_a_peer_can_do_and_this_server_cannot_counts_as_better() -> None:
    ours, pal = record(OURS, cancel="no"), record("pal", cancel=2.0)
    assert table.list_better([record(EMPTY), ours, pal]) == [
        "cancel closes the upstream's connection after: pal-mcp-server (2 ms); this server no."
    ]


def test_a_failure_is_explained_under_the_table() -> None:
    assert table.list_failures(FOUND) == ["unichat-mcp-server, chat, p50: no answer in 40 s"]
    assert "unichat-mcp-server, chat, p50: no answer in 40 s" in compare_section(
        FOUND, system="Linux", today=date(2026, 11, 21)
    )


def test_page_names_no_place_of_the_machine_that_measured() -> None:
    section = compare_section([record(key) for key in ROWS], system="Linux", today=date(2026, 11, 21))
    assert str(Path(__file__).resolve().parents[2]) not in section
    assert str(Path.home()) not in section


def test_section_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    table.write_section(page, "compare", "one", SKELETON)
    table.write_section(page, "overhead", "two", SKELETON)
    table.write_section(page, "compare", "three", SKELETON)
    text = page.read_text(encoding="utf-8")
    assert "<!-- compare:begin -->\nthree\n<!-- compare:end -->" in text
    assert "<!-- overhead:begin -->\ntwo\n<!-- overhead:end -->" in text
    assert "one\n" not in text


def test_page_without_markers_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("mine\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no markers"):
        table.write_section(page, "compare", "x")
    assert page.read_text(encoding="utf-8") == "mine\n"


def test_servers_see_no_key_or_proxy_of_the_caller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-mine")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    for server in SERVERS:
        seen = server.environment("http://127.0.0.1:1", tmp_path)
        assert not {"ANTHROPIC_API_KEY", "HTTPS_PROXY"} & seen.keys()
        assert "sk-mine" not in seen.values()


def test_text_columns_are_of_equal_width() -> None:
    assert table.to_text([["", "a"], ["row", "1"]]) == "     a\nrow  1"
    assert table.to_markdown([["", "a"], ["row", "1"]]) == "|  | a |\n|---|---:|\n| row | 1 |"


def here(key: str, *argv: str) -> Server:
    """A server of the roster, run by this interpreter."""
    return replace(ROWS[key], argv=(sys.executable, *argv))


@slow
@linux
def test_this_server_and_the_empty_one_are_measured() -> None:
    empty = Record(server=here(EMPTY, "{here}/../empty_server.py"))
    ours = Record(server=here(OURS, "-m", "anymodel_mcp"))
    with BenchUpstream() as upstream:
        bench = Bench(upstream, None, until=time.monotonic() + 2 * HANG_S)
        bench.measure_starts([empty, ours], 1)
        bench.measure_chats([empty, ours], 12)
        bench.measure_conduct(ours)
    assert not table.list_failures([empty, ours])
    assert {row.key for row in table.ROWS} == ours.figures.keys()
    assert (ours.figures["streams"], ours.figures["words"], ours.figures["alive"]) == ("yes", "yes", "yes")
    assert ours.figures["busy"] == 3
    assert all(isinstance(ours.figures[key], float) for key in ("cancel", "pair"))


@linux
def test_a_server_that_ends_or_cannot_start_is_a_failure_not_a_crash() -> None:
    dies = Record(server=here(EMPTY, "-c", "raise SystemExit"))
    missing = Record(server=replace(ROWS[EMPTY], argv=("no-such-program-here",)))
    with BenchUpstream() as upstream:
        Bench(upstream, None, until=time.monotonic() + 2 * HANG_S).measure_starts([dies, missing], 1)
        Bench(upstream, None, until=time.monotonic() + 2 * HANG_S).measure_chats([dies], 12)
    assert dies.figures["start"] == dies.figures["list"] == "the server ended"
    assert "no-such-program-here" in str(missing.figures["start"])


@linux
def test_what_has_not_begun_when_the_time_is_over_is_left_out() -> None:
    late = Record(server=here(EMPTY, "{here}/../empty_server.py"))
    with BenchUpstream() as upstream:
        Bench(upstream, None, until=time.monotonic() - 1).measure_starts([late], 1)
    assert late.figures == {"start": "not measured: the time of the run was over"}


@linux
def test_requests_of_the_server_are_refused_and_its_answers_still_read(tmp_path: Path) -> None:
    asks = (
        "import json, sys\n"
        "first = json.loads(sys.stdin.readline())\n"
        "print(json.dumps({'jsonrpc': '2.0', 'id': 7, 'method': 'roots/list'}), flush=True)\n"
        "refusal = json.loads(sys.stdin.readline())\n"
        "print(json.dumps({'jsonrpc': '2.0', 'id': first['id'], 'result': refusal['error']}), flush=True)\n"
        "sys.stdin.read()\n"
    )
    with Session([sys.executable, "-c", asks], {}, tmp_path) as session:
        assert session.ask("ping").result["code"] == -32601
        with pytest.raises(NoAnswerError, match="no answer in 0 s"):
            session.ask("ping", seconds=0.05)
