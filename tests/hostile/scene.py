"""This server as a process, a provider whose every answer is given, and what can be seen of both from outside."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.lowlevel

from benchmarks.soak.figures import rss_mib
from tests.raw_upstream import Answer, Line, Reply, Seen, Upstream, open_upstream, serve
from tests.rawclient import Json, StdioPipe, open_pipe

PATIENCE_S = 90
"""For one hostile call on a busy machine."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """What a process and its children held at most, beyond what it held before."""

    before_mib: float
    growth_mib: float = 0.0

    async def watch(self, pid: int) -> None:
        """Goes on until it is cancelled."""
        while True:
            now = rss_mib(pid) + sum(map(rss_mib, children(pid)))
            self.growth_mib = max(self.growth_mib, now - self.before_mib)
            await anyio.sleep(0.005)


@dataclass(slots=True, kw_only=True)
class Scene:
    """A server on pipes and the one provider that it knows; `answer` can be changed at any time."""

    pipe: StdioPipe
    upstream: Upstream
    answer: Answer

    def will_say(self, *texts: str) -> None:
        """From now on the provider answers with these texts in turn; the last one repeats. No request has come yet."""
        self.answer_with(*(completion(text) for text in texts))

    def answer_with(self, *replies: Reply) -> None:
        """From now on the provider answers with these in turn; the last one repeats. No request has come yet."""
        self.answer = serve(replies)
        self.upstream.seen.clear()

    def children(self) -> list[int]:
        """The child processes of the server."""
        return children(self.pipe.pid)

    async def call(self, tool: str, arguments: Json) -> Json:
        """A tool call's result, within the patience of these tests."""
        with anyio.fail_after(PATIENCE_S):
            return await self.pipe.call(tool, arguments)

    async def call_then_ping(self, tool: str, arguments: Json) -> tuple[Json, list[str]]:
        """A call and, right behind it, a ping: the call's result, and the order in which the two were answered."""
        answered: list[str] = []
        results: list[Json] = []

        async def call() -> None:
            results.append(await self.pipe.call(tool, arguments))
            answered.append("call")

        async def ping() -> None:
            await self.pipe.request("ping")
            answered.append("ping")

        with anyio.fail_after(PATIENCE_S):
            async with anyio.create_task_group() as both:
                both.start_soon(call)
                await anyio.lowlevel.checkpoint()
                both.start_soon(ping)
        return results[0], answered

    @asynccontextmanager
    async def watch_memory(self) -> AsyncGenerator[Memory, None]:
        """Looks every few milliseconds at the memory of the server and its children together."""
        memory = Memory(before_mib=rss_mib(self.pipe.pid))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(memory.watch, self.pipe.pid)
            yield memory
            tasks.cancel_scope.cancel()

    async def wait_until_childless(self) -> None:
        """Returns when the server has no child process."""
        with anyio.fail_after(PATIENCE_S):
            while children(self.pipe.pid):  # noqa: ASYNC110 /proc tells nobody
                await anyio.sleep(0.05)


@asynccontextmanager
async def open_scene(folder: Path, *, config: str = "", provider: str = "") -> AsyncGenerator[Scene, None]:
    """A server, and a provider that answers "fine" until a test changes its answer.

    Args:
        folder: for everything that the server writes.
        config: more of the configuration file.
        provider: more of the provider's section.
    """

    async def answer(seen: Seen, line: Line) -> None:
        await scene.answer(seen, line)

    async with open_upstream(answer) as upstream:
        text = f"""
default_model = "p/m"
[providers.p]
base_url = "{upstream.origin}/v1"
api_key = "sk-hostile-0123456789"
max_attempts = 1
{provider}
{config}
"""
        async with open_pipe(text, folder) as pipe:
            scene = Scene(pipe=pipe, upstream=upstream, answer=serve([completion("fine")]))
            await scene.call("get_result", {})  # the server is in memory from the first call on
            yield scene


def completion(text: str) -> Reply:
    """A whole chat answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    body = json.dumps({"id": "c1", "model": "m", "choices": [choice]}).encode()
    return Reply(headers={"content-type": "application/json"}, frames=[body])


def error_of(result: Json) -> Json:
    """The record of a failed call."""
    assert result.get("isError"), result
    return result["_meta"]["anymodel/error"]


def record_of(result: Json) -> Json:
    """The record of a call that succeeded."""
    assert not result.get("isError"), result
    return result["_meta"]["anymodel/result"]


def shared_run(text: str, given: str) -> int:
    """The length of the longest piece of `given` of 81 characters or more that `text` repeats; 0 = there is none."""
    for start in range(max(len(given) - 80, 0)):
        if given[start : start + 81] in text:
            return 81
    return 0


def children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    found: list[int] = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = (
                    Path(entry.path, "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                )
            except OSError:
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found
