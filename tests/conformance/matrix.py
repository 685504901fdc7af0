"""Old and new clients against the product, over stdio and HTTP: each must understand everything it is given."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.conformance import install
from tests.conformance.process import Outcome, run
from tests.conformance.provider import ANSWER
from tests.upstreams.install import node

TOOLS = ["chat", "complete", "embed", "generate_image", "list_models", "get_result"]
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("chat", {"prompt": "ping"}),
    ("chat", {"prompt": "ping", "stream": False}),
    ("complete", {"prompt": "ping"}),
    ("embed", {"input": ["a", "b"], "output": "vectors"}),
    ("generate_image", {"prompt": "a teal square"}),
    ("list_models", {}),
    ("get_result", {"id": "nobody"}),
]
LINKS_SINCE = "2025-06-18"

_PYTHON_CLIENT = str(Path(__file__).parent / "clients" / "python_client.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One row of the matrix.

    Attributes:
        version: the protocol version that it is known to negotiate with this server.
        mode: how newer clients choose the era.
    """

    title: str
    kind: Literal["python", "javascript"]
    package: str
    version: str
    mode: str = ""


CLIENTS = (
    Client(title="Python mcp 1.9.4", kind="python", package="1.9.4", version="2025-03-26"),
    Client(title="Python mcp 1.13.1", kind="python", package="1.13.1", version="2025-06-18"),
    Client(title="Python mcp 1.30.0", kind="python", package="1.30.0", version="2025-11-25"),
    Client(title="Python mcp 2.3.0 legacy", kind="python", package="", version="2025-11-25", mode="legacy"),
    Client(title="Python mcp 2.3.0 auto", kind="python", package="", version="2026-07-28", mode="auto"),
    Client(title="JavaScript sdk 1.12.1", kind="javascript", package="sdk-1.12.1", version="2025-03-26"),
    Client(title="JavaScript sdk 1.32.2", kind="javascript", package="sdk-1.32.2", version="2025-11-25"),
    Client(
        title="JavaScript client 2.4.0 legacy",
        kind="javascript",
        package="@modelcontextprotocol/client",
        version="2025-11-25",
        mode="legacy",
    ),
    Client(
        title="JavaScript client 2.4.0 auto",
        kind="javascript",
        package="@modelcontextprotocol/client",
        version="2026-07-28",
        mode="auto",
    ),
)


def _command(client: Client, plan: str) -> list[str]:
    mode = [client.mode] if client.mode else []
    if client.kind == "javascript":
        return [str(node()), str(install.JS_CLIENT), client.package, plan, *mode]
    python = str(install.python_of(client.package)) if client.package else sys.executable
    return [python, _PYTHON_CLIENT, plan, *mode]


async def run_client(client: Client, target: dict[str, Any], transport: str) -> Outcome:
    """One client over one transport."""
    plan = json.dumps({"target": target, "calls": CALLS, "resource": "anymodel://models"})
    title = f"{client.title}, {transport}"
    done = await run(title, _command(client, plan))
    if done.problems:
        return done
    try:
        seen = json.loads(done.said.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return done.with_fields(f"printed no JSON: {done.said[-300:]!r}")
    return done.with_fields(*check(client.version, seen))


def check(version: str, seen: dict[str, Any]) -> Sequence[str]:
    """What is wrong with what a client understood."""
    wrong: list[str] = []
    if seen["version"] != version:
        wrong.append(f"negotiated {seen['version']}, not {version}")
    if sorted(seen["tools"]) != sorted(TOOLS):
        wrong.append(f"lists {seen['tools']}")
    if not seen["resources"] or not seen["read"]:
        wrong.append("sees no resources")
    for (tool, _), result in zip(CALLS, seen["results"], strict=True):
        wrong += [f"{tool}: {problem}" for problem in _check_result(tool, version, result)]
    return wrong


def _check_result(tool: str, version: str, result: dict[str, Any]) -> list[str]:
    if result["failed"] != (tool == "get_result"):
        return [f"failed is {result['failed']}: {result['text'][:300]}"]
    if tool in ("chat", "complete") and result["text"] != ANSWER:
        return [f"text is {result['text'][:300]!r}"]
    kinds = ["text"]
    if tool == "generate_image":
        kinds = ["text", "image", "resource_link"] if version >= LINKS_SINCE else ["text", "image"]
    return [] if result["kinds"] == kinds else [f"gives {result['kinds']}, not {kinds}"]
