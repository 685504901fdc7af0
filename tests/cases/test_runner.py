"""A case becomes the provider, the call and the bytes that README.md says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cases.requests import Json
from tests.cases.runner import load_cases, to_call, to_provider, to_reply

ORIGIN = "http://127.0.0.1:1"
SCHEMAS: dict[str, Json] = {
    "chat": {"properties": dict.fromkeys(("model", "prompt", "messages", "max_tokens", "stop", "stream", "options"))},
    "embed": {"properties": dict.fromkeys(("model", "input", "output", "options"))},
    "generate_image": {"properties": dict.fromkeys(("model", "prompt", "images", "options"))},
    "list_models": {"properties": dict.fromkeys(("provider", "query"))},
}


def _case(tool: str, args: Json | None = None, config: Json | None = None) -> Json:
    return {"id": "x-1", "request": {"tool": tool, "args": args or {}, "config": config or {}}}


PROVIDERS: dict[str, tuple[str, Json, Json]] = {
    "nothing said": ("chat", {}, {"base_url": f"{ORIGIN}/v1", "api_key": "sk-test"}),
    "no key": ("chat", {"api_key": None}, {"base_url": f"{ORIGIN}/v1"}),
    "another key": ("chat", {"api_key": " k\n"}, {"base_url": f"{ORIGIN}/v1", "api_key": " k\n"}),
    "path and query are kept": (
        "chat",
        {"base_url": "https://a.example/x/?v=1", "api_key": None},
        {"base_url": f"{ORIGIN}/x/?v=1"},
    ),
    "a header of its own": (
        "chat",
        {"api_key": None, "auth": {"style": "header", "header": "api-key"}},
        {"base_url": f"{ORIGIN}/v1", "auth": "header:api-key"},
    ),
    "retries and quirks": (
        "chat",
        {"api_key": None, "retry": {"attempts": 2, "max_wait_s": 9}, "profile": {"embed_batch": 1}, "models": ["m"]},
        {
            "base_url": f"{ORIGIN}/v1",
            "max_attempts": 2,
            "max_retry_wait_s": 9,
            "quirks": {"embed_batch": 1},
            "models": ["m"],
        },
    ),
    "the list elsewhere": (
        "list_models",
        {"api_key": None, "models_url": "https://b.example/list"},
        {"base_url": f"{ORIGIN}/v1", "models_url": f"{ORIGIN}/list"},
    ),
    "Responses": ("respond", {"api_key": None}, {"base_url": f"{ORIGIN}/v1", "api": "responses"}),
}

CALLS: dict[str, tuple[str, Json, str, Json]] = {
    "what the tool has not goes into options": (
        "chat",
        {"model": "m", "prompt": "p", "n": 2, "extra": {"seed": 1}, "max_tokens": None},
        "chat",
        {"model": "c-x-1/m", "prompt": "p", "stream": False, "options": {"n": 2, "seed": 1}},
    ),
    "one stop": (
        "chat",
        {"model": "m", "stop": "\n", "stream": True},
        "chat",
        {"model": "c-x-1/m", "stop": ["\n"], "stream": True},
    ),
    "one text": (
        "embed",
        {"model": "m", "input": "a"},
        "embed",
        {"model": "c-x-1/m", "input": ["a"], "output": "vectors"},
    ),
    "a prompt for Responses": (
        "respond",
        {"model": "m", "input": "p", "max_output_tokens": 5},
        "chat",
        {"model": "c-x-1/m", "prompt": "p", "max_tokens": 5, "stream": False},
    ),
    "messages for Responses": (
        "respond",
        {"model": "m", "input": [{"role": "user", "content": "p"}]},
        "chat",
        {"model": "c-x-1/m", "messages": [{"role": "user", "content": "p"}], "stream": False},
    ),
    "saving is not asked for": (
        "generate_image",
        {"model": "m", "prompt": "p", "save": True},
        "generate_image",
        {"model": "c-x-1/m", "prompt": "p"},
    ),
    "a list": ("list_models", {"query": "q"}, "list_models", {"provider": "c-x-1", "query": "q"}),
}


@pytest.mark.parametrize(("tool", "config", "wanted"), PROVIDERS.values(), ids=PROVIDERS)
def test_a_case_becomes_a_provider(tool: str, config: Json, wanted: Json) -> None:
    assert to_provider(_case(tool, config=config), ORIGIN) == wanted


@pytest.mark.parametrize(("tool", "args", "name", "wanted"), CALLS.values(), ids=CALLS)
def test_a_case_becomes_a_call(tool: str, args: Json, name: str, wanted: Json, tmp_path: Path) -> None:
    assert to_call(_case(tool, args), SCHEMAS, tmp_path) == (name, wanted)


def test_local_pictures_are_made_and_addresses_stay(tmp_path: Path) -> None:
    given = ["/tmp/a.png", "https://a.example/b.png", "data:image/png;base64,AA=="]
    _, args = to_call(_case("edit_image", {"model": "m", "images": given}), SCHEMAS, tmp_path)
    assert args["images"] == [str(tmp_path / "a.png"), *given[1:]]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_an_oversized_file_is_made_to_the_byte(tmp_path: Path) -> None:
    parts = [{"type": "input_file", "filename": "a.pdf", "file_data": "<1 MB + 1 byte>"}]
    _, args = to_call(_case("respond", {"model": "m", "input": [{"content": parts}]}), SCHEMAS, tmp_path)
    data: str = args["messages"][0]["content"][0]["file_data"]
    assert data.startswith("data:application/pdf;base64,")
    assert len(data.partition(",")[2]) == -(-1_000_001 // 3) * 4


REPLIES: dict[str, tuple[Json, str, str, list[bytes]]] = {
    "a body": ({"body": "é"}, "length", "keep", ["é".encode()]),
    "no body": ({"body": ""}, "length", "keep", []),
    "bytes": ({"body_b64": "AAE="}, "length", "keep", [b"\x00\x01"]),
    "frames to the end of the connection": ({"sse": ["a", "b"], "end": "close"}, "close", "close", [b"a", b"b"]),
    "chunks that stall": ({"chunks_b64": ["YQ=="], "end": "stall"}, "close", "stall", [b"a"]),
    "a body that is reset is not told its length": ({"body": "x", "end": "reset"}, "close", "reset", [b"x"]),
}


@pytest.mark.parametrize(("http", "framing", "end", "frames"), REPLIES.values(), ids=REPLIES)
def test_a_response_becomes_a_reply(http: Json, framing: str, end: str, frames: list[bytes]) -> None:
    reply = to_reply({"status": 200, "headers": {}, **http})
    assert (reply.framing, reply.end, list(reply.frames)) == (framing, end, frames)


def test_framing_follows_the_headers_and_locations_are_rewritten() -> None:
    headers: dict[str, Any] = {"Transfer-Encoding": "chunked", "Location": "/there"}
    reply = to_reply({"status": 307, "headers": headers, "body": "x"}, lambda url: f"{ORIGIN}{url}")
    assert reply.framing == "chunked"
    assert reply.headers["Location"] == f"{ORIGIN}/there"


def test_every_case_is_played() -> None:
    assert len(load_cases()) == 294
