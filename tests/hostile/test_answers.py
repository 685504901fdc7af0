"""Answers of a hostile provider, through a real server: texts on which a careless reader never ends."""

from __future__ import annotations

import base64
import json
import sys
from typing import Any

import pytest

from tests.hostile.scene import Scene
from tests.raw_upstream import Reply, serve

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the scene reads /proc")

MANY = 200_000
COMMENTS = base64.b64encode(b"<!---->" * 40 + b"<" * 20).decode()
PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(22)).decode()
DECLARATIONS = base64.b64encode(b"<?xml ?>" * 300 + b"<!DOCTYPE svg" * 100).decode()


def message(**fields: Any) -> Reply:
    """A whole chat answer whose message has these fields."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "fine", **fields}, "finish_reason": "stop"}
    return json_reply({"id": "c1", "model": "m", "choices": [choice]})


def chat(text: str) -> Reply:
    """The text as a whole chat answer."""
    return message(content=text)


def streamed(*texts: str) -> Reply:
    """The texts as deltas of a stream."""
    events = [{"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": text}}]} for text in texts]
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return Reply(headers={"content-type": "text/event-stream"}, frames=[body.encode()])


def json_reply(value: Any, status: int = 200) -> Reply:
    return raw(json.dumps(value), "application/json", status)


def raw(body: str, kind: str, status: int = 200) -> Reply:
    return Reply(status=status, headers={"content-type": kind}, frames=[body.encode()])


def failure(message: str) -> Reply:
    return json_reply({"error": {"message": message}}, 400)


REPLIES: dict[str, Reply] = {
    "svg-comments": chat(f"![a](data:image/svg+xml;base64,{COMMENTS})"),
    "svg-declarations": chat(f"![a](data:image/svg+xml;base64,{DECLARATIONS})"),
    "picture-titles": chat("![" * MANY),
    "picture-ends": chat("](" * MANY),
    "picture-titles-and-ends": chat("![a" * MANY + "](" * MANY),
    "picture-spaces": chat("![a](" + " " * MANY + "![a](" * MANY),
    "picture-links": chat("![a](https://x.example/a) " * MANY),
    "data-url-parameters": chat("![a](data:image/png" + ";a=b" * MANY + ",x)"),
    "thoughts": chat("<think></think>" * MANY),
    "thoughts-streamed": streamed(*["<think>a</think>"] * 20_000),
    "thought-spaces": streamed("<think>", *[" "] * 20_000, "x</think>fine"),
    "half-tags": chat("<think>" + "</thin" * MANY),
    "cut-string": raw('{"choices": [{"message": {"content": "' + '\\"' * MANY, "application/json"),
    "cut-string-backslash": raw('{"choices": [{"message": {"content": "' + '\\"' * MANY + "\\", "application/json"),
    "cut-brackets": raw('{"a":[' * MANY, "application/json"),
    "deep": raw("[" * MANY + "]" * MANY, "application/json"),
    "html-headings": raw("<html>" + "<h1>" * MANY, "text/html"),
    "html-titles-refused": raw("<title" * MANY + ">", "text/html", 500),
    "html-open-tags": raw("<" * MANY, "text/html", 502),
    "words-exceed": failure("exceed" * MANY),
    "words-context": failure("the maximum " * MANY + "context"),
    "words-thinking": failure("enable_thinking " * MANY),
    "words-underscores": failure("a_" * MANY + " is not supported"),
    "words-token-shaped": failure("eyJaaaaaaaaaaaa-" * MANY),
    "words-request-id": failure("request id" + " " * MANY + "request id:" * MANY),
    "words-retry": failure("try again in " + "1 " * MANY),
    "reasoning-details": message(reasoning_details=[{"type": "t", "id": str(i)} for i in range(20_000)]),
    "tool-calls": message(tool_calls=[{"id": str(i), "function": {"name": "f"}} for i in range(20_000)]),
    "pictures": message(
        content=[{"type": "image_url", "image_url": {"url": PIXEL + "A" * (i % 7)}} for i in range(20_000)]
    ),
}


@pytest.mark.parametrize("name", REPLIES)
async def test_no_answer_keeps_the_server_busy(name: str, scene: Scene) -> None:
    scene.answer = serve([REPLIES[name]])
    await scene.call("chat", {"prompt": "x", "stream": name.endswith("streamed")})
    await scene.call("list_models", {})


async def test_spaces_of_a_structured_answer_are_passed_over_once(scene: Scene) -> None:
    scene.will_say("```json\n" + " " * MANY + "x" + "```")
    await scene.call("chat", {"prompt": "x", "json_schema": {"type": "object"}})
