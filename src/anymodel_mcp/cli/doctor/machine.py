"""Checks the machine: versions, what a desktop app finds, folders and the store."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import platformdirs

from anymodel_mcp import __version__
from anymodel_mcp.app import APP_NAME
from anymodel_mcp.cli.doctor.findings import Finding, Section
from anymodel_mcp.cli.program import find_program
from anymodel_mcp.cli.screen import Terminal
from anymodel_mcp.config import Settings
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.hosts.entry import DESKTOP_PATHS
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.state import open_store
from anymodel_mcp.tls import open_tls
from anymodel_mcp.upstream.proxies import check_proxy, select_proxy


def look_at_machine(terminal: Terminal) -> Section:
    """Reports versions, and whether a desktop app finds this program."""
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in ("mcp", "httpx2"))
    system = f"{platform.system()} {platform.machine()}"
    versions = f"anymodel-mcp {__version__}, Python {platform.python_version()}, {libraries}, {system}"
    return Section("machine", (Finding("ok", versions), _gui_finding(terminal), *network_findings(terminal.environ)))


def network_findings(environ: Mapping[str, str]) -> Sequence[Finding]:
    """Checks the variables for certificates and proxies."""
    found: list[ConfigError] = []
    try:
        open_tls(environ)
    except ConfigError as error:
        found.append(error)
    for proxy in {select_proxy(f"{scheme}://any.invalid", {**environ, "no_proxy": ""}) for scheme in ("http", "https")}:
        try:
            if proxy is not None:
                check_proxy(proxy, "the provider's host")
        except ConfigError as error:
            found.append(error)
    return [Finding("warn", error.failure.message, error.failure.fix) for error in found]


def gui_path(terminal: Terminal) -> str:
    """Returns the PATH of a program that was not started from a shell; on Windows it is the user's own."""
    return DESKTOP_PATHS.get(terminal.platform, terminal.environ.get("PATH", ""))


def _gui_finding(terminal: Terminal) -> Finding:
    path = gui_path(terminal)
    found = [name for name in ("anymodel-mcp", "uvx") if shutil.which(name, path=path)]
    if found:
        return Finding("ok", f"a desktop app finds {' and '.join(found)}")
    program = " ".join(find_program(terminal.environ, terminal.home))
    return Finding(
        "note",
        "a desktop app finds neither `anymodel-mcp` nor `uvx` (it does not see your shell's PATH)",
        f"`anymodel-mcp install HOST` writes the full path; by hand, use {program} as the command.",
    )


async def look_at_storage(terminal: Terminal, settings: Settings) -> Section:
    """Checks whether pictures and results can be saved."""
    folder = terminal.data_dir or Path(platformdirs.user_data_dir(APP_NAME))
    outputs = Artifacts(settings.files, folder)
    return Section("storage", (_folder_finding(outputs.folder), *await _store_findings(settings, folder)))


def _folder_finding(folder: Path) -> Finding:
    fix = "Set files.output_dir (or ANYMODEL_FILES_OUTPUT_DIR) to a folder that can be written."
    nearest = next(p for p in (folder, *folder.parents) if os.path.lexists(p))
    try:
        if not nearest.is_dir():
            return Finding("fail", f"pictures cannot be saved in {folder}: {nearest} is not a folder", fix)
        if nearest == folder:
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
                return Finding("ok", f"pictures are saved in {folder}")
    except OSError as error:
        return Finding("fail", f"pictures cannot be saved in {folder}: {error.strerror or error}", fix)
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Finding("fail", f"pictures cannot be saved in {folder}: {nearest} cannot be written", fix)
    return Finding("ok", f"pictures will be saved in {folder}")


async def _store_findings(settings: Settings, folder: Path) -> tuple[Finding, ...]:
    if not settings.store.enabled:
        return (
            Finding("note", "the store is disabled: results, conversations and usage are lost when the process ends"),
        )
    if not settings.store.path and not folder.exists():  # noqa: ASYNC240 one look; the doctor makes no folders
        return (Finding("ok", f"results will be kept in {folder}"),)
    async with open_store(settings.store, folder) as store:
        await store.usage(0, "all")
        warnings, path = store.warnings, store.path
    fix = "Set store.path (ANYMODEL_STORE_PATH) to a file that can be written, or move the old one away."
    if warnings:
        return tuple(Finding("warn", f"store: {warning}", fix) for warning in warnings)
    return (Finding("ok", f"results are kept in {path}"),)
