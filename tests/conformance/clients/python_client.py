"""One run of a Python client, old or new: greets, lists, calls, reads; prints what it understood as JSON.

python python_client.py PLAN [MODE], by the interpreter that has the client: so only `mcp` and what it brings is used.
"""

# pyright: basic, reportAttributeAccessIssue=false
from __future__ import annotations

import json
import sys
from contextlib import asynccontextmanager

import anyio
from mcp.client.stdio import StdioServerParameters, stdio_client


def _parameters(target):
    return StdioServerParameters(command=target["command"], args=target["args"], env=target["env"])


@asynccontextmanager
async def _open_old(target):
    """A session of the SDK before 2.0."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    open_streams = streamablehttp_client(target["url"]) if "url" in target else stdio_client(_parameters(target))
    async with open_streams as streams, ClientSession(streams[0], streams[1]) as session:
        greeting = await session.initialize()
        yield session, greeting.protocolVersion


@asynccontextmanager
async def _open_new(target, mode):
    from mcp import Client

    where = target["url"] if "url" in target else stdio_client(_parameters(target))
    async with Client(where, mode=mode) as client:
        yield client, client.protocol_version


def _result(result):
    blocks = [block.model_dump(mode="json") for block in result.content]
    failed = getattr(result, "isError", None)
    return {
        "failed": bool(result.is_error if failed is None else failed),
        "kinds": [block["type"] for block in blocks],
        "text": next((block["text"] for block in blocks if block["type"] == "text"), ""),
    }


async def _drive(session, version, plan):
    tools = (await session.list_tools()).tools
    results = [_result(await session.call_tool(name, arguments)) for name, arguments in plan["calls"]]
    resources = (await session.list_resources()).resources
    read = await session.read_resource(plan["resource"])
    return {
        "version": str(version),
        "tools": [tool.name for tool in tools],
        "results": results,
        "resources": len(resources),
        "read": len(read.contents),
    }


async def _main(plan, mode):
    opening = _open_new(plan["target"], mode) if mode else _open_old(plan["target"])
    async with opening as (session, version):
        sys.stdout.write(json.dumps(await _drive(session, version, plan)) + "\n")


anyio.run(_main, json.loads(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
