"""The doctor at home: configuration, folders, store, hosts and what a desktop program would find."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from anymodel_mcp.cli.commands import run_command
from anymodel_mcp.cli.doctor import doctor
from anymodel_mcp.cli.doctor.addresses import other_base_urls
from anymodel_mcp.cli.doctor.findings import Finding, next_command
from anymodel_mcp.config import StoreSettings
from anymodel_mcp.state import open_store
from tests.cli.terminals import Desk, make_desk

KEY = "sk-canary-0123456789abcdef"


async def _examine(
    folder: Path,
    environ: Mapping[str, str] | None = None,
    *,
    config: str | None = None,
    platform: str = "linux",
    encoding: str = "utf-8",
    tty: bool = False,
) -> tuple[int, Desk]:
    known = {"XDG_CONFIG_HOME": str(folder / ".config")}
    if config is not None:
        (folder / "config.toml").write_text(config, encoding="utf-8")
        known["ANYMODEL_CONFIG"] = str(folder / "config.toml")
    desk = make_desk(folder, environ=known | dict(environ or {}), platform=platform, encoding=encoding, tty=tty)
    status = await doctor(desk.terminal, None, offline=True)
    assert KEY not in desk.said + desk.remarked
    return status, desk


async def test_with_nothing_configured_the_demo_and_the_variables_are_named(tmp_path: Path) -> None:
    status, desk = await _examine(tmp_path, config="")
    assert status == 1
    assert "no provider is configured" in desk.said
    assert "anymodel-mcp demo" in desk.said
    assert "1 problem to fix" in desk.said


async def test_a_broken_configuration_is_a_finding_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    status, desk = await _examine(tmp_path, config="[providers.work]\nbase_uri = 'x'\n")
    assert status == 1
    assert "base_uri" in desk.said
    assert "storage" in desk.said


async def test_each_value_is_told_with_where_it_comes_from_and_no_key(tmp_path: Path) -> None:
    config = (
        'default_model = "work/m"\n[providers.work]\nbase_url = "https://gateway.example/v1?tenant=secret-tenant"\n'
        'api_key_command = ["pass", "show", "work"]\n[providers.deepseek]\n[providers.ollama]\n[providers.local]\n'
    )
    status, desk = await _examine(tmp_path, {"DEEPSEEK_API_KEY": KEY, "MISTRAL_API_KEY": KEY}, config=config)
    assert status == 0, desk.said
    assert f"file: {tmp_path / 'config.toml'}" in desk.said
    assert "work: https://gateway.example/v1?tenant=… (from the file), key from a command" in desk.said
    assert "key from environment DEEPSEEK_API_KEY" in desk.said
    assert "ollama: http://localhost:11434/v1 (built in), no key" in desk.said
    assert "local: the model that runs on this machine" in desk.said
    assert "MISTRAL_API_KEY is set, but mistral is not turned on" in desk.said
    assert "default model: work/m" in desk.said
    assert "secret-tenant" not in desk.said


@pytest.mark.parametrize(
    ("environ", "words", "status"),
    [
        ({"ANYMODEL_PROVIDERS": "deepseek"}, "deepseek has no key", 1),
        ({"OPENAI_API_KEY": KEY}, "no default model", 0),
        ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "http://gateway.example/v1"}, "the key is sent without TLS", 0),
        ({"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": "https://g.example/v1/chat/completions"}, "Correct base_url", 0),
        ({"OPENAI_API_KEY": KEY, "ANYMODEL_MODLE": "x"}, "ANYMODEL_MODLE is not read", 0),
    ],
    ids=["no-key", "no-default", "no-tls", "pasted-path", "misspelt-variable"],
)
async def test_what_is_odd_in_the_configuration_is_named(
    tmp_path: Path, environ: Mapping[str, str], words: str, status: int
) -> None:
    found, desk = await _examine(tmp_path, environ, config="")
    assert words in desk.said, desk.said
    assert found == status


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/v1", "http://10.0.0.5/v1", "http://box.local/v1", "http://nas/v1"]
)
async def test_a_key_to_a_near_address_needs_no_tls(tmp_path: Path, address: str) -> None:
    _, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": address}, config="")
    assert "without TLS" not in desk.said


async def test_an_output_folder_below_a_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    folder = str(tmp_path / "file" / "pictures")
    status, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY, "ANYMODEL_FILES_OUTPUT_DIR": folder}, config="")
    assert status == 1
    assert f"pictures cannot be saved in {folder}" in desk.said
    assert "ANYMODEL_FILES_OUTPUT_DIR" in desk.said


async def test_an_output_folder_that_refuses_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("anymodel_mcp.cli.doctor.machine.tempfile.NamedTemporaryFile", refuse)
    environ = {"OPENAI_API_KEY": KEY, "ANYMODEL_FILES_OUTPUT_DIR": str(tmp_path)}
    status, desk = await _examine(tmp_path, environ, config="")
    assert status == 1
    assert "Permission denied" in desk.said


async def test_a_missing_output_folder_whose_parent_refuses_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: object, _mode: int) -> bool:
        return False

    monkeypatch.setattr("anymodel_mcp.cli.doctor.machine.os.access", refuse)
    status, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY}, config="")
    assert status == 1
    assert f"{tmp_path} cannot be written" in desk.said


async def test_an_output_folder_that_is_there_is_tried_and_left_clean(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    environ = {"OPENAI_API_KEY": KEY, "ANYMODEL_FILES_OUTPUT_DIR": str(folder)}
    status, desk = await _examine(tmp_path, environ, config="")
    assert (status, list(folder.iterdir())) == (0, [])
    assert f"pictures are saved in {folder}" in desk.said


async def test_a_healthy_store_is_named_and_a_sick_one_too(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    async with open_store(StoreSettings(), data) as store:
        await store.usage()
    _, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY}, config="")
    assert f"results are kept in {data / 'anymodel.db'}" in desk.said
    _, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY, "ANYMODEL_STORE_ENABLED": "false"}, config="")
    assert "the store is disabled" in desk.said
    (data / "anymodel.db").write_bytes(b"no database at all" * 100)
    _, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY}, config="")
    assert "! store: " in desk.said
    assert "ANYMODEL_STORE_PATH" in desk.said


def _host_file(folder: Path, entry: object) -> None:
    path = folder / ".cursor" / "mcp.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"mcpServers": {"anymodel": entry, "other": {"command": "x"}}}), encoding="utf-8")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"command": sys.executable, "args": ["-m", "anymodel_mcp"]}, "✓ Cursor: anymodel in"),
        ({"command": "/gone/anymodel-mcp"}, "✗ Cursor: anymodel in"),
        ({"command": "uvx-of-nobody", "args": ["anymodel-mcp"]}, "which a desktop app does not find"),
        ({"command": "ls", "args": ["anymodel-mcp"]}, "✓ Cursor: anymodel in"),
        ({"url": "http://127.0.0.1:8765/mcp", "note": "anymodel-mcp"}, "✓ Cursor: anymodel in"),
    ],
    ids=["absolute", "gone", "bare-and-missing", "bare-and-found", "remote"],
)
async def test_entries_in_hosts_are_judged(tmp_path: Path, entry: object, words: str) -> None:
    _host_file(tmp_path, entry)
    _, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY}, config="")
    assert words in desk.said, desk.said
    assert str(tmp_path / ".cursor" / "mcp.json") in desk.said


async def test_entries_that_are_lists_or_named_otherwise_are_found(tmp_path: Path) -> None:
    (tmp_path / ".continue").mkdir()
    (tmp_path / ".continue" / "config.yaml").write_text(
        "mcpServers:\n  - name: models\n    command: /gone/anymodel-mcp\n", encoding="utf-8"
    )
    (tmp_path / ".config" / "opencode").mkdir(parents=True)
    (tmp_path / ".config" / "opencode" / "opencode.json").write_text(
        '{"mcp": {"anymodel": {"command": ["/gone/anymodel-mcp"]}}}', encoding="utf-8"
    )
    _, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY}, config="")
    assert "anymodel-mcp install continue --name models" in desk.said
    assert "anymodel-mcp install opencode" in desk.said


async def test_a_host_file_that_cannot_be_read_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").write_text('{"mcpServers": {', encoding="utf-8")
    (tmp_path / ".gemini").mkdir()
    (tmp_path / ".gemini" / "settings.json").write_text('{"mcpServers": 3}', encoding="utf-8")
    status, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY}, config="")
    assert status == 0
    assert "cannot be read" in desk.said


async def test_what_a_desktop_program_finds_is_told(tmp_path: Path) -> None:
    _, mac = await _examine(tmp_path, {"OPENAI_API_KEY": KEY}, config="", platform="darwin")
    assert "• a desktop app finds neither `anymodel-mcp` nor `uvx`" in mac.said  # install writes the full path
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "uvx").write_text("#!/bin/sh\n", encoding="utf-8")
    (bin_folder / "uvx").chmod(0o755)
    _, windows = await _examine(tmp_path, {"OPENAI_API_KEY": KEY, "PATH": str(bin_folder)}, config="", platform="win32")
    assert "a desktop app finds uvx" in windows.said


async def test_a_stream_without_marks_gets_words(tmp_path: Path) -> None:
    _, desk = await _examine(tmp_path, config="", encoding="ascii")
    assert "FAIL no provider" in desk.said


async def test_colours_are_for_people_who_want_them(tmp_path: Path) -> None:
    _, colour = await _examine(tmp_path, config="", tty=True)
    assert "\x1b[" in colour.said
    _, plain = await _examine(tmp_path, {"NO_COLOR": "1"}, config="", tty=True)
    assert "\x1b[3" not in plain.said


def test_the_command_takes_a_configuration_and_speaks_json(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[providers.ollama]\n", encoding="utf-8")
    desk = make_desk(tmp_path)
    assert run_command(["doctor", "--offline", "--json", "--config", str(config)], desk.terminal) == 0
    report = json.loads(desk.said)
    assert report["ok"] is True
    assert [s["section"] for s in report["sections"]] == ["machine", "configuration", "storage", "hosts"]


async def test_the_engine_is_looked_for_and_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[providers.local]\n", encoding="utf-8")
    desk = make_desk(tmp_path, environ={"ANYMODEL_CONFIG": str(config)}, tty=True)
    terminal = replace(desk.terminal, environ=desk.terminal.environ)
    assert await doctor(terminal, None) == 0
    assert "the engine is installed" in desk.said
    monkeypatch.setattr("anymodel_mcp.cli.doctor.providers.find_spec", _no_spec)
    assert await doctor(terminal, None) == 1
    assert "pip install 'anymodel-mcp[local]'" in desk.said


def _no_spec(_name: str) -> None:
    return None


@pytest.mark.parametrize(
    ("base_url", "others"),
    [
        ("https://h", ("https://h/v1", "https://h/api/v1", "https://h/openai/v1")),
        ("https://h/v1?k=1", ("https://h?k=1", "https://h/api/v1?k=1", "https://h/openai/v1?k=1")),
        ("https://h/api", ("https://h/api/v1", "https://h/v1", "https://h/openai/v1")),
    ],
)
def test_other_addresses_are_tried_with_and_without_v1(base_url: str, others: tuple[str, ...]) -> None:
    assert other_base_urls(base_url) == others


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SSL_CERT_FILE": "/nonexistent/ca.pem"}, "SSL_CERT_FILE names /nonexistent/ca.pem, which cannot be used"),
        ({"SSL_CERT_DIR": "/nonexistent"}, "SSL_CERT_DIR names /nonexistent, which cannot be used"),
        ({"ALL_PROXY": "socks://me:hunter22@127.0.0.1:1080/"}, "the proxy socks://127.0.0.1:1080/ (ALL_PROXY)"),
        ({"https_proxy": "http://:80", "NO_PROXY": "*"}, "the proxy http://:80 (https_proxy) cannot be used"),
    ],
)
async def test_network_variables_that_cannot_be_used_are_a_warning_and_no_end(
    tmp_path: Path, environ: Mapping[str, str], words: str
) -> None:
    status, desk = await _examine(tmp_path, {"OPENAI_API_KEY": KEY, **environ})
    assert words in desk.said
    assert "hunter22" not in desk.said
    assert "hosts" in desk.said  # the last section is still there
    assert status == 0


CURSOR, ZED = (Finding("fail", "x", "y", f"anymodel-mcp install {name}") for name in ("cursor", "zed"))
NO_KEY = Finding("fail", "x", "y", "anymodel-mcp key set p")


@pytest.mark.parametrize(
    ("findings", "command"),
    [
        ([], ""),
        ([Finding("fail", "x", "edit the file")], ""),
        ([Finding("note", "x", "y", "anymodel-mcp install")], "anymodel-mcp install"),
        ([CURSOR], "anymodel-mcp install cursor"),
        ([Finding("fail", "x", "edit"), Finding("note", "x", "y", "anymodel-mcp install")], ""),
        ([Finding("warn", "x", "y", "anymodel-mcp setup"), NO_KEY], "anymodel-mcp key set p"),
        ([CURSOR, ZED, CURSOR], "anymodel-mcp install"),
        ([CURSOR, NO_KEY], "anymodel-mcp setup"),
    ],
)
def test_the_doctor_ends_with_one_command(findings: list[Finding], command: str) -> None:
    assert next_command(findings) == command


async def test_an_entry_whose_program_is_gone_is_fixed_by_one_command(tmp_path: Path) -> None:
    entry = {"command": str(tmp_path / "gone" / "anymodel-mcp")}
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": {"anymodel": entry}}), encoding="utf-8")
    config = 'default_model = "local/m"\n[providers.local]\n'
    status, desk = await _examine(tmp_path, config=config)
    assert status == 1
    assert "which does not exist (any more)" in desk.said
    assert desk.said.endswith("\nNext: anymodel-mcp install cursor\n")


@pytest.mark.parametrize(
    ("key", "is_placeholder"),
    [
        ("sk-YOUR-KEY", True),
        ("your_api_key_here", True),
        ("YOUR_API_KEY", True),
        ("<your-key>", True),
        ("sk-...", True),
        ("xxxxxxxx", True),
        ("changeme", True),
        ("sk-0123456789abcdef", False),
        ("gsk_yourself0123456789", False),
        ("ollama", False),
    ],
)
async def test_a_placeholder_is_no_key(key: str, is_placeholder: bool, tmp_path: Path) -> None:
    status, desk = await _examine(tmp_path, {"OPENAI_API_KEY": key, "ANYMODEL_MODEL": "openai/m"}, config="")
    assert ("is a placeholder" in desk.said) == is_placeholder, desk.said
    assert (status == 1) == is_placeholder
