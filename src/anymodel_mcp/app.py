"""`App`: everything one process shares between calls; `open_app()` is the one context manager around it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import httpx2
import platformdirs
from anyio.abc import TaskGroup, TaskStatus

from anymodel_mcp.calls.ledger import Ledger
from anymodel_mcp.calls.runner import Calls
from anymodel_mcp.calls.task_group import open_tasks
from anymodel_mcp.config import ProviderSettings, Secret, Settings
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import AnyModelError, ConfigError
from anymodel_mcp.media.artifacts import Outputs
from anymodel_mcp.redact import Redactor
from anymodel_mcp.state import BUSY_S, Store, open_store
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.upstream.connections import Connections
from anymodel_mcp.upstream.endpoints import Endpoint
from anymodel_mcp.upstream.keys import KeyReader
from anymodel_mcp.upstream.learned import StoredRepairs
from anymodel_mcp.upstream.routing import NOTHING_CONFIGURED, Purpose, Target, default_name, needs_lists, route, suits
from anymodel_mcp.upstream.shared import SharedWork

APP_NAME = "anymodel"
PRELOAD_AFTER_S = 0.2
"""The rest of the host's greeting goes first."""
LOCAL = "local:"


OnWait = Callable[[str], None]


def _ignore(_phase: str) -> None:
    """For who shows no progress."""


@dataclass(slots=True)
class _Opening:
    """A provider whose client is being made; its engine may start, or be downloaded, all the while.

    Attributes:
        listeners: take what is being waited for.
    """

    client: SharedWork[ProviderClient]
    listeners: list[OnWait] = field(default_factory=list[OnWait])

    def tell(self, phase: str) -> None:
        """Tells everybody who waits."""
        for listener in self.listeners:
            listener(phase)


class App:
    """What the tools work with.

    Attributes:
        settings: the configuration.
        redactor: the one redactor of the process.
        store: what outlives calls.
        calls: the running calls.
        outputs: saved pictures and vectors.
        catalogue: the providers' model lists.
        ledger: one row for each model that was asked.
        preloaded: set when what the first call needs is loaded ahead of it.
    """

    def __init__(
        self,
        settings: Settings,
        redactor: Redactor,
        group: TaskGroup,
        store: Store,
        outputs: Outputs,
        transport: httpx2.AsyncBaseTransport | None,
    ) -> None:
        self.settings = settings
        self.redactor = redactor
        self.store = store
        self.outputs = outputs
        self.calls = Calls(group, store, self.redactor, settings.limits.max_concurrent_calls)
        self.ledger = Ledger(group, store)
        self.catalogue = Catalog(settings.providers, store, self.endpoint, redactor.value, group)
        self._group = group
        self._connections = Connections(transport)
        self._clients: dict[str, ProviderClient] = {}
        self._openings: dict[str, _Opening] = {}
        self._repairs = StoredRepairs(group, store)
        self._connecting = anyio.Lock()
        self.preloaded = anyio.Event()
        self._preloading = False

    # --- providers --------------------------------------------------------------------------------------------------

    async def endpoint(self, target: Target, on_wait: OnWait = _ignore) -> Endpoint:
        """A target, ready to be asked; starts the embedded engine where it is meant, telling `on_wait` of it."""
        client = await self.client(target.provider, on_wait)
        settings = client.settings
        dialect = resolve(settings.dialect, target.model, settings.quirks_of(target.model))
        listed = self.catalogue.known(target)
        return Endpoint(
            client=client,
            dialect=dialect,
            model=target.model,
            max_event_bytes=self.settings.limits.max_event_bytes,
            api=dialect.api or settings.api,
            output_limit=listed.max_output_tokens if listed else None,
        )

    async def client(self, name: str, on_wait: OnWait = _ignore) -> ProviderClient:
        """The sender to one provider.

        Raises:
            ConfigError: there is no such provider, it has no key, or its engine cannot start.
        """
        await self._repairs.refresh()
        if name in self._clients:
            return self._clients[name]
        opening = self._openings.get(name)
        if opening is None:
            work = SharedWork(self._group, partial(self._open_client, name), stop_when_unwanted=True)
            opening = self._openings[name] = _Opening(work)
        opening.listeners.append(on_wait)
        try:
            return await opening.client()
        finally:
            opening.listeners.remove(on_wait)

    async def _open_client(self, name: str) -> ProviderClient:
        provider = self.settings.providers[name]
        local = provider.base_url.startswith(LOCAL)
        if local:
            provider = await self._start_local(provider, self._openings[name].tell)
        async with self._connecting:
            link = self._connections.open(name, provider.base_url, direct=local)
        self.redactor.add(*link.secrets)
        keys = KeyReader(provider, self._group, self.redactor.add)
        client = self._clients[name] = ProviderClient(
            provider, link.http, self._repairs.learned, keys.read, renew_key=keys.renew, find_path=link.find_path
        )
        return client

    def preload_soon(self) -> None:
        """Loads the HTTP engine and the certificates while nobody waits: some 40 ms that the first call need not."""
        if self.settings.providers and not self._preloading:
            self._preloading = True
            self._group.start_soon(self._preload)

    async def _preload(self) -> None:
        await anyio.sleep(PRELOAD_AFTER_S)
        async with self._connecting:
            for provider in self.settings.providers.values():
                if not provider.base_url.startswith(LOCAL):
                    with suppress(ConfigError):  # the first call tells of it
                        await anyio.to_thread.run_sync(self._connections.open, provider.name, provider.base_url)
        self.preloaded.set()

    async def _start_local(self, provider: ProviderSettings, on_wait: OnWait) -> ProviderSettings:
        from anymodel_mcp.local.engine import Engine, open_engine  # only who uses the engine pays for its import
        from anymodel_mcp.local.weights import default_cache_dir

        def told(what: str, done: int | None, of: int | None) -> None:
            on_wait(f"{what}, {100 * done // of} %" if done is not None and of else what)

        async def serve(*, task_status: TaskStatus[Engine | AnyModelError]) -> None:
            started = False
            try:
                async with open_engine(cache_dir=default_cache_dir(), on_progress=told) as engine:
                    started = True
                    task_status.started(engine)
                    await engine.wait()
                self._clients.pop(provider.name, None)  # it died: the next call starts another
            except AnyModelError as error:
                if not started:
                    task_status.started(error)  # later ones concern an engine that is gone, and nobody waits for them

        engine = await self._group.start(serve)
        if isinstance(engine, AnyModelError):
            raise engine
        self.redactor.add(engine.api_key)
        return replace(provider, base_url=engine.base_url, api_key=Secret(engine.api_key))

    # --- names and lists --------------------------------------------------------------------------------------------

    async def targets(self, name: str | None, purpose: Purpose) -> tuple[Target, ...]:
        """Where a name, or the default for a purpose, leads; in the order in which to try.

        Raises:
            ConfigError: nothing is configured, or no model is named and there is no default.
        """
        if not self.settings.providers:
            raise ConfigError(NOTHING_CONFIGURED)
        wanted = (name or "").strip() or default_name(self.settings, purpose)
        if not wanted:
            raise await self._no_model(purpose)
        lists: Mapping[str, Sequence[str]] = {}
        if needs_lists(self.settings, wanted):
            lists = {p: [m.id for m in known.models] for p, known in (await self.catalogue.all()).items()}
        return route(self.settings, wanted, lists)

    async def _no_model(self, purpose: Purpose) -> ConfigError:
        known = await self.catalogue.all()
        fitting = [f"{p}/{m.id}" for p, models in known.items() for m in models.models if suits(m, purpose)]
        choice = (
            f" Some that there are: {', '.join(fitting[:10])}." if fitting else " `list_models` shows what there is."
        )
        variable = {"embedding": "ANYMODEL_EMBEDDING_MODEL", "image": "ANYMODEL_IMAGE_MODEL"}.get(
            purpose, "ANYMODEL_MODEL"
        )
        return ConfigError(
            "no model is named and there is no default for this tool",
            fix=f"Give `model`, or set {variable}.{choice}",
        )

    async def aclose(self) -> None:
        """Closes connections and files; what is not written yet is written."""
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + 1.5):
            await self.ledger.flush()
            await self._connections.aclose()
            await self.store.aclose()


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    redactor: Redactor | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    data_dir: Path | None = None,
    busy_s: float = BUSY_S,
) -> AsyncGenerator[App]:
    """The app, until the block ends: then running calls are cancelled, with their partial text kept.

    Args:
        settings: the configuration.
        redactor: the one of the process; `None` makes one.
        transport: how HTTP is sent; `None` = the network.
        data_dir: where store and pictures are; `None` = the user's data folder.
        busy_s: how long the store waits for another process that holds its file.
    """
    folder = data_dir or Path(platformdirs.user_data_dir(APP_NAME))
    outputs = Outputs(settings.files, folder)
    store = open_store(settings.store, folder, busy_s=busy_s)
    app: App | None = None
    try:
        async with open_tasks() as group:
            app = App(settings, redactor or Redactor(settings.secrets()), group, store, outputs, transport)
            yield app
    finally:
        if app is not None:
            await app.aclose()
