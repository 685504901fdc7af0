"""The view of MCP Apps: offered to clients that declare it, and for all others not a byte is different."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.extension import advertise
from mcp.shared.exceptions import MCPError
from mcp.types import Implementation, TextResourceContents

from anymodel_mcp.app import build_server
from anymodel_mcp.config import Files, Limits, Settings, ToolSettings, ViewSettings
from anymodel_mcp.server.views import EXTENSION_ID, MIME_TYPE, URI
from tests.fakes import FakeProvider, completion, problem, provider, record_of, settings

MODES = ("legacy", "auto")  # "auto" speaks 2026-07-28
BOUND = {"generate_image", "speak", "create_media"}
META = {"ui": {"resourceUri": URI}, "ui/resourceUri": URI}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
DECLARED: dict[str, Any] = {"mimeTypes": [MIME_TYPE]}
Declared = dict[str, Any] | None


def _settings(**more: Any) -> Settings:
    sells: dict[str, Any] = {"services": ("video", "audio"), "audio": ("speech",)}
    return settings(provider("p", **sells), default_image_model="p/pic", **more)


def _pictures(_: httpx2.Request) -> httpx2.Response:
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "cost": 0.042}
    return httpx2.Response(
        200, json={"created": 1, "data": [{"b64_json": base64.b64encode(PNG).decode()}], "usage": usage}
    )


@asynccontextmanager
async def _connect(
    folder: Path,
    declared: Declared = DECLARED,
    *,
    mode: str = "auto",
    name: str = "tests",
    answer: Callable[[httpx2.Request], httpx2.Response] = _pictures,
    **more: Any,
) -> AsyncGenerator[Client]:
    configured = _settings(files=Files(output_dir=str(folder / "out")), **more)
    fake = FakeProvider([answer])
    server = build_server(configured, transport=httpx2.MockTransport(fake.handle), data_dir=folder)
    extensions = [] if declared is None else [advertise(EXTENSION_ID, declared)]
    info = Implementation(name=name, version="1")
    async with Client(server, client_info=info, extensions=extensions, mode=mode) as client:
        yield client


def _wire(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def _all(client: Client) -> str:
    """Everything that a client sees, but for names and times that differ anyway."""
    called = _wire(await client.call_tool("generate_image", {"prompt": "fox"}))
    parts = [
        _wire(client.server_capabilities),
        _wire(await client.list_tools()),
        _wire(await client.list_resources()),
        _wire(await client.list_resource_templates()),
        called,
    ]
    text = re.sub(r"[0-9]{8}-fox-[0-9a-f]+\.png", "FILE", json.dumps(parts, sort_keys=True))
    return re.sub(r'"(duration_s|first_delta_s)": [0-9.e-]+', r'"\1": 0', text)


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_that_declares_views_gets_them(mode: str, tmp_path: Path) -> None:
    async with _connect(tmp_path, mode=mode) as client:
        assert client.server_capabilities.extensions == {EXTENSION_ID: {}}
        listed = await client.list_tools()
        assert {tool.name for tool in listed.tools if tool.meta} == BOUND
        for tool in listed.tools:
            assert tool.meta == (META if tool.name in BOUND else None)
            if tool.meta:
                assert len(json.dumps({"_meta": tool.meta}, separators=(",", ":")).encode()) <= 91
        if mode == "auto":
            assert listed.cache_scope == "private"
        (document,) = (await client.read_resource(URI)).contents
        assert isinstance(document, TextResourceContents)
        assert document.mime_type == MIME_TYPE
        assert document.meta == {"ui": {"prefersBorder": False}}
        assert URI not in {str(resource.uri) for resource in (await client.list_resources()).resources}
    assert len(document.text.encode()) <= 12 * 1024


async def test_inspector_is_asked_for_data_urls(tmp_path: Path) -> None:
    async with _connect(tmp_path, name="mcp-inspector") as client:
        (document,) = (await client.read_resource(URI)).contents
    assert document.meta == {"ui": {"prefersBorder": False, "csp": {"resourceDomains": ["data:"]}}}


OTHERS: dict[str, Declared] = {
    "declares nothing": None,
    "no MIME types": {},
    "another MIME type": {"mimeTypes": ["text/html"]},
    "no list": {"mimeTypes": MIME_TYPE},
    "odd settings": {"mimeTypes": {"text/html;profile=mcp-app": True}},
}


@pytest.mark.parametrize("mode", MODES)
async def test_for_all_others_no_byte_is_different(mode: str, tmp_path: Path) -> None:
    off = ViewSettings(enabled=False)
    async with _connect(tmp_path / "before", None, mode=mode, views=off) as client:
        before = (await _all(client)).replace("/before/", "/x/")
    assert "ui" not in json.loads(before)[1]["tools"][3].get("_meta", {})
    for name, declared in OTHERS.items():
        async with _connect(tmp_path / "after", declared, mode=mode) as client:
            assert (await _all(client)).replace("/after/", "/x/") == before, name
            with pytest.raises(MCPError):
                await client.read_resource(URI)
    async with _connect(tmp_path / "off", mode=mode, views=off) as client:
        assert (await _all(client)).replace("/off/", "/x/") == before


async def test_a_result_can_be_shown_from_its_content_alone(tmp_path: Path) -> None:
    async with _connect(tmp_path) as client:
        result = _wire(await client.call_tool("generate_image", {"prompt": "fox"}))
    (link,) = [block for block in result["content"] if block["type"] == "resource_link"]
    assert link["description"] == "p/pic · $0.042"


async def test_without_links_the_content_names_a_handle(tmp_path: Path) -> None:
    """Zed's row drops links; a host of that name that declared views would still find the result."""
    async with _connect(tmp_path, name="zed") as client:
        result = await client.call_tool("generate_image", {"prompt": "fox"})
        assert [block.type for block in result.content] == ["text"]
        (handle,) = re.findall(r"get_result\(id='(r-\w+)'\) gives this result again", result.model_dump_json())
        again = await client.call_tool("get_result", {"id": handle})
        assert record_of(again)["images"] == record_of(result)["images"]
    async with _connect(tmp_path, None, name="zed") as client:
        assert "get_result" not in (await client.call_tool("generate_image", {"prompt": "fox"})).model_dump_json()


async def test_errors_and_other_tools_are_as_ever(tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return problem(400, "no") if request.url.path.endswith("generations") else completion("hello")

    async with _connect(tmp_path, name="zed", answer=answer) as client:
        failed = await client.call_tool("generate_image", {"prompt": "fox"})
        assert failed.is_error
        assert "gives this result again" not in failed.model_dump_json()
        said = await client.call_tool("chat", {"prompt": "x"})
        assert [_wire(block) for block in said.content] == [{"type": "text", "text": "hello"}]


async def test_prefix_and_chat_decide_what_is_bound(tmp_path: Path) -> None:
    async with _connect(tmp_path, tools=ToolSettings(prefix="any_"), views=ViewSettings(chat=True)) as client:
        bound = {tool.name for tool in (await client.list_tools()).tools if tool.meta}
    assert bound == {"any_" + name for name in (*BOUND, "chat")}


async def test_a_running_job_tells_its_handle(tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"id": "v1", "model": "sora-2", "status": "in_progress", "progress": 42})

    async with _connect(tmp_path, answer=answer, limits=Limits(soft_deadline_s=0.2)) as client:
        result = await client.call_tool("create_media", {"model": "p/sora-2", "prompt": "fox"})
        handle = record_of(result)["result_id"]
        assert record_of(result)["status"] == "running"
        assert f"get_result(id='{handle}'" in result.model_dump_json()
        stopped = await client.call_tool("get_result", {"id": handle, "cancel": True})
        assert record_of(stopped)["cancelled"] is True


FORBIDDEN = (
    "innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "fetch(", "XMLHttpRequest",
    "WebSocket", "localStorage", "sessionStorage", "cookie", "import(", "http://", "url(",
)  # fmt: skip


def test_the_document_asks_for_nothing_and_builds_no_html() -> None:
    """What it may not hold: addresses, storage, and ways from text to markup or code."""
    text = (Path(__file__).parents[2] / "src" / "anymodel_mcp" / "server" / "view.html").read_text(encoding="utf-8")
    for forbidden in FORBIDDEN:
        assert forbidden not in text, forbidden
    assert re.findall(r"https:.{7}", text) == ["https:/.test("]  # of a check, not an address
    assert re.findall(r"""\b(?:src|href)=["']""", text) == []
    assert "source!==parent" in text
