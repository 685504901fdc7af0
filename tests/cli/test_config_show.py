"""`config show`: each value with its origin, no key, no header, no value of a query."""

from __future__ import annotations

import json
from pathlib import Path

from anymodel_mcp.cli.commands import run_command
from tests.cli.terminals import Desk, make_desk

KEY = "sk-canary-0123456789abcdef"
CONFIG = f"""
default_model = "work/m"
[aliases]
smart = ["work/a", "work/b"]
[providers.work]
base_url = "https://gateway.example/v1?api-key={KEY}&tenant=t"
api_key = "{KEY}"
headers = {{ "X-Team" = "team-secret" }}
models = ["m"]
quirks = {{ embed_batch = 10, drop_params = ["top_p"] }}
total_timeout_s = 60.5
[store]
enabled = false
"""


def _show(folder: Path, *argv: str, config: str = CONFIG, tty: bool = False) -> Desk:
    (folder / "config.toml").write_text(config, encoding="utf-8")
    desk = make_desk(folder, environ={"ANYMODEL_HTTP_PORT": "9000", "ANYMODEL_HTTP_PROT": "1"}, tty=tty)
    assert run_command(["config", "show", "--config", str(folder / "config.toml"), *argv], desk.terminal) == 0
    assert KEY not in desk.said + desk.remarked
    assert "team-secret" not in desk.said + desk.remarked
    return desk


def test_what_is_configured_is_shown_with_its_origin(tmp_path: Path) -> None:
    desk = _show(tmp_path)
    cells = {line.split("\t")[0]: line.split("\t")[1:] for line in desk.said.splitlines()}
    origin = f"file {tmp_path / 'config.toml'}"
    assert cells["default_model"] == ["work/m", origin]
    assert cells["aliases.smart"] == ["work/a, work/b", origin]
    assert cells["providers.work.base_url"] == ["https://gateway.example/v1?api-key=…&tenant=…", origin]
    assert cells["providers.work.api_key"] == ["(set, hidden)", origin]
    assert cells["providers.work.headers"] == ["X-Team = (set, hidden)", origin]
    assert cells["providers.work.quirks"][0] == "embed_batch = 10, drop_params = top_p"
    assert cells["providers.work.total_timeout_s"] == ["60.5", origin]
    assert cells["store.enabled"] == ["false", origin]
    assert cells["http.port"] == ["9000", "environment ANYMODEL_HTTP_PORT"]
    assert "limits.max_line_bytes" not in cells
    assert "--all shows them" in desk.remarked
    assert "ANYMODEL_HTTP_PROT is not read" in desk.remarked


def test_all_values_are_shown_on_request(tmp_path: Path) -> None:
    desk = _show(tmp_path, "--all", tty=True)
    assert "limits.max_line_bytes" in desk.said
    assert "default_image_model" in desk.said
    assert "--all" not in desk.remarked


def test_json_holds_values_and_origins(tmp_path: Path) -> None:
    shown = json.loads(_show(tmp_path, "--json").said)
    assert shown["file"] == str(tmp_path / "config.toml")
    assert shown["values"]["providers.work.models"]["value"] == ["m"]
    assert shown["values"]["store.keep_days"] == {"value": 30, "origin": "default"}


def test_with_nothing_configured_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    desk = make_desk(tmp_path)
    assert run_command(["config", "show", "--config", str(tmp_path / "config.toml")], desk.terminal) == 0
    assert "nothing is configured" in desk.remarked
