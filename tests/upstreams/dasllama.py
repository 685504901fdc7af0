"""Installs dasLLAMA and its model below `.work/upstreams`, unless they are there.

dasLLAMA 0.6.6 (BSD-3, https://pypi.org/project/dasllama/0.6.6/, read 2026-11-21) is a server that shares no code with
llama.cpp, and makes a model call a tool: a named `tool_choice` binds what the model may write. It reads no Q4_1, which
is what the embedded model comes in; the `llama-quantize` in the wheel of ik-llama-cpp-python 0.1.5 turns that into
Q8_0. The command `ik-llama-quantize` around it cannot: it knows no `--allow-requantize`.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from anyio.from_thread import start_blocking_portal
from filelock import FileLock

from anymodel_mcp.local.weights import SMOLLM2, default_cache_dir, ensure_weights
from tests.upstreams.install import FOLDER, SCRIPTS, fingerprint

MODEL = SMOLLM2.file_name.replace("Q4_1", "Q8_0")
"""The model's file, and its name at the server."""
_REQUIREMENTS = Path(__file__).with_name("requirements-dasllama.txt")
_VENV = FOLDER / "dasllama"
_OLDEST_GLIBC = (2, 35)
_NEWEST_PYTHON = (3, 13)


def missing() -> str:
    """Why there is no dasLLAMA for this machine; empty = there is one."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return "dasllama is tested on Linux on x86_64 only"
    libc, version = platform.libc_ver()
    if libc != "glibc" or tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_GLIBC:
        return "the wheel of dasllama needs glibc 2.35"
    if sys.version_info[:2] > _NEWEST_PYTHON:
        return "ik-llama-cpp-python has no wheel for a Python after 3.13"
    return ""


def server() -> Path:
    """The server's command."""
    return _VENV / SCRIPTS / "dasllama-server"


def ensure() -> Path:
    """The model's file; it and the server are installed if they are not there, by one process at a time.

    Raises:
        AnyModelError: the embedded model could not be fetched.
        CalledProcessError: pip failed, which says why on stderr, or llama-quantize, which does in dasllama-log.txt.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    stamp = FOLDER / "dasllama-installed"
    model = FOLDER / MODEL
    wanted = fingerprint(_REQUIREMENTS.read_bytes(), SMOLLM2.sha256.encode())
    with FileLock(FOLDER / "dasllama-lock"):
        if not (stamp.is_file() and stamp.read_text(encoding="ascii") == wanted and model.is_file()):
            stamp.unlink(missing_ok=True)
            print("Installing dasllama for the tests (once)", file=sys.stderr, flush=True)  # noqa: T201 a script
            _install()
            _requantize(model)
            stamp.write_text(wanted, encoding="ascii")
    return model


def _install() -> None:
    venv.create(_VENV, clear=True, with_pip=True)
    pip = [str(_VENV / SCRIPTS / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--requirement", str(_REQUIREMENTS)], check=True, stdin=subprocess.DEVNULL)


def _requantize(model: Path) -> None:
    with start_blocking_portal() as portal:  # a loop of its own: pytest's may be there
        weights = portal.call(ensure_weights, default_cache_dir())
    packages = sysconfig.get_path("platlib", "venv", {"base": str(_VENV), "platbase": str(_VENV)})
    quantize = Path(packages, "ik_llama_cpp", "bin", "llama-quantize")
    unfinished = model.with_suffix(".part")
    command = [str(quantize), "--allow-requantize", str(weights), str(unfinished), "Q8_0"]
    with (FOLDER / "dasllama-log.txt").open("wb") as log:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    os.replace(unfinished, model)
