"""The host programs from npm that scripts/hosts-e2e runs: package, command, and what a user of each has in the home."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

KEY = "sk-e2e-0123456789abcdef-never-shown"


@dataclass(frozen=True, kw_only=True)
class RealHost:
    """A host program from npm, and how to run one prompt in it against a model on loopback.

    Attributes:
        package: npm package and version that this was tried with.
        command: arguments; {model} is the address of the scripted model, {prompt} the prompt.
        env: what the host needs besides the home.
        key_in_file: it cannot look OPENAI_API_KEY up, so that the key stands in its file.
        embedded: our server has the model of this machine behind it, in place of the scripted one with a key.
        files: what a user of the host has in the home before (below it); {model} is filled in.
    """

    name: str
    package: str
    program: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    key_in_file: bool = False
    embedded: bool = False


_OPENCODE = {
    "$schema": "https://opencode.ai/config.json",
    "autoupdate": False,
    "share": "disabled",
    "provider": {
        "fake": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": "MODEL/v1", "apiKey": "x"},
            "models": {"fake": {"tool_call": True, "limit": {"context": 100000, "output": 4000}}},
        }
    },
}

_CLINE = {
    "version": 1,
    "lastUsedProvider": "openai-compatible",
    "providers": {
        "openai-compatible": {
            "settings": {
                "provider": "openai-compatible",
                "apiKey": "x",
                "model": "fake",
                "baseUrl": "MODEL/v1",
            },
            "updatedAt": "2026-11-21T00:00:00.000Z",
            "tokenSource": "manual",
        }
    },
}

HOSTS = (
    RealHost(
        name="claude-code",
        package="@anthropic-ai/claude-code@2.1.329",
        program="claude",
        command=("-p", "{prompt}", "--allowedTools", "mcp__anymodel__chat"),
        env={
            "ANTHROPIC_BASE_URL": "{model}",
            "ANTHROPIC_API_KEY": "sk-ant-fake",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        },
    ),
    RealHost(
        name="codex",
        package="@openai/codex@0.169.0",
        program="codex",
        command=("exec", "--skip-git-repo-check", "--sandbox", "read-only", "{prompt}"),
        files={
            ".codex/config.toml": (
                '# the user\'s own\nmodel = "fake"\nmodel_provider = "fake"\n\n[model_providers.fake]\nname = "fake"\n'
                'base_url = "{model}/v1"\nwire_api = "responses"\n'
            )
        },
    ),
    RealHost(
        name="gemini",
        package="@google/gemini-cli@0.61.0",
        program="gemini",
        # a model by name: without one it asks another model to choose
        command=("--skip-trust", "--yolo", "--model", "gemini-2.5-flash", "--prompt", "{prompt}"),
        env={"GEMINI_API_KEY": "fake", "GOOGLE_GEMINI_BASE_URL": "{model}", "GEMINI_TELEMETRY_ENABLED": "false"},
        files={
            ".gemini/settings.json": (
                '{\n  // the user\'s own\n  "security": { "auth": { "selectedType": "gemini-api-key" } },\n'
                '  "privacy": { "usageStatisticsEnabled": false }\n}\n'
            )
        },
    ),
    RealHost(
        name="opencode",
        package="opencode-ai@1.18.33",
        program="opencode",
        command=("run", "--model", "fake/fake", "{prompt}"),
        env={"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"},
        embedded=True,
        files={".config/opencode/opencode.json": json.dumps(_OPENCODE, indent=2).replace("MODEL", "{model}")},
    ),
    RealHost(
        name="continue",
        package="@continuedev/cli@1.5.47",
        program="cn",
        command=("--auto", "--print", "{prompt}"),
        files={
            ".continue/config.yaml": (
                "name: mine\nversion: 1.0.0\nschema: v1\nmodels:\n  - name: fake\n    provider: openai\n"
                "    model: fake\n    apiBase: {model}/v1\n    apiKey: x\n    roles: [chat]\n"
                "    capabilities: [tool_use]\n"
            ),
            ".continue/.env": f"OPENAI_API_KEY={KEY}\n",
        },
        env={"CONTINUE_TELEMETRY_ENABLED": "0", "OTEL_METRICS_EXPORTER": "none"},
    ),
    RealHost(
        name="copilot",
        package="@github/copilot@1.0.102",
        program="copilot",
        key_in_file=True,
        command=("--prompt", "{prompt}", "--allow-all-tools", "--disable-client-telemetry"),
        env={"COPILOT_PROVIDER_BASE_URL": "{model}/v1", "COPILOT_MODEL": "fake", "COPILOT_AUTO_UPDATE": "false"},
    ),
    RealHost(
        name="cline",
        package="cline@3.0.65",
        program="cline",
        key_in_file=True,
        command=("--auto-approve", "true", "--timeout", "60", "{prompt}"),
        env={"CLINE_TELEMETRY_DISABLED": "1"},
        files={".cline/data/settings/providers.json": json.dumps(_CLINE, indent=2).replace("MODEL", "{model}")},
    ),
)
