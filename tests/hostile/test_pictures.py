"""Picture bombs through a real server, from a caller and from a provider: none of them costs much memory."""

from __future__ import annotations

import base64
import json
import sys

import pytest

from tests.hostile.pictures import BOMBS, drawn
from tests.hostile.scene import Scene, record_of
from tests.raw_upstream import Reply, serve
from tests.rawclient import Json, text_of_result
from tests.slow import mostly_slow

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory and processes are read from /proc")

MOST_GROWTH_MIB = 200


def made(content: bytes) -> Reply:
    """A provider's answer with this picture."""
    body: Json = {"created": 1, "data": [{"b64_json": base64.b64encode(content).decode()}]}
    return Reply(headers={"content-type": "application/json"}, frames=[json.dumps(body).encode()])


@pytest.mark.parametrize("name", mostly_slow(BOMBS, quick=["png", "webp", "jpeg-progressive"]))
async def test_a_picture_bomb_takes_little_memory_and_leaves_no_child(name: str, scene: Scene) -> None:
    content = BOMBS[name]()
    assert len(content) < 1_500_000
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    async with scene.watch_memory() as memory:
        scene.will_say("fine")
        await scene.call("chat", {"prompt": "look", "images": [url]})
        scene.answer = serve([made(content)])
        result = await scene.call("generate_image", {"prompt": "x", "model": "p/i"})
        assert record_of(result)["images"][0]["path"]
        await scene.call("list_models", {})
    assert memory.growth_mib < MOST_GROWTH_MIB
    await scene.wait_until_childless()


async def test_pictures_are_decoded_one_at_a_time(scene: Scene) -> None:
    content = BOMBS["png-below-the-limit"]()
    url = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    scene.will_say("fine")
    async with scene.watch_memory() as memory:
        result, order = await scene.call_then_ping(
            "chat", {"prompt": "look", "images": [url, url + "\n", url + "\n\n"]}
        )
    assert order == ["ping", "call"]
    assert text_of_result(result).startswith("fine")
    assert memory.growth_mib < MOST_GROWTH_MIB


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_a_made_picture_that_is_cut_off_is_said_to_be(kind: str, scene: Scene) -> None:
    whole = drawn(kind, (300, 200), quality=90) if kind == "JPEG" else drawn(kind, (300, 200))
    cut = whole[: len(whole) * 2 // 3]
    scene.answer = serve([made(cut)])
    result = await scene.call("generate_image", {"prompt": "x", "model": "p/i"})
    assert "it was saved unchanged" in text_of_result(result)
    assert "saved unchanged" in record_of(result)["warnings"][-1]
    assert record_of(result)["images"][0]["bytes"] == len(cut)
    scene.answer = serve([made(whole)])
    result = await scene.call("generate_image", {"prompt": "x", "model": "p/i"})
    assert "saved unchanged" not in text_of_result(result)
