"""The newcomer's path, for real: fresh clone, empty home, install, and real host programs that call our tool.

For each host: `anymodel-mcp install HOST` writes its file, the host runs one prompt, a scripted model (hosts_model.py)
makes it call `chat`, our server streams the answer from a model on loopback, and the words must stand in what the host
prints. Then `anymodel-mcp uninstall HOST` must leave the home as it was. `scripts/hosts-e2e` runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hosts_model import QUESTION, WORDS, Model, serve_model

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".work" / "hosts"
PROMPT = f"Ask the other model with your chat tool: {QUESTION}"
KEY = "sk-e2e-0123456789abcdef-never-shown"


@dataclass(frozen=True, kw_only=True)
class RealHost:
    """A host program from npm, and how to run one prompt in it against a model on loopback.

    Attributes:
        package: npm package and version that this was tried with.
        command: arguments; {model} is the address of the scripted model, {prompt} the prompt.
        env: what the host needs besides the home.
        withholds_key: it keeps OPENAI_API_KEY from its servers.
        files: what a user of the host has in the home before (below it); {model} is filled in.
    """

    name: str
    package: str
    program: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    withholds_key: bool = False


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
        withholds_key=True,
        command=("--prompt", "{prompt}", "--allow-all-tools", "--disable-client-telemetry"),
        env={"COPILOT_PROVIDER_BASE_URL": "{model}/v1", "COPILOT_MODEL": "fake", "COPILOT_AUTO_UPDATE": "false"},
    ),
    RealHost(
        name="cline",
        package="cline@3.0.65",
        program="cline",
        command=("--auto-approve", "true", "--timeout", "60", "{prompt}"),
        env={"CLINE_TELEMETRY_DISABLED": "1"},
        files={".cline/data/settings/providers.json": json.dumps(_CLINE, indent=2).replace("MODEL", "{model}")},
    ),
)


def say(text: str) -> None:
    """One line of the report."""
    print(text, flush=True)


def run(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path, *, timeout_s: float = 600) -> str:
    """Runs a command; gives stdout and stderr together, or ends the script with them."""
    done = attempt(command, env, cwd, timeout_s=timeout_s)
    if done[0]:
        sys.exit(f"hosts-e2e: {' '.join(map(str, command))} ended with {done[0]}\n{done[1]}")
    return done[1]


def attempt(command: Sequence[str | Path], env: Mapping[str, str], cwd: Path, *, timeout_s: float) -> tuple[int, str]:
    """Status and output of a command; 124 when it took too long (it is stopped with its children)."""
    child = subprocess.Popen(
        [str(c) for c in command],
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)
        output, _ = child.communicate()
        return 124, output
    return child.returncode, output


def install_hosts(hosts: Sequence[RealHost]) -> Path:
    """The host programs, from npm, kept below .work; gives the folder of their commands."""
    npm = shutil.which("npm")
    if not npm:
        sys.exit("hosts-e2e: npm is needed (Node 20 or newer)")
    WORK.mkdir(parents=True, exist_ok=True)
    wanted = [h.package for h in hosts]
    stamp = WORK / "installed.json"
    if not stamp.exists() or not set(wanted) <= set(json.loads(stamp.read_text("utf-8"))):
        say(f"npm install {' '.join(wanted)}")
        (WORK / "package.json").write_text('{"private": true}', "utf-8")
        run([npm, "install", "--no-audit", "--no-fund", *wanted], os.environ, WORK)
        stamp.write_text(json.dumps(wanted), "utf-8")
    return WORK / "node_modules" / ".bin"


def fresh_install(place: Path) -> Path:
    """A clone, an environment made from it as the README says; gives the command."""
    clone = place / "anymodel-mcp"
    run(["git", "clone", "--quiet", ROOT, clone], os.environ, place)
    venv.create(place / "venv", with_pip=True)
    scripts = place / "venv" / "bin"
    run([scripts / "pip", "install", "--quiet", "-c", clone / "constraints.txt", clone], os.environ, place)
    return scripts / "anymodel-mcp"


def stop_left(home: Path) -> None:
    """Stops what a host left running (Cline keeps a daemon): those whose home is the one made for it; Linux only."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"HOME={home}".encode() in environ.read_bytes().split(b"\0"):
                os.kill(int(environ.parent.name), signal.SIGKILL)


def below(home: Path) -> dict[str, bytes]:
    """The files that the host's row may touch, by name."""
    return {str(p.relative_to(home)): p.read_bytes() for p in home.rglob("*") if p.is_file() and not p.is_symlink()}


def try_host(host: RealHost, command: Path, programs: Path, place: Path, model: str, *, timeout_s: float) -> list[str]:
    """Runs one host; gives what is wrong, nothing when all is well."""
    home, project = place / f"home-{host.name}", place / f"project-{host.name}"
    project.mkdir()
    for name, text in host.files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text.replace("{model}", model), "utf-8")
    home.mkdir(exist_ok=True)
    before = below(home)
    env = {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    env |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{model}/upstream/v1", "ANYMODEL_MODEL": "fox-counter"}
    env |= {"NO_COLOR": "1", "TERM": "dumb", "CI": "1"}
    shown = run([command, "install", host.name], env, project)
    wrong = ["a key is shown by install"] if KEY in shown else []
    installed = below(home)
    wrong += [f"{n} holds the key" for n, c in installed.items() if KEY.encode() in c and n not in before]
    Model.log.clear()
    env |= {name: value.replace("{model}", model) for name, value in host.env.items()}
    arguments = [a.replace("{model}", model).replace("{prompt}", PROMPT) for a in host.command]
    for _ in range(2):  # Codex and Cline do not wait for a server that is still starting: their next run finds it warm
        status, output = attempt([programs / host.program, *arguments], env, project, timeout_s=timeout_s)
        asked = [r for r in Model.log if r["path"].startswith("/upstream/")]
        if asked or status:
            break
        say(f"     {host.name} began before our server was ready; once more")
    wrong += [f"the host ended with status {status}"] if status else []
    wrong += [] if " ".join(WORDS) in " ".join(output.split()) else ["the answer is not in what the host printed"]
    wrong += [] if asked else ["our server asked no model"]
    wrong += [] if all(r["body"].get("stream") is True for r in asked) else ["our server did not stream"]
    wrong += (
        []
        if host.withholds_key or all(r["key"] == f"Bearer {KEY}" for r in asked)
        else ["our server did not get the key"]
    )
    wrong += ["the host printed the key"] if KEY in output else []
    if wrong:
        (WORK / f"{host.name}.log").write_text(
            output + "\n--- requests\n" + "\n".join(json.dumps(r) for r in Model.log), "utf-8"
        )
        wrong.append(f"its output: {WORK / (host.name + '.log')}")
    return wrong + undone(host, command, env, project, home, before, installed)


def undone(
    host: RealHost,
    command: Path,
    env: Mapping[str, str],
    project: Path,
    home: Path,
    before: Mapping[str, bytes],
    installed: Mapping[str, bytes],
) -> list[str]:
    """Takes the entry out again; what the host itself did not change must be as it was."""
    now = below(home)
    untouched = {n for n in installed if now.get(n) == installed[n]}
    run([command, "uninstall", host.name], env, project)
    after = below(home)
    names = {n for n in untouched if "anymodel-backup" not in n}
    wrong = [f"{n} is not as it was" for n in sorted(names) if after.get(n) != before.get(n)]
    left = [n for n in after if n in installed and b'"anymodel"' in after[n] and "backup" not in n]
    return wrong + [f"{n} still names the server" for n in left]


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host", nargs="*", help=f"of {', '.join(h.name for h in HOSTS)}; default: all")
    parser.add_argument("--command", type=Path, help="an anymodel-mcp that is there, in place of a fresh clone")
    parser.add_argument("--timeout-s", type=float, default=120)
    options = parser.parse_args()
    hosts = [h for h in HOSTS if not options.host or h.name in options.host]
    if not hosts:
        parser.error(f"no such host: {options.host}")
    programs = install_hosts(hosts)
    failures = 0
    # not below /tmp: Codex refuses to keep its files there
    with tempfile.TemporaryDirectory(dir=WORK, prefix="run-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        command = options.command.absolute() if options.command else fresh_install(place)
        server, model = serve_model()
        for host in hosts:
            wrong = try_host(host, command, programs, place, model, timeout_s=options.timeout_s)
            failures += bool(wrong)
            stop_left(place / f"home-{host.name}")
            say(f"{'FAIL' if wrong else 'ok  '} {host.name} ({host.package})" + "".join(f"\n     {w}" for w in wrong))
        server.shutdown()
    say(f"{len(hosts) - failures} of {len(hosts)} hosts printed the streamed answer of the other model")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
