"""How long decoding and accumulating a stream takes beside `json.loads` of its frames; the memory of a large picture.

    python benchmarks/decode.py

Prints a line for each shape of stream and size of read. Ends with status 1 if a ratio exceeds 1.5 in a shape that the
target speaks of (10 MB of 4-byte deltas), or the picture takes 150 MiB or more.
"""

from __future__ import annotations

import base64
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import ChatResult
from anymodel_mcp.wire.apis import CHAT_APIS, IMAGES
from anymodel_mcp.wire.exchange import ReadOptions, ResponseHead, WireRequest

STREAM_BYTES = 10_000_000
PICTURE_BYTES = 30_000_000
LIMIT = 64 * 1024 * 1024
MOST_RATIO = 1.5
MOST_MIB = 150
HEAD = ResponseHead(status=200, headers={"content-type": "text/event-stream"})
OPTIONS = ReadOptions(dialect=Dialect(), model="m", max_event_bytes=LIMIT)
ENVELOPE: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1789000000, "model": "m"}


def chunk(text: str, **more: Any) -> dict[str, Any]:
    return {**ENVELOPE, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **more}


def padded(rng: random.Random, text: str) -> dict[str, Any]:
    """As OpenAI sends it: every frame has padding of another length."""
    return chunk(text, usage=None, obfuscation="".join(rng.choices("abcdefgh", k=rng.randrange(4, 12))))


def frames(make: Callable[[str], dict[str, Any]]) -> list[str]:
    found: list[str] = []
    size = 0
    while size < STREAM_BYTES:
        found.append(json.dumps(make(f"{len(found) % 10_000:4d}"), separators=(",", ":")))
        size += len(found[-1]) + 8
    return found


def best(times: int, run: Callable[[], object]) -> float:
    fastest = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        run()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def decode(parts: Iterable[bytes]) -> ChatResult:
    reader = CHAT_APIS["chat"].read(HEAD, WireRequest(path="", endpoint="chat"), OPTIONS)
    for part in parts:
        reader.feed(part)
    return reader.finish()


def measure_streams() -> bool:
    rng = random.Random(1)
    fine = True
    shapes: dict[str, Callable[[str], dict[str, Any]]] = {"plain": chunk, "padded": lambda text: padded(rng, text)}
    for name, make in shapes.items():
        docs = frames(make)
        data = b"".join(f"data: {doc}\n\n".encode() for doc in docs) + b"data: [DONE]\n\n"
        json_s = best(5, lambda docs=docs: [json.loads(doc) for doc in docs])
        for size in (len(docs[0]) + 8, 4096, 65536):
            parts = pieces(data, size)
            assert len(decode(parts).text) == 4 * len(docs)
            ratio = best(5, lambda parts=parts: decode(parts)) / json_s
            fine = fine and ratio <= MOST_RATIO
            print(f"{name:7} {len(docs)} frames, read by {size:>6}: {ratio:.2f} times json.loads ({json_s:.3f} s)")
    return fine


def measure_picture() -> bool:
    content = b"\x89PNG\r\n\x1a\n" + b"\0" * (PICTURE_BYTES * 3 // 4)
    event = json.dumps({"type": "image_generation.completed", "b64_json": base64.b64encode(content).decode()})
    parts = pieces(b"event: image_generation.completed\ndata: " + event.encode() + b"\n\n", 65536)
    del event, content
    tracemalloc.start()
    reader = IMAGES.read(HEAD, WireRequest(path="", endpoint="images"), OPTIONS)
    for part in parts:
        reader.feed(part)
    result = reader.finish()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    print(f"picture event of {PICTURE_BYTES / 1e6:.0f} MB: {len(result.images)} picture, peak {peak:.0f} MiB extra")
    return peak < MOST_MIB


if __name__ == "__main__":
    streams, picture = measure_streams(), measure_picture()
    sys.exit(0 if streams and picture else 1)
