"""Checks which hosts are configured to start this server, and whether they can."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import anyio.to_thread

from anymodel_mcp.cli.doctor.findings import INSTALL, Finding, Section
from anymodel_mcp.cli.doctor.machine import gui_path
from anymodel_mcp.cli.files import read_file
from anymodel_mcp.cli.install.found import locate
from anymodel_mcp.cli.screen import Terminal
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.formats import UnreadableFile, decode
from anymodel_mcp.hosts.model import ConfigurableHost
from anymodel_mcp.hosts.section import entries, read
from anymodel_mcp.hosts.table import CONFIGURABLE

_OURS = ("anymodel-mcp", "anymodel_mcp")


async def look_at_hosts(terminal: Terminal) -> Section:
    """Checks the entries of this server in the files of the known hosts."""
    found = await anyio.to_thread.run_sync(lambda: tuple(f for row in CONFIGURABLE for f in _look(terminal, row)))
    none = Finding(
        "note",
        "no host is configured to start this server",
        "anymodel-mcp install claude-desktop (or cursor, vscode, ...)",
        INSTALL,
    )
    return Section("hosts", found or (none,))


def _look(terminal: Terminal, row: ConfigurableHost) -> Iterator[Finding]:
    path = locate(row, terminal.environ, terminal.home, terminal.platform)
    try:
        values = read(row, decode(read_file(path))[1])
    except (UnreadableFile, ConfigError) as error:
        yield Finding(
            "warn",
            f"{row.title}: {path} cannot be read: {error}",
            f"Correct the file: {row.title} may not be able to read it either.",
        )
        return
    for name, entry in entries(row, values):
        if any(word in json.dumps(entry, default=str) for word in _OURS):
            yield _judge(terminal, row, path, name, entry)


def _judge(terminal: Terminal, row: ConfigurableHost, path: Path, name: str, entry: Mapping[str, Any]) -> Finding:
    command: Any = entry.get(row.command_key)
    words = cast("list[Any]", command) if isinstance(command, list) else [command]
    program = str(words[0]) if words and words[0] else ""
    where = f"{row.title}: {name} in {path}"
    again = f"anymodel-mcp install {row.name}" + (f" --name {name}" if name != "anymodel" else "")
    if not program:
        return Finding("ok", where)
    if os.path.isabs(program):
        if Path(program).is_file():
            return Finding("ok", where)
        return Finding("fail", f"{where} starts {program}, which does not exist (any more)", again, again)
    if shutil.which(program, path=gui_path(terminal)):
        return Finding("ok", where)
    return Finding("warn", f"{where} starts {program!r}, which a desktop app does not find", again, again)
