"""Which model the demo asks: one of a local engine that is running, else the embedded one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from anymodel_mcp.cli.setup.discovery import list_models
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.local.engine import Engine
from anymodel_mcp.record import record
from anymodel_mcp.wire.models.names import guess_type

FindEngines = Callable[[], Awaitable[Mapping[str, int]]]


class OpenEngine(Protocol):
    """As `open_engine`."""

    def __call__(
        self, *, cache_dir: Path, on_progress: Callable[[str, int | None, int | None], None] | None = None
    ) -> AbstractAsyncContextManager[Engine]:
        """A running engine."""
        ...


@record
class DemoModel:
    """The model that is asked.

    Attributes:
        provider: the name of its provider.
        title: what runs it.
        base_url: with `/v1`; a loopback address.
        api_key: "" = it needs none.
        chat: the model that is asked.
        embedding: the model that ranks; `None` = there is none.
        embedded: it is the one of this program.
    """

    provider: str
    title: str
    base_url: str
    api_key: str
    chat: str
    embedding: str | None
    embedded: bool = False


async def running_model(find: FindEngines) -> DemoModel | None:
    """Returns a model of the first local engine that lists one for chat; `None` = no engine does."""
    for name in await find():
        row = PROVIDERS[name]
        base_url = (row.base_url or "").replace("localhost", "127.0.0.1")
        chat, embedding = pick_models(await list_models(base_url))
        if chat is not None:
            return DemoModel(
                provider=name, title=row.title, base_url=base_url, api_key="", chat=chat, embedding=embedding
            )
    return None


def pick_models(ids: Sequence[str]) -> tuple[str | None, str | None]:
    """Returns the first model for chat and the first for embeddings, by their ids."""
    kinds = [(id, guess_type(id)) for id in ids]
    chat = next((id for id, kind in kinds if kind in (None, "chat")), None)
    return chat, next((id for id, kind in kinds if kind == "embedding"), None)


@asynccontextmanager
async def embedded_model(
    engine: OpenEngine, cache_dir: Path, on_progress: Callable[[str, int | None, int | None], None]
) -> AsyncGenerator[DemoModel]:
    """The embedded model, running until the block ends."""
    async with engine(cache_dir=cache_dir, on_progress=on_progress) as running:
        yield DemoModel(
            provider="local",
            title="the embedded engine",
            base_url=running.base_url,
            api_key=running.api_key,
            chat=running.model,
            embedding=running.model,
            embedded=True,
        )
