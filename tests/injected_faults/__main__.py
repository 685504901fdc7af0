"""Injects faults at every await of paid calls, and checks that nothing that was paid for is lost.

    python -m tests.injected_faults [SCENARIO ...] [--fault FAULT ...] [--break FILE:LINE] [--list]

A scenario runs once without a fault: its suspensions are the points. Then it runs once for each point and fault: from
that point on the store is held by another connection, no file may grow, the data folder is no folder any more, or the
request is cancelled. When the call is over the fault goes away, the server ends, and the outcome is checked:

- the answer is in the result; after a cancellation that came behind the answer it is in the store or in a file
- nothing is requested twice, and a cancelled request is closed while the upstream says nothing
- the ledger has a row for each model that was asked
- the same server answers the next call

`--break` takes the protection at one place away (a `shield` or an `uninterrupted()`), to show that it is missed.
It runs as a process of its own, because a full disk is made by a limit that holds for the whole process.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from tests.injected_faults.breaking import Breaker, protections

if TYPE_CHECKING:
    from mcp.types import CallToolResult

    from anymodel_mcp.server.server import AnyModelServer
    from tests.injected_faults.probe import Point, Probe
    from tests.injected_faults.scenarios import Control, Scenario
    from tests.raw_upstream import Upstream

Fault = Literal["cancelled", "store busy", "disk full", "folder not writable"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
BUSY_S = 0.02
WAIT_S = 30.0


@dataclass(slots=True)
class Run:
    """What one run came to."""

    trace: list[Point] = field(default_factory=list["Point"])
    hit: bool = False
    answered: bool = False
    problems: list[str] = field(default_factory=list[str])
    requests: int = 0


class World:
    """The surroundings of one server, in which faults happen."""

    def __init__(self, folder: Path, scope: Any, control: Any) -> None:
        self.data = folder / "data"
        self.cancelled = False
        self.handle_given = False
        self._scope = scope
        self._control = control
        self._locker: sqlite3.Connection | None = None
        self._away: Path | None = None
        self._limit = resource.getrlimit(resource.RLIMIT_FSIZE)

    def begin(self, fault: Fault) -> None:
        """Lets the fault happen now."""
        if fault == "cancelled":
            self.cancelled = True
            self._control.hold = not self.handle_given
            self._scope.cancel()
        elif fault == "store busy":
            self.data.mkdir(exist_ok=True)
            self._locker = sqlite3.connect(self.data / "anymodel.db", isolation_level=None, timeout=2)
            self._locker.execute("BEGIN EXCLUSIVE")
        elif fault == "disk full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, self._limit[1]))
        else:
            self.data.mkdir(exist_ok=True)
            away = self.data.with_name("away")
            while not self._away:  # a file may be created in it by another thread at this very moment
                self.data.rename(away)
                try:
                    self.data.touch(exist_ok=False)
                    self._away = away
                except FileExistsError:
                    shutil.copytree(self.data, away, dirs_exist_ok=True)
                    shutil.rmtree(self.data)
                    away.rename(self.data)

    def end(self) -> None:
        """The fault is over."""
        self._control.hold = False
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limit)
        if self._locker is not None:
            self._locker.close()
            self._locker = None
        if self._away is not None:
            if self.data.is_file():
                self.data.unlink()
            while self._away:  # the store may try the folder at this very moment
                try:
                    self._away.rename(self.data)
                    self._away = None
                except OSError:
                    shutil.rmtree(self.data, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Site:
    """One server and its upstream, used for run after run; the data folder is a fresh one each time."""

    scenario: Scenario
    server: AnyModelServer
    upstream: Upstream
    control: Control
    folder: Path


@asynccontextmanager
async def open_site(scenario: Scenario) -> AsyncGenerator[Site]:
    """A site for a scenario; nothing runs on it yet."""
    from anymodel_mcp.app import build_server
    from tests.injected_faults.scenarios import Control
    from tests.raw_upstream import open_upstream

    control = Control(pause_s=scenario.pause_s)
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        async with open_upstream(control.answer) as upstream:
            settings = scenario.settings(upstream.origin)
            server = build_server(settings, data_dir=Path(folder) / "data", store_busy_s=BUSY_S)
            yield Site(scenario, server, upstream, control, Path(folder))


async def _call(server: AnyModelServer, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    from mcp.types import CallToolResult

    result = await server.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


async def run_once(
    site: Site, probe: Probe, inject: tuple[Fault, Point] | None = None, *, answered: bool = False
) -> Run:
    """One run of a scenario, with a fault from one point on.

    Args:
        site: where it runs.
        probe: sees the suspensions.
        inject: which fault, and where.
        answered: whether the answer has arrived at that point.
    """
    import anyio

    run, scenario, control = Run(answered=answered), site.scenario, site.control
    results: list[CallToolResult] = []
    shutil.rmtree(site.folder / "data", ignore_errors=True)
    control.paid.clear()
    control.polls = 0
    site.upstream.seen.clear()
    scope = anyio.CancelScope()
    world = World(site.folder, scope, control)

    async def call(tool: str, arguments: dict[str, Any]) -> CallToolResult:
        result = await _call(site.server, tool, arguments)
        world.handle_given = "result_id" in (result.meta or {}).get("anymodel/result", {})
        results.append(result)
        return result

    def on_point(point: Point) -> None:
        if inject is not None and point == inject[1] and not run.hit:
            run.hit = True
            world.begin(inject[0])

    async with site.server.running():
        prepared = await scenario.prepare(partial(_call, site.server)) if scenario.prepare is not None else ""
        others = len(control.paid)

        async def act() -> None:
            with scope:
                await scenario.act(call, prepared)

        probe.trace, probe.on_point, probe.active = [], on_point, True
        try:
            with anyio.fail_after(WAIT_S):
                async with anyio.create_task_group() as group:
                    group.start_soon(act)
        except TimeoutError:
            run.problems.append("the call hangs")
        finally:
            probe.active = False
            run.trace = probe.trace
        if not await _closed(site.upstream):
            run.problems.append("a request is still open")
        world.end()
        run.requests = len(control.paid) - others
        await _check_next(site.server, run, prepared)
        others = len(control.paid) - run.requests
    _check_stored(scenario, world, results, run, others)
    kept = _given(results) + b"".join(_stored(world.data)[1:])
    if control.polls and not any(form in kept for form in (b"t1", *scenario.marks[0])):
        run.problems.append("the job is lost: neither its id nor its result is there")
    return run


async def _closed(upstream: Upstream) -> bool:
    """Whether all requests end, by an answer or because the caller leaves."""
    import anyio

    with anyio.move_on_after(WAIT_S):
        while any(seen.answered_at is None and seen.gone_at is None for seen in upstream.seen):  # noqa: ASYNC110 it tells nobody
            await anyio.sleep(0.002)
        return True
    return False


async def _check_next(server: AnyModelServer, run: Run, thread: str) -> None:
    """The next call on the same server is answered: nothing is locked, and no conversation is held."""
    import anyio

    arguments = {"prompt": "next", **({"conversation": thread} if thread else {})}
    try:
        with anyio.fail_after(WAIT_S):
            result = await _call(server, "chat", arguments)
            if result.is_error and "still running" not in str(result.content):
                run.problems.append(f"the next call fails: {result.content}")
    except TimeoutError:
        run.problems.append("the next call hangs")


def _check_stored(scenario: Scenario, world: World, results: Sequence[CallToolResult], run: Run, others: int) -> None:
    """Compares what was asked with what is there now that the server has ended.

    Args:
        scenario: what was asked.
        world: how it was disturbed.
        results: what the caller got.
        run: takes the problems.
        others: requests before and after it.
    """
    rows, stored, turns = _stored(world.data)
    if rows - others < run.requests:
        run.problems.append(f"{run.requests} requests, and {rows - others} rows in the ledger")
    if world.cancelled and _held(world.data):
        run.problems.append("a conversation is still held")
    if not run.requests:
        return
    if not world.cancelled and (not results or results[-1].is_error):
        run.problems.append(f"the paid call fails: {results[-1].content if results else 'there is no result'}")
    if world.cancelled and not world.handle_given and not run.answered:
        return
    kept = _given(results) + stored + turns
    if scenario.in_thread and world.cancelled and scenario.marks[0][0] not in turns:
        run.problems.append("the turn is not in its conversation")
    run.problems += [f"{mark[0][:40]!r} is lost" for mark in scenario.marks if not any(form in kept for form in mark)]


def _given(results: Sequence[CallToolResult]) -> bytes:
    """Everything that the caller got."""
    given: list[bytes] = []
    for result in results:
        given.append(json.dumps(result.meta).encode())
        for block in result.content:
            given.append(getattr(block, "text", "").encode())
            given += [b"<picture>"] * (block.type == "image")
    return b"\n".join(given)


def _held(data: Path) -> int:
    """How many conversations are held although no call runs any more."""
    with closing(sqlite3.connect(data / "anymodel.db")) as connection:
        return connection.execute("SELECT count(*) FROM threads WHERE holder IS NOT NULL").fetchone()[0]


def _stored(data: Path) -> tuple[int, bytes, bytes]:
    """Rows of the ledger, everything else that is kept, and the turns of conversations."""
    kept: list[bytes] = []
    with closing(sqlite3.connect(data / "anymodel.db")) as connection:
        rows = connection.execute("SELECT count(*) FROM ledger").fetchone()[0]
        rows += connection.execute("SELECT count(*) FROM running_calls WHERE NOT ended").fetchone()[0]
        for text, record in connection.execute("SELECT text, record FROM calls"):
            kept += [bytes(text), (record or "").encode()]
        turns = [message.encode() for (message,) in connection.execute("SELECT message FROM messages")]
        kept += [content.encode() for (content,) in connection.execute("SELECT content FROM jobs")]
    kept += [path.read_bytes() for path in data.rglob("*") if path.is_file() and path.suffix in (".png", ".json")]
    kept += [b"<vectors>" for _ in data.rglob("*.npy")]
    return rows, b"\n".join(kept), b"\n".join(turns)


def _last_answer(trace: Sequence[Point]) -> int:
    """Where the last paid answer was read: the last suspension of the sender below a call."""
    paid = [
        i
        for i, point in enumerate(trace)
        if any(p.startswith("upstream/client.py:") for p in point) and point[0].startswith("calls/runner.py:")
    ]
    return max(paid, default=len(trace))


@dataclass(slots=True)
class Report:
    """What was found in one scenario.

    Attributes:
        points: all suspensions that were met.
        rare: those that not every run meets, because threads do not always meet in the same order.
        hit: for each fault, where it happened.
    """

    scenario: str
    points: list[Point] = field(default_factory=list["Point"])
    rare: set[Point] = field(default_factory=set["Point"])
    hit: dict[str, set[Point]] = field(default_factory=dict[str, "set[Point]"])
    runs: int = 0
    problems: list[str] = field(default_factory=list[str])

    def lines(self) -> list[str]:
        """Every await that was found, and which faults hit it."""
        awaits: dict[str, set[str]] = {}
        for point in self.points:
            if point in self.rare and not all(point in points for points in self.hit.values()):
                continue
            faults = {fault for fault, points in self.hit.items() if point in points}
            awaits[point[-1]] = awaits.get(point[-1], faults) & faults
        return [f"{self.scenario}: {place}: {', '.join(sorted(hit)) or 'not hit'}" for place, hit in awaits.items()]


async def check(name: str, probe: Probe, faults: Sequence[Fault]) -> Report:
    """Runs a scenario with every fault at every point."""
    from tests.injected_faults.scenarios import SCENARIOS

    report = Report(name)
    async with open_site(SCENARIOS[name]) as site:
        await run_once(site, probe)  # imports what is imported late
        baseline = await run_once(site, probe)
        report.problems += [f"{name}, without a fault: {p}" for p in baseline.problems]
        report.points = list(dict.fromkeys(baseline.trace))
        report.rare = set(report.points) - set((await run_once(site, probe)).trace)
        last = _last_answer(baseline.trace)
        for fault in faults:
            report.hit[fault] = set()
            for point in report.points:
                run = await _hit(
                    site, probe, (fault, point), answered=baseline.trace.index(point) > last, report=report
                )
                if run.requests > baseline.requests:
                    run.problems.append(f"{run.requests} requests instead of {baseline.requests}")
                where = " > ".join(point[-3:])
                report.problems += [f"{name}, {fault} at {where}: {p}" for p in run.problems]
    return report


async def _hit(site: Site, probe: Probe, inject: tuple[Fault, Point], *, answered: bool, report: Report) -> Run:
    """A run that has met the point; threads do not let every run meet every point."""
    run = Run()
    for _ in range(_TRIES):
        run = await run_once(site, probe, inject, answered=answered)
        report.runs += 1
        if run.hit:
            report.hit[inject[0]].add(inject[1])
            break
    return run


_TRIES = 6


async def _main(names: Sequence[str], faults: Sequence[Fault]) -> int:
    from tests.injected_faults.probe import Probe

    probe = Probe()
    probe.install()
    failed = False
    for name in names:
        report = await check(name, probe, faults)
        for line in report.lines():
            print(line)  # noqa: T201 the report
        missed = {fault: len(report.points) - len(points) for fault, points in report.hit.items()}
        for problem in report.problems:
            print(f"PROBLEM {problem}")  # noqa: T201 the report
        count = f"{len(report.points)} suspensions, {report.runs} runs"
        print(f"{name}: {count}, not hit: {missed}", flush=True)  # noqa: T201 the report
        failed = failed or bool(report.problems)
    return int(failed)


def main() -> int:
    """Runs the chosen scenarios; 1 = something paid for was lost."""
    source = Path(__file__).parent.parent.parent / "src" / "anymodel_mcp"
    parser = argparse.ArgumentParser(prog="python -m tests.injected_faults")
    parser.add_argument("scenarios", nargs="*")
    parser.add_argument("--fault", action="append", choices=FAULTS)
    parser.add_argument("--break", dest="broken", metavar="FILE:LINE")
    parser.add_argument("--list", action="store_true", help="list the protections that --break can take away")
    options = parser.parse_args()
    if options.list:
        print("\n".join(protections(source)))  # noqa: T201 the list
        return 0
    if options.broken:
        sys.meta_path.insert(0, Breaker(source, options.broken))
    import logging

    import anyio

    from tests.injected_faults.scenarios import SCENARIOS

    logging.disable(logging.CRITICAL)
    return anyio.run(_main, options.scenarios or list(SCENARIOS), options.fault or FAULTS)


if __name__ == "__main__":
    sys.exit(main())
