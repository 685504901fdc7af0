"""What this server costs over an empty SDK server and a bare HTTP request, measured side by side in one run.

    python benchmarks/overhead.py [--starts 7] [--calls 400]

Prints a table: start to tools/list (also without compiled modules, and as instructions where valgrind is installed), to
the first chat, and to a chat after idling; one chat (streamed and not) against an empty tool call plus the bare
request; bytes of tools/list and idle memory. Each has its ratio or difference, and the bound that it should hold. The
exit status is 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import httpx2
from pipe import Child, InstantUpstream

HERE = Path(__file__).parent
EMPTY = [sys.executable, str(HERE / "empty_server.py")]
OURS = [sys.executable, "-m", "anymodel_mcp"]


def _start(argv: list[str], env: dict[str, str]) -> float:
    with Child(argv, env) as child:
        child.open()
        return time.perf_counter() - child.started


def _median_ms(work: Callable[[], object], count: int) -> float:
    times: list[float] = []
    for _ in range(count):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


async def _bare(url: str, *, stream: bool, count: int) -> float:
    """The median of a bare httpx2 request that reads its whole answer, in ms."""
    times: list[float] = []
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    async with httpx2.AsyncClient(headers={"authorization": "Bearer sk-test"}) as client:
        for _ in range(count):
            start = time.perf_counter()
            async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
                async for _chunk in response.aiter_bytes():
                    pass
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


class Report:
    """The printed rows, and which of them break their bound."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    def row(self, name: str, value: str, bound: str, *, held: bool) -> None:
        print(f"{name:<34} {value:<52} {bound:<28} {'ok' if held else 'BROKEN'}", flush=True)
        if not held:
            self.broken.append(name)

    def ratio(self, name: str, ours_s: list[float], empty_s: list[float], most: float) -> None:
        """A time of ours against the start of the empty server in the same rounds."""
        ours, empty = statistics.median(ours_s), statistics.median(empty_s)
        value = f"{ours * 1000:.0f} ms / {empty * 1000:.0f} ms = {ours / empty:.3f}"
        self.row(name, value, f"<= {most:.2f}", held=ours / empty <= most)


def _first_chat(env: dict[str, str], idle_s: float = 0) -> tuple[float, float]:
    """Seconds from exec to the answer of a chat right behind the greeting, and of the chat alone after idling."""
    with Child(OURS, env) as child:
        child.open()
        time.sleep(idle_s)
        asked = time.perf_counter()
        child.call("chat", {"model": "openai/m", "prompt": "hi"})
        answered = time.perf_counter()
    return answered - child.started, answered - asked


def measure_starts(report: Report, env: dict[str, str], rounds: int) -> None:
    """Starts and first chats, in turn with starts of the empty server."""
    _start(EMPTY, env), _start(OURS, env)
    empty, ours, first, idle = [list[float]() for _ in range(4)]
    for _ in range(rounds):
        empty.append(_start(EMPTY, env))
        ours.append(_start(OURS, env))
        first.append(_first_chat(env)[0])
        idle.append(_first_chat(env, idle_s=3)[1])
    report.ratio("start to tools/list", ours, empty, 0.10)
    report.ratio("start to first chat", first, empty, 1.25)
    report.ratio("chat after 3 s of idling", idle, empty, 0.06)
    with tempfile.TemporaryDirectory() as nothing:
        bare = env | {"PYTHONPYCACHEPREFIX": nothing, "PYTHONDONTWRITEBYTECODE": "1"}
        few = range(max(3, rounds // 2))
        pairs = [(_start(OURS, bare), _start(EMPTY, bare)) for _ in few]
    report.ratio("start to tools/list, no .pyc", [a for a, _ in pairs], [b for _, b in pairs], 0.10)


def measure_instructions(report: Report, env: dict[str, str]) -> None:
    """The same start as instructions, which no other work on the machine changes; needs valgrind."""
    if shutil.which("valgrind") is None:
        return
    counted = [_instructions(argv, env) / 1e6 for argv in (OURS, EMPTY)]
    ratio = counted[0] / counted[1]
    value = f"{counted[0]:.0f} M / {counted[1]:.0f} M instructions = {ratio:.3f}"
    report.row("start to tools/list, counted", value, "<= 0.10", held=ratio <= 0.10)


def _instructions(argv: list[str], env: dict[str, str]) -> int:
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", *argv]
    lines = [
        request(0, "initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": CLIENT}),
        request(None, "notifications/initialized"),
        request(1, "tools/list"),
    ]
    env = {**os.environ, **env}
    done = subprocess.run(command, input=b"".join(lines), capture_output=True, env=env, check=True)
    found = re.search(rb"I\s+refs:\s+([\d,]+)", done.stderr)
    assert found, done.stderr
    return int(found[1].replace(b",", b""))


CLIENT = {"name": "benchmark", "version": "1"}


def request(number: int | None, method: str, params: dict[str, object] | None = None) -> bytes:
    """One request or notification as a line."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
    if number is None:
        del message["id"]
    return json.dumps(message).encode() + b"\n"


def measure_memory(report: Report, env: dict[str, str]) -> None:
    """Resident memory of an idle server, before and after it is imported."""
    with Child(EMPTY, env) as empty, Child(OURS, env) as ours:
        empty.open()
        size = ours.open()
        report.row("tools/list", f"{size} bytes", "<= 6000", held=size <= 6000)
        front, base = ours.rss_mib(), empty.rss_mib()
        value = f"{front:.1f} / {base:.1f} MiB = {front / base:.3f}"
        report.row("memory before the first call", value, "<= 0.20", held=front / base <= 0.20)
        time.sleep(4)  # a silent client: the server is imported meanwhile
        ours.call("get_result", {})
        extra = ours.rss_mib() - empty.rss_mib()
        value = f"{ours.rss_mib():.1f} - {empty.rss_mib():.1f} = {extra:.1f} MiB"
        report.row("idle memory over empty server", value, "<= 15 MiB", held=extra <= 15)


def measure_calls(report: Report, env: dict[str, str], url: str, calls: int) -> None:
    """One chat against an empty tool call plus the bare request."""
    with Child(EMPTY, env) as empty, Child(OURS, env) as ours:
        empty.open(), ours.open()
        for stream in (False, True):
            arguments = {"model": "openai/m", "prompt": "hi", "stream": stream}
            for _ in range(20):
                ours.call("chat", arguments)
                empty.call("noop", {"text": "x"})
            rounds: list[tuple[float, float, float]] = []
            for _ in range(4):
                count = calls // 4
                noop = _median_ms(lambda: empty.call("noop", {"text": "x"}), count)
                chat = _median_ms(lambda a=arguments: ours.call("chat", a), count)
                bare = anyio.run(lambda s=stream, c=count: _bare(url, stream=s, count=c))
                rounds.append((noop, bare, chat))
            noop, bare, chat = (statistics.median(side) for side in zip(*rounds, strict=True))
            cost, allowed = chat - noop - bare, max(1.0, (noop + bare) / 2)
            what = f"chat {chat:.2f} - empty call {noop:.2f} - request {bare:.2f} = {cost:+.2f} ms"
            name = f"chat, {'streamed' if stream else 'whole'}, p50"
            report.row(name, what, f"<= {allowed:.2f} ms", held=cost <= allowed)


def main() -> int:
    """Measures and prints; 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--calls", type=int, default=400)
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as home, InstantUpstream() as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test-key", "HOME": home, "XDG_CONFIG_HOME": home}
        env["PYTHONDONTWRITEBYTECODE"] = ""  # the compiled modules are measured, but for one row
        measure_starts(report, env, options.starts)
        measure_instructions(report, env)
        measure_memory(report, env)
        measure_calls(report, env, url, options.calls)
    print("all bounds hold" if not report.broken else f"broken: {', '.join(report.broken)}")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
