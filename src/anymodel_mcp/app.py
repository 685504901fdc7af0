"""Wiring: from settings to running services, and to a server over them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx2
import platformdirs

from anymodel_mcp.calls.ledger import Ledger
from anymodel_mcp.calls.runner import Calls
from anymodel_mcp.config import Settings
from anymodel_mcp.config.key_sources import key_source
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.redact import Redactor
from anymodel_mcp.server.server import AnyModelServer
from anymodel_mcp.server.services import Services
from anymodel_mcp.server.stored_jobs import resume_job, stop_job
from anymodel_mcp.state import BUSY_S, open_store
from anymodel_mcp.tasks import open_tasks
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.connections import Connections
from anymodel_mcp.upstream.directory import Directory
from anymodel_mcp.upstream.explain import Explainer
from anymodel_mcp.upstream.learned import StoredRepairs
from anymodel_mcp.upstream.providers import Providers
from anymodel_mcp.upstream.routing import ModelNames

APP_NAME = "anymodel"
CLOSE_S = 1.5


def model_names(settings: Settings) -> ModelNames:
    """The configured model names: aliases, providers and defaults."""
    defaults = {
        "chat": settings.default_model,
        "completion": settings.default_completion_model,
        "embedding": settings.default_embedding_model,
        "image": settings.default_image_model,
        "media": settings.default_media_model,
        "rerank": settings.default_rerank_model,
        "transcription": settings.default_transcription_model,
        "speech": settings.default_speech_model,
    }
    return ModelNames(
        providers=tuple(settings.providers),
        aliases=settings.aliases,
        defaults={purpose: name for purpose, name in defaults.items() if name},  # pyright: ignore[reportArgumentType] the keys are purposes
        voice=settings.default_voice,
        addresses={name: provider.base_url for name, provider in settings.providers.items()},
        services={name: provider.services for name, provider in settings.providers.items()},
        lacks={
            name: frozenset(resolve(provider.dialect, "", provider.quirks).lacks)
            for name, provider in settings.providers.items()
        },
    )


@asynccontextmanager
async def open_services(
    settings: Settings,
    *,
    redactor: Redactor | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    data_dir: Path | None = None,
    busy_s: float = BUSY_S,
    connections: Connections | None = None,
) -> AsyncGenerator[Services]:
    """Opens the services; when the block ends, running calls are cancelled and their partial text is stored.

    Args:
        settings: the configuration.
        redactor: shared by the process; `None` creates one.
        transport: how HTTP is sent; `None` = the network.
        data_dir: where store and saved files are; `None` = the user's data folder.
        busy_s: how long the store waits for another process that holds its file.
        connections: opened ahead; `None` = they are opened when they are needed.
    """
    folder = data_dir or Path(platformdirs.user_data_dir(APP_NAME))
    redactor = redactor or Redactor(settings.secrets())
    store = open_store(settings.store, folder, busy_s=busy_s)
    connections = connections or Connections(transport)
    names = model_names(settings)
    ledger: Ledger | None = None
    try:
        async with open_tasks() as group:
            ledger = Ledger(group, store)
            repairs = StoredRepairs(group, store)
            limit = settings.limits.max_event_bytes
            providers = Providers(settings.providers, group, connections, repairs, redactor.add, limit)
            catalog = Catalog(settings.providers, store, providers.endpoint, redactor.value, group)
            services = Services(
                redactor=redactor,
                store=store,
                calls=Calls(group, store, redactor, settings.limits.max_concurrent_calls),
                ledger=ledger,
                artifacts=Artifacts(settings.files, folder),
                providers=providers,
                catalog=catalog,
                directory=Directory(names, catalog),
                explainer=Explainer(
                    catalog, names, {name: key_source(settings, p) for name, p in settings.providers.items()}
                ),
                files=settings.files,
            )
            services.calls.usage = ledger.sums
            services.calls.on_resume = partial(resume_job, services)
            services.calls.on_stop = partial(stop_job, services)
            yield services
    finally:
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + CLOSE_S):
            if ledger is not None:
                await ledger.flush()
            await connections.aclose()
            await store.aclose()


def build_server(
    settings: Settings,
    *,
    transport: httpx2.AsyncBaseTransport | None = None,
    data_dir: Path | None = None,
    redactor: Redactor | None = None,
    config_error: ConfigError | None = None,
    store_busy_s: float = BUSY_S,
    connections: Connections | None = None,
) -> AnyModelServer:
    """Builds a server for these settings; nothing is opened before it runs.

    Args:
        settings: the configuration.
        transport: how HTTP to providers is sent; `None` = the network.
        data_dir: where store and saved files are; `None` = the user's data folder.
        redactor: shared by the process; `None` creates one.
        config_error: why there is no configuration; every call answers with it.
        store_busy_s: how long the store waits for another process that holds its file.
        connections: opened ahead; `None` = they are opened when they are needed.
    """
    redactor = redactor or Redactor(settings.secrets())
    open_all = partial(
        open_services,
        settings,
        redactor=redactor,
        transport=transport,
        data_dir=data_dir,
        busy_s=store_busy_s,
        connections=connections,
    )
    return AnyModelServer(settings, open_all, redactor=redactor, config_error=config_error)
