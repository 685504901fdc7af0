"""A host's own command that adds or removes a server: found on PATH, filled in from the row, and run."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, cast

from anymodel_mcp.hosts.entry import Entry
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.redact import Redactor

_TIMEOUT_S = 60


def _find_program(host: ConfigurableHost, env: Mapping[str, str]) -> str | None:
    """The host's first program on PATH; a batch file does not count, because cmd.exe would interpret the arguments."""
    found = shutil.which(host.programs[0], path=env.get("PATH", "")) if host.programs else None
    return None if found and found.lower().endswith((".cmd", ".bat")) else found


def build_host_commands(
    host: ConfigurableHost,
    env: Mapping[str, str],
    templates: Sequence[Sequence[str]],
    entry: Entry,
    value: Mapping[str, Any],
) -> list[list[str]]:
    """The command lines for a row's `add_command` or `remove_command`; none = there is no such command."""
    program = _find_program(host, env)
    if program is None or not all(templates):
        return []
    return [_fill(host, program, template, entry, value) for template in templates]


def _fill(
    host: ConfigurableHost, program: str, words: Sequence[str], entry: Entry, value: Mapping[str, Any]
) -> list[str]:
    args = cast("list[str]", value.get(host.args_key, []))
    env = cast("dict[str, str]", value.get(host.env_key, {}))
    inputs = {"inputs": list(entry.inputs)} if entry.inputs else {}
    known = {
        "{name}": [entry.name],
        "{json}": [json.dumps(value, ensure_ascii=False)],
        "{named_json}": [json.dumps({"name": entry.name, **value, **inputs}, ensure_ascii=False)],
        "{command}": [str(value.get(host.command_key, ""))],
        "{args}": ["--", *args] if args else [],
        "{env}": [word for name, text in env.items() for word in ("-e", f"{name}={text}")],
    }
    return [program, *(part for word in words for part in known.get(word, [word]))]


def run_host_command(command: Sequence[str], env: Mapping[str, str], secrets: Sequence[str]) -> str:
    """Runs the command; returns what went wrong, "" = nothing."""
    try:
        done = subprocess.run(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {_TIMEOUT_S} s"
    except OSError as exc:
        return exc.strerror or type(exc).__name__
    if done.returncode == 0:
        return ""
    words = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return Redactor(secrets).clean(words[-1]) if words else f"exit status {done.returncode}"
