"""What each MCP host tolerates, as rows; measured or read in sources, see the `source` of each row.

A host is known by the name that its client gives. A row says how long a call may take before the host gives up, how
much text it takes, and which kinds of content it loses or spoils.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host's tolerances.

    Attributes:
        names: client names, lower case; a trailing "*" matches any ending.
        deadline_s: answer before this many seconds; 0 = the host waits as long as we do.
        progress_extends: progress notes restart the host's clock, so with a token the deadline does not hold.
        max_output_bytes: how much text arrives whole; `None` = the general cap.
        counts_json: the cap counts the characters of the JSON that carries the text, not the text's bytes.
        meta: `_meta` may be sent (else the host shows it to the model).
        error_meta: `_meta` may be sent with an error (else the host shows the whole result of a failed call as JSON).
        images: picture blocks reach the model as pictures (else as text, or not at all).
        links: `resource_link` blocks are understood.
        extra_arguments: arguments that the host adds to every call.
        source: where this was seen.
    """

    names: tuple[str, ...]
    title: str
    deadline_s: float = 50
    progress_extends: bool = False
    max_output_bytes: int | None = None
    counts_json: bool = False
    meta: bool = True
    error_meta: bool = True
    images: bool = True
    links: bool = True
    extra_arguments: frozenset[str] = frozenset()
    source: str = ""


UNKNOWN = Host(names=(), title="an unknown host")

HOSTS: tuple[Host, ...] = (
    Host(
        names=("claude-ai*",),
        title="Claude Desktop",
        deadline_s=50,
        source="stops at 60 s (older, Cowork) or 240 s; claude-code#22542, #44032; refuses results over 1 MB; read 2026-11-20",
    ),
    Host(
        names=("claude-code",),
        title="Claude Code",
        deadline_s=240,
        progress_extends=True,
        max_output_bytes=45_000,
        source="2.1.329: about 50,000 characters inline, idle watchdog 5 min over HTTP restarted by progress; measured 2026-11-20",
    ),
    Host(
        names=("codex-mcp-client", "codex*"),
        title="Codex CLI",
        deadline_s=270,
        max_output_bytes=11_500,
        source="0.169.0: hard stop at 300 s, about 12,000 characters, the middle cut; measured 2026-11-20",
    ),
    Host(
        names=("copilot-cli",),
        title="GitHub Copilot CLI",
        deadline_s=50,
        progress_extends=True,
        max_output_bytes=20_000,
        images=False,
        links=False,
        source="1.0.102: progress restarts the clock, 20 kB arrive, pictures and links dropped; measured 2026-11-20",
    ),
    Host(
        names=("gemini-cli*",),
        title="Gemini CLI",
        deadline_s=540,
        max_output_bytes=38_000,
        error_meta=False,
        extra_arguments=frozenset({"wait_for_previous"}),
        source="0.61.0: hard stop at 600 s, 40,000 characters; an error is shown as the JSON of the whole result; adds wait_for_previous to every tool; measured 2026-11-20",
    ),
    Host(
        names=("opencode",),
        title="opencode",
        deadline_s=50,
        progress_extends=True,
        links=False,
        source="1.18.33: progress restarts the clock, about 50 kB arrive, links dropped; measured 2026-11-20",
    ),
    Host(
        names=("continue-cli-client", "continue*"),
        title="Continue",
        deadline_s=50,
        images=False,
        source="cn 1.5.47: 60 s, pictures pasted as base64 text; measured 2026-11-20",
    ),
    Host(
        names=("@cline/core", "cline*"),
        title="Cline",
        deadline_s=50,
        max_output_bytes=7_500,
        counts_json=True,
        meta=False,
        images=False,
        links=False,
        source="CLI 3.0.65: 60 s, the whole result JSON as text, cut at 8,000 characters; measured 2026-11-20",
    ),
    Host(
        names=("zed",),
        title="Zed",
        deadline_s=50,
        images=False,
        links=False,
        source="context_server_registry.rs: 60 s, pictures and resources dropped; read 2026-11-20",
    ),
    Host(
        names=("visual studio code*", "vscode*"),
        title="VS Code",
        deadline_s=50,
        source="mcpLanguageModelToolContribution.ts; read 2026-11-20",
    ),
    Host(
        names=("cursor*",),
        title="Cursor",
        deadline_s=50,
        source="timeout not documented, 60 s assumed; read 2026-11-20",
    ),
    Host(
        names=("goose*",),
        title="Goose",
        deadline_s=270,
        source="mcp_client.rs: timeout 300 s by default; read 2026-11-20",
    ),
    Host(
        names=("lmstudio*", "lm studio*"),
        title="LM Studio",
        deadline_s=50,
        source="about 60 s; bug-tracker#727; read 2026-11-20",
    ),
    Host(
        names=("windsurf*",),
        title="Windsurf",
        deadline_s=50,
        source="timeout not documented, 60 s assumed; client name: apify/mcp-client-capabilities; read 2026-11-28",
    ),
    Host(
        names=("@n8n/*", "n8n*"),
        title="n8n",
        deadline_s=50,
        extra_arguments=frozenset({"toolCallId", "sessionId", "action", "chatInput"}),
        source="McpClientTool: 60 s by default; adds fields of its own to the arguments; n8n-io/n8n#21500; read 2026-11-28",
    ),
)


def find_host(client_name: str | None) -> Host:
    """The row of a client's name; unknown names get the careful default."""
    name = (client_name or "").strip().lower()
    for host in HOSTS:
        for pattern in host.names:
            if name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])):
                return host
    return UNKNOWN
