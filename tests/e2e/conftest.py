"""The real processes that end-to-end tests talk to; other folders need neither Node nor a model."""

from __future__ import annotations

from tests.upstreams.fixtures import aimock_url, dasllama_url, engine, llmock_url, xpyd_url

__all__ = ["aimock_url", "dasllama_url", "engine", "llmock_url", "xpyd_url"]
