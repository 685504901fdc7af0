"""Raw harmony in the text of an answer; each case is cut everywhere by `chat`."""

from __future__ import annotations

import pytest

from anymodel_mcp.types import ChatResult
from tests.wire.feeding import JSON_HEAD, STOP, as_bytes, chat, completion, frame, message, responses, texts

LEAKS = [
    # (what came, text, reasoning, where it was seen)
    (
        "<|channel|>analysis<|message|>2+2.<|end|><|start|>assistant<|channel|>final<|message|>four<|return|>",
        "four",
        "2+2.",
        "https://github.com/kekzl/imp/pull/768",
    ),
    (
        "<|channel|>analysis<|message|>Sky.<|end|><|start|>assistant<|channel|>final<|message|>Blue.",
        "Blue.",
        "Sky.",
        "https://github.com/scouzi1966/maclocal-api/issues/121",
    ),
    (
        "<|start|>assistant<|channel|>analysis<|message|>a<|end|>\n<|start|>assistant<|channel|>commentary<|message|>b"
        "<|end|><|start|>assistant<|channel|>final<|message|>c<|return|>",
        "c",
        "a\nb",
        "https://github.com/ml-explore/mlx-lm/pull/1867",
    ),
    (
        '<|channel|>commentary to=functions.web_search <|constrain|>json<|message|>{"q": 1}<|call|>'
        "<|start|>assistant<|channel|>final<|message|>Done.",
        "Done.",
        '{"q": 1}',
        "https://github.com/odysseus-dev/odysseus/issues/4522",
    ),
    (
        "<|channel|>final<|message|>Only an answer.<|return|>",
        "Only an answer.",
        "",
        "https://github.com/vllm-project/vllm/pull/32633",
    ),
    (
        "<|channel|>analysis<|message|>a<|channel|>final<|message|>b",
        "b",
        "a",
        "made up: a server that drops <|end|> and <|start|>",
    ),
    ("<|start|>assistant<|message|>Hi<|end|>", "Hi", "", "https://cookbook.openai.com/articles/openai-harmony"),
]


@pytest.mark.parametrize(("raw", "text", "reasoning", "source"), LEAKS)
def test_channels_become_text_and_reasoning(raw: str, text: str, reasoning: str, source: str) -> None:
    results = (chat(texts(*raw) + STOP), chat(as_bytes(message(raw)), head=JSON_HEAD))
    for result in results:
        assert (result.text, result.reasoning) == (text, reasoning), source
        assert result.warnings == ()


NO_FINAL = [
    # https://github.com/NVIDIA/TensorRT-LLM/issues/9256
    ('<|channel|>commentary<|message|>{"path": "/"}<|end|>', '{"path": "/"}'),
    ("<|channel|>analysis<|message|>cut off in the middle", "cut off in the middle"),
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|chan", "a"),
]


@pytest.mark.parametrize(("raw", "reasoning"), NO_FINAL)
def test_an_answer_without_its_final_channel_says_so(raw: str, reasoning: str) -> None:
    result = chat(texts(*raw) + STOP)
    assert (result.text, result.reasoning) == ("", reasoning)
    assert any("final channel" in w for w in result.warnings)


@pytest.mark.parametrize(
    "text",
    [
        "The mark <|channel|>analysis<|message|> opens a message.",
        "<|channel|> is a mark of gpt-oss.",
        "<|channel|>analysis We talk about marks.",
        "<| is an operator in F#.",
        "<|start|>",
        " <|end|> closes it.",
    ],
)
def test_marks_that_do_not_lead_stay_in_the_text(text: str) -> None:
    assert chat(texts(*text) + STOP).text == text


@pytest.mark.parametrize("quoted", ["Write <|end|> at the end.", "<|channel|>x<|message|> is a header", "a < b <|x|>"])
def test_the_final_message_may_quote_marks(quoted: str) -> None:
    assert chat(texts(*f"<|channel|>final<|message|>{quoted}<|return|>") + STOP).text == quoted


def test_text_after_the_thoughts_without_a_header_is_the_answer() -> None:
    assert chat(texts("<|channel|>analysis<|message|>a<|end|>\n", "Paris") + STOP).text == "Paris"


def test_a_completion_is_the_models_own_text_marks_and_all() -> None:
    raw = "<|channel|>analysis<|message|>a"
    result = completion(frame({"choices": [{"text": raw, "finish_reason": "stop"}]}))
    assert isinstance(result, ChatResult)
    assert result.text == raw


def test_channels_are_read_over_the_responses_api_too() -> None:
    part = {"type": "output_text", "text": LEAKS[0][0]}
    result = responses(
        as_bytes({"status": "completed", "output": [{"type": "message", "content": [part]}]}), head=JSON_HEAD
    )
    assert isinstance(result, ChatResult)
    assert (result.text, result.reasoning) == ("four", "2+2.")
