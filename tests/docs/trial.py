"""Calls one tool of a server whose provider gives one reply; its own process, over a changed copy of the code.

Reads `{environ, file, tool, arguments, reply}` from stdin; prints `{tools, requests, text, failed}` as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.types import TextContent

from anymodel_mcp.app import build_server
from anymodel_mcp.config import load


async def main() -> None:
    """Calls the tool."""
    asked: dict[str, Any] = json.load(sys.stdin)
    requests: list[dict[str, Any]] = []

    def reply(request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content) if request.content else None
        requests.append({"url": str(request.url), "key": request.headers.get("authorization"), "body": body})
        return httpx2.Response(200, json=asked["reply"])

    settings = load(asked["environ"], file_text=asked.get("file"), file_name="config.toml")
    with tempfile.TemporaryDirectory() as folder:
        server = build_server(settings, transport=httpx2.MockTransport(reply), data_dir=Path(folder))
        with anyio.fail_after(30):
            async with Client(server) as client:
                tools = [tool.name for tool in (await client.list_tools()).tools]
                result = await client.call_tool(asked["tool"], asked["arguments"])
    texts = [block.text for block in result.content if isinstance(block, TextContent)]
    json.dump({"tools": tools, "requests": requests, "text": "\n".join(texts), "failed": result.is_error}, sys.stdout)


if __name__ == "__main__":
    anyio.run(main)
