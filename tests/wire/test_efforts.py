from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.types import ChatRequest
from anymodel_mcp.wire.apis import CHAT_APIS
from anymodel_mcp.wire.chat.request import build_chat
from anymodel_mcp.wire.fields.efforts import LADDER, nearest


@pytest.mark.parametrize(
    ("word", "allowed", "sent"),
    [
        ("low", ("low", "high"), "low"),
        ("none", ("minimal", "low"), "minimal"),
        ("minimal", ("none", "low"), "low"),
        ("max", ("low", "high"), "high"),
        ("xhigh", ("none", "high"), "high"),
        ("turbo", ("low",), "turbo"),
        ("low", ("warm",), "low"),
    ],
)
def test_a_word_moves_to_the_nearest(word: str, allowed: Sequence[str], sent: str) -> None:
    assert nearest(word, allowed) == sent


THINK = "thinking"


@pytest.mark.parametrize(
    ("kind", "effort", "fields", "sent"),
    [
        ("effort", "high", {}, {"reasoning_effort": "high"}),
        ("effort", " HIGH ", {}, {"reasoning_effort": "high"}),
        ("effort", "default", {}, {"reasoning_effort": "default"}),
        ("openrouter", "low", {}, {"reasoning": {"effort": "low"}}),
        ("openrouter", "2000", {}, {"reasoning": {"max_tokens": 2000}}),
        (THINK, "none", {}, {"thinking": {"type": "disabled"}}),
        (THINK, "low", {}, {"thinking": {"type": "enabled"}}),
        ("thinking_budget", "none", {}, {"thinking": {"type": "disabled"}}),
        ("thinking_budget", "low", {}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ("thinking_budget", "high", {"max_tokens": 4000}, {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        ("thinking_budget", "500", {}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("enable_thinking", "none", {}, {"enable_thinking": False}),
        ("enable_thinking", "high", {}, {"enable_thinking": True}),
        ("enable_thinking", "low", {}, {"enable_thinking": True, "thinking_budget": 2048}),
        ("enable_thinking", "77", {}, {"enable_thinking": True, "thinking_budget": 77}),
        ("suffix", "none", {}, {"model": "gemini-3-nothinking"}),
        ("suffix", "low", {}, {"model": "gemini-3-thinking-low"}),
        ("suffix", "medium", {}, {"model": "gemini-3-thinking"}),
        ("suffix", "max", {}, {"model": "gemini-3-thinking-high"}),
        ("suffix", "4096", {}, {"model": "gemini-3-thinking-4096"}),
    ],
)
def test_an_effort_is_said_in_the_providers_words(kind: Any, effort: str, fields: Any, sent: Any) -> None:
    request = ChatRequest(
        model="gemini-3", messages=[{"role": "user", "content": "x"}], reasoning_effort=effort, stream=False, **fields
    )
    built = build_chat(request, Dialect(reasoning=kind))
    body = {k: v for k, v in (built.body or {}).items() if k not in ("messages", *fields)}
    assert body == {"model": "gemini-3", **sent}
    assert not built.warnings


@pytest.mark.parametrize(
    ("dialect", "fields", "says"),
    [
        (Dialect(reasoning="none"), {}, "was left out"),
        (Dialect(reasoning="thinking_budget"), {"max_tokens": 900}, "needs max_tokens above 1024"),
        (Dialect(reasoning="thinking_budget"), {"reasoning_effort": "turbo"}, "a number of tokens"),
        (Dialect(reasoning="suffix"), {"model": "x/gemini-3-thinking"}, "already says how it thinks"),
        (Dialect(reasoning_efforts=("none", "high")), {}, "'low' was sent as 'high'"),
    ],
    ids=["no way", "no room", "no word", "in the name", "moved"],
)
def test_what_is_lost_of_an_effort_is_told(dialect: Dialect, fields: Any, says: str) -> None:
    given: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "user", "content": "x"}],
        "reasoning_effort": "low",
        **fields,
    }
    assert any(says in w for w in build_chat(ChatRequest(**given), dialect).warnings)


def test_the_ladder_holds_the_words_of_the_defaults() -> None:
    assert Dialect().reasoning_efforts == LADDER


DEEPSEEK = ("none", "low", "high", "max")
WAYS: list[tuple[str, str, str, tuple[str, ...], Any, Any]] = [
    # (where, way, effort, words, over chat, over the Responses API)
    (
        "DeepSeek: https://api-docs.deepseek.com/guides/thinking_mode",
        "thinking_effort",
        "max",
        DEEPSEEK,
        {"thinking": {"type": "enabled"}, "reasoning_effort": "max"},
        {"reasoning": {"effort": "max"}},
    ),
    (
        "DeepSeek: https://api-docs.deepseek.com/guides/thinking_mode",
        "thinking_effort",
        "medium",
        DEEPSEEK,
        {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
        {"reasoning": {"effort": "high"}},
    ),
    (
        "DeepSeek: https://api-docs.deepseek.com/guides/thinking_mode",
        "thinking_effort",
        "minimal",
        DEEPSEEK,
        {"thinking": {"type": "enabled"}, "reasoning_effort": "low"},
        {"reasoning": {"effort": "low"}},
    ),
    (
        "DeepSeek: https://api-docs.deepseek.com/guides/thinking_mode",
        "thinking_effort",
        "none",
        DEEPSEEK,
        {"thinking": {"type": "disabled"}},
        {"reasoning": {"effort": "none"}},
    ),
    (
        "Z.ai: https://docs.z.ai/guides/capabilities/thinking-mode",
        "thinking",
        "high",
        ("none", "high"),
        {"thinking": {"type": "enabled"}},
        {"thinking": {"type": "enabled"}},
    ),
    (
        "Ark: https://www.volcengine.com/docs/82379",
        "thinking",
        "none",
        ("none", "high"),
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "disabled"}},
    ),
    (
        "DashScope: https://www.alibabacloud.com/help/en/model-studio/deep-thinking",
        "enable_thinking",
        "none",
        (),
        {"enable_thinking": False},
        {"enable_thinking": False},
    ),
    (
        "OpenRouter: https://openrouter.ai/docs/use-cases/reasoning-tokens",
        "openrouter",
        "low",
        (),
        {"reasoning": {"effort": "low"}},
        {"reasoning": {"effort": "low"}},
    ),
    (
        "OpenAI: https://platform.openai.com/docs/guides/reasoning",
        "effort",
        "low",
        (),
        {"reasoning_effort": "low"},
        {"reasoning": {"effort": "low"}},
    ),
]


@pytest.mark.parametrize(("way", "effort", "words", "chat", "responses"), [pytest.param(*r, id=w) for w, *r in WAYS])
def test_switch_and_effort_are_said_over_both_apis(
    way: Any, effort: str, words: tuple[str, ...], chat: Any, responses: Any
) -> None:
    dialect = Dialect(reasoning=way, reasoning_efforts=words or LADDER)
    request = ChatRequest(model="m", messages=[], reasoning_effort=effort, stream=False)
    bodies = [CHAT_APIS["chat"].build(request, dialect).body, CHAT_APIS["responses"].build(request, dialect).body]
    names = ("thinking", "reasoning_effort", "reasoning", "enable_thinking", "thinking_budget")
    assert [{k: v for k, v in (body or {}).items() if k in names} for body in bodies] == [chat, responses]
