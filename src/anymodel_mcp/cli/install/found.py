"""The known hosts: by name, on this machine, and where their configuration files are."""

from __future__ import annotations

import difflib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.table import CONFIGURABLE


def find_configurable(host: str) -> ConfigurableHost:
    """The row of a host, by its name in any spelling ("Claude Desktop" is "claude-desktop").

    Raises:
        ConfigError: there is none; the closest names are named.
    """
    wanted = re.sub(r"[\s_]+", "-", host.strip().lower())
    names = [row.name for row in CONFIGURABLE]
    if wanted in names:
        return CONFIGURABLE[names.index(wanted)]
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    fix = f"Did you mean {' or '.join(close)}? " if close else ""
    raise ConfigError(f"{host!r} is not a known host", fix=f"{fix}Known: {', '.join(names)}.")


def find_hosts(env: Mapping[str, str], home: Path, platform: str) -> list[ConfigurableHost]:
    """The hosts that are on PATH or have a folder on this machine."""
    return [host for host in CONFIGURABLE if _is_on_path(host, env) or _is_present(host, env, home, platform)]


def pick_hosts(found: Sequence[ConfigurableHost], answer: str) -> list[ConfigurableHost]:
    """The hosts that an answer names by number or name; "all" names all, an empty answer none.

    Raises:
        ConfigError: one of them was not found.
    """
    words = [word for word in re.split(r"[\s,;]+", answer.strip().lower()) if word]
    if words == ["all"]:
        return list(found)
    known = {str(number): host for number, host in enumerate(found, 1)} | {host.name: host for host in found}
    strangers = [word for word in words if word not in known]
    if strangers:
        raise ConfigError(f"{strangers[0]!r} is not one of them", fix=f"Choose from: {', '.join(known)}.")
    return list({known[word].name: known[word] for word in words}.values())


def locate(host: ConfigurableHost, env: Mapping[str, str], home: Path, platform: str) -> Path:
    """The file of a host: in the first folder that exists the first name that exists, else the likeliest of both."""
    if host.file_variable and env.get(host.file_variable):
        return Path(env[host.file_variable])
    if host.folder_variable and env.get(host.folder_variable):
        folder = Path(env[host.folder_variable])
    else:
        folders = host.folders.get(platform) or host.folders.get("") or host.folders["linux"]
        found = [(path, "*" in template) for template in folders for path in _expand(template, env, home)]
        folder = next((path for path, is_match in found if is_match or path.is_dir()), found[0][0])
    return next((folder / name for name in host.files if (folder / name).is_file()), folder / host.files[0])


def _is_present(host: ConfigurableHost, env: Mapping[str, str], home: Path, platform: str) -> bool:
    """Whether the host's folder or another sign of it exists on this machine."""
    if host.signs:
        return any(path.exists() for sign in host.signs for path in _expand(sign, env, home))
    return locate(host, env, home, platform).parent.is_dir()


def _expand(template: str, env: Mapping[str, str], home: Path) -> Iterator[Path]:
    places = {
        "home": str(home),
        "config": env.get("XDG_CONFIG_HOME") or str(home / ".config"),
        "appdata": env.get("APPDATA") or str(home / "AppData" / "Roaming"),
        "localappdata": env.get("LOCALAPPDATA") or str(home / "AppData" / "Local"),
    }
    head, star, tail = template.partition("*")
    base = Path((head + star).format(**places))
    if not star:
        yield base
    elif matches := sorted(base.parent.glob(base.name)):
        yield matches[-1] / tail.lstrip("/")


def _is_on_path(host: ConfigurableHost, env: Mapping[str, str]) -> bool:
    return any(shutil.which(name, path=env.get("PATH", "")) for name in host.programs)
