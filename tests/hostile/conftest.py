"""One server for all tests of a module: a start costs more than most of what they do."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.hostile.scene import Scene, open_scene


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Scene, None]:
    """A server and its provider."""
    folder = tmp_path_factory.mktemp("hostile")
    allowed = folder / "allowed"
    allowed.mkdir()
    async with open_scene(folder, config=f"[files]\nallowed_dirs = ['{allowed}']") as opened:
        yield opened
