"""The generated answers are those of the real server."""

from __future__ import annotations

import runpy
from pathlib import Path

from anymodel_mcp.greeting import listing

ROOT = Path(__file__).parents[2]


async def test_the_generated_answers_are_those_of_the_server() -> None:
    made = await runpy.run_path(str(ROOT / "scripts" / "listing"))["build"]()
    assert Path(listing.__file__).read_text(encoding="utf-8") == made, "run scripts/listing"
