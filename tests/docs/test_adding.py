"""How to add something, by docs/architecture.md: each block is applied to a copy of the code and used there."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TRIAL = Path(__file__).with_name("trial.py")
ENVIRON = {"ANYMODEL_PROVIDERS": "acme", "ACME_API_KEY": "acme-0123456789", "ANYMODEL_MODEL": "acme/m"}
GATEWAY = '[providers.acme]\nbase_url = "https://api.acme.example/v1"\napi_key = "acme-0123456789"\n'
CHAT: dict[str, Any] = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}]
}
MODELS: dict[str, Any] = {"object": "list", "data": [{"id": "m-1", "object": "model"}]}
HANG_S = 60


class Copy:
    """A copy of the package, changed as the page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / "src" / "anymodel_mcp"
        shutil.copytree(ROOT / "src" / "anymodel_mcp", self.package, ignore=shutil.ignore_patterns("__pycache__"))

    def apply(self, title: str) -> None:
        """Makes the changes of the block below a bold title."""
        block = re.search(rf"^\*\*{re.escape(title)}\*\*.*?^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
        assert block, f"docs/architecture.md has no block for {title!r}"
        parts = re.split(r"^# (\S+\.py)(?:: (\w+))?\n", block[1], flags=re.MULTILINE)[1:]
        for path, place, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            self._insert((self.folder if path.startswith("tests/") else self.package) / path, place, text)

    def _insert(self, path: Path, place: str | None, text: str) -> None:
        if place is None:
            assert not path.exists(), path
            path.write_text(text, encoding="utf-8")
            return
        source = path.read_text(encoding="utf-8")
        lines = source.splitlines(keepends=True)
        line, column, text = _find(ast.parse(source), place, text)
        lines[line - 1] = lines[line - 1][:column] + text + lines[line - 1][column:]
        path.write_text("".join(lines), encoding="utf-8")

    def run(self, *arguments: str, stdin: Any = None, home: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Runs Python over the copy."""
        environ = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT", "TMPDIR")}
        environ |= {"PYTHONPATH": str(self.package.parent), "HOME": str(home or self.folder), "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, *arguments],
            input=json.dumps(stdin),
            capture_output=True,
            encoding="utf-8",
            timeout=HANG_S,
            env=environ,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    def call(
        self, tool: str, arguments: Mapping[str, Any], reply: Any, environ: Mapping[str, str], file: str | None = None
    ) -> dict[str, Any]:
        """Calls a tool of a server over the copy."""
        asked = {"environ": environ, "file": file, "tool": tool, "arguments": arguments, "reply": reply}
        result = json.loads(self.run(str(TRIAL), stdin=asked).stdout)
        assert not result["failed"], result["text"]
        return result


def _find(tree: ast.Module, place: str, text: str) -> tuple[int, int, str]:
    """Where the text goes: after the first import, before a table's first entry, or where a function begins."""
    if place == "imports":
        first = next(node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__")
        return first.lineno, 0, text
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == place:
            body = node.body[1] if ast.get_docstring(node) else node.body[0]
            return body.lineno, 0, "".join(f"    {line}" for line in text.splitlines(keepends=True))
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == place for target in targets):
            first = _first_entry(node)
            return first.lineno, first.col_offset, text
    raise AssertionError(f"there is no {place}")


def _first_entry(node: ast.AST) -> ast.expr:
    table = next(
        n for n in ast.walk(node) if isinstance(n, ast.Tuple | ast.Dict) and _entries(n) and _is_value(node, n)
    )
    return _entries(table)[0]


def _entries(table: ast.Tuple | ast.Dict) -> list[ast.expr]:
    return table.elts if isinstance(table, ast.Tuple) else [key for key in table.keys if key is not None]


def _is_value(node: ast.AST, table: ast.AST) -> bool:
    """The table is in the assigned value, not in the annotation."""
    value = getattr(node, "value", None)
    return value is not None and any(table is inner for inner in ast.walk(value))


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A fresh copy."""
    return Copy(tmp_path)


def test_a_provider_is_a_row(copy: Copy) -> None:
    copy.apply("A provider")
    done = copy.call("chat", {"prompt": "ping", "max_tokens": 5, "stream": False}, CHAT, ENVIRON)
    assert done["text"] == "pong"
    (sent,) = done["requests"]
    assert sent["url"] == "https://api.acme.example/v1/chat/completions"
    assert sent["key"] == f"Bearer {ENVIRON['ACME_API_KEY']}"
    assert sent["body"]["max_completion_tokens"] == 5


MEDIA = """
import json
from anymodel_mcp.dialects.jobs import find_job_row, service_of_model
from anymodel_mcp.wire.exchange import ResponseHead
from anymodel_mcp.wire.jobs.answer import job_state, submitted
from anymodel_mcp.wire.jobs.request import JobRequest, build_poll, build_submit, root_of

BASE = "https://gateway.example/v1"
row, action = find_job_row("acme", "", "gateway.example")
submit, job = build_submit(JobRequest(action=action, prompt="a lighthouse"), row, root_of(row, BASE))
job = submitted({"id": "j-7"}, job, row, BASE, ResponseHead(status=200, headers={})).job
poll = build_poll(job, row)
state = job_state({"status": "succeeded", "video": {"url": "https://files.example/7.mp4"}}, job, row, status=200)
print(json.dumps([service_of_model("acme-video-2"), submit.url, submit.body, poll.method, poll.url, state.outputs]))
"""


def test_a_media_service_is_a_row(copy: Copy) -> None:
    copy.apply("A media service")
    assert json.loads(copy.run("-c", MEDIA).stdout) == [
        "acme",
        "https://gateway.example/video/create",
        {"text": "a lighthouse"},
        "GET",
        "https://gateway.example/video/j-7",
        ["https://files.example/7.mp4"],
    ]


def test_an_api_is_a_module_and_a_line(copy: Copy) -> None:
    copy.apply("An API")
    file = GATEWAY + 'api = "acme"\n'
    done = copy.call("chat", {"prompt": "ping", "model": "acme/m", "stream": False}, CHAT, {}, file)
    assert done["text"] == "pong"
    assert [sent["url"] for sent in done["requests"]] == ["https://api.acme.example/v1/v2/ask"]


def test_a_tool_is_a_module_and_a_line(copy: Copy) -> None:
    copy.apply("A tool")
    done = copy.call("count_words", {"text": "one two three"}, {}, {})
    assert "count_words" in done["tools"]
    assert done["text"] == "3 words"


def test_a_host_is_a_row(copy: Copy, tmp_path: Path) -> None:
    copy.apply("A host")
    home = tmp_path / "home"
    home.mkdir()
    shown = copy.run("-m", "anymodel_mcp", "install", "acme", "--dry-run", home=home).stdout
    assert str(home / ".acme" / "mcp.json") in shown
    assert '"mcpServers"' in shown
    known = "from anymodel_mcp.hosts.table import find_host; print(find_host('acme-client 2').deadline_s)"
    assert copy.run("-c", known).stdout.strip() == "120"


def test_a_store_is_a_class_that_passes_the_tests_of_every_store(copy: Copy) -> None:
    suite = copy.folder / "tests" / "state" / "test_store.py"
    suite.parent.mkdir(parents=True)
    shutil.copy(ROOT / "tests" / "state" / "test_store.py", suite)
    copy.apply("A store")
    options = ["-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(copy.folder)]
    said = copy.run(
        "-m", "pytest", *options, "-k", "acme and asyncio and (conversation or repairs or end)", str(suite)
    ).stdout
    assert re.search(r"[1-9]\d* passed", said), said
    program = (
        "import atexit, runpy, sys; from anymodel_mcp.state.acme import AcmeStore;"
        "atexit.register(lambda: print(sorted(AcmeStore.lists), file=sys.stderr));"
        f"runpy.run_path({str(TRIAL)!r}, run_name='__main__')"
    )
    asked = {
        "environ": {},
        "file": f'{GATEWAY}[store]\npath = "acme:"\n',
        "tool": "list_models",
        "arguments": {},
        "reply": MODELS,
    }
    done = copy.run("-c", program, stdin=asked)
    assert "acme/m-1" in json.loads(done.stdout)["text"]
    assert "['acme https://api.acme.example/v1']" in done.stderr, "the list was kept in this store"
