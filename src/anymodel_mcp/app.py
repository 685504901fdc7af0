"""`App`: everything one process shares between calls; `open_app()` is the one context manager around it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.to_thread
import httpx2
import platformdirs
from anyio.abc import TaskGroup, TaskStatus

from anymodel_mcp.calls.runner import Calls
from anymodel_mcp.calls.task_group import open_tasks
from anymodel_mcp.config import ProviderSettings, Secret, Settings
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import AnyModelError, ConfigError
from anymodel_mcp.media.artifacts import Outputs
from anymodel_mcp.redact import Redactor
from anymodel_mcp.state import Store, UsageRow, open_store
from anymodel_mcp.upstream.call_state import LearnedRepairs
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.upstream.connections import Connections
from anymodel_mcp.upstream.endpoints import Endpoint
from anymodel_mcp.upstream.routing import NOTHING_CONFIGURED, Purpose, Target, default_name, needs_lists, route, suits
from anymodel_mcp.wire.failures.repair_steps import Repair

APP_NAME = "anymodel"
LEDGER_EVERY_S = 5.0
KEY_COMMAND_S = 20.0
WARM_AFTER_S = 0.2
"""The rest of the host's greeting goes first."""
LOCAL = "local:"


OnWait = Callable[[str], None]


def _ignore(_phase: str) -> None:
    """For who shows no progress."""


@dataclass(slots=True)
class _Ledger:
    rows: list[UsageRow] = field(default_factory=list[UsageRow])
    flushing: bool = False


class App:
    """What the tools work with.

    Attributes:
        settings: the configuration.
        redactor: the one redactor of the process.
        store: what outlives calls.
        calls: the running calls.
        outputs: saved pictures and vectors.
        catalogue: the providers' model lists.
        warmed: set when what the first call needs is loaded ahead of it.
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
        self.catalogue = Catalog(settings.providers, store, self.endpoint, redactor.value)
        self._group = group
        self._connections = Connections(transport)
        self._clients: dict[str, ProviderClient] = {}
        self._ledger = _Ledger()
        self._lessons: LearnedRepairs | None = None
        self._starting = anyio.Lock()
        self.warmed = anyio.Event()
        self._warming = False

    # --- providers --------------------------------------------------------------------------------------------------

    async def endpoint(self, target: Target, on_wait: OnWait = _ignore) -> Endpoint:
        """A target, ready to be asked; starts the embedded engine where it is meant, telling `on_wait` of it."""
        client = await self.client(target.provider, on_wait)
        row = client.settings.dialect
        return Endpoint(
            client=client,
            dialect=resolve(row, target.model, client.settings.quirks),
            model=target.model,
            max_event_bytes=self.settings.limits.max_event_bytes,
            api=client.settings.api,
        )

    async def client(self, name: str, on_wait: OnWait = _ignore) -> ProviderClient:
        """The sender to one provider.

        Raises:
            ConfigError: there is no such provider, it has no key, or its engine cannot start.
        """
        if name in self._clients:
            return self._clients[name]
        async with self._starting:
            if name not in self._clients:
                provider = self.settings.providers[name]
                local = provider.base_url.startswith(LOCAL)
                if local:
                    provider = await self._start_local(provider, on_wait)
                link = self._connections.open(name, provider.base_url, direct=local)
                self.redactor.add(*link.secrets)
                key = _KeyReader(provider, self.redactor).read
                self._clients[name] = ProviderClient(
                    provider, link.http, await self._open_lessons(), key, find_path=link.find_path
                )
        return self._clients[name]

    def warm_soon(self) -> None:
        """Loads the HTTP engine and the certificates while nobody waits: some 40 ms that the first call need not."""
        if self.settings.providers and not self._warming:
            self._warming = True
            self._group.start_soon(self._warm)

    async def _warm(self) -> None:
        await anyio.sleep(WARM_AFTER_S)
        async with self._starting:
            for provider in self.settings.providers.values():
                if not provider.base_url.startswith(LOCAL):
                    with suppress(ConfigError):  # the first call tells of it
                        await anyio.to_thread.run_sync(self._connections.open, provider.name, provider.base_url)
        self.warmed.set()

    async def _open_lessons(self) -> LearnedRepairs:
        if self._lessons is None:
            lessons = LearnedRepairs(self._learned)
            with suppress(AnyModelError):  # without what was learned, a refusal teaches it again
                for (place, model), repairs in (await self.store.load_repairs()).items():
                    for repair in repairs:
                        lessons.learn(place, model, Repair.from_json(repair), tell=False)
            self._lessons = lessons
        return self._lessons

    def _learned(self, place: str, model: str, repair: Repair) -> None:
        async def save() -> None:
            with suppress(AnyModelError):
                await self.store.save_repair(place, model, repair.to_json())

        self._group.start_soon(save)

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
                async with self._starting:  # it died: the next call starts another
                    self._clients.pop(provider.name, None)
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

    # --- ledger -----------------------------------------------------------------------------------------------------

    def account(self, row: UsageRow) -> None:
        """Notes a call in the ledger; written in batches, never on the way of a call."""
        self._ledger.rows.append(row)
        if not self._ledger.flushing:
            self._ledger.flushing = True
            self._group.start_soon(self._flush_later)

    async def _flush_later(self) -> None:
        await anyio.sleep(LEDGER_EVERY_S)
        self._ledger.flushing = False
        await self.flush()

    async def flush(self) -> None:
        """Writes the ledger."""
        rows, self._ledger.rows = self._ledger.rows, []
        try:
            if rows:
                await self.store.add_usage(rows)
        except AnyModelError:  # a locked file: with the next batch
            self._ledger.rows[:0] = rows

    async def aclose(self) -> None:
        """Closes connections and files; what is not written yet is written."""
        with anyio.CancelScope(shield=True, deadline=anyio.current_time() + 1.5):
            await self.flush()
            await self._connections.aclose()
            await self.store.aclose()


class _KeyReader:
    """A provider's key: given, or printed by a command that runs once."""

    def __init__(self, provider: ProviderSettings, redactor: Redactor) -> None:
        self._provider = provider
        self._redactor = redactor
        self._key = provider.api_key.reveal() if provider.api_key else None

    async def read(self) -> str | None:
        if self._key is None and self._provider.key_command:
            self._key = await self._run()
            self._redactor.add(self._key)
        if self._key is None:
            self._refuse_without()
        return self._key

    def _refuse_without(self) -> None:
        provider, row = self._provider, PROVIDERS.get(self._provider.name)
        needs_one = row is not None and row.key_env and not row.key_optional and provider.auth != "none"
        if needs_one and row and row.base_url == provider.base_url:
            raise ConfigError(
                f"there is no key for {provider.name}",
                provider=provider.name,
                fix=provider.key_hint or f"Set {row.key_env}.",
            )

    async def _run(self) -> str:
        where = f"providers.{self._provider.name}.api_key_command"
        try:
            with anyio.fail_after(KEY_COMMAND_S):
                done = await anyio.run_process(list(self._provider.key_command), check=False)
        except (OSError, TimeoutError) as error:
            raise ConfigError(f"{where} cannot be run: {error or 'it took too long'}") from error
        key = done.stdout.decode("utf-8", "replace").strip()
        if done.returncode or not key:
            raise ConfigError(
                f"{where} gave no key (exit status {done.returncode})", fix="Run it in a terminal and see."
            )
        return key


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    redactor: Redactor | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    data_dir: Path | None = None,
) -> AsyncGenerator[App]:
    """The app, until the block ends: then running calls are cancelled, with their partial text kept.

    Args:
        settings: the configuration.
        redactor: the one of the process; `None` makes one.
        transport: how HTTP is sent; `None` = the network.
        data_dir: where store and pictures are; `None` = the user's data folder.
    """
    folder = data_dir or Path(platformdirs.user_data_dir(APP_NAME))
    outputs = Outputs(settings.files, folder)
    store = open_store(settings.store, folder)
    app: App | None = None
    try:
        async with open_tasks() as group:
            app = App(settings, redactor or Redactor(settings.secrets()), group, store, outputs, transport)
            yield app
    finally:
        if app is not None:
            await app.aclose()
