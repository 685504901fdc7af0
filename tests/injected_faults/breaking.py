"""Takes single protections of the product away, to show that the injected faults miss them."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

_SCANNED = ("app.py", "tasks.py", "calls", "server", "state", "tools", "upstream")


def protections(source: Path) -> list[str]:
    """Every place that keeps a paid call from being cancelled, as `file:line`."""
    found: list[tuple[str, int]] = []
    for path in sorted(source.rglob("*.py")):
        name = path.relative_to(source).as_posix()
        if name.split("/")[0] in _SCANNED:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [(name, node.lineno) for node in ast.walk(tree) if isinstance(node, ast.Call) and _protects(node)]
    return [f"{name}:{line}" for name, line in sorted(found)]


def _protects(node: ast.Call) -> bool:
    named = isinstance(node.func, ast.Name) and node.func.id == "uninterrupted"
    return named or any(
        k.arg == "shield" and isinstance(k.value, ast.Constant) and k.value.value for k in node.keywords
    )


class _Unprotected(ast.NodeTransformer):
    """Takes away the protection at one line."""

    def __init__(self, line: int) -> None:
        self._line = line

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if node.lineno == self._line and _protects(node):
            return ast.parse("__import__('contextlib').nullcontext()", mode="eval").body
        return self.generic_visit(node)


class Breaker(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module of the product without one of its protections."""

    def __init__(self, source: Path, place: str) -> None:
        name, _, line = place.rpartition(":")
        self._path, self._line = source / name, int(line)
        self._module = "anymodel_mcp." + name.removesuffix(".py").replace("/", ".")

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self._path))

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        tree = _Unprotected(self._line).visit(ast.parse(self._path.read_text(encoding="utf-8")))
        exec(compile(ast.fix_missing_locations(tree), str(self._path), "exec"), module.__dict__)
