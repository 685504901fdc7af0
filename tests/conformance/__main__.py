"""Runs the official conformance suite, the client matrix and the Inspector, and prints a table.

`python -m tests.conformance [PART...]` with the parts `suite`, `matrix`, `inspector`; all of them by default. The exit
status is 1 when any line failed. scripts/conformance calls it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.streams.buffered import BufferedByteReceiveStream

from tests.conformance import install
from tests.conformance.matrix import CLIENTS, run_client
from tests.conformance.process import Outcome, run
from tests.conformance.provider import answer, config
from tests.raw_upstream import open_upstream
from tests.serving import child_environment, end_process, open_http_server, write_config
from tests.upstreams.install import node

REQUIREMENTS = ("2025-11-25", "2026-07-28")
UNAIDED = {
    # scenarios that need no fixtures: run against the product as it is
    "2025-11-25": (
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "tools-list",
        "resources-list",
        "completion-complete",
        "dns-rebinding-protection",
        "server-sse-multiple-streams",
    ),
    "2026-07-28": (
        "tools-list",
        "resources-list",
        "completion-complete",
        "dns-rebinding-protection",
        "server-sse-multiple-streams",
        "caching",
        "http-header-validation",
        "sep-2164-resource-not-found",
        "input-required-result-unsupported-methods",
        "input-required-result-ignore-extra-params",
    ),
}
_AT_ONCE = 2
_READY_S = 30

Job = Callable[[], Awaitable[Outcome]]


@asynccontextmanager
async def open_fixture() -> AsyncGenerator[str]:
    """The fixture server's URL; leaving it ends the server."""
    process = await anyio.open_process(
        [sys.executable, "-m", "tests.conformance.fixture", "0"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        async with anyio.create_task_group() as tasks:
            said = BufferedByteReceiveStream(process.stderr) if process.stderr else None
            assert said is not None
            with anyio.fail_after(_READY_S):
                await said.receive_until(b"http://127.0.0.1:", 10_000)
                port = (await said.receive_until(b"/mcp\n", 100)).decode()
            tasks.start_soon(_pass_on, said)
            yield f"http://localhost:{port}/mcp"
            tasks.cancel_scope.cancel()
    finally:
        await end_process(process)


async def _pass_on(said: BufferedByteReceiveStream) -> None:
    """Shows what the server still has to say, and keeps its pipe empty."""
    async for piece in said:
        sys.stderr.write(piece.decode(errors="replace"))


def _suite(url: str, folder: Path, *arguments: str) -> list[str]:
    return [str(node()), str(install.SUITE), "server", "--url", url, *arguments, "-o", str(folder)]


def suite_jobs(fixture: str, product: str, folder: Path) -> list[Job]:
    """The frozen requirement sets on the fixture server, the unaided scenarios on the product."""
    jobs: list[Job] = []
    for version in REQUIREMENTS:
        command = _suite(fixture, folder, "--requirements", version)
        jobs.append(lambda c=command, v=version: run(f"conformance {v}, all requirements", c, folder))
    for version, scenarios in UNAIDED.items():
        for scenario in scenarios:
            command = _suite(product, folder, "--scenario", scenario, "--spec-version", version)
            jobs.append(lambda c=command, s=scenario, v=version: run(f"conformance {v}, product: {s}", c, folder))
    return jobs


def matrix_jobs(stdio: dict[str, Any], url: str) -> list[Job]:
    """Each client over each transport."""
    targets = {"stdio": stdio, "http": {"url": url}}
    return [lambda c=c, t=t: run_client(c, targets[t], t) for c in CLIENTS for t in targets]


def inspector_jobs(stdio: dict[str, Any], url: str, folder: Path) -> list[Job]:
    """The Inspector's lint of the schemas, and one call, over each transport and in each era."""
    start = [str(node()), str(install.INSPECTOR), "--cli"]
    environ = [flag for name, value in stdio["env"].items() for flag in ("-e", f"{name}={value}")]
    targets = {"http": [url], "stdio": [*environ, stdio["command"], *stdio["args"]]}
    listing = ["--method", "tools/list", "--strict"]
    calling = ["--method", "tools/call", "--tool-name", "chat", "--tool-arg", "prompt=ping"]
    jobs: list[Job] = []
    for transport, target in targets.items():
        for era in ("legacy", "modern"):
            for what, method in (("tools/list --strict", listing), ("tools/call chat", calling)):
                command = [*start, "--protocol-era", era, *target, *method]
                title = f"Inspector {what}, {era}, {transport}"
                jobs.append(lambda c=command, t=title: run(t, c, folder))
    return jobs


async def run_all(jobs: Sequence[Job]) -> list[Outcome]:
    """All outcomes in the order of the jobs, a few at once; each is printed as it comes."""
    outcomes: dict[int, Outcome] = {}
    limit = anyio.CapacityLimiter(_AT_ONCE)

    async def one(number: int, job: Job) -> None:
        async with limit:
            outcomes[number] = await job()
            show(outcomes[number])

    async with anyio.create_task_group() as tasks:
        for number, job in enumerate(jobs):
            tasks.start_soon(one, number, job)
    return [outcomes[number] for number in range(len(jobs))]


def show(outcome: Outcome) -> None:
    """One line of the table, and what is wrong below it."""
    verdict = "FAIL" if outcome.problems else "ok"
    print(f"{verdict:4}  {outcome.seconds:5.1f} s  {outcome.title}", flush=True)  # noqa: T201 the table
    for problem in outcome.problems:
        print("      " + problem.replace("\n", "\n      "), flush=True)  # noqa: T201 the table


async def main(parts: Sequence[str]) -> int:
    """Runs the parts; gives the exit status."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="anymodel-conformance-") as name:
        folder = Path(name)
        async with open_upstream(answer) as provider, open_fixture() as fixture:
            environ = child_environment(write_config(config(provider.origin), folder), folder)
            stdio = {"command": sys.executable, "args": ["-m", "anymodel_mcp"], "env": environ}
            async with open_http_server(environ, folder) as product:
                jobs: dict[str, Callable[[], list[Job]]] = {
                    "suite": lambda: suite_jobs(fixture, product.url, folder),
                    "matrix": lambda: matrix_jobs(stdio, product.url),
                    "inspector": lambda: inspector_jobs(stdio, product.url, folder),
                }
                outcomes = await run_all([job for part in parts or jobs for job in jobs[part]()])
    failed = sum(bool(outcome.problems) for outcome in outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed, {time.monotonic() - begun:.0f} s")  # noqa: T201 the table
    return 1 if failed else 0


if __name__ == "__main__":
    install.ensure()
    sys.exit(anyio.run(main, sys.argv[1:]))
