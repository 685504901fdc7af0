"""What every test starts from: a time limit, asyncio unless a module asks for trio too, no real keys."""

from __future__ import annotations

import os
import re

import pytest

pytest_plugins = ["tests.hangs"]

_KEYS = re.compile(r"(_API_KEY|_TOKEN|_BASE_URL)$|^(ANYMODEL|OPENAI|ANTHROPIC)_|_PROXY$", re.IGNORECASE)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def clean_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if _KEYS.search(name):
            monkeypatch.delenv(name)
