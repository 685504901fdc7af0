"""The table of hosts: rows that hold together, and names that lead to them."""

from __future__ import annotations

import pytest

from anymodel_mcp.hosts.entry import Variable, build_entry, merge_entry, server_environment, stored_keys
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.table import CONFIGURABLE, HOSTS, UNKNOWN, find_host

KEY = Variable(name="OPENAI_API_KEY", value="plain-word", is_key=True)
MODEL = Variable(name="ANYMODEL_MODEL", value="m", is_key=False)

CLIENTS = [
    ("claude-ai", "Claude Desktop"),
    ("claude-code", "Claude Code"),
    ("codex-mcp-client", "Codex CLI"),
    ("copilot-cli", "GitHub Copilot CLI"),
    ("gemini-cli-mcp-client", "Gemini CLI"),
    ("opencode", "opencode"),
    ("continue-cli-client", "Continue"),
    ("@cline/core", "Cline"),
    ("Cline", "Cline in VS Code"),
    ("Visual Studio Code", "VS Code"),
    ("Visual Studio Code - Insiders", "VS Code Insiders"),
    ("cursor-vscode", "Cursor"),
    ("Zed", "Zed"),
    ("goose-desktop", "Goose"),
    ("lmstudio-mcp-bridge", "LM Studio"),
    ("windsurf-client", "Windsurf"),
    ("@n8n/n8n-nodes-langchain.mcpClientTool", "n8n"),
    ("n8n", "n8n"),
    (" N8N-mcp ", "n8n"),
    ("", UNKNOWN.title),
    (None, UNKNOWN.title),
    ("my-n8n", UNKNOWN.title),
]


@pytest.mark.parametrize(("name", "title"), CLIENTS)
def test_a_client_name_leads_to_its_row(name: str | None, title: str) -> None:
    assert find_host(name).title == title


def test_names_and_titles_are_there_once() -> None:
    patterns = [pattern for host in HOSTS for pattern in host.names]
    assert len(patterns) == len(set(patterns))
    assert len({host.title for host in HOSTS}) == len(HOSTS)
    assert len({host.name for host in CONFIGURABLE}) == len(CONFIGURABLE)
    assert all(pattern == pattern.lower() for pattern in patterns)
    assert all(host.source for host in HOSTS)


@pytest.mark.parametrize("host", CONFIGURABLE, ids=lambda host: host.name)
def test_each_row_reaches_its_server_with_key_and_model(host: ConfigurableHost) -> None:
    """With the key as text where the host cannot look it up, the server that the host starts has both."""
    entry = build_entry(host, "anymodel", ("/opt/x", "-y"), (KEY, MODEL), write_keys=True)
    value = merge_entry(host, None, entry)
    environ = {"HOME": "/h", "PATH": "/p", KEY.name: KEY.value}
    given = server_environment(host, value, environ, "linux")
    assert given[KEY.name] == KEY.value
    assert given[MODEL.name] == "m"
    assert stored_keys(host, value, [KEY.value]) == ((KEY.name,) if "plain-word" in str(value) else ())
    assert merge_entry(host, value, entry) == value
    assert "required" not in value


@pytest.mark.parametrize("host", CONFIGURABLE, ids=lambda host: host.name)
def test_without_write_keys_no_entry_holds_a_key(host: ConfigurableHost) -> None:
    entry = build_entry(host, "anymodel", ("/opt/x",), (KEY, MODEL), write_keys=False)
    assert KEY.value not in f"{entry.value} {entry.inputs} {entry.notes}"
    assert stored_keys(host, entry.value, [KEY.value]) == ()
    assert any(KEY.name in note for note in entry.notes)


def test_a_host_that_pastes_errors_as_json_gets_no_record_with_them() -> None:
    gemini = find_host("gemini-cli-mcp-client")
    assert (gemini.meta, gemini.error_meta) == (True, False)
    assert all(host.error_meta for host in HOSTS if host is not gemini)
