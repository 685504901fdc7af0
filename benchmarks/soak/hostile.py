"""Hostile arguments and answers: the memory that they cost, pings answered late, child processes left behind."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

from benchmarks.soak.figures import Figure, first
from tests.hostile.pictures import BOMBS
from tests.hostile.scene import Scene, open_scene
from tests.raw_upstream import Reply
from tests.rawclient import Json

GROWTH_MIB = 200


def _objects(count: int) -> Reply:
    body = b'{"choices":[{"index":0,"message":{"content":"fine"}}],"extra":[' + b"{}," * count + b"0]}"
    return Reply(headers={"content-type": "application/json"}, frames=[body])


def _choices(count: int) -> Reply:
    frames = [
        b"data: " + json.dumps({"choices": [{"index": i % 16, "delta": {"content": "x" * 100_000}}]}).encode() + b"\n\n"
        for i in range(count)
    ]
    return Reply(headers={"content-type": "text/event-stream"}, frames=frames)


def _structured(schema: Json) -> Json:
    return {"prompt": "x", "json_schema": schema}


def _doubling(levels: int) -> Json:
    below = [{"allOf": [{"$ref": f"#/$defs/d{i}"}] * 2} for i in range(levels)]
    definitions = {"d0": {"type": "string"}, **{f"d{i + 1}": schema for i, schema in enumerate(below)}}
    return {"$ref": f"#/$defs/d{levels}", "$defs": definitions}


def _picture(name: str) -> Json:
    return {"prompt": "x", "images": [f"data:image/png;base64,{base64.b64encode(BOMBS[name]()).decode()}"]}


async def measure(folder: Path, *, objects: int = 10_000_000, choices: int = 400, slow: bool = True) -> list[Figure]:
    """Each case once, on one server.

    Args:
        folder: for everything that the server writes.
        objects: how many empty objects one answer holds.
        choices: how many pieces of 100 kB the choices of one answer have together.
        slow: also a schema whose check takes its whole time.
    """
    late: list[str] = []
    calls: dict[str, tuple[Json, Callable[[Scene], None]]] = {
        "pattern": (_structured({"type": "string", "pattern": "^(a+)+$"}), lambda s: s.will_say('"' + "a" * 40 + '!"')),
        "objects": ({"prompt": "x"}, lambda s: s.answer_with(_objects(objects))),
        "choices": ({"prompt": "x"}, lambda s: s.answer_with(_choices(choices))),
        **{name: (_picture(name), lambda s: s.will_say("fine")) for name in ("png", "webp", "png-of-two-sizes")},
    }
    if slow:
        calls["doubling schema"] = (_structured(_doubling(40)), lambda s: s.will_say('"a"'))
    async with open_scene(folder) as scene, scene.watch_memory() as memory:
        for name, (arguments, prepare) in calls.items():
            prepare(scene)
            _, order = await scene.call_then_ping("chat", arguments)
            if order != ["ping", "call"]:
                late.append(name)
        await scene.wait_until_childless()
        left = len(scene.children())
    return [
        Figure(name="memory that hostile calls cost", value=memory.growth_mib, bound=GROWTH_MIB, unit="MiB"),
        Figure(name="pings answered after a hostile call", value=len(late), bound=0, note=first(late)),
        Figure(name="child processes left behind", value=left, bound=0),
    ]
