"""`install HOST` and `uninstall HOST`: one entry in the file where a host keeps its MCP servers.

`rows.py` has the hosts; `variables.py` and `program.py` say what the server needs, `entry.py` makes a host's entry of
it; `plan.py` turns bytes into bytes through the editors (`json_text.py`, `toml_text.py`, `yaml_text.py`); only
`files.py` writes.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from anymodel_mcp.cli.install.entry import Entry, build_entry
from anymodel_mcp.cli.install.files import find_backups, locate, read_file, remove_file, replace_file, write_backup
from anymodel_mcp.cli.install.plan import Change, plan_install, plan_uninstall
from anymodel_mcp.cli.install.program import find_program
from anymodel_mcp.cli.install.refusal import RefusedEdit
from anymodel_mcp.cli.install.rows import HOSTS, HostRow
from anymodel_mcp.cli.install.screen import draw_diff
from anymodel_mcp.cli.install.variables import Variable, find_variables
from anymodel_mcp.errors import ConfigError

__all__ = ["HOSTS", "find_host_row", "install", "plan", "uninstall"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_NOTHING_SET = (
    "no provider is configured yet. Set OPENAI_API_KEY (and OPENAI_BASE_URL), or ANYMODEL_PROVIDERS=local for the "
    "model on this machine, and run this again; or write a configuration file (docs/configuration.md)."
)
Write = Callable[[str], None]


def find_host_row(host: str) -> HostRow:
    """The row of a host, by its name in any spelling ("Claude Desktop" is "claude-desktop").

    Raises:
        ConfigError: there is none; the closest names are told.
    """
    wanted = re.sub(r"[\s_]+", "-", host.strip().lower())
    names = [row.name for row in HOSTS]
    if wanted in names:
        return HOSTS[names.index(wanted)]
    close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    fix = f"Did you mean {' or '.join(close)}? " if close else ""
    raise ConfigError(f"no host is known as {host!r}", fix=f"{fix}Known: {', '.join(names)}.")


def plan(
    host: str,
    *,
    name: str,
    variables: Sequence[Variable],
    path: Path,
    before: bytes | None,
    command: Sequence[str],
    write_keys: bool = False,
) -> Change:
    """What `install` makes of the file of a host; nothing is read or written.

    Raises:
        ConfigError: the host or the name is none, or the file cannot be changed safely.
    """
    row = find_host_row(host)
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name for a server", fix="Use letters, digits, - and _, at most 40.")
    entry = build_entry(row, name, command, variables, write_keys=write_keys)
    try:
        return plan_install(row, path, before, entry)
    except RefusedEdit as exc:
        raise _refused(row, path, exc, entry) from exc


def install(
    host: str,
    *,
    dry_run: bool,
    name: str = "anymodel",
    env: Mapping[str, str],
    home: Path,
    platform: str,
    command: Sequence[str] | None = None,
    write: Write,
    write_keys: bool = False,
    config_text: str | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Writes this server into the file of a host: diff, backup, replacement, and what to do next.

    `env` is where variables are taken from, `platform` is as in `sys.platform`, `command` is program and arguments
    (default: those of this installation, absolute). `write` takes one line for the person at the screen. With
    `write_keys` keys may stand in clear where the host cannot look them up. `config_text` is the user's own
    configuration file: it names further key variables.

    Returns:
        The exit status: 0.

    Raises:
        ConfigError: nothing was written, and why.
    """
    row = find_host_row(host)
    path = locate(row, env, home, platform)
    variables = find_variables(_absolute(env), config_text)
    command = command or find_program(env, home)
    change = plan(
        host,
        name=name,
        variables=variables,
        path=path,
        before=read_file(path),
        command=command,
        write_keys=write_keys,
    )
    _show(change, [v.value for v in variables if v.is_key], write)
    if not variables and not (config_text or "").strip():
        write(f"Note: {_NOTHING_SET}")
    if change.is_empty:
        write(f"Nothing to do: {name} stands in {path} already.")
        return 0
    if dry_run:
        write("Nothing was written (dry run).")
        return 0
    _apply(change, now, write)
    write(f"{row.title}: {name} is installed. {row.next_step.format(name=name, title=row.title)}")
    return 0


def uninstall(
    host: str,
    *,
    dry_run: bool,
    name: str = "anymodel",
    env: Mapping[str, str],
    home: Path,
    platform: str,
    write: Write,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Takes this server out of the file of a host; what stood there before comes back byte for byte.

    Returns:
        The exit status: 0.

    Raises:
        ConfigError: nothing was written, and why.
    """
    row = find_host_row(host)
    path = locate(row, env, home, platform)
    before = read_file(path)
    backups = find_backups(path)
    try:
        change = plan_uninstall(row, path, before, [read_file(b) or b"" for b in backups], name)
    except RefusedEdit as exc:
        raise _refused(row, path, exc, None) from exc
    if change.is_empty:
        write(f"Nothing to do: {path} has no {name}.")
        return 0
    _show(change, [v.value for v in find_variables(env) if v.is_key], write)
    if dry_run:
        write("Nothing was written (dry run).")
        return 0
    if change.after is None:
        remove_file(path)
    elif change.restored is None:
        _apply(change, now, write)
    else:
        replace_file(path, change.after)
        remove_file(backups[change.restored])  # the file itself is that again
    write(f"{row.title}: {name} is gone from {path}. Restart {row.title} to let go of it.")
    return 0


def _absolute(env: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with a configuration path that holds in any working directory."""
    path = env.get("ANYMODEL_CONFIG", "").strip()
    return {**env, "ANYMODEL_CONFIG": os.path.abspath(path)} if path else env


def _show(change: Change, secrets: Sequence[str], write: Write) -> None:
    for line in draw_diff(change, secrets):
        write(line)
    for note in change.notes:
        write(f"Note: {note}")


def _apply(change: Change, now: Callable[[], datetime], write: Write) -> None:
    if read_file(change.path) != change.before:
        raise ConfigError(f"{change.path} has changed meanwhile", fix="Run the command again.")
    if change.before is not None:
        backup = write_backup(change.path, change.before, now().strftime("%Y%m%d-%H%M%S"))
        write(f"Backup: {backup}")
    replace_file(change.path, change.after or b"")


def _refused(row: HostRow, path: Path, exc: RefusedEdit, entry: Entry | None) -> ConfigError:
    what = f"{path} is left alone: {exc}" if exc.line else f"{path} is left alone, {exc}"
    by_hand = f"add {entry.name!r} below {row.section!r} by hand" if entry else "take the entry out by hand"
    return ConfigError(what, fix=f"Mend the file and run the command again, or {by_hand}.")
