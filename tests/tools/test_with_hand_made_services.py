"""Each tool with services made by hand: no app, no server, no store on disk."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from anymodel_mcp.calls.call import Call
from anymodel_mcp.calls.conversations import Conversations
from anymodel_mcp.calls.ledger import Ledger
from anymodel_mcp.calls.runner import Calls
from anymodel_mcp.config import Files, StoreSettings
from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.media.artifacts import Artifacts
from anymodel_mcp.media.inputs import Inputs
from anymodel_mcp.redact import Redactor
from anymodel_mcp.state import open_store
from anymodel_mcp.tasks import open_tasks
from anymodel_mcp.tools.arguments import parse
from anymodel_mcp.tools.chat import ChatArguments, chat
from anymodel_mcp.tools.complete import CompleteArguments, complete
from anymodel_mcp.tools.context import ToolContext
from anymodel_mcp.tools.embed import EmbedArguments, embed
from anymodel_mcp.tools.generate_image import GenerateImageArguments, generate_image
from anymodel_mcp.tools.get_result import GetResultArguments, get_result
from anymodel_mcp.tools.list_models import ListModelsArguments, list_models
from anymodel_mcp.types import Outcome
from anymodel_mcp.upstream.call_state import LearnedRepairs
from anymodel_mcp.upstream.catalog import Catalog
from anymodel_mcp.upstream.client import ProviderClient
from anymodel_mcp.upstream.directory import Directory
from anymodel_mcp.upstream.endpoint import Endpoint
from anymodel_mcp.upstream.explain import Explainer
from anymodel_mcp.upstream.models import Models
from anymodel_mcp.upstream.routing import ModelNames, Target
from tests.fakes import completion, provider

Handler = Callable[[httpx2.Request], httpx2.Response]


@asynccontextmanager
async def _context(handle: Handler, folder: Path, tool: str) -> AsyncGenerator[ToolContext]:
    configured = {"p": provider("p")}
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(handle))

    async def no_key() -> str | None:
        return None

    async def endpoint(target: Target, _on_wait: Callable[[str], None] = print) -> Endpoint:
        client = ProviderClient(configured["p"], http, LearnedRepairs(), no_key)
        return Endpoint(client=client, dialect=Dialect(), model=target.model, max_event_bytes=100_000)

    store = open_store(StoreSettings(enabled=False), folder)
    async with http, store, open_tasks() as group:
        catalog = Catalog(configured, store, endpoint, lambda value: value, group)
        defaults: Any = dict.fromkeys(("chat", "completion", "embedding", "image"), "p/m")
        names = ModelNames(providers=("p",), defaults=defaults)
        call = Call(tool, "test")
        redactor = Redactor()
        models = Models(
            directory=Directory(names, catalog),
            open=endpoint,
            catalog=catalog,
            explainer=Explainer(catalog, names, {}),
            account=partial(Ledger(group, store).entry, host="test", tool=tool),
        )
        yield ToolContext(
            call=call,
            models=models,
            catalog=catalog,
            inputs=Inputs(Files()),
            artifacts=Artifacts(Files(output_dir=str(folder / "out")), folder),
            conversations=Conversations(store, redactor.value, redactor.holds_key),
            calls=Calls(group, store, redactor, 4),
        )


def _answer(request: httpx2.Request) -> httpx2.Response:
    if request.url.path.endswith("/models"):
        return httpx2.Response(200, json={"data": [{"id": "m"}]})
    if request.url.path.endswith("/embeddings"):
        return httpx2.Response(200, json={"data": [{"index": 0, "embedding": [1.0, 0.0]}]})
    if request.url.path.endswith("/images/generations"):
        return httpx2.Response(200, json={"data": [{"url": "http://127.0.0.1/a.png"}]})
    if request.url.path.endswith("/chat/completions"):
        return completion("fine")
    return httpx2.Response(200, json={"choices": [{"index": 0, "text": "fine", "finish_reason": "stop"}]})


async def _run(tmp_path: Path, tool: str, run: Any, model: Any, **given: Any) -> Outcome:
    async with _context(_answer, tmp_path, tool) as context:
        return await run(context, parse(model, given, frozenset()))


async def test_chat(tmp_path: Path) -> None:
    assert (await _run(tmp_path, "chat", chat, ChatArguments, prompt="x", stream=False)).text == "fine"


async def test_chat_in_a_conversation(tmp_path: Path) -> None:
    async with _context(_answer, tmp_path, "chat") as context:
        first = await chat(context, ChatArguments(prompt="x", conversation="new"))
        assert first.record
        again = await chat(context, ChatArguments(prompt="y", conversation=first.record["conversation"]))
        assert again.text == "fine"


async def test_complete(tmp_path: Path) -> None:
    assert (await _run(tmp_path, "complete", complete, CompleteArguments, prompt="x", stream=False)).text == "fine"


async def test_embed(tmp_path: Path) -> None:
    outcome = await _run(tmp_path, "embed", embed, EmbedArguments, input=["a"], output="vectors")
    assert outcome.text == "[[1.0,0.0]]"


async def test_generate_image_keeps_a_url_that_it_may_not_fetch(tmp_path: Path) -> None:
    outcome = await _run(tmp_path, "generate_image", generate_image, GenerateImageArguments, prompt="x")
    assert outcome.text == "http://127.0.0.1/a.png"
    assert "download failed" in " ".join(outcome.notes)


async def test_list_models(tmp_path: Path) -> None:
    outcome = await _run(tmp_path, "list_models", list_models, ListModelsArguments)
    assert "p/m" in outcome.text


async def test_get_result(tmp_path: Path) -> None:
    async with _context(_answer, tmp_path, "get_result") as context:
        handle = await context.calls.store_result(Outcome(text="kept"), "chat", "test")
        assert (await get_result(context, GetResultArguments(id=handle))).text == "kept"
