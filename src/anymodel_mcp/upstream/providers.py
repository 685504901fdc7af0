"""The configured providers, each with one client that is opened at first use, including the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

import anyio
import anyio.to_thread
from anyio.abc import TaskGroup, TaskStatus

from anymodel_mcp.config import ProviderSettings, Secret
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import AnyModelError, ConfigError
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.upstream.connections import Connections
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.keys import KeyReader
from anymodel_mcp.upstream.learned import StoredRepairs
from anymodel_mcp.upstream.routing import Target
from anymodel_mcp.upstream.shared import SharedWork

LOCAL = "local:"
PRELOAD_AFTER_S = 0.2
"""The delay that lets the host's first requests go first, in seconds."""

OnWait = Callable[[str], None]


def ignore_phase(_phase: str) -> None:
    """Does nothing: for callers that show no progress."""


@dataclass(slots=True)
class _Opening:
    """A provider whose client is being opened while its engine starts or is downloaded.

    Attributes:
        listeners: are called with what the call waits for.
    """

    client: SharedWork[ProviderClient]
    listeners: list[OnWait] = field(default_factory=list[OnWait])

    def tell(self, phase: str) -> None:
        for listener in self.listeners:
            listener(phase)


class Providers:
    """The clients of one process.

    Args:
        configured: the providers, by name.
        group: the task group of engines and key commands.
        connections: the HTTP clients.
        repairs: learned from refusals.
        on_secret: is called with every key that becomes known.
        max_event_bytes: the longest event of a stream.

    Attributes:
        preloaded: set when the connections are prepared ahead of the first call.
    """

    def __init__(
        self,
        configured: Mapping[str, ProviderSettings],
        group: TaskGroup,
        connections: Connections,
        repairs: StoredRepairs,
        on_secret: Callable[[str], None],
        max_event_bytes: int,
    ) -> None:
        self.configured = configured
        self.preloaded = anyio.Event()
        self._group = group
        self._connections = connections
        self._repairs = repairs
        self._on_secret = on_secret
        self._max_event_bytes = max_event_bytes
        self._clients: dict[str, ProviderClient] = {}
        self._openings: dict[str, _Opening] = {}
        self._preloading = False
        self._connecting = anyio.Lock()

    async def endpoint(self, target: Target, on_wait: OnWait = ignore_phase) -> Endpoint:
        """Opens the endpoint of a target; starts the embedded engine if the target needs it.

        Raises:
            AnyModelError: the provider has no key, or its engine cannot start.
        """
        client = await self._client(target.provider, on_wait)
        settings = client.settings
        dialect = resolve(settings.dialect, target.model, settings.quirks_of(target.model), settings.api)
        return Endpoint(
            client=client,
            dialect=dialect,
            model=target.model,
            max_event_bytes=self._max_event_bytes,
            api=dialect.api or settings.api,
            ends=anyio.current_time() + settings.total_timeout_s,
        )

    async def _client(self, name: str, on_wait: OnWait) -> ProviderClient:
        await self._repairs.refresh()
        if name in self._clients:
            return self._clients[name]
        opening = self._openings.get(name)
        if opening is None:
            work = SharedWork(self._group, partial(self._open, name), stop_when_unwanted=True)
            opening = self._openings[name] = _Opening(work)
        opening.listeners.append(on_wait)
        try:
            return await opening.client()
        finally:
            opening.listeners.remove(on_wait)

    async def _open(self, name: str) -> ProviderClient:
        provider = self.configured[name]
        local = provider.base_url.startswith(LOCAL)
        if local:
            provider = await self._start_engine(provider, self._openings[name].tell)
        async with self._connecting:
            link = self._connections.open(name, provider.base_url, direct=local)
        for secret in link.secrets:
            self._on_secret(secret)
        keys = KeyReader(provider, self._group, self._on_secret)
        client = self._clients[name] = ProviderClient(
            provider, link.http, self._repairs.learned, keys.read, renew_key=keys.renew, find_path=link.find_path
        )
        return client

    def preload_soon(self) -> None:
        """Prepares connections and certificates before the first call needs them."""
        if self.configured and not self._preloading:
            self._preloading = True
            self._group.start_soon(self._preload)

    async def _preload(self) -> None:
        await anyio.sleep(PRELOAD_AFTER_S)
        async with self._connecting:
            for provider in self.configured.values():
                if not provider.base_url.startswith(LOCAL):
                    with suppress(ConfigError):  # the first call reports the error
                        await anyio.to_thread.run_sync(self._connections.open, provider.name, provider.base_url)
        self.preloaded.set()

    async def _start_engine(self, provider: ProviderSettings, on_wait: OnWait) -> ProviderSettings:
        from anymodel_mcp.local.engine import Engine, open_engine  # imported only where the engine is used
        from anymodel_mcp.local.weights import default_cache_dir

        def report(what: str, done: int | None, of: int | None) -> None:
            on_wait(f"{what}, {100 * done // of} %" if done is not None and of else what)

        async def serve(*, task_status: TaskStatus[Engine | AnyModelError]) -> None:
            started = False
            try:
                async with open_engine(cache_dir=default_cache_dir(), on_progress=report) as engine:
                    started = True
                    task_status.started(engine)
                    await engine.wait()
                self._clients.pop(provider.name, None)  # it ended: the next call starts a new one
            except AnyModelError as error:
                if not started:
                    task_status.started(error)

        engine = await self._group.start(serve)
        if isinstance(engine, AnyModelError):
            raise engine
        self._on_secret(engine.api_key)
        return replace(provider, base_url=engine.base_url, api_key=Secret(engine.api_key))
