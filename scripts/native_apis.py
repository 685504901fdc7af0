"""Asks servers that nobody here wrote through Messages, Gemini and Realtime, as a host would, and prints what came.

llama.cpp (the embedded engine, with its real model) answers Messages; aimock answers all three. Both transports. Ends
with status 1 if an answer is not what it should be.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import platformdirs

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the helpers of the tests, started as a script

from mcp import Client  # noqa: E402
from mcp.types import CallToolResult, TextContent  # noqa: E402

from tests.serving import Transport, open_client  # noqa: E402
from tests.upstreams import install  # noqa: E402
from tests.upstreams.fixtures import find_free_port, running  # noqa: E402

Json = dict[str, Any]
APIS = {"messages": ("anthropic", "/v1"), "gemini": ("gemini", "/v1beta"), "realtime": ("realtime", "/v1")}
TRANSPORTS: tuple[Transport, ...] = ("stdio", "http")
ENGINE = "local/smollm2-135m-instruct"
HELLO = "Hello! This sentence comes from a server that nobody here wrote"
WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "weather now",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL_S = 120


@dataclass(slots=True)
class Report:
    """What was seen, line by line."""

    failed: list[str] = field(default_factory=list[str])

    def check(self, what: str, result: CallToolResult, fits: Callable[[str, Json], bool]) -> Json:
        """Prints one answer, and remembers it if it is wrong; returns its record."""
        text = "".join(block.text for block in result.content if isinstance(block, TextContent))
        meta = result.meta or {}
        record: Json = meta.get("anymodel/result") or meta.get("anymodel/error") or {}
        fine = fits(text, record)
        shown = {k: record[k] for k in ("kind", "finish_reason", "usage", "tool_calls", "audio") if k in record}
        print(f"{'ok  ' if fine else 'FAIL'} {what}: {text[:90]!r} {json.dumps(shown)[:300]}", flush=True)
        if not fine:
            self.failed.append(what)
        return record


async def ask(client: Client, **arguments: Any) -> CallToolResult:
    """One call of `chat`."""
    return await client.call_tool("chat", arguments, read_timeout_seconds=CALL_S)


async def ask_mock(client: Client, api: str, at: str, report: Report) -> None:
    """Text, whole and streamed, a tool loop in a thread, a refusal."""
    model = f"{api}/m"
    for stream in (True, False):
        result = await ask(client, model=model, prompt="hello", stream=stream)
        report.check(f"{at} {api}, stream {stream}", result, lambda text, _: text.startswith(HELLO))
    called = await ask(client, model=model, prompt="Is there rain in Rome?", tools=[WEATHER], conversation="new")
    record = report.check(
        f"{at} {api}, tool call",
        called,
        lambda _, seen: [c["arguments"] for c in seen.get("tool_calls", [])] == [{"city": "Rome"}],
    )
    if record.get("tool_calls"):
        turn = {"role": "tool", "tool_call_id": record["tool_calls"][0]["id"], "content": "rain"}
        result = await ask(client, messages=[turn], tools=[WEATHER], conversation=record["conversation"])
        report.check(f"{at} {api}, tool result", result, lambda text, _: text.startswith("It rains in Rome."))
    refused = await ask(client, model=model, prompt="slow down")
    report.check(f"{at} {api}, refusal", refused, lambda _, seen: seen.get("kind") == "rate_limit")


async def ask_engine(client: Client, at: str, report: Report) -> None:
    """The real model, through the Messages API of llama.cpp."""
    paris: Json = {"model": ENGINE, "system": "You are a helpful assistant.", "temperature": 0, "max_tokens": 24}
    for stream in (True, False):
        result = await ask(client, prompt="What is the capital of France?", stream=stream, **paris)
        report.check(f"{at} engine, stream {stream}", result, lambda text, _: "Paris" in text)
    cut = await ask(client, prompt="What is the capital of France?", **paris | {"max_tokens": 3})
    report.check(f"{at} engine, limit", cut, lambda _, seen: seen.get("finish_reason") == "length")


async def main() -> int:
    """Plays everything over both transports."""
    report = Report()
    await anyio.to_thread.run_sync(install.ensure)
    fixtures = ROOT / "tests" / "upstreams" / "aimock.json"
    port = find_free_port()
    command = [str(install.node()), str(install.aimock_script()), "-p", str(port), "-f", str(fixtures), "-l", "20"]
    with tempfile.TemporaryDirectory() as folder, running(command, port, Path(folder)) as url:
        origin = url.removesuffix("/v1")
        tables = [
            f'[providers.{name}]\nbase_url = "{origin}{path}"\napi = "{api}"\napi_key = "k"\nmax_attempts = 1\n'
            for name, (api, path) in APIS.items()
        ]
        config = f'default_model = "{ENGINE}"\n[providers.local]\napi = "anthropic"\n' + "".join(tables)
        env = {"XDG_CACHE_HOME": platformdirs.user_cache_dir()}  # the model is fetched once
        for transport in TRANSPORTS:
            async with open_client(config, Path(folder) / transport, transport=transport, env=env) as client:
                for api in APIS:
                    await ask_mock(client, api, transport, report)
                await ask_engine(client, transport, report)
    print(
        f"{len(report.failed)} of all answers are wrong: {report.failed}" if report.failed else "all answers are right"
    )
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(anyio.run(main))
