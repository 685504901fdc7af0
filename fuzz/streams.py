"""Feeds random and mangled bodies to every reader: a result or a named error, the same for every cut, in under 50 ms.

    python fuzz/streams.py [--count 100000] [--seed 1]

Prints what it found; ends with status 1 if it found anything. `mangled` is also what the tests draw their bodies from.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, get_args

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ErrorKind, Failure, ProviderError
from anymodel_mcp.types import ChatResult
from anymodel_mcp.wire.apis import (
    CHAT_APIS,
    COMPLETIONS,
    EMBEDDINGS,
    IMAGES,
    MODELS,
    RERANK,
    SPEECH,
    TASKS,
    TRANSCRIPTION,
    Api,
)
from anymodel_mcp.wire.content.thinking import Mode
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import read_failure

LIMITS = (100, 400, 20_000)
MOST_S = 0.05
TYPES = ("application/json", "text/event-stream", "text/html", "image/png", "")
JSON_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    3.5,
    10**40,
    "",
    "x",
    "null",
    [],
    {},
    [[]],
    [None],
    {"a": {}},
    "\ud800",
    "\u2028",
    "<think>",
    "data:image/png;base64,iVBORw0KGgo=",
    "https://x.example/a.png",
    "![a](https://x.example/a.png)",
    float("nan"),
)
KEYS = (
    "choices",
    "delta",
    "message",
    "content",
    "error",
    "usage",
    "tool_calls",
    "function",
    "arguments",
    "index",
    "id",
    "name",
    "finish_reason",
    "text",
    "data",
    "embedding",
    "b64_json",
    "url",
    "output",
    "type",
    "response",
    "status",
    "code",
    "detail",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "images",
    "annotations",
    "citations",
    "base_resp",
    "status_code",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "models",
    "pricing",
    "capabilities",
    "loc",
    "msg",
    "errors",
    "x_groq",
    "extra_content",
    "function_call",
    "refusal",
    "provider",
    "task_id",
    "success",
    "metadata",
    "summary",
    "item",
    "session",
    "item_id",
    "output_index",
    "content_index",
    "status_details",
    "phase",
)
SEEDS: tuple[str, ...] = (
    'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}\n\n',
    'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"<think>a</thi"}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"nk>b"}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"reasoning_content":"Hm"}}]}\r\n\r\n',
    'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"<|channel|>analysis<|message|>a<|en"}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{"content":"d|><|start|>assistant<|channel|>final<|message|>b"}}]}\n\n',
    'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"","arguments":"}"}}]}}]}\n\n',
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"function_call_filter: MALFORMED_FUNCTION_CALL"}]}\n\n',
    'data: {"content":"Hi","stop":false}\n\n',
    '{"model":"m","message":{"role":"assistant","content":"Hi"},"done":true,"done_reason":"stop"}\n',
    "data: [DONE]\n\n",
    ": ping\n\n",
    'event: error\ndata: {"error":{"message":"boom"}}\n\n',
    'error: {"code":500,"message":"boom"}\n\n',
    '{"choices":[{"message":{"content":"pong"},"finish_reason":"stop"}]}',
    '{\n  "choices": [\n    {"message": {"content": "pong"}}\n  ]\n}\n',
    '{"data":[{"index":0,"embedding":[1.0,2.0]}]}',
    '{"data":[{"b64_json":"iVBORw0KGgo="}]}',
    '{"object":"list","data":[{"id":"m1"}]}',
    'data: {"type":"response.output_text.delta","delta":"Hi"}\n\n',
    'data: {"type":"response.completed","response":{"status":"completed","output":[]}}\n\n',
    'data: {"type":"message_start","message":{"id":"m","content":[],"usage":{"input_tokens":3}}}\n\n',
    'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
    'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}\n\n',
    'data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f"}}\n\n',
    'data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{"}}\n\n',
    'data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}\n\n',
    'data: {"type":"content_block_stop","index":0}\n\n',
    'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n',
    'data: {"type":"message_stop"}\n\n',
    'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"index":0}],"usageMetadata":{"promptTokenCount":1}}\n\n',
    'data: {"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"s"}]},"finishReason":"STOP"}]}\n\n',
    '[{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]}}]}\n,\r\n',
    'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n',
    'data: {"type":"session.created","session":{"modalities":["text"]}}\n\n',
    'data: {"type":"response.created","response":{"id":"r"}}\n\n',
    'data: {"type":"response.output_item.added","output_index":1,"item":{"id":"i","type":"function_call"}}\n\n',
    'data: {"type":"response.function_call_arguments.delta","output_index":1,"delta":"{"}\n\n',
    'data: {"type":"response.audio_transcript.delta","item_id":"i","delta":"Hi"}\n\n',
    'data: {"type":"response.output_audio.delta","item_id":"i","delta":"AQACAA=="}\n\n',
    'data: {"type":"response.done","response":{"status":"completed","output":[],"usage":{"input_tokens":1}}}\n\n',
    'data: {"type":"response.done","response":{"status":"failed","status_details":{"error":{"code":"x"}}}}\n\n',
    'data: {"type":"transcript.text.delta","delta":"Hi"}\n\n',
    'data: {"type":"transcript.text.done","text":"Hi"}\n\n',
    '{"text":"Hi","segments":[{"start":0,"end":1,"text":"Hi"}]}',
    'data: {"type":"speech.audio.delta","audio":"SUQzBAAAAAAAAA=="}\n\n',
    'data: {"type":"speech.audio.done"}\n\n',
    '{"audio":"SUQzBAAAAAAAAA=="}',
    '{"results":[{"index":0,"relevance_score":0.5}]}',
    'data: {"type":"image_generation.completed","b64_json":"iVBORw0KGgo="}\n\n',
    "<html><head><title>502</title></head></html>",
    "data:\n {",
    "\ufeff",
    "\x89PNG\r\n\x1a\n",
)


def json_value(rng: random.Random, depth: int = 0) -> Any:
    """A JSON value of the words that answers are made of."""
    kind = rng.random()
    if depth > 4 or kind < 0.35:
        return rng.choice(JSON_VALUES)
    if kind < 0.5:
        return [json_value(rng, depth + 1) for _ in range(rng.randrange(3))]
    return {rng.choice(KEYS): json_value(rng, depth + 1) for _ in range(rng.randrange(1, 5))}


def mangled(rng: random.Random) -> bytes:
    """A body: pieces of real ones, values of real words, and rubbish, with some bytes changed."""
    parts: list[bytes] = []
    for _ in range(rng.randrange(1, 9)):
        kind = rng.random()
        if kind < 0.6:
            parts.append(rng.choice(SEEDS).encode())
        elif kind < 0.85:
            lead = rng.choice(("data: ", "data:", "", "error: ", "event: error\ndata: "))
            parts.append((lead + json.dumps(json_value(rng)) + rng.choice(("\n\n", "\n", "\r", ""))).encode())
        else:
            parts.append(rng.randbytes(rng.randrange(30)))
    data = bytearray(b"".join(parts))
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        if data:
            place = rng.randrange(len(data))
            data[place : place + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    return bytes(data[: rng.choice((len(data), rng.randrange(len(data) + 1)))])


def makers(head: ResponseHead, limit: int) -> dict[str, Callable[[], Reader[Any]]]:
    """A maker of each reader."""
    tags: list[Mode] = ["leading", "closing_only_possible"]
    chats = [*CHAT_APIS.items(), ("completions", COMPLETIONS)]
    found: dict[str, Callable[[], Reader[Any]]] = {
        f"{name}-{mode}": _maker(api, name, head, limit, replace(Dialect(), think_tags=mode))
        for name, api in chats
        for mode in tags
    }
    found["embed"] = _maker(EMBEDDINGS, "embeddings", head, limit, body={"input": ["text"]})
    found["images"] = _maker(IMAGES, "images", head, limit)
    found["task"] = _maker(TASKS, "tasks", head, limit, body={"id": "t"})
    found["transcription"] = _maker(TRANSCRIPTION, "transcription", head, limit)
    found["speech"] = _maker(SPEECH, "speech", head, limit)
    found["rerank"] = _maker(RERANK, "rerank", head, limit, body={"documents": ["a", "b"]})
    found["models"] = _maker(MODELS, "models", head, limit)
    return found


def _maker(
    api: Api[Any, Any],
    endpoint: Any,
    head: ResponseHead,
    limit: int,
    dialect: Dialect = Dialect(),  # noqa: B008 frozen
    body: dict[str, Any] | None = None,
) -> Callable[[], Reader[Any]]:
    sent = WireRequest(path="", endpoint=endpoint, body=body)
    options = ReadOptions(dialect=dialect, model="m", provider="p", max_event_bytes=limit)
    return lambda: api.read(head, sent, options)


def outcome(reader: Reader[Any], parts: Sequence[bytes], broken: str | None) -> Any:
    """The result, or the fields of the named error."""
    for part in parts:
        reader.feed(part)
        if reader.done:
            break
    try:
        return reader.finish(broken=broken)
    except ProviderError as error:
        return error.failure


def cut(rng: random.Random, data: bytes) -> list[bytes]:
    """`data` in pieces: single bytes or longer ones."""
    if rng.random() < 0.5:
        return [data[i : i + 1] for i in range(len(data))]
    places = [0, *sorted(rng.randrange(len(data) + 1) for _ in range(rng.randrange(1, 8))), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def seconds(make: Callable[[], Reader[Any]], data: bytes, broken: str | None) -> float:
    start = time.perf_counter()
    outcome(make(), [data], broken)
    return time.perf_counter() - start


def check(rng: random.Random, data: bytes) -> list[str]:
    """What is wrong with how one body is read, by one reader drawn at random."""
    head = ResponseHead(status=200, headers={"content-type": rng.choice(TYPES)})
    name, make = rng.choice(list(makers(head, rng.choice(LIMITS)).items()))
    broken = rng.choice((None, None, "reset"))
    problems: list[str] = []
    whole = outcome(make(), [data], broken)
    took = seconds(make, data, broken)
    if took > MOST_S:
        took = min(seconds(make, data, broken) for _ in range(3))  # the machine may have been busy
    if took > MOST_S:
        problems.append(f"{name}: took {took * 1000:.0f} ms")
    pieces = outcome(make(), cut(rng, data), broken)
    if repr(pieces) != repr(whole):  # not ==: NaN is not equal to itself
        problems.append(f"{name}: a cut changes the outcome: {whole!r} / {pieces!r}")
    if isinstance(whole, Failure):
        problems += [f"{name}: {whole!r}"] * (whole.kind not in get_args(ErrorKind) or not whole.message)
    elif isinstance(whole, ChatResult):
        made = whole.images or whole.sounds
        empty = not (whole.text or whole.tool_calls or whole.invalid_tool_calls or made or whole.refusal)
        problems += [f"{name}: an empty answer without a word"] * (empty and not whole.warnings)
    failure = read_failure(
        ResponseHead(status=rng.choice((302, 400, 404, 429, 500)), headers=head.headers),
        data,
        endpoint="chat",
        model="m",
        base_url="https://x.example",
    ).failure
    problems += ["a refusal without a word"] * (not failure.message)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found = done = 0
    started = time.perf_counter()
    for number in range(options.count):
        done += 1
        rng = random.Random(f"{options.seed}-{number}")
        data = mangled(rng)
        try:
            problems = check(rng, data)
        except Exception as error:  # any exception is a find
            problems = [f"{type(error).__name__}: {error}"]
        for problem in problems:
            found += 1
            print(f"stream {options.seed}-{number}: {problem}\n  {data!r}"[:2000])
        if found > 20:
            break
    print(f"{done} streams in {time.perf_counter() - started:.0f} s, {found} finds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
