"""Schemas of a hostile caller, through a real server: nothing is opened, nothing blocks, nothing is left running."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.hostile.scene import PATIENCE_S, Scene, children, error_of, record_of
from tests.rawclient import text_of_result
from tests.slow import mostly_slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are read from /proc")


def escapes(port: int, file: Path, fifo: Path) -> dict[str, dict[str, Any]]:
    """Schemas that ask for another document: by network, by file, by a pipe on which a reader would wait for ever."""
    web = f"http://127.0.0.1:{port}/schema.json"
    return {
        "http": {"$ref": web},
        "http-fragment": {"type": "object", "properties": {"a": {"$ref": f"{web}#/$defs/x"}}},
        "ftp": {"$ref": f"ftp://127.0.0.1:{port}/x"},
        "file": {"anyOf": [{"$ref": file.as_uri()}]},
        "fifo": {"$ref": fifo.as_uri()},
        "path": {"$ref": str(file)},
        "relative": {"$ref": "secret.json"},
        "dynamic": {"$dynamicRef": web},
        "recursive": {"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveRef": web},
        "through-id": {"$id": web, "properties": {"a": {"$ref": "other"}}},
        "nested-id": {"properties": {"a": {"$id": web, "$ref": "#/$defs/nothing"}}, "$defs": {"nothing": {}}},
        "pointer": {"$ref": "#/x-extra", "x-extra": {"$ref": web}},
        "old-draft": {"$schema": "http://json-schema.org/draft-04/schema#", "id": web, "$ref": "other"},
        "extends": {"$schema": "http://json-schema.org/draft-03/schema#", "extends": {"$ref": web}},
        "scheme-in-capitals": {"$ref": web.upper()},
    }


NAMES = list(escapes(0, Path("/a"), Path("/b")))


@pytest.mark.parametrize("name", NAMES)
async def test_no_schema_leads_out_of_itself(name: str, scene: Scene, tmp_path: Path) -> None:
    secret, fifo = tmp_path / "secret.json", tmp_path / "fifo.json"
    secret.write_text(json.dumps({"const": "top-secret-value"}), encoding="utf-8")
    os.mkfifo(fifo)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        schema = escapes(listener.getsockname()[1], secret, fifo)[name]
        scene.will_say('{"a": 1}')
        result = await scene.call("chat", {"prompt": "x", "json_schema": schema})
        assert error_of(result)["kind"] == "invalid_argument", result
        assert "top-secret-value" not in json.dumps(result)
        assert scene.upstream.seen == []
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize(
    "schema",
    [
        {"$id": "http://127.0.0.1:9/x", "$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}},
        {"$schema": "http://127.0.0.1:9/meta", "type": "object"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "definitions": {"a": {}}},
        {"properties": {"$ref": {"type": "string"}, "a": {"const": 1}}},
        {"properties": {"b": {"const": {"$ref": "http://127.0.0.1:9/data"}}}},
        {"type": "object", "properties": {"child": {"$ref": "#"}}},
    ],
    ids=["own-id", "unknown-dialect", "draft-07", "property-named-ref", "ref-in-data", "tree"],
)
async def test_schemas_that_stay_within_themselves_are_used(schema: dict[str, Any], scene: Scene) -> None:
    scene.will_say('{"a": 1}')
    result = await scene.call("chat", {"prompt": "x", "json_schema": schema})
    assert text_of_result(result) == '{"a": 1}'


async def test_a_pattern_that_backtracks_blocks_nobody_and_leaves_no_child(scene: Scene) -> None:
    answer = json.dumps("a" * 40 + "!")
    scene.will_say(answer)
    arguments = {"prompt": "x", "json_schema": {"type": "string", "pattern": "^(a+)+$"}}
    result, order = await scene.call_then_ping("chat", arguments)
    assert order == ["ping", "call"]
    assert text_of_result(result).startswith(answer)
    assert any("not checked against json_schema" in w for w in record_of(result)["warnings"])
    await scene.wait_until_childless()


def doubling(keyword: str) -> dict[str, Any]:
    """A small schema that stands for 2**40 of them."""
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for level in range(1, 41):
        below = {"$ref": f"#/$defs/d{level - 1}"}
        definitions[f"d{level}"] = {keyword: [below, below]}
    return {"$ref": "#/$defs/d40", "$defs": definitions}


@pytest.mark.parametrize("keyword", mostly_slow(["allOf", "anyOf", "oneOf"], quick=["anyOf"]))
async def test_combinations_that_double_block_nobody(keyword: str, scene: Scene) -> None:
    answer = '"a"' if keyword == "allOf" else "1"
    scene.will_say(answer)
    result, order = await scene.call_then_ping("chat", {"prompt": "x", "json_schema": doubling(keyword)})
    assert order == ["ping", "call"]
    assert text_of_result(result).startswith(answer + "\n")
    await scene.wait_until_childless()


async def test_a_cancelled_check_leaves_no_child(scene: Scene) -> None:
    scene.will_say(json.dumps("a" * 40 + "!"))
    arguments = {"prompt": "x", "json_schema": {"type": "string", "pattern": "^(a+)+$"}}
    number = scene.pipe.next_number()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scene.pipe.request, "tools/call", {"name": "chat", "arguments": arguments})
        with anyio.fail_after(PATIENCE_S):
            while not (scene.upstream.seen and children(scene.pipe.pid)):  # noqa: ASYNC110 /proc tells nobody
                await anyio.sleep(0.02)
        await scene.pipe.notify("notifications/cancelled", {"requestId": number + 1})
        await scene.wait_until_childless()
        tasks.cancel_scope.cancel()
