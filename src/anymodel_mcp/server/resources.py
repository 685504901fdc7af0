"""Resources: model metadata, results, conversations, saved files, usage; and completion of provider and model names."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any
from urllib.parse import unquote

import anyio.to_thread
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.resources.templates import ResourceSecurity
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from anymodel_mcp.calls.outcomes import body_of, error_text
from anymodel_mcp.errors import AnyModelError, ArgumentError
from anymodel_mcp.redact import one_line
from anymodel_mcp.server.prompts import MODEL, Prompt
from anymodel_mcp.server.services import Services
from anymodel_mcp.tools.records import model_record, sparse
from anymodel_mcp.types import Json, ModelList
from anymodel_mcp.upstream.routing import closest
from anymodel_mcp.wire.urls import without_query

_JSON = "application/json"
_COMPLETIONS = 100
_DAY_S = 86_400
_LISTED_THREADS = 50


def register(server: MCPServer[Any], services: Callable[[], Services], prompts: Mapping[str, Prompt]) -> None:
    """Adds all resources, templates and the completion to a server.

    Args:
        server: where they are added.
        services: returns the running services.
        prompts: our prompts, whose arguments are completed too.
    """
    _register_models(server, services)
    _register_kept(server, services)
    server.completion()(_Completer(services, prompts).complete)


async def _shown(services: Services, value: Json) -> str:
    """Formats a JSON document, without keys and control characters, in a thread: it may be large."""

    def write() -> str:
        return json.dumps(services.redactor.value(value), ensure_ascii=False)

    return await anyio.to_thread.run_sync(write)


def _register_models(server: MCPServer[Any], services: Callable[[], Services]) -> None:
    @server.resource(
        "anymodel://models",
        name="models",
        description="Configured providers, and how many models each lists",
        mime_type=_JSON,
    )
    async def providers() -> str:
        lists = await services().catalog.all()
        return await _shown(
            services(),
            {"providers": [_provider(services(), name, lists.get(name)) for name in services().providers.configured]},
        )

    @server.resource(
        "anymodel://models/{provider}", name="provider", description="All models of one provider", mime_type=_JSON
    )
    async def provider_models(provider: str) -> str:
        known = await _list_of(services(), provider)
        records = [model_record(m) for m in known.models]
        return await _shown(
            services(), sparse({"provider": provider, "models": records, "warnings": list(known.warnings)})
        )

    @server.resource(
        "anymodel://models/{provider}/{+model}",
        name="model",
        description="One model: its record, and the provider's own entry",
        mime_type=_JSON,
        security=ResourceSecurity(exempt_params={"model"}),
    )
    async def model(provider: str, model: str) -> str:
        known = await _list_of(services(), provider)
        wanted = {model, unquote(model)}
        for record in known.models:
            if record.id in wanted:
                return await _shown(services(), {**model_record(record), "entry": record.entry})
        near = closest(model, [m.id for m in known.models])
        hint = f"; closest: {', '.join(near)}" if near else ""
        raise ResourceNotFoundError(services().redactor.clean(f"{provider} lists no model {model[:200]!r}{hint}"))


def _provider(services: Services, name: str, known: ModelList | None) -> Json:
    settings = services.providers.configured[name]
    entry: Json = {"provider": name, "base_url": without_query(settings.base_url), "dialect": settings.dialect}
    if known is None:
        return {**entry, "error": "its list is not available: `anymodel-mcp doctor` says why"}
    return {**entry, "models": len(known.models), "uri": f"anymodel://models/{name}"}


async def _list_of(services: Services, provider: str) -> ModelList:
    if provider not in services.providers.configured:
        raise ResourceNotFoundError(
            f"there is no provider {provider[:100]!r}; configured: {', '.join(services.providers.configured) or 'none'}"
        )
    try:
        return await services.catalog.models(provider)
    except AnyModelError as error:
        raise ResourceError(services.redactor.clean(f"{error.failure.message} {error.failure.advice}")) from error


def _register_kept(server: MCPServer[Any], services: Callable[[], Services]) -> None:
    @server.resource(
        "anymodel://results/{id}",
        name="result",
        description="The whole text of a long call or answer",
        mime_type="text/plain",
    )
    async def result(id: str) -> str:
        outcome = await services().calls.fetch(id, wait_s=0, cancel=False, progress=None)
        if outcome is None:
            raise ResourceNotFoundError(f"there is no result {id!r}")
        head = f"{error_text(outcome)}\n\n" if outcome.error is not None else ""
        tail = "\n\n[still running]" if outcome.status == "running" else ""
        return await anyio.to_thread.run_sync(services().redactor.text, f"{head}{body_of(outcome)}{tail}")

    @server.resource(
        "anymodel://conversations",
        name="conversations",
        description="Conversations, the last used first",
        mime_type=_JSON,
    )
    async def conversations() -> str:
        threads = await services().store.list_threads(_LISTED_THREADS)
        return await _shown(
            services(), {"conversations": [{k: v for k, v in asdict(t).items() if k != "messages"} for t in threads]}
        )

    @server.resource(
        "anymodel://conversations/{id}",
        name="conversation",
        description="One conversation, all its turns",
        mime_type=_JSON,
    )
    async def conversation(id: str) -> str:
        thread = await services().store.get_thread(id)
        if thread is None:
            raise ResourceNotFoundError(f"there is no conversation {id!r}")
        return await _shown(services(), asdict(thread))

    @server.resource(
        "anymodel://files/{name}",
        name="file",
        description="A saved picture or vector file",
        mime_type="application/octet-stream",
    )
    async def saved(name: str) -> bytes:
        try:
            content, _mime = await services().artifacts.open_saved(name)
        except ArgumentError as error:
            raise ResourceNotFoundError(str(error)) from error
        return content

    @server.resource(
        "anymodel://usage",
        name="usage",
        description="Calls, tokens and cost of the last 30 days, by model",
        mime_type=_JSON,
    )
    async def usage() -> str:
        await services().ledger.flush()
        rows = await services().store.usage(time.time() - 30 * _DAY_S, "model")
        return await _shown(services(), {"days": 30, "by_model": [sparse(asdict(row)) for row in rows]})


class _Completer:
    """Completes `provider` and `model` of the resource templates, and the model of a prompt.

    Prefix matches first, then names that contain the value, then the closest ones.
    """

    def __init__(self, services: Callable[[], Services], prompts: Mapping[str, Prompt]) -> None:
        self._services = services
        self._prompts = prompts

    async def complete(
        self,
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        if isinstance(ref, PromptReference):
            known = await self._of_prompt(ref.name, argument.name)
        else:
            known = await self._known(argument.name, dict(context.arguments or {}) if context else {})
        typed = argument.value.lower()
        found = [v for v in known if v.lower().startswith(typed)]
        found += [v for v in known if typed in v.lower() and v not in found]
        found = found or closest(argument.value, known)
        values = [one_line(self._services().redactor.text(value)) for value in found[:_COMPLETIONS]]
        return Completion(values=values, total=len(found), has_more=len(found) > len(values))

    async def _of_prompt(self, name: str, argument: str) -> list[str]:
        """The names by which a model can be called, for the prompt that takes one; none for an unknown prompt."""
        prompt = self._prompts.get(name)
        if prompt is None or argument != MODEL or prompt.argument != MODEL:
            return []
        services = self._services()
        lists = await services.catalog.all()
        names = [f"{provider}/{m.id}" for provider, known in lists.items() for m in known.models]
        return [*services.directory.names.aliases, *names]

    async def _known(self, name: str, chosen: dict[str, str]) -> list[str]:
        services = self._services()
        if name == "provider":
            return list(services.providers.configured)
        if name != "model":
            return []
        provider = chosen.get("provider")
        wanted = [provider] if provider in services.providers.configured else list(services.providers.configured)
        ids: list[str] = []
        for entry in wanted:
            try:
                ids += [m.id for m in (await services.catalog.models(str(entry))).models]
            except AnyModelError:
                continue
        return ids
