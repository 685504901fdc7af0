"""What tools/list publishes in every configuration: portable JSON Schema, nothing that hosts refuse, few bytes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from jsonschema import Draft202012Validator
from mcp import Client

from tests.serving import Transport, open_client

KEYWORDS = {
    "type", "properties", "items", "required", "description", "enum", "minimum", "maximum", "minItems", "maxItems",
    "minLength", "maxLength", "additionalProperties",
}  # fmt: skip
TYPES = {"object", "array", "string", "integer", "number", "boolean"}
MOST_BYTES, MOST_BYTES_OF_A_CHAT = 6_000, 4_400
WORK = "[providers.work]\nbase_url = 'https://gw.example/v1'\n"

CONFIGURATIONS: dict[str, tuple[str, Mapping[str, str]]] = {
    "nothing": ("", {}),
    "one provider": (WORK, {}),
    "several": (WORK + "[providers.ollama]\n[aliases]\nfast = 'work/m'", {"OPENAI_API_KEY": "sk-1234567890"}),
    "prefix": (WORK + "[tools]\nprefix = 'any_'", {}),
    "all by name": ("[tools]\nenabled = ['chat', 'complete', 'embed', 'generate_image', 'list_models']", {}),
    "one tool": (WORK + "[tools]\nenabled = ['embed']", {}),
    "media": (WORK + "services = ['suno']\n", {}),
    "default by name": ("[tools]\nenabled = ['default']", {}),
    "with usage": ("[tools]\nenabled = ['default', 'usage']", {}),
    "only the result": (WORK + "[tools]\nenabled = ['get_result']", {}),
    "by variable": ("", {"ANYMODEL_PROVIDERS": "ollama", "ANYMODEL_TOOLS_ENABLED": "chat,list_models"}),
    "cannot be read": ("default_model = ", {}),
}


def _schemas(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all below it."""
    yield schema
    for one in cast("dict[str, Any]", schema.get("properties", {})).values():
        yield from _schemas(one)
    if "items" in schema:
        yield from _schemas(schema["items"])


async def _listed(client: Client) -> list[dict[str, Any]]:
    return [
        tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in (await client.list_tools()).tools
    ]


OVER_HTTP = ("several",)


@pytest.mark.parametrize(
    ("case", "transport"),
    [*((case, "stdio") for case in CONFIGURATIONS), *((case, "http") for case in OVER_HTTP)],
)
async def test_schemas_are_portable(case: str, transport: Transport, tmp_path: Path) -> None:
    config, environ = CONFIGURATIONS[case]
    with anyio.fail_after(60):
        async with open_client(config, tmp_path, transport=transport, env=environ) as client:
            tools = await _listed(client)
    assert tools
    for tool in tools:
        _lint(tool)
    shown = [{k: v for k, v in tool.items() if k != "_meta"} for tool in tools]
    size = len(json.dumps({"tools": shown}, ensure_ascii=False, separators=(",", ":")).encode())
    assert size <= MOST_BYTES
    if len(tools) <= 6:
        assert size <= MOST_BYTES_OF_A_CHAT


def _lint(tool: dict[str, Any]) -> None:
    schema = tool["inputSchema"]
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert set(schema.get("required", ())) <= set(schema["properties"])
    assert "null" not in json.dumps(schema)
    assert "{}" not in json.dumps(schema).replace(" ", "")
    assert not {"title", "outputSchema"} & {*tool, *tool["annotations"]}
    assert tool["annotations"]["openWorldHint"] is True
    for one in _schemas(schema):
        assert set(one) <= KEYWORDS, one
        assert one["type"] in TYPES, one
        assert one["type"] != "array" or one["items"], one
        assert one["type"] != "object" or one["properties"], one
    for text in (tool["description"], *(str(one.get("description", "")) for one in _schemas(schema))):
        assert text == " ".join(text.split())
        assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in text)


async def test_bounds_are_published_as_json_schema(tmp_path: Path) -> None:
    async with open_client("", tmp_path, transport="stdio") as client:
        listed = {entry["name"]: entry for entry in await _listed(client)}
        refused = await client.call_tool("chat", {"prompt": "x", "max_tokens": 0})
    assert listed["generate_image"]["inputSchema"]["properties"]["n"]["maximum"] == 16
    assert "max_tokens" in refused.model_dump_json()
    assert refused.is_error
