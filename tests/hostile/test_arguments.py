"""Arguments of a hostile caller, through a real server: refused in a sentence, before any request, without an echo."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.pictures import drawn
from tests.hostile.scene import Scene, error_of, shared_run
from tests.rawclient import text_of_result
from tests.slow import mostly_slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the scene reads /proc")

Arguments = dict[str, Any]
CANARY = "CanaryOfAnArgument." * 50


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


REFUSED: dict[str, tuple[str, Arguments]] = {
    "models": ("chat", {"prompt": "x", "models": ["p/m"] * 5000}),
    "model-names": ("chat", {"prompt": "x", "models": [CANARY]}),
    "model-name": ("chat", {"prompt": "x", "model": CANARY}),
    "conversation": ("chat", {"prompt": "x", "conversation": CANARY}),
    "effort": ("chat", {"prompt": "x", "reasoning_effort": CANARY}),
    "images": ("chat", {"prompt": "x", "images": ["a.png"] * 21}),
    "image-reference": ("chat", {"prompt": "x", "images": [CANARY * 20]}),
    "image-path": ("chat", {"prompt": "x", "images": ["/" + CANARY]}),
    "image-http": ("chat", {"prompt": "x", "images": ["http://x.example/" + CANARY]}),
    "image-object": ("chat", {"prompt": "x", "images": [{"picture": CANARY}]}),
    "image-deep": ("chat", {"prompt": "x", "images": [deep(150)]}),
    "files": ("chat", {"prompt": "x", "files": ["a.txt"] * 51}),
    "stops": ("chat", {"prompt": "x", "stop": ["a"] * 65}),
    "stop-text": ("chat", {"prompt": "x", "stop": [CANARY * 2]}),
    "tools": ("chat", {"prompt": "x", "tools": [{"type": "function"}] * 513}),
    "messages": ("chat", {"messages": [{"role": "user", "content": "x"}] * 10_001}),
    "messages-deep": ("chat", {"messages": [{"role": "user", "content": [deep(100)]}]}),
    "messages-wrong": ("chat", {"messages": [CANARY] * 9000}),
    "options-deep": ("chat", {"prompt": "x", "options": deep(100)}),
    "options-many": ("chat", {"prompt": "x", "options": {"a": [0] * 100_000}}),
    "options-text-deep": ("chat", {"prompt": "x", "options": '{"a":' * 50_000}),
    "options-text-many": ("chat", {"prompt": "x", "options": '{"a": [' + "{}," * 200_000 + "{}]}"}),
    "options-choices": ("chat", {"prompt": "x", "options": {"n": 17}}),
    "options-choices-gemini": ("chat", {"prompt": "x", "options": {"generationConfig": {"candidateCount": 17}}}),
    "options-nan": ("chat", {"prompt": "x", "options": {"a": [{"b": float("nan")}]}}),
    "options-infinity": ("chat", {"prompt": "x", "options": {"seed": float("-inf")}}),
    "options-integer": ("chat", {"prompt": "x", "options": {"seed": 10**4000}}),
    "options-surrogate": ("chat", {"prompt": "x", "options": '{"a": "\\ud800"}'}),
    "tools-nan": ("chat", {"prompt": "x", "tools": [{"function": {"parameters": {"maximum": float("inf")}}}]}),
    "messages-nan": ("chat", {"messages": [{"role": "user", "content": "x", "weight": float("nan")}]}),
    "temperature-nan": ("chat", {"prompt": "x", "temperature": float("nan")}),
    "top-p-infinity": ("chat", {"prompt": "x", "top_p": "Infinity"}),
    "schema-nan": ("chat", {"prompt": "x", "json_schema": {"maximum": float("nan")}}),
    "schema-large": ("chat", {"prompt": "x", "json_schema": {"description": "x" * 270_000}}),
    "schema-deep": ("chat", {"prompt": "x", "json_schema": deep(65)}),
    "schema-many": ("chat", {"prompt": "x", "json_schema": {"enum": list(range(10_001))}}),
    "schema-endless": ("chat", {"prompt": "x", "json_schema": {"$ref": "#"}}),
    "schema-wrong": ("chat", {"prompt": "x", "json_schema": {"type": CANARY}}),
    "unknown-name": ("chat", {"prompt": "x", CANARY: 1}),
    "unknown-names": ("chat", {"prompt": "x", **{f"z{i}": 1 for i in range(5000)}}),
    "list-query": ("list_models", {"query": "gpt " * 1_000_000}),
    "list-provider": ("list_models", {"provider": CANARY[:400]}),
    "result-id": ("get_result", {"id": CANARY[:400]}),
    "thread-id": ("chat", {"prompt": "x", "conversation": CANARY[:400]}),
    "embed-inputs": ("embed", {"input": ["a"] * 20_001, "model": "p/e"}),
    "picture-size": ("generate_image", {"prompt": "x", "model": "p/i", "size": CANARY}),
    "picture-mask": ("generate_image", {"prompt": "x", "model": "p/i", "images": ["a.png"], "mask": CANARY * 20}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_out_of_bounds_is_refused_before_any_request(name: str, scene: Scene) -> None:
    tool, arguments = REFUSED[name]
    scene.will_say("fine")
    result = await scene.call(tool, arguments)
    error = error_of(result)
    assert error["kind"] == "invalid_argument", error
    assert scene.upstream.seen == []
    assert not shared_run(json.dumps(result), CANARY), result
    assert len(error["message"]) < 2000


TAKEN: dict[str, Arguments] = {
    "sixteen models": {"prompt": "x", "models": [f"p/m{i}" for i in range(16)]},
    "a long name": {"prompt": "x", "model": "p/" + "m" * 498},
    "sixty-four levels": {"prompt": "x", "options": deep(64)},
    "a long prompt": {"prompt": "word " * 200_000},
    "a schema of 200 kB": {"prompt": "x", "json_schema": {"description": "x" * 200_000}},
}


@pytest.mark.parametrize("name", TAKEN)
async def test_what_is_within_bounds_is_sent(name: str, scene: Scene) -> None:
    scene.will_say("{}")
    result = await scene.call("chat", TAKEN[name])
    assert not result.get("isError"), result
    assert scene.upstream.seen


@pytest.mark.parametrize("escape", mostly_slow(["%41", "%", "%4", "%zz", "a%41"], quick=["a%41"]))
async def test_a_data_url_full_of_escapes_blocks_nobody(escape: str, scene: Scene) -> None:
    scene.will_say("fine")
    url = "data:image/png," + escape * (12_000_000 // len(escape))
    async with scene.watch_memory() as memory:
        await scene.call("chat", {"prompt": "x", "images": [url]})
        await scene.call("list_models", {})
    assert memory.growth_mib < 200


async def test_an_old_encoding_is_read_and_named(scene: Scene, allowed: Path) -> None:
    (allowed / "memo.txt").write_bytes("次回は金曜日の午後三時です".encode("cp932"))
    (allowed / "rubbish.txt").write_bytes(bytes(range(256)) * 10)
    scene.will_say("fine")
    result = await scene.call("chat", {"prompt": "When?", "files": ["memo.txt"]})
    assert "次回は金曜日の午後三時です" in scene.upstream.seen[0].json()["messages"][-1]["content"][-1]["text"]
    assert "read as cp932" in text_of_result(result)
    result = await scene.call("chat", {"prompt": "When?", "files": ["rubbish.txt"]})
    assert "UTF-8" in text_of_result(result)


async def test_a_screenshot_of_a_mac_is_found_by_its_retyped_name(scene: Scene, allowed: Path) -> None:
    (allowed / "Screenshot 2026-08-10 at 9.22.20\u202fPM.png").write_bytes(drawn("PNG"))
    scene.will_say("fine")
    result = await scene.call("chat", {"prompt": "look", "images": ["Screenshot 2026-08-10 at 9.22.20 PM.png"]})
    assert text_of_result(result) == "fine"
    assert scene.upstream.seen[0].json()["messages"][-1]["content"][-1]["type"] == "image_url"
