from __future__ import annotations

from typing import Any, cast

import pytest
from mcp.server.context import HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel

from anymodel_mcp.transports.requests import contain, guard_requests, replace_surrogates_in_result
from tests.transports.servers import Events, build


class Context:
    method = "tools/call"


CONTEXT = cast("ServerRequestContext[Any, Any]", Context())


class Plain(BaseModel):
    text: str


async def test_a_crash_keeps_its_text_off_the_wire(caplog: pytest.LogCaptureFixture) -> None:
    async def crash(ctx: object) -> HandlerResult:
        raise RuntimeError("the key is sk-secret")

    with pytest.raises(MCPError) as caught:
        await contain(CONTEXT, crash)
    assert caught.value.error.code == -32603
    assert "secret" not in caught.value.error.message
    assert "tools/call: the handler failed" in caplog.text


@pytest.mark.parametrize("result", [None, {"a": "b"}, Plain(text="x")], ids=["nothing", "JSON", "model"])
async def test_a_sound_result_passes_unchanged(result: Any) -> None:
    async def give(ctx: object) -> HandlerResult:
        return result

    assert await replace_surrogates_in_result(CONTEXT, give) == result


def test_guards_are_put_on_once() -> None:
    server = build(Events())
    before = len(server.middleware)
    guard_requests(server)
    guard_requests(server, replace_surrogates=True)
    guard_requests(server, replace_surrogates=True)
    assert len(server.middleware) == before + 2
