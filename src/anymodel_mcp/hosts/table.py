"""The hosts, one row each: what a host tolerates, where its configuration is, and the entry to write there.

To add a host: one row. "measured" in a source means that the host itself was run; else its documents were read.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from anymodel_mcp.hosts.model import ConfigurableHost, Host

_SHELL = "set it in the environment that {title} is started from"
_STDIO: Mapping[str, Any] = MappingProxyType({"type": "stdio"})
_CODE = {
    "darwin": ("{home}/Library/Application Support/Code/User",),
    "linux": ("{config}/Code/User",),
    "win32": ("{appdata}/Code/User",),
}


def _vscode(name: str, title: str, folder: str, program: str, names: tuple[str, ...]) -> ConfigurableHost:
    return ConfigurableHost(
        name=name,
        title=title,
        names=names,
        programs=(program,),
        folders={system: (paths[0].replace("/Code/", f"/{folder}/"),) for system, paths in _CODE.items()},
        files=("mcp.json",),
        section="servers",
        fixed=_STDIO,
        keys="ask",
        reference="${{input:{id}}}",
        keys_hint="{title} asks for it at the first start and stores it in its own secret storage",
        add_command=("--add-mcp", "{named_json}"),
        next_step='In {title} run "MCP: List Servers", choose {name}, then Start.',
        source="mcpLanguageModelToolContribution.ts, mcpManagementCli.ts; code.visualstudio.com/docs/copilot/reference/mcp-configuration; read 2026-11-28",
    )


HOSTS: tuple[Host, ...] = (
    ConfigurableHost(
        name="claude-desktop",
        names=("claude-ai*",),
        title="Claude Desktop",
        desktop=True,
        folders={
            "darwin": ("{home}/Library/Application Support/Claude",),
            "linux": ("{config}/Claude",),
            # the packaged build sees only its own copy of the folder: anthropics/claude-code#26073, read 2026-11-21
            "win32": ("{localappdata}/Packages/Claude_*/LocalCache/Roaming/Claude", "{appdata}/Claude"),
        },
        files=("claude_desktop_config.json",),
        strict=True,
        inherits="basics",
        next_step="Quit Claude Desktop completely (also from the tray) and open it again.",
        source="stops at 60 s (older, Cowork) or 240 s; claude-code#22542, #44032; refuses results over 1 MB; modelcontextprotocol.io/docs/develop/connect-local-servers; read 2026-11-20",
    ),
    ConfigurableHost(
        name="claude-code",
        names=("claude-code",),
        title="Claude Code",
        programs=("claude",),
        signs=("{home}/.claude.json", "{home}/.claude"),
        deadline_s=240,
        progress_extends=True,
        max_output_bytes=45_000,
        typed_before=True,
        folders={"": ("{home}",)},
        files=(".claude.json",),
        folder_variable="CLAUDE_CONFIG_DIR",
        strict=True,
        fixed=_STDIO,
        keys="reference",
        reference="${{{variable}}}",
        keys_hint=_SHELL,
        add_command=("mcp", "add-json", "--scope", "user", "{name}", "{json}"),
        remove_command=("mcp", "remove", "--scope", "user", "{name}"),
        next_step="Start claude again; /mcp shows {name}.",
        source="2.1.329: about 50,000 characters inline, idle watchdog 5 min over HTTP restarted by progress; measured 2026-11-20",
    ),
    _vscode(
        "vscode-insiders", "VS Code Insiders", "Code - Insiders", "code-insiders", ("visual studio code - insiders*",)
    ),
    _vscode("vscode", "VS Code", "Code", "code", ("visual studio code*", "vscode*")),
    ConfigurableHost(
        name="cursor",
        names=("cursor*",),
        title="Cursor",
        programs=("cursor",),
        desktop=True,
        folders={"": ("{home}/.cursor",)},
        files=("mcp.json",),
        keys="reference",
        reference="${{env:{variable}}}",
        keys_hint=_SHELL,
        next_step="Open Cursor Settings, MCP, and switch {name} on.",
        source="timeout not documented, 60 s assumed; cursor.com/docs/mcp; read 2026-11-20",
    ),
    ConfigurableHost(
        name="windsurf",
        names=("windsurf*",),
        title="Windsurf",
        programs=("windsurf",),
        desktop=True,
        folders={"": ("{home}/.codeium/windsurf",)},
        files=("mcp_config.json",),
        keys="reference",
        reference="${{env:{variable}}}",
        keys_hint=_SHELL,
        next_step="In Windsurf press Refresh in the MCP panel.",
        source="timeout not documented, 60 s assumed; docs.devin.ai/desktop/cascade/mcp, read 2026-11-20; client name: apify/mcp-client-capabilities, read 2026-11-28",
    ),
    ConfigurableHost(
        name="zed",
        names=("zed",),
        title="Zed",
        programs=("zed", "zeditor"),
        desktop=True,
        images=False,
        links=False,
        folders={"win32": ("{appdata}/Zed",), "darwin": ("{home}/.config/zed",), "": ("{config}/zed",)},
        files=("settings.json",),
        section="context_servers",
        next_step="Zed reads the change at once; the agent panel's settings show {name}.",
        source="context_server_registry.rs: 60 s, images and resources dropped; zed.dev/docs/ai/mcp; read 2026-11-20",
    ),
    ConfigurableHost(
        name="codex",
        names=("codex-mcp-client", "codex*"),
        title="Codex CLI",
        programs=("codex",),
        deadline_s=270,
        max_output_bytes=11_500,
        links=False,
        folders={"": ("{home}/.codex",)},
        files=("config.toml",),
        folder_variable="CODEX_HOME",
        format="toml",
        section="mcp_servers",
        new_text="",
        keys="names",
        names_key="env_vars",
        inherits="basics",
        keys_hint=_SHELL,
        next_step="Start codex again; /mcp shows {name}.",
        caveat=(
            "`codex exec` has nobody to approve a tool that writes files, so it blocks generate_image. To allow it, add "
            'default_tools_approval_mode = "approve" to [mcp_servers.{name}].'
        ),
        source="0.169.0: hard stop at 300 s, about 12,000 characters, the middle cut, links pasted as JSON; measured 2026-11-20",
    ),
    ConfigurableHost(
        name="gemini",
        names=("gemini-cli*",),
        title="Gemini CLI",
        programs=("gemini",),
        deadline_s=540,
        max_output_bytes=38_000,
        error_meta=False,
        fills_required_only=True,
        extra_arguments=frozenset({"wait_for_previous"}),
        folders={"": ("{home}/.gemini",)},
        files=("settings.json",),
        keys="reference",
        reference="${variable}",
        inherits="no secrets",
        keys_hint=_SHELL,
        add_command=("mcp", "add", "{env}", "--scope", "user", "{name}", "{command}", "{args}"),
        remove_command=("mcp", "remove", "--scope", "user", "{name}"),
        next_step="Start gemini again; /mcp shows {name}.",
        source="0.61.0: hard stop at 600 s, 40,000 characters; an error is shown as the JSON of the whole result; adds wait_for_previous to every tool; measured 2026-11-20",
    ),
    ConfigurableHost(
        name="copilot",
        names=("copilot-cli",),
        title="GitHub Copilot CLI",
        programs=("copilot",),
        progress_extends=True,
        max_output_bytes=20_000,
        images=False,
        links=False,
        folders={"": ("{home}/.copilot",)},
        files=("mcp-config.json",),
        fixed={"type": "local"},
        defaults={"tools": ["*"]},
        keys="reference",
        reference="${{{variable}}}",
        withheld=frozenset({"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY", "GITHUB_TOKEN"}),
        keys_hint=_SHELL,
        next_step="Start copilot again; /mcp show lists {name}.",
        source="1.0.102: progress restarts the clock, 20 kB arrive, images and links dropped; measured 2026-11-21",
    ),
    ConfigurableHost(
        name="opencode",
        names=("opencode",),
        title="opencode",
        programs=("opencode",),
        progress_extends=True,
        links=False,
        folders={"": ("{config}/opencode",)},
        files=("opencode.json", "opencode.jsonc"),
        section="mcp",
        new_text='{\n  "$schema": "https://opencode.ai/config.json"\n}\n',
        args_key="",
        env_key="environment",
        fixed={"type": "local", "enabled": True},
        defaults={"timeout": 60_000},  # its own limit for listing the tools is 5 s, less than a first start of uvx
        keys="reference",
        reference="{{env:{variable}}}",
        keys_hint=_SHELL,
        next_step="Start opencode again; opencode mcp list shows {name}.",
        source="1.18.33: progress restarts the clock, about 50 kB arrive, links dropped; measured 2026-11-20",
    ),
    ConfigurableHost(
        name="goose",
        names=("goose*",),
        title="Goose",
        programs=("goose",),
        deadline_s=270,
        folders={
            "win32": ("{appdata}/Block/goose/config",),
            "darwin": ("{home}/.config/goose",),
            "": ("{config}/goose",),
        },
        files=("config.yaml",),
        format="yaml",
        section="extensions",
        new_text="",
        command_key="cmd",
        env_key="envs",
        names_key="env_keys",
        fixed={"enabled": True, "type": "stdio"},
        defaults={"description": "Any model behind an OpenAI-compatible API", "timeout": 300},
        keys="names",
        keys_hint="Goose looks in its environment and in its keyring (goose configure)",
        next_step="Start a new goose session; {name} is switched on.",
        source="mcp_client.rs: timeout 300 s by default; goose-docs.ai/docs/guides/config-files; read 2026-11-20",
    ),
    ConfigurableHost(
        name="lmstudio",
        names=("lmstudio*", "lm studio*"),
        title="LM Studio",
        desktop=True,
        # the second is what some installations use: lmstudio-ai/lmstudio-bug-tracker#1371, read 2026-11-21
        folders={"": ("{home}/.lmstudio", "{home}/.cache/lm-studio")},
        files=("mcp.json",),
        next_step="In LM Studio switch {name} on under Program, Install.",
        source="about 60 s; bug-tracker#727; lmstudio.ai/docs/app/mcp; read 2026-11-20",
    ),
    ConfigurableHost(
        name="continue",
        names=("continue-cli-client", "continue*"),
        title="Continue",
        programs=("cn",),
        images=False,
        links=False,
        folders={"": ("{home}/.continue",)},
        files=("config.yaml",),
        format="yaml",
        listed=True,
        new_text="name: Local\nversion: 1.0.0\nschema: v1\n",
        keys="reference",
        reference="${{{{ secrets.{variable} }}}}",
        keys_hint="write NAME=key into ~/.continue/.env",
        next_step="Reload Continue (or start cn again).",
        source="cn 1.5.47: 60 s, images pasted as base64 text, links as JSON; measured 2026-11-20",
    ),
    ConfigurableHost(
        name="cline",
        names=("@cline/core*",),
        title="Cline",
        programs=("cline",),
        max_output_bytes=7_500,
        counts_json=True,
        meta=False,
        images=False,
        links=False,
        folders={"": ("{home}/.cline/data/settings",)},
        files=("cline_mcp_settings.json",),
        file_variable="CLINE_MCP_SETTINGS_PATH",
        strict=True,
        fixed={"disabled": False},
        next_step="Start cline again.",
        source="CLI 3.0.65: 60 s, the whole result JSON as text, cut at 8,000 characters; measured 2026-11-20",
    ),
    ConfigurableHost(
        name="cline-vscode",
        names=("cline*",),
        title="Cline in VS Code",
        max_output_bytes=7_500,
        counts_json=True,
        meta=False,
        images=False,
        links=False,
        folders={
            system: (f"{paths[0]}/globalStorage/saoudrizwan.claude-dev/settings",) for system, paths in _CODE.items()
        },
        files=("cline_mcp_settings.json",),
        strict=True,
        fixed={"disabled": False},
        next_step="In Cline open MCP Servers, Configure: {name} is listed there.",
        source="assumed to be as Cline's CLI; docs.cline.bot/mcp/configuring-mcp-servers; read 2026-11-21",
    ),
    Host(
        names=("mcp-inspector*", "inspector-cli"),
        title="MCP Inspector",
        asks_for_data=True,
        source="2.12.0: without _meta.ui.csp its sandbox blocks data: URLs, against the specification; measured 2026-11-28",
    ),
    Host(
        names=("@n8n/*", "n8n*"),
        title="n8n",
        extra_arguments=frozenset({"toolCallId", "sessionId", "action", "chatInput"}),
        source="McpClientTool: 60 s by default; adds fields of its own to the arguments; n8n-io/n8n#21500; read 2026-11-28",
    ),
)
CONFIGURABLE: tuple[ConfigurableHost, ...] = tuple(host for host in HOSTS if isinstance(host, ConfigurableHost))
UNKNOWN = Host(names=(), title="an unknown host")


def find_host(client_name: str | None) -> Host:
    """The row of a client's name; unknown names get conservative defaults."""
    name = (client_name or "").strip().lower()
    for host in HOSTS:
        for pattern in host.names:
            if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
                return host
    return UNKNOWN
