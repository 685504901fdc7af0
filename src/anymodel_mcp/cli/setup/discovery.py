"""What is already on this machine: key variables by their names, and local engines on their usual loopback ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
import httpx2

from anymodel_mcp.config.values import meant
from anymodel_mcp.dialects.fields import ProviderRow
from anymodel_mcp.dialects.providers import PROVIDERS
from anymodel_mcp.record import record
from anymodel_mcp.wire.decode.json_values import as_list

WITHIN_S = 0.6
_LOOPBACK = "127.0.0.1"
_MOST_BYTES = 1_000_000


@record
class Engine:
    """Where a local engine usually listens, and how to tell it from others on the same port.

    Attributes:
        row: its provider row.
        port: on the loopback address.
        owner: `owned_by` of its models; "" = any.
        not_owner: `owned_by` of another engine that uses the same port.
    """

    row: str
    port: int
    owner: str = ""
    not_owner: str = ""


def _port(row: str) -> int:
    return urlsplit(PROVIDERS[row].base_url or "").port or 0


ENGINES = (
    Engine(row="ollama", port=_port("ollama")),
    Engine(row="lmstudio", port=_port("lmstudio")),
    Engine(row="llamacpp", port=_port("llamacpp"), owner="llamacpp"),
    Engine(row="vllm", port=_port("vllm"), owner="vllm"),
    Engine(row="localai", port=_port("localai"), not_owner="llamacpp"),
)


@record
class Found:
    """What was found.

    Attributes:
        engines: rows of running local engines -> how many models each lists.
        variables: rows whose key variable is set -> the name of the variable.
    """

    engines: Mapping[str, int] = field(default_factory=dict[str, int])
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


def find_key_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The rows whose key variable is set, with the variable's name; values are only tested for being set."""
    return {
        row.name: row.key_env
        for row in PROVIDERS.values()
        if row.key_env is not None and meant(environ.get(row.key_env)) is not None
    }


async def find_engines(engines: Sequence[Engine] = ENGINES, *, within_s: float = WITHIN_S) -> dict[str, int]:
    """Finds the local engines that answer: asked in parallel, on the loopback address only, without a key."""
    lists: dict[int, list[Any] | None] = dict.fromkeys(engine.port for engine in engines)
    async with httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=within_s) as client:

        async def ask(port: int) -> None:
            with anyio.move_on_after(within_s):
                lists[port] = await _list(client, port)

        async with anyio.create_task_group() as group:
            for port in lists:
                group.start_soon(ask, port)
    return {
        engine.row: len(models)
        for engine in engines
        if (models := lists[engine.port]) is not None and _fits(engine, models)
    }


async def list_models(base_url: str, *, within_s: float = WITHIN_S) -> list[str]:
    """The ids of the models that a local engine lists, in its order; none if it does not answer."""
    async with httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=within_s) as client:
        models = await _get(client, f"{base_url.rstrip('/')}/models")
    entries = [cast("dict[str, Any]", model) for model in models or () if isinstance(model, dict)]
    return [entry["id"] for entry in entries if isinstance(entry.get("id"), str)]


async def _list(client: httpx2.AsyncClient, port: int) -> list[Any] | None:
    """The models that a server lists; `None` = no server answers, or it is a different one."""
    return await _get(client, f"http://{_LOOPBACK}:{port}/v1/models")


async def _get(client: httpx2.AsyncClient, url: str) -> list[Any] | None:
    try:
        async with client.stream("GET", url) as response:
            body = b""
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    return None
        answer: Any = httpx2.Response(response.status_code, content=body).json()
    except (httpx2.HTTPError, ValueError, RecursionError):
        return None
    if response.status_code != 200 or not isinstance(answer, dict) or "data" not in answer:
        return None
    models: Any = cast("dict[str, Any]", answer)["data"]
    return as_list(models) if isinstance(models, list) else [] if models is None else None


def _fits(engine: Engine, models: Sequence[Any]) -> bool:
    owners = {cast("dict[str, Any]", m).get("owned_by") for m in models if isinstance(m, dict)}
    return (not engine.owner or engine.owner in owners) and not (engine.not_owner and engine.not_owner in owners)


def row_words(row: ProviderRow, found: Found) -> str:
    """The text of a row in a list: its title and what was found."""
    if row.name in found.engines:
        count = found.engines[row.name]
        return f"{row.title}, running here with {count} model{'' if count == 1 else 's'}"
    if row.name in found.variables:
        return f"{row.title}, {found.variables[row.name]} is set"
    return row.title
