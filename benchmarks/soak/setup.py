"""What the parts share: a configuration for the faulty upstream, and that upstream as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from tests.serving import end_process
from tests.waiting import HANG_S

ROOT = Path(__file__).resolve().parents[2]


def to_config(origin: str, *, provider: str = "", limits: str = "") -> str:
    """One provider `f`; a call is tried once, so that a figure shows the fault and not the waits between attempts."""
    return f"""
[providers.f]
base_url = "{origin}/v1"
api_key = "sk-soak-0123456789"
max_attempts = 1
{provider}
[limits]
soft_deadline_s = 0
{limits}
"""


@asynccontextmanager
async def open_faults() -> AsyncGenerator[str, None]:
    """The origin of the faulty upstream, in a process of its own."""
    command = [sys.executable, "-m", "tests.faults"]
    process = await anyio.open_process(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None)
    try:
        assert process.stdout is not None
        with anyio.fail_after(HANG_S):
            line = await process.stdout.receive()
        yield f"http://127.0.0.1:{json.loads(line)['port']}"
    finally:
        await end_process(process)
