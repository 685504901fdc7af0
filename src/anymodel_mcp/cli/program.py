"""Finds the command that starts this server: an absolute path, because a desktop app sees only the system's PATH."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path
from typing import Any

from anymodel_mcp import __version__

_NAME = "anymodel-mcp"
# an environment of uvx is a cache and may be deleted. docs.astral.sh/uv/concepts/tools, read 2026-11-21
_CACHED = re.compile(r"[/\\](?:archive-v\d+|environments-v\d+|builds-v\d+)[/\\]")


def find_program(env: Mapping[str, str], home: Path) -> tuple[str, ...]:
    """Program and arguments that start the server of this installation."""
    scripts = Path(sys.executable).parent
    if _CACHED.search(str(scripts)):
        installed, uvx = _find_installed(env, home), _find("uvx", env, home)
        if installed:
            return (installed,)
        if uvx:
            return (uvx, "--from", _origin(), _NAME)
    for name in (_NAME, f"{_NAME}.exe"):
        if (scripts / name).is_file():
            return (str(scripts / name),)
    return (sys.executable, "-m", "anymodel_mcp")


def _find_installed(env: Mapping[str, str], home: Path) -> str | None:
    """The command of a permanent installation of this version (uv tool, pipx), which starts faster than uvx."""
    found = _find(_NAME, env, home)
    if not found or _CACHED.search(str(Path(found).resolve())):
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run([found, "--version"], capture_output=True, timeout=20, check=True, encoding="utf-8")
        return found if done.stdout.split()[-1:] == [__version__] else None
    return None


def _find(program: str, env: Mapping[str, str], home: Path) -> str | None:
    places = [str(home / ".local" / "bin"), str(home / ".cargo" / "bin")]
    places += [str(Path(env["UV"]).parent)] if env.get("UV") else []
    search = os.pathsep.join(places)
    found = shutil.which(program, path=env.get("PATH", "")) or shutil.which(program, path=search)
    return str(Path(found).absolute()) if found else None


def _origin() -> str:
    """The argument of `uvx --from` for this version."""
    found = [d.read_text("direct_url.json") for d in metadata.distributions(name=_NAME)]
    return name_origin(found[0] if found else None, with_engine=util.find_spec("xllamacpp") is not None)


def name_origin(direct_url: str | None, *, with_engine: bool) -> str:
    """The requirement for the same package: a release, or its source.

    Args:
        direct_url: the text of the installation's direct_url.json; `None` = it came from an index.
        with_engine: the embedded engine is installed.
    """
    name = f"{_NAME}[local]" if with_engine else _NAME
    origin: dict[str, Any] = json.loads(direct_url) if direct_url else {}
    vcs = origin.get("vcs_info")
    if vcs:  # packaging.python.org/en/latest/specifications/direct-url-data-structure, read 2026-11-21
        return f"{name} @ {vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
    return f"{name} @ {origin['url']}" if origin else name
