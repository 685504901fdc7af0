"""One server for all tests of a module: a start costs more than most of what they do."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.hostile.scene import Scene, open_scene


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def allowed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder whose files may be read."""
    return tmp_path_factory.mktemp("allowed")


@pytest.fixture(scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory, allowed: Path) -> AsyncGenerator[Scene, None]:
    """A server and its provider."""
    async with open_scene(
        tmp_path_factory.mktemp("hostile"), config=f"[files]\nallowed_dirs = ['{allowed}']"
    ) as opened:
        yield opened
