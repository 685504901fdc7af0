"""Who is measured: how each is installed, started, pointed at the upstream and asked, as rows."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.upstream import MODEL

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PLACE = ROOT / ".work" / "peers"
KEY = "sk-or-bench-0123456789-0123456789-0123"
"""A key of the form that every peer takes; the upstream looks at none."""

EMPTY, OURS = "empty", "ours"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server.

    Attributes:
        packages: what is installed into its own environment; empty: it runs in that of `shares`.
        npm: whether the packages are of npm.
        argv: program and arguments, with `{bin}`, `{node}` and `{here}` to be filled.
        env: variables, with `{origin}` of the upstream and `{home}` of the run to be filled.
        tool: the tool that asks a model, and what `ask` makes of a prompt for it.
        files: written into the run's folder before the start.
        about: what a reader of the table should know of how it was run.
    """

    key: str
    title: str
    packages: tuple[str, ...] = ()
    shares: str = ""
    npm: bool = False
    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict[str, str])
    tool: str = "chat"
    ask: Callable[[str, Path], Json] = lambda prompt, _home: {"prompt": prompt, "model": MODEL}
    files: dict[str, Json] = field(default_factory=dict[str, Json])
    about: str = ""

    @property
    def folder(self) -> Path:
        """Its environment."""
        return PLACE / (self.shares or self.key)

    def command(self, node: Path | None) -> list[str]:
        """Program and arguments."""
        scripts = "Scripts" if sys.platform == "win32" else "bin"
        values = {"bin": self.folder / scripts, "node": node, "here": HERE, "folder": self.folder}
        return [part.format(**values) for part in self.argv]

    def environment(self, origin: str, home: Path) -> dict[str, str]:
        """What it sees: nothing of the caller's keys, proxies and settings."""
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
        values = {"origin": origin, "home": home, "here": HERE, "key": KEY}
        places = {"HOME": str(home), "USERPROFILE": str(home), "XDG_CONFIG_HOME": str(home), "TMPDIR": str(home)}
        return {**kept, **places, **{name: value.format(**values) for name, value in self.env.items()}}

    def prepare(self, home: Path) -> None:
        """Writes the files that it reads at its start."""
        for name, content in self.files.items():
            path = home / name
            path.write_text(json.dumps(content), encoding="utf-8")
            path.chmod(0o600)


_PAL_MODEL: Json = {
    "model_name": MODEL,
    "aliases": [],
    "context_window": 128_000,
    "max_output_tokens": 64_000,
    "supports_images": False,
    "description": "loopback",
    "intelligence_score": 6,
}

SERVERS = (
    Server(
        key=EMPTY,
        title="empty SDK server",
        shares=OURS,
        argv=("{bin}/python", "{here}/../empty_server.py"),
        tool="noop",
        ask=lambda prompt, _home: {"text": prompt},
        about="one tool that does nothing, on the same SDK; its chat rows are a call of that tool",
    ),
    Server(
        key=OURS,
        title="this server",
        packages=(str(ROOT),),
        argv=("{bin}/anymodel-mcp",),
        env={"OPENAI_BASE_URL": "{origin}/v1", "OPENAI_API_KEY": "{key}"},
        about="installed from this checkout; two variables set; all defaults. It cuts a long answer and adds "
        "an id: `get_result` returns the rest in parts",
    ),
    Server(
        key="pal",
        title="pal-mcp-server",
        packages=("pal-mcp-server==11.8.2",),
        argv=("{bin}/pal-mcp-server",),
        env={
            "CUSTOM_API_URL": "{origin}/v1",
            "CUSTOM_API_KEY": "{key}",
            "CUSTOM_MODELS_CONFIG_PATH": "{home}/custom_models.json",
            "DEFAULT_MODEL": MODEL,
            "PAL_WORKSPACE_ROOT": "{home}",
            "DISABLED_TOOLS": "analyze,refactor,testgen,secaudit,docgen,tracer",
        },
        ask=lambda prompt, home: {
            "prompt": prompt,
            "model": MODEL,
            "working_directory_absolute_path": str(home),
        },
        files={"custom_models.json": {"models": [_PAL_MODEL]}},
        about="the tools of its README's configuration (six turned off); its model manifest lists the one model",
    ),
    Server(
        key="mcp-openrouter",
        title="mcp-openrouter",
        packages=("mcp-openrouter==1.1.8",),
        argv=("{bin}/python", "{here}/launch.py", "openrouter"),
        env={"OPENROUTER_API_KEY": "{key}", "BENCH_ORIGIN": "{origin}"},
        about="its fixed base URL is replaced with the upstream's when it is loaded; it retries only the numeric error "
        "codes of OpenRouter, and the upstream's is a string, as OpenAI's is",
    ),
    Server(
        key="houtini",
        title="@houtini/lm",
        packages=("@houtini/lm@3.2.4",),
        npm=True,
        argv=("{node}", "{folder}/node_modules/@houtini/lm/dist/index.js"),
        env={
            "HOUTINI_LM_ENDPOINT_URL": "{origin}",
            "HOUTINI_LM_API_KEY": "{key}",
            "HOUTINI_LM_MODEL": MODEL,
            "NODE_OPTIONS": "--require={here}/stay_local.cjs",
        },
        ask=lambda prompt, _home: {"message": prompt},
        about="its lookup of the model at huggingface.co fails at once, as without a network",
    ),
    Server(
        key="second-opinion",
        title="second-opinion-mcp",
        packages=("second-opinion-mcp==0.11.0",),
        argv=("{bin}/python", "{here}/launch.py", "second-opinion"),
        env={"BENCH_ORIGIN": "{origin}", "SECOND_OPINION_PROVIDERS": "deepseek,openrouter"},
        tool="second_opinion",
        ask=lambda prompt, _home: {"prompt": prompt},
        files={".second-opinion-config": {"credentials": {"deepseek": KEY, "openrouter": KEY}}},
        about="its fixed base URLs are set to the upstream when it is loaded, and its question to the package index "
        "for a newer version, at every start and up to 3 s, is left out",
    ),
    Server(
        key="unichat",
        title="unichat-mcp-server",
        packages=("unichat-mcp-server==0.2.21", "mcp<2"),
        argv=("{bin}/unichat-mcp-server",),
        env={"UNICHAT_BASE_URL": "{origin}/v1", "UNICHAT_API_KEY": "{key}", "UNICHAT_MODEL": MODEL},
        tool="unichat",
        ask=lambda prompt, _home: {
            "messages": [{"role": "system", "content": "Answer."}, {"role": "user", "content": prompt}]
        },
        about="without `mcp<2`, as published, it gets the current `mcp` and does not start",
    ),
)
