"""Changes one place of the code at a time and runs the tests that should notice: gives scores by area, and survivors.

cosmic-ray makes the changes in a copy of the tree below .work. The area's tests run once unchanged, with coverage;
after that each change runs only the tests that reach its line, the fastest first, for at most `--seconds` of test time.
Which places are tried is drawn from `--seed`; `--count` and `--minutes` bound each area. A survivor is a change that
all these tests pass. The exit status is 1 when an area's tests fail without any change, or when an area scores below
`--least`.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import shlex
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.testing import run_tests
from cosmic_ray.work_item import TestOutcome

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".work" / "mutants"
REACHED = ROOT / ".work" / "mutants.coverage"
SECONDS = REACHED.with_suffix(".json")
COPIED = ("src", "tests", "benchmarks", "fuzz", "scripts", "pyproject.toml", "README.md")
SOURCE = "src/anymodel_mcp"

# area -> what is changed (below src/anymodel_mcp), and the tests that should notice
AREAS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "calls": (("calls/*.py",), ("tests/calls", "tests/tools/test_chat.py")),
    "state": (("state/**/*.py",), ("tests/state", "tests/calls")),
    "client": (("upstream/client.py",), ("tests/upstream", "tests/tools/test_chat.py")),
    "rendering": (("server/render.py",), ("tests/server/test_render.py", "tests/server/test_guidance.py")),
}

# Changes that say little: of `X | None` in an annotation and of names; cosmic-ray has eleven for each `+`.
LEFT_OUT = ("Variable", "RemoveDecorator", "BitOr_", "BitAnd_", "ReplaceUnaryOperator_USub_", "ExceptionReplacer")

Place = tuple[int, int]


class DeleteStatement(Operator):
    """Replaces a statement that only calls something by `pass`: the most telling change, which cosmic-ray has not."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[Place, Place]]:
        """Where such statements are."""
        if node.type == "simple_stmt" and node.children[0].type in ("atom_expr", "power"):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The statement's first leaf becomes `pass`, the rest of it nothing."""
        leaf = first = node.get_first_leaf()
        while leaf is not node.children[0].get_last_leaf():
            leaf = leaf.get_next_leaf()
            leaf.prefix = leaf.value = ""
        first.value = "pass"
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """None are needed: it is no plugin."""
        return ()


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change: the `occurrence`-th place of its file that the operator can change."""

    path: Path
    place: Place
    operator: str
    occurrence: int


def operators() -> dict[str, Operator]:
    """Those that need no arguments and say something."""
    known = {n: get_operator(n) for n in operator_names() if not any(word in n for word in LEFT_OUT)}
    return {"DeleteStatement": DeleteStatement()} | {n: kind() for n, kind in known.items() if not kind.arguments()}


def skipped_lines(code: str) -> set[int]:
    """Lines of annotations and docstrings, which no test can notice."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(code)):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            parts = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts = [node.returns]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts = [node.value]
        for part in parts:
            if part is not None and not (isinstance(node, ast.AnnAssign) and node.value is not None):
                lines |= set(range(part.lineno, (part.end_lineno or part.lineno) + 1))
    return lines


def find_mutants(path: Path, known: dict[str, Operator]) -> Iterator[Mutant]:
    """All changes of one file."""
    code = path.read_text("utf-8")
    skipped = skipped_lines(code)
    nodes = list(ast_nodes(get_ast(code)))
    for name, operator in known.items():
        places = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, place in enumerate(places):
            if place[0] not in skipped:
                yield Mutant(path=path, place=place, operator=name, occurrence=occurrence)


def draw(paths: Sequence[Path], count: int, seed: int) -> list[Mutant]:
    """`count` places, drawn evenly, and for each one of its changes."""
    known = operators()
    places: dict[tuple[Path, Place], list[Mutant]] = {}
    for path in paths:
        for mutant in find_mutants(path, known):
            places.setdefault((path, mutant.place), []).append(mutant)
    dice = random.Random(seed)
    return [dice.choice(places[place]) for place in dice.sample(sorted(places), min(count, len(places)))]


def differs(changed: str, code: str) -> bool:
    """Whether the change is Python (`f(**x)` has no other operator) and means something else."""
    try:
        return ast.dump(ast.parse(changed)) != ast.dump(ast.parse(code))
    except SyntaxError:
        return False


class Area:
    """One area in the copy of the tree."""

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        patterns, tests = AREAS[name]
        self.paths = sorted({p for pattern in patterns for p in (COPY / SOURCE).glob(pattern)})
        missing = [test for test in tests if not (COPY / test).exists()]
        if missing or not self.paths:
            sys.exit(f"mutants: {name} has no {missing or patterns}; its line in scripts/mutants.py is out of date")
        self.tests = list(tests)
        self.python = python
        self.reached: dict[tuple[Path, int], list[str]] = {}
        self.seconds: Mapping[str, float] = {}
        self.killed, self.survivors = 0, list[str]()

    def command(self, tests: Sequence[str], *, measure: bool = False) -> str:
        """The command line that runs tests in the copy."""
        words = [self.python, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--rootdir", str(COPY), *tests]
        if measure:
            options = [f"--rcfile={os.devnull}", f"--data-file={REACHED}", "--source=anymodel_mcp"]
            words[1:3] = ["-m", "coverage", "run", *options, "-m", "pytest", "-p", "scripts.mutants_reach"]
        inner = f"cd {shlex.quote(str(COPY))} && PYTHONPATH=src:. PYTEST_TIMEOUT=60 exec {shlex.join(words)}"
        return shlex.join(["sh", "-c", inner])

    def measure(self) -> None:
        """Runs all tests unchanged and records which lines each reaches; ends the script when they fail."""
        REACHED.unlink(missing_ok=True)
        outcome, output = run_tests(self.command(self.tests, measure=True), 1800)
        if outcome is not TestOutcome.SURVIVED:
            sys.exit(f"mutants: the tests of {self.name} fail without any change:\n{output[-3000:]}")
        self.seconds = json.loads(SECONDS.read_text("utf-8"))
        with sqlite3.connect(REACHED) as data:
            rows = data.execute(
                "SELECT file.path, context.context, numbits FROM line_bits"
                " JOIN file ON file.id = file_id JOIN context ON context.id = context_id WHERE context.context != ''"
            )
            for path, test, bits in rows:
                for line in _numbers(bits):
                    self.reached.setdefault((Path(path), line), []).append(test)

    def tests_of(self, mutant: Mutant, most_s: float) -> list[str]:
        """The tests that reach a line, the fastest first, as many as run in `most_s` seconds; at least one."""
        reached = self.reached.get((mutant.path, mutant.place[0]))
        known = sorted(reached or self.seconds, key=lambda test: self.seconds[test])  # else it runs at import
        total, chosen = 0.0, list[str]()
        for test in known:
            total += self.seconds[test]
            if chosen and total > most_s:
                break
            chosen.append(test)
        return chosen

    def attempt(self, mutant: Mutant, known: dict[str, Operator], most_s: float) -> None:
        """Tries a change and notes whether the tests notice it."""
        code = mutant.path.read_text("utf-8")
        changed = mutate_code(code, known[mutant.operator], mutant.occurrence)
        if changed is None or not differs(changed, code):
            return
        tests = self.tests_of(mutant, most_s)
        mutant.path.write_text(changed, "utf-8")
        try:
            outcome, _ = run_tests(self.command(tests), 3 * most_s + 60)
        finally:
            mutant.path.write_text(code, "utf-8")
        if outcome is TestOutcome.SURVIVED:
            lines = list(difflib.unified_diff(code.splitlines(), changed.splitlines(), lineterm="", n=0))[3:]
            where = f"{mutant.path.relative_to(COPY)}:{mutant.place[0]} ({mutant.operator})"
            self.survivors.append("\n".join([where, *(f"      {line}" for line in lines)]))
        else:
            self.killed += 1

    @property
    def score(self) -> float:
        """The share of the changes that the tests noticed."""
        return self.killed / max(1, self.killed + len(self.survivors))

    def report(self) -> str:
        """The score and the survivors."""
        score = f"{self.name}: {self.killed} of {self.killed + len(self.survivors)} killed ({self.score:.0%})"
        return "\n  ".join([score, *(f"survived: {survivor}" for survivor in self.survivors)])


def _numbers(bits: bytes) -> Iterator[int]:
    """The line numbers in coverage's bit set."""
    return (8 * index + bit for index, byte in enumerate(bits) for bit in range(8) if byte & (1 << bit))


def measure(area: Area, options: argparse.Namespace) -> None:
    """Tries the drawn changes until the count or the time is reached."""
    area.measure()
    known, ends = operators(), time.monotonic() + 60 * options.minutes
    for mutant in draw(area.paths, options.count, options.seed):
        if time.monotonic() > ends:
            print(f"{area.name}: stopped after {options.minutes:g} minutes", file=sys.stderr)
            break
        area.attempt(mutant, known, options.seconds)


def copy_tree() -> None:
    """A fresh copy of what the tests need; the checkout itself is never changed."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    for name in COPIED:
        source, target = ROOT / name, COPY / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def main() -> int:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("area", nargs="*", help=f"of {', '.join(AREAS)}; default: all")
    parser.add_argument("--count", type=int, default=30, help="places tried in each area")
    parser.add_argument("--minutes", type=float, default=10, help="for each area, after its tests ran once")
    parser.add_argument("--seconds", type=float, default=20, help="of test time for each change")
    parser.add_argument("--seed", type=int, default=1, help="which places are drawn")
    parser.add_argument("--least", type=float, default=0.6, help="the score that each area must reach")
    parser.add_argument("--python", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.area if name not in AREAS]:
        parser.error(f"unknown area {unknown[0]!r}; there are {', '.join(AREAS)}")
    copy_tree()
    scores: dict[str, float] = {}
    for name in options.area or AREAS:
        area = Area(name, options.python)
        measure(area, options)
        print(area.report(), flush=True)
        scores[name] = area.score
    print("Killed: " + ", ".join(f"{name} {score:.0%}" for name, score in scores.items()))
    return 1 if min(scores.values()) < options.least else 0


if __name__ == "__main__":
    sys.exit(main())
