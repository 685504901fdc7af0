"""The hosts that `install` can write to, as rows: which file, which key, what an entry looks like there.

To add a host: one row. Where a row says "measured", the host itself was run; else its documents were read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from anymodel_mcp.cli.install import json_text, toml_text, yaml_text
from anymodel_mcp.cli.install.formats import Format

JSON = Format("JSON", json_text.read, json_text.put, json_text.drop)
TOML = Format("TOML", toml_text.read, toml_text.put, toml_text.drop)
YAML = Format("YAML", yaml_text.read, yaml_text.put, yaml_text.drop)
YAML_LIST = Format("YAML", yaml_text.read, yaml_text.put_listed, yaml_text.drop_listed, listed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """Where and how one host keeps its MCP servers.

    Attributes:
        folders: per platform ("darwin", "linux", "win32"; "" = any other) the folders that may hold the file, likeliest
            first. `{home}`, `{config}`, `{appdata}`, `{localappdata}` are filled in; a `*` matches what is there.
        names: names that the file may have; the first is made where none exists.
        folder_variable: environment variable by which the host moves its folder.
        file_variable: environment variable by which the host moves the file itself.
        section: the key below which servers stand.
        new_text: what an empty file of this host starts from.
        strict: the host takes no comments and no trailing commas.
        command_key: where the program stands; with `args_key` "" program and arguments are one list there.
        fixed: fields that say what kind of server this is.
        defaults: fields that are set once and then belong to the user.
        keys: how a key reaches the server: "reference" (the host fills in `reference`), "names" (the host passes on the
            variables named under `names_key`), "ask" (the host asks once and keeps it), "clear" (in clear or not).
        withheld: variables that the host keeps from its servers, so that `keys` does not hold for them.
        keys_hint: where the host takes the key from, for the reader of the note.
        next_step: what to do for the host to see the change.
    """

    name: str
    title: str
    folders: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]
    folder_variable: str = ""
    file_variable: str = ""
    format: Format = JSON
    section: str = "mcpServers"
    new_text: str = "{}\n"
    strict: bool = False
    command_key: str = "command"
    args_key: str = "args"
    env_key: str = "env"
    names_key: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    keys: Literal["reference", "names", "ask", "clear"] = "clear"
    reference: str = ""
    withheld: frozenset[str] = frozenset()
    keys_hint: str = ""
    next_step: str = ""
    source: str = ""


_SHELL = "set it in the environment that {title} is started from"
_STDIO: Mapping[str, Any] = MappingProxyType({"type": "stdio"})
_CODE = {
    "darwin": ("{home}/Library/Application Support/Code/User",),
    "linux": ("{config}/Code/User",),
    "win32": ("{appdata}/Code/User",),
}


def _vscode(name: str, title: str, folder: str) -> HostRow:
    return HostRow(
        name=name,
        title=title,
        folders={system: (paths[0].replace("/Code/", f"/{folder}/"),) for system, paths in _CODE.items()},
        names=("mcp.json",),
        section="servers",
        fixed=_STDIO,
        keys="ask",
        reference="${{input:{id}}}",
        keys_hint="{title} asks for it at the first start and keeps it in its own safe place",
        next_step='In {title} run "MCP: List Servers", choose {name}, then Start.',
        source="code.visualstudio.com/docs/copilot/reference/mcp-configuration, read 2026-11-20",
    )


HOSTS: tuple[HostRow, ...] = (
    HostRow(
        name="claude-desktop",
        title="Claude Desktop",
        folders={
            "darwin": ("{home}/Library/Application Support/Claude",),
            "linux": ("{config}/Claude",),
            # the packaged build sees only its own copy of the folder: anthropics/claude-code#26073, read 2026-11-21
            "win32": ("{localappdata}/Packages/Claude_*/LocalCache/Roaming/Claude", "{appdata}/Claude"),
        },
        names=("claude_desktop_config.json",),
        strict=True,
        next_step="Quit Claude Desktop completely (also from the tray) and open it again.",
        source="modelcontextprotocol.io/docs/develop/connect-local-servers, read 2026-11-20",
    ),
    HostRow(
        name="claude-code",
        title="Claude Code",
        folders={"": ("{home}",)},
        names=(".claude.json",),
        folder_variable="CLAUDE_CONFIG_DIR",
        strict=True,
        fixed=_STDIO,
        keys="reference",
        reference="${{{variable}}}",
        keys_hint=_SHELL,
        next_step="Start claude again; /mcp shows {name}.",
        source="code.claude.com/docs/en/mcp; 2.1.329 measured 2026-11-20",
    ),
    _vscode("vscode", "VS Code", "Code"),
    _vscode("vscode-insiders", "VS Code Insiders", "Code - Insiders"),
    HostRow(
        name="cursor",
        title="Cursor",
        folders={"": ("{home}/.cursor",)},
        names=("mcp.json",),
        keys="reference",
        reference="${{env:{variable}}}",
        keys_hint=_SHELL,
        next_step="Open Cursor Settings, MCP, and switch {name} on.",
        source="cursor.com/docs/mcp, read 2026-11-20",
    ),
    HostRow(
        name="windsurf",
        title="Windsurf",
        folders={"": ("{home}/.codeium/windsurf",)},
        names=("mcp_config.json",),
        keys="reference",
        reference="${{env:{variable}}}",
        keys_hint=_SHELL,
        next_step="In Windsurf press Refresh in the MCP panel.",
        source="docs.devin.ai/desktop/cascade/mcp, read 2026-11-20",
    ),
    HostRow(
        name="zed",
        title="Zed",
        folders={"win32": ("{appdata}/Zed",), "darwin": ("{home}/.config/zed",), "": ("{config}/zed",)},
        names=("settings.json",),
        section="context_servers",
        next_step="Zed reads the change at once; the agent panel's settings show {name}.",
        source="zed.dev/docs/ai/mcp and context_server_registry.rs, read 2026-11-20",
    ),
    HostRow(
        name="codex",
        title="Codex CLI",
        folders={"": ("{home}/.codex",)},
        names=("config.toml",),
        folder_variable="CODEX_HOME",
        format=TOML,
        section="mcp_servers",
        new_text="",
        keys="names",
        names_key="env_vars",
        keys_hint=_SHELL,
        next_step="Start codex again; /mcp shows {name}.",
        source="developers.openai.com/codex/mcp; 0.169.0 measured 2026-11-20",
    ),
    HostRow(
        name="gemini",
        title="Gemini CLI",
        folders={"": ("{home}/.gemini",)},
        names=("settings.json",),
        keys="reference",
        reference="${variable}",
        keys_hint=_SHELL,
        next_step="Start gemini again; /mcp shows {name}.",
        source="geminicli.com/docs/tools/mcp-server; 0.61.0 measured 2026-11-20",
    ),
    HostRow(
        name="copilot",
        title="GitHub Copilot CLI",
        folders={"": ("{home}/.copilot",)},
        names=("mcp-config.json",),
        fixed={"type": "local"},
        defaults={"tools": ["*"]},
        keys="reference",
        reference="${{{variable}}}",
        withheld=frozenset({"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY", "GITHUB_TOKEN"}),
        keys_hint=_SHELL,
        next_step="Start copilot again; /mcp show lists {name}.",
        source="docs.github.com/copilot/how-tos/use-copilot-agents/use-copilot-cli; 1.0.102 measured 2026-11-21",
    ),
    HostRow(
        name="opencode",
        title="opencode",
        folders={"": ("{config}/opencode",)},
        names=("opencode.json", "opencode.jsonc"),
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
        source="opencode.ai/docs/mcp-servers; 1.18.33 measured 2026-11-20",
    ),
    HostRow(
        name="goose",
        title="Goose",
        folders={
            "win32": ("{appdata}/Block/goose/config",),
            "darwin": ("{home}/.config/goose",),
            "": ("{config}/goose",),
        },
        names=("config.yaml",),
        format=YAML,
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
        source="goose-docs.ai/docs/guides/config-files, read 2026-11-20",
    ),
    HostRow(
        name="lmstudio",
        title="LM Studio",
        # the second is what some installations use: lmstudio-ai/lmstudio-bug-tracker#1371, read 2026-11-21
        folders={"": ("{home}/.lmstudio", "{home}/.cache/lm-studio")},
        names=("mcp.json",),
        next_step="In LM Studio switch {name} on under Program, Install.",
        source="lmstudio.ai/docs/app/mcp, read 2026-11-20",
    ),
    HostRow(
        name="continue",
        title="Continue",
        folders={"": ("{home}/.continue",)},
        names=("config.yaml",),
        format=YAML_LIST,
        new_text="name: Local\nversion: 1.0.0\nschema: v1\n",
        keys="reference",
        reference="${{{{ secrets.{variable} }}}}",
        keys_hint="write NAME=key into ~/.continue/.env",
        next_step="Reload Continue (or start cn again).",
        source="docs.continue.dev/customize/deep-dives/mcp; cn 1.5.47 measured 2026-11-20",
    ),
    HostRow(
        name="cline",
        title="Cline",
        folders={"": ("{home}/.cline/data/settings",)},
        names=("cline_mcp_settings.json",),
        file_variable="CLINE_MCP_SETTINGS_PATH",
        strict=True,
        fixed={"disabled": False},
        next_step="Start cline again.",
        source="docs.cline.bot/mcp/mcp-overview; CLI 3.0.65 measured 2026-11-20",
    ),
    HostRow(
        name="cline-vscode",
        title="Cline in VS Code",
        folders={
            system: (f"{paths[0]}/globalStorage/saoudrizwan.claude-dev/settings",) for system, paths in _CODE.items()
        },
        names=("cline_mcp_settings.json",),
        strict=True,
        fixed={"disabled": False},
        next_step="In Cline open MCP Servers, Configure: {name} stands there.",
        source="docs.cline.bot/mcp/configuring-mcp-servers, read 2026-11-21",
    ),
)
