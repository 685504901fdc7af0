"""Answers in a server's own form, where the base URL lacks /v1."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anymodel_mcp.types import ChatResult
from tests.wire.feeding import JSON_HEAD, as_bytes, chat, completion, frame

WHOLE: list[tuple[str, Any, str, int | None]] = [
    # (where, body, finish reason, output tokens)
    (
        "llama.cpp /completions: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        {
            "index": 0,
            "content": "Hi there",
            "tokens": [],
            "id_slot": 0,
            "stop": True,
            "model": "m",
            "tokens_predicted": 3,
            "tokens_evaluated": 5,
            "generation_settings": {"n_predict": 3},
            "truncated": False,
            "stop_type": "eos",
        },
        "stop",
        3,
    ),
    (
        "llama.cpp before 2024-12: https://github.com/ggml-org/llama.cpp/pull/3632",
        {"content": "Hi there", "stop": True, "stopped_limit": True, "tokens_predicted": 8, "tokens_evaluated": 5},
        "length",
        8,
    ),
    (
        "Ollama /api/chat: https://github.com/ollama/ollama/blob/main/docs/api.md",
        {
            "model": "m",
            "created_at": "2026-11-28T08:00:00Z",
            "message": {"role": "assistant", "content": "Hi there"},
            "done": True,
            "done_reason": "stop",
            "prompt_eval_count": 5,
            "eval_count": 3,
        },
        "stop",
        3,
    ),
    (
        "Ollama /api/generate: https://github.com/ollama/ollama/blob/main/docs/api.md",
        {"model": "m", "response": "Hi there", "done": True, "done_reason": "length", "eval_count": 3},
        "length",
        3,
    ),
    (
        "TGI /generate: https://huggingface.github.io/text-generation-inference/",
        {"generated_text": "Hi there", "details": {"finish_reason": "eos_token", "generated_tokens": 3}},
        "stop",
        None,
    ),
    (
        "HF pipelines: https://huggingface.co/docs/api-inference/tasks/text-generation",
        [{"generated_text": "Hi there"}],
        "stop",
        None,
    ),
    (
        "Anthropic Messages: https://docs.anthropic.com/en/api/messages",
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [{"type": "text", "text": "Hi there"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 5, "output_tokens": 3},
        },
        "stop",
        3,
    ),
    (
        "Cohere v2 chat: https://docs.cohere.com/reference/chat",
        {
            "id": "c",
            "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi there"}]},
            "finish_reason": "COMPLETE",
        },
        "stop",
        None,
    ),
]


@pytest.mark.parametrize(("body", "finish", "made"), [pytest.param(b, f, m, id=w) for w, b, f, m in WHOLE])
def test_the_text_is_taken_and_the_missing_v1_is_said(body: Any, finish: str, made: int | None) -> None:
    result = chat(as_bytes(body), head=JSON_HEAD)
    assert (result.text, result.finish_reason) == ("Hi there", finish)
    assert (result.usage.output if result.usage else None) == made
    assert any("probably lacks /v1" in w for w in result.warnings)


def test_llama_cpps_stream_is_put_together() -> None:
    stream = frame({"content": "Hi", "stop": False}) + frame({"content": " there", "stop": False})
    stream += frame({"content": "", "stop": True, "stop_type": "limit", "tokens_predicted": 2, "tokens_evaluated": 5})
    result = completion(stream)
    assert isinstance(result, ChatResult)
    assert (result.text, result.finish_reason) == ("Hi there", "length")


def test_ollamas_lines_are_put_together() -> None:
    lines = [{"model": "m", "message": {"role": "assistant", "content": t}, "done": False} for t in ("Hi", " there")]
    lines.append({"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"})
    assert chat("".join(json.dumps(line) + "\n" for line in lines), head=JSON_HEAD).text == "Hi there"


def test_tgis_stream_is_put_together() -> None:
    stream = frame({"index": 1, "token": {"id": 1, "text": "Hi", "special": False}, "generated_text": None})
    stream += frame({"index": 2, "token": {"id": 2, "text": " there", "special": False}, "generated_text": None})
    end = {"index": 3, "token": {"id": 0, "text": "</s>", "special": True}, "generated_text": "Hi there"}
    assert chat(stream + frame(end | {"details": {"finish_reason": "eos_token"}})).text == "Hi there"
