"""An upstream whose faults are asked for by model name: `kill-200-40` resets at byte 200 of 40 deltas.

`answer` serves it within a test; `python -m tests.faults` serves it as a process of its own, so that a measured
server does not share its event loop with its upstream, and prints `{"port": ...}`.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from tests.raw_upstream import PACE_S, Line, Reply, Seen, open_upstream, play

SSE = {"content-type": "text/event-stream; charset=utf-8"}
JSON = {"content-type": "application/json"}
DONE = b"data: [DONE]\n\n"
KEEP_ALIVE_S = 0.2


def word(stream: int, number: int) -> str:
    """The delta with this number in this stream: no two are alike, so a hash sees loss, doubling and disorder."""
    return f"{stream}.{number} "


def text_of(stream: int, count: int) -> str:
    """All deltas of a stream."""
    return "".join(word(stream, number) for number in range(count))


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One chunk of a streamed chat."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def stream_events(stream: int, count: int) -> list[bytes]:
    """A whole streamed answer, event by event."""
    words = [event({"content": word(stream, number)}) for number in range(count)]
    return [event({"role": "assistant"}), *words, event({}, "stop"), DONE]


def completion(text: str) -> bytes:
    """A whole plain answer."""
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return json.dumps(
        {"id": "c1", "object": "chat.completion", "model": "m", "choices": choices, "usage": usage}
    ).encode()


def killed_body(count: int) -> bytes:
    """What `kill` and `half` cut: head and events of one stream."""
    return _HEAD + b"".join(stream_events(0, count))


_HEAD = Reply(headers=SSE, framing="close").head()

# --- the faults; numbers after the name are their arguments -----------------------------------------------------------


async def _ok(seen: Seen, line: Line) -> None:
    asked: dict[str, Any] = seen.json()
    if asked.get("stream"):
        await play(Reply(headers=SSE, frames=[b"".join(stream_events(0, 1))], framing="chunked"), line)
    else:
        await play(Reply(headers=JSON, frames=[completion("pong")]), line)


async def _stream(seen: Seen, line: Line, stream: int, count: int, per_s: int) -> None:
    """Deltas on a fixed timetable, so that a slow moment does not put off the end."""
    first, *words = stream_events(stream, count)[:-2]
    await line.send(_HEAD + first)
    begun = anyio.current_time()
    for number, piece in enumerate(words, 1):
        await anyio.sleep_until(begun + number / per_s)
        await line.send(piece)
    await line.send(event({}, "stop") + DONE)


async def _kill(seen: Seen, line: Line, at: int, count: int) -> None:
    body = killed_body(count)[:at]
    dice = random.Random(at)
    while body:
        size = dice.randint(1, 400)
        await line.send(body[:size])
        body = body[size:]
        await anyio.sleep(PACE_S)
    await line.reset()


async def _half(seen: Seen, line: Line, at: int, count: int) -> None:
    await line.send(killed_body(count)[:at])
    line.half_close()
    await line.stall()


async def _split(seen: Seen, line: Line, count: int) -> None:
    await line.send(_HEAD)
    for byte in b"".join(stream_events(0, count)):
        await line.send(bytes([byte]))


async def _delay(seen: Seen, line: Line, milliseconds: int) -> None:
    await anyio.sleep(milliseconds / 1000)
    await _ok(seen, line)


async def _silent(seen: Seen, line: Line) -> None:
    await line.stall()


async def _role(seen: Seen, line: Line) -> None:
    await line.send(_HEAD + event({"role": "assistant"}))
    await line.stall()


async def _word(seen: Seen, line: Line) -> None:
    await line.send(_HEAD + event({"content": word(0, 0)}))
    await line.stall()


async def _comments(seen: Seen, line: Line) -> None:
    await line.send(_HEAD + event({"content": word(0, 0)}))
    while True:
        await anyio.sleep(KEEP_ALIVE_S)
        await line.send(b": keep-alive\n\n")


async def _garbage(seen: Seen, line: Line, seed: int) -> None:
    await play(Reply(headers=SSE, frames=[random.Random(seed).randbytes(4096)], framing="close"), line)


async def _status(seen: Seen, line: Line, status: int) -> None:
    body = json.dumps({"error": {"message": f"fault {status}", "type": "fault"}}).encode()
    await play(Reply(status=status, headers=JSON, frames=[body]), line)


async def _html(seen: Seen, line: Line) -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
    await play(Reply(status=502, headers={"content-type": "text/html"}, frames=[page]), line)


_FAULTS: dict[str, Callable[..., Awaitable[None]]] = {
    "ok": _ok,
    "stream": _stream,
    "kill": _kill,
    "half": _half,
    "split": _split,
    "delay": _delay,
    "silent": _silent,
    "role": _role,
    "word": _word,
    "comments": _comments,
    "garbage": _garbage,
    "status": _status,
    "html": _html,
}


async def answer(seen: Seen, line: Line) -> None:
    """Does what the model's name says; other requests are not found."""
    model = str(seen.json().get("model", "")) if seen.body else ""
    name, *numbers = model.split("-")
    if name not in _FAULTS:
        await play(Reply(status=404, headers=JSON, frames=[b'{"error":{"message":"no such fault"}}']), line)
        return
    await _FAULTS[name](seen, line, *map(int, numbers))


async def _main() -> None:
    async with open_upstream(answer) as upstream:
        sys.stdout.write(json.dumps({"port": upstream.port}) + "\n")
        sys.stdout.flush()
        await anyio.to_thread.run_sync(sys.stdin.read)  # the parent closes the pipe when it has done


if __name__ == "__main__":
    anyio.run(_main)
