"""What this server costs over an empty SDK server and a bare HTTP request, measured side by side in one run.

    python benchmarks/overhead.py [--starts 7] [--calls 400]

Prints a table: start to tools/list, one chat (streamed and not) against an empty tool call plus the bare request,
bytes of tools/list, idle memory; each with its ratio or difference, and the bound that it should hold. The exit status
is 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import statistics
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


def main() -> int:
    """Measures and prints; 1 when a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--calls", type=int, default=400)
    options = parser.parse_args()
    broken: list[str] = []

    def row(name: str, value: str, bound: str, *, held: bool) -> None:
        print(f"{name:<34} {value:<52} {bound:<28} {'ok' if held else 'BROKEN'}")
        if not held:
            broken.append(name)

    with tempfile.TemporaryDirectory() as home, InstantUpstream() as url:
        env = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-test-key", "HOME": home, "XDG_CONFIG_HOME": home}
        _start(EMPTY, env), _start(OURS, env)
        pairs = [(_start(EMPTY, env), _start(OURS, env)) for _ in range(options.starts)]
        empty_s, ours_s = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = ours_s / empty_s
        row(
            "start to tools/list",
            f"{ours_s * 1000:.0f} ms / {empty_s * 1000:.0f} ms = {ratio:.3f}",
            "<= 1.15",
            held=ratio <= 1.15,
        )
        with Child(EMPTY, env) as empty, Child(OURS, env) as ours:
            empty.open()
            size = ours.open()
            row("tools/list", f"{size} bytes", "<= 6000", held=size <= 6000)
            extra = ours.rss_mib() - empty.rss_mib()
            row(
                "idle memory over empty server",
                f"{ours.rss_mib():.1f} - {empty.rss_mib():.1f} = {extra:.1f} MiB",
                "<= 15 MiB",
                held=extra <= 15,
            )
            for stream in (False, True):
                arguments = {"model": "openai/m", "prompt": "hi", "stream": stream}
                for _ in range(20):
                    ours.call("chat", arguments)
                    empty.call("noop", {"text": "x"})
                rounds: list[tuple[float, float, float]] = []
                for _ in range(4):
                    count = options.calls // 4
                    noop = _median_ms(lambda: empty.call("noop", {"text": "x"}), count)
                    chat = _median_ms(lambda a=arguments: ours.call("chat", a), count)
                    bare = anyio.run(lambda s=stream, c=count: _bare(url, stream=s, count=c))
                    rounds.append((noop, bare, chat))
                noop, bare, chat = (statistics.median(side) for side in zip(*rounds, strict=True))
                cost, allowed = chat - noop - bare, max(1.0, (noop + bare) / 2)
                what = f"chat {chat:.2f} - empty call {noop:.2f} - request {bare:.2f} = {cost:+.2f} ms"
                row(
                    f"chat, {'streamed' if stream else 'whole'}, p50",
                    what,
                    f"<= {allowed:.2f} ms",
                    held=cost <= allowed,
                )
    print("all bounds hold" if not broken else f"broken: {', '.join(broken)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
