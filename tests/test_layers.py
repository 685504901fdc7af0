"""The shape of the house: layers, file sizes, every tool listed, no state at import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anymodel_mcp import tools
from anymodel_mcp.tools import TOOLS

SOURCE = Path(tools.__file__).parents[1]
MOST_LINES = 400
TERMINAL_ONLY = {"cyclopts", "rich", "tomlkit", "ruamel", "PIL", "sqlite3", "xllamacpp", "jsonschema"}
NOT_TOOLS = {
    "__init__",
    "answers",
    "argument_help",
    "arguments",
    "attachments",
    "bounds",
    "context",
    "json_schema",
    "media_files",
    "media_inputs",
    "pictures",
    "records",
    "references",
    "schemas",
    "several",
    "sounds",
    "structured",
    "web_search",
}


def test_imports_point_down_only() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports())"]
    done = subprocess.run(command, cwd=SOURCE.parents[1], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: p.relative_to(SOURCE).as_posix())
def test_no_module_has_outgrown_one_idea(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_every_tool_is_listed() -> None:
    modules = {path.stem for path in (SOURCE / "tools").glob("*.py")} - NOT_TOOLS
    assert modules == {tool.name for tool in TOOLS}


def test_serving_loads_nothing_that_only_people_at_a_terminal_need() -> None:
    code = (
        "import sys; import anymodel_mcp.cli.serve, anymodel_mcp.server.server, anymodel_mcp.transports.stdio; "
        f"found = {TERMINAL_ONLY!r} & set(sys.modules); sys.exit(', '.join(sorted(found)) or 0)"
    )
    # measuring coverage loads modules of its own, sqlite3 among them
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
