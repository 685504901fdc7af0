"""The newcomer's path, for real: fresh clone, empty home, the commands of README.md, and real host programs from npm.

The commands of "Try it" run first (newcomer.py reads them; git takes this checkout's last commit where they
name the public address). Then, for each host in a copy of that home: the commands of "Use it in your host" write the
host's file, the host runs one prompt, a scripted model (hosts_model.py) makes it call `chat`, our server streams the
answer of a model on loopback or of the one that the demo fetched, and the words must stand in what the host prints. At
last `anymodel-mcp uninstall HOST` must leave the home as it was. `scripts/hosts-e2e` runs it.
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
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the Node of the tests, so that the machine needs none

from hosts_model import QUESTION, REPLY, WORDS, Model, serve_model  # noqa: E402
from hosts_roster import HOSTS, KEY, RealHost  # noqa: E402
from newcomer import ReadmeError, installing, trying  # noqa: E402

from tests.upstreams.install import node, npm  # noqa: E402

WORK = ROOT / ".work" / "hosts"
README = (ROOT / "README.md").read_text("utf-8")
PROMPT = f"Ask the other model with your chat tool: {QUESTION}"
DEFAULT = ("codex", "opencode")
# what leads to the network, and nothing else of this machine's environment, is a newcomer's too
NETWORK = ("PIP_", "SSL_CERT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
REPORT = "import json, os, sys; json.dump([os.getcwd(), dict(os.environ)], open(sys.argv[1], 'w', encoding='utf-8'))"


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Where a reader's shell stands after some commands."""

    cwd: Path
    env: Mapping[str, str]
    shown: str = ""

    def type(self, commands: str, *, timeout_s: float = 600) -> Shell:
        """The shell after these commands; ends the script with what they printed if one fails."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "shell.json"
            script = f'{commands}\n"$0" -c "$1" "$2"\n'
            words = ["sh", "-ec", script, sys.executable, REPORT, report]
            status, shown = attempt(words, self.env, self.cwd, timeout_s=timeout_s)
            if status or not report.exists():
                sys.exit(f"hosts-e2e: these commands ended with {status}:\n{commands}\n{shown}")
            cwd, env = json.loads(report.read_text("utf-8"))
        return Shell(cwd=Path(cwd), env=env, shown=shown)


class ResponseDeadline:
    """Seconds of each step, for the report."""

    def __init__(self) -> None:
        self.last = time.monotonic()

    def lap(self) -> str:
        """Time since the last step."""
        before, self.last = self.last, time.monotonic()
        return f"{self.last - before:.0f} s"


def say(text: str) -> None:
    """One line of the report."""
    print(text, flush=True)


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
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        return 124, output
    return child.returncode, output


def install_hosts(hosts: Sequence[RealHost]) -> Path:
    """The host programs, from npm, kept below .work; gives the folder of their commands."""
    WORK.mkdir(parents=True, exist_ok=True)
    wanted = [h.package for h in hosts]
    stamp = WORK / "installed.json"
    if not stamp.exists() or not set(wanted) <= set(json.loads(stamp.read_text("utf-8"))):
        stamp.unlink(missing_ok=True)
        (WORK / "package.json").write_text('{"private": true}', "utf-8")
        env = {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ['PATH']}"}
        words = [*npm(), "install", "--no-audit", "--no-fund", "--no-update-notifier", "--no-package-lock", *wanted]
        status, shown = attempt(words, env, WORK, timeout_s=900)
        if status:
            sys.exit(f"hosts-e2e: npm install {' '.join(wanted)} ended with {status}\n{shown}")
        stamp.write_text(json.dumps(wanted), "utf-8")
    return WORK / "node_modules" / ".bin"


def newcomer(place: Path, address: str) -> Shell:
    """A shell with an empty home and nothing of this machine's environment but the way to the network.

    Git takes this checkout where the address of the repository is named.
    """
    home = place / "home"
    home.mkdir()
    env = {name: value for name, value in os.environ.items() if name.startswith(NETWORK)}
    env |= {"PYTHON": os.environ.get("PYTHON") or f"{sys.base_prefix}/bin/python3"}  # not our environment's
    env |= {"HOME": str(home), "PATH": f"{node().parent}:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    env |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf", "GIT_CONFIG_VALUE_0": address}
    return Shell(cwd=place, env={**env, "NO_COLOR": "1", "TERM": "dumb", "CI": "1"})


def stop_left(home: Path) -> None:
    """Stops what a host left running (Cline keeps a daemon): those whose home is the one made for it; Linux only."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"HOME={home}".encode() in environ.read_bytes().split(b"\0"):
                os.kill(int(environ.parent.name), signal.SIGKILL)


def below(home: Path) -> dict[str, bytes]:
    """The files that the host's row may touch, by name; caches are nobody's configuration."""
    held: dict[str, bytes] = {}
    for path in home.rglob("*"):
        name = str(path.relative_to(home))
        if not name.startswith((".cache/", "Library/Caches/")) and path.is_file() and not path.is_symlink():
            with contextlib.suppress(FileNotFoundError):  # a server that is still ending takes its own files away
                held[name] = path.read_bytes()
    return held


def is_same(before: bytes | None, after: bytes | None) -> bool:
    """Whether a file is as it was; a host that removes its last server itself leaves an empty section."""
    left = b"".join((after or b"").split()).replace(b',"mcpServers":{}', b"").replace(b'"mcpServers":{}', b"")
    return before == after or b"".join((before or b"{}").split()) == left


class Trial:
    """One host in a home of its own: a copy of the one in which the demo ran."""

    def __init__(self, host: RealHost, tried: Shell, programs: Path, place: Path, model: str) -> None:
        self.host, self.model, self.clone = host, model, tried.cwd
        self.home, self.project = place / f"home-{host.name}", place / f"project-{host.name}"
        self.project.mkdir()
        shutil.copytree(tried.env["HOME"], self.home, symlinks=True)
        for name, text in host.files.items():
            (self.home / name).parent.mkdir(parents=True, exist_ok=True)
            (self.home / name).write_text(self.filled(text), "utf-8")
        self.before = below(self.home)
        # who uses a host has it on PATH: some write the entry themselves
        env = {**tried.env, "HOME": str(self.home), "PATH": f"{programs}{os.pathsep}{tried.env['PATH']}"}
        env |= {} if host.embedded else {"OPENAI_BASE_URL": f"{model}/upstream/v1"}
        self.shell = Shell(cwd=self.clone, env=env).type(installing(README, host.name, None if host.embedded else KEY))
        self.installed = below(self.home)

    def filled(self, text: str) -> str:
        """The text with the address of the scripted model and the prompt in it."""
        return text.replace("{model}", self.model).replace("{prompt}", PROMPT)

    def run(self, programs: Path, timeout_s: float) -> tuple[int, str]:
        """Runs the host; status and output."""
        env = {**self.shell.env, **{name: self.filled(value) for name, value in self.host.env.items()}}
        words = [programs / self.host.program, *map(self.filled, self.host.command)]
        Model.log.clear()
        for _ in range(
            2
        ):  # Codex and Cline do not wait for a server that is still starting: the next run finds it warm
            status, output = attempt(words, env, self.project, timeout_s=timeout_s)
            if status or REPLY.strip() in output:
                break
            say(f"     {self.host.name} began before our server was ready; once more")
        return status, output

    def asked(self) -> list[dict[str, object]]:
        """What the model behind our server was asked: requests of the scripted one, the ledger for the other."""
        if not self.host.embedded:
            return [r for r in Model.log if r["path"].startswith("/upstream/")]
        for _ in range(20):  # our server writes the ledger when its host is gone
            usage = self.shell.type(".venv/bin/anymodel-mcp usage --json --by provider").shown
            sums = [s for s in json.loads(usage)["sums"] if s["key"] == "local"]
            if sums:
                break
            time.sleep(0.25)
        return sums

    def problems(self, status: int, output: str) -> list[str]:
        """What is wrong with what the host did."""
        words = " ".join(output.split())
        asked = self.asked()
        checks = {
            f"the host ended with status {status}": status == 0,
            "a key is shown by install": KEY not in self.shell.shown,
            "the host printed the key": KEY not in output,
            "our server asked no model": bool(asked),
        }
        if not self.host.key_in_file:
            keyed = {n for n, content in self.installed.items() if KEY.encode() in content}
            before = {n for n, content in self.before.items() if KEY.encode() in content}
            checks |= {f"{name} holds the key": False for name in keyed - before}
        if self.host.embedded:
            answer = words.rpartition(REPLY.strip())[2].strip()
            checks["the answer is not in what the host printed"] = bool(answer) and not answer.startswith("Failed")
        else:
            checks["the answer is not in what the host printed"] = " ".join(WORDS) in words
            checks["our server did not stream"] = all(r["body"].get("stream") is True for r in asked)
            checks["our server did not get the key"] = all(r["key"] == f"Bearer {KEY}" for r in asked)
        return [problem for problem, fine in checks.items() if not fine]

    def undo(self) -> list[str]:
        """Takes the entry out again; what the host itself did not change must be as it was."""
        now = below(self.home)
        # what a host made for itself while it wrote the entry is not ours to take away
        ours = {n for n, content in self.installed.items() if n in self.before or b'"anymodel"' in content}
        untouched = {n for n in ours if now.get(n) == self.installed[n] and "anymodel-backup" not in n}
        self.shell.type(f".venv/bin/anymodel-mcp uninstall --yes {self.host.name}")
        after = below(self.home)
        wrong = [f"{n} is not as it was" for n in sorted(untouched) if not is_same(self.before.get(n), after.get(n))]
        left = [n for n in after if n in self.installed and b'"anymodel"' in after[n] and "backup" not in n]
        return wrong + [f"{n} still names the server" for n in left]


def try_host(host: RealHost, tried: Shell, programs: Path, place: Path, model: str, timeout_s: float) -> list[str]:
    """Runs one host; gives what is wrong, nothing when all is well."""
    trial = Trial(host, tried, programs, place, model)
    try:
        status, output = trial.run(programs, timeout_s)
        wrong = trial.problems(status, output)
        log = WORK / f"{host.name}.log"
        requests = "\n".join(json.dumps(r) for r in Model.log)
        log.write_text(f"{trial.shell.shown}\n--- host\n{output}\n--- requests\n{requests}", "utf-8")
        wrong += [f"its output: {log}"] if wrong else []
        return wrong + trial.undo()
    finally:
        stop_left(trial.home)
        shutil.rmtree(trial.home, ignore_errors=True)


def chosen(names: Sequence[str]) -> list[RealHost]:
    """The hosts of these names."""
    known = {h.name: h for h in HOSTS}
    strangers = [n for n in names if n not in known and n != "all"]
    if strangers:
        sys.exit(f"hosts-e2e: no such host: {', '.join(strangers)}; there are {', '.join(known)}, and all")
    return list(HOSTS) if "all" in names else [known[n] for n in names or DEFAULT]


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(h.name for h in HOSTS)
    parser.add_argument("host", nargs="*", help=f"of {names}, or all; default: {', '.join(DEFAULT)}")
    parser.add_argument("--timeout-s", type=float, default=120, help="for one run of a host")
    options = parser.parse_args()
    hosts = chosen(options.host)
    try:
        commands, address = trying(README)
        for host in hosts:
            installing(README, host.name, KEY)
    except ReadmeError as error:
        sys.exit(f"hosts-e2e: {error}")
    clock = ResponseDeadline()
    programs = install_hosts(hosts)
    say(f"{len(hosts)} host programs from npm ({clock.lap()})")
    failures = 0
    # not below /tmp: Codex refuses to keep its files there
    with tempfile.TemporaryDirectory(dir=WORK, prefix="run-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        tried = newcomer(place, address).type(commands, timeout_s=900)
        say(f"README, Try it ({clock.lap()})")
        server, model = serve_model()
        for host in hosts:
            wrong = try_host(host, tried, programs, place, model, options.timeout_s)
            failures += bool(wrong)
            mark = "FAIL" if wrong else "ok  "
            say(f"{mark} {host.name} ({host.package}, {clock.lap()})" + "".join(f"\n     {w}" for w in wrong))
        server.shutdown()
    say(f"{len(hosts) - failures} of {len(hosts)} hosts printed the streamed answer of the other model")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
