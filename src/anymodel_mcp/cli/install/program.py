"""How a host shall start this server: absolutely, because a desktop program sees a bare PATH."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from importlib import metadata, util
from pathlib import Path
from typing import Any

_NAME = "anymodel-mcp"
# an environment of uvx is a cache: the next clean-up takes it away. docs.astral.sh/uv/concepts/tools, read 2026-11-21
_CACHED = re.compile(r"[/\\](?:archive-v\d+|environments-v\d+|builds-v\d+)[/\\]")


def find_program(env: Mapping[str, str], home: Path) -> tuple[str, ...]:
    """Program and arguments that start the server of this very installation."""
    scripts = Path(sys.executable).parent
    uvx = _find_uvx(env, home)
    if uvx and _CACHED.search(str(scripts)):
        return (uvx, "--from", _origin(), _NAME)
    for name in (_NAME, f"{_NAME}.exe"):
        if (scripts / name).is_file():
            return (str(scripts / name),)
    return (sys.executable, "-m", "anymodel_mcp")


def _find_uvx(env: Mapping[str, str], home: Path) -> str | None:
    places = [str(home / ".local" / "bin"), str(home / ".cargo" / "bin")]
    places += [str(Path(env["UV"]).parent)] if env.get("UV") else []
    found = shutil.which("uvx", path=env.get("PATH", "")) or shutil.which("uvx", path=":".join(places))
    return str(Path(found).absolute()) if found else None


def _origin() -> str:
    """What `uvx --from` takes to get this version again."""
    found = [d.read_text("direct_url.json") for d in metadata.distributions(name=_NAME)]
    return name_origin(found[0] if found else None, with_engine=util.find_spec("xllamacpp") is not None)


def name_origin(direct_url: str | None, *, with_engine: bool) -> str:
    """The requirement that brings the same package: a release, or the place that it was built from.

    Args:
        direct_url: the text of the installation's direct_url.json; `None` = it came from an index.
        with_engine: the embedded engine is there too.
    """
    name = f"{_NAME}[local]" if with_engine else _NAME
    origin: dict[str, Any] = json.loads(direct_url) if direct_url else {}
    vcs = origin.get("vcs_info")
    if vcs:  # packaging.python.org/en/latest/specifications/direct-url-data-structure, read 2026-11-21
        return f"{name} @ {vcs['vcs']}+{origin['url']}@{vcs['commit_id']}"
    return f"{name} @ {origin['url']}" if origin else name
