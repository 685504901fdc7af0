"""Reasoning effort in each provider's form: effort names, token budgets, switches, model suffixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.wire.decode.json_values import as_object

LADDER = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""All effort words, weakest first."""

_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}
# our choice of budgets; the smallest is Anthropic's minimum, not confirmed by a live call
_LEAST_BUDGET = 1024
_SUFFIXES = {"none": "-nothinking", "minimal": "-thinking-low", "low": "-thinking-low", "medium": "-thinking"}


def nearest(word: str, allowed: Sequence[str]) -> str:
    """The nearest allowed effort, the stronger of two; unknown efforts are returned unchanged."""
    if word in allowed or word not in LADDER:
        return word
    known = [a for a in allowed if a in LADDER]
    if not known:
        return word
    here = LADDER.index(word)
    return min(known, key=lambda a: (abs(LADDER.index(a) - here), -LADDER.index(a)))


def set_effort(body: dict[str, Any], effort: str, dialect: Dialect, *, nested: bool = False) -> list[str]:
    """Sets an effort in a chat body; returns warnings for what is lost.

    Args:
        body: the body of a request, modified in place.
        effort: a known effort, a provider's own one, or a number of tokens.
        dialect: how this model takes the effort.
        nested: the Responses API: an effort goes into `reasoning.effort`; switches and budgets are unchanged.
    """
    said = effort.strip().lower()
    word = said if said.isdigit() else nearest(said, dialect.reasoning_efforts)
    way = "openrouter" if nested and dialect.reasoning in ("effort", "thinking_effort") else dialect.reasoning
    warnings = _SETTERS[way](body, word)
    if word != said and not warnings:
        warnings.append(f"reasoning_effort {said!r} was sent as {word!r}, the nearest that this model supports")
    return warnings


def _set_word(body: dict[str, Any], word: str) -> list[str]:
    body["reasoning_effort"] = word
    return []


def _set_openrouter(body: dict[str, Any], word: str) -> list[str]:
    body["reasoning"] = {"max_tokens": int(word)} if word.isdigit() else {"effort": word}
    return []


def _set_switch(body: dict[str, Any], word: str) -> list[str]:
    body["thinking"] = {"type": "disabled" if word in ("none", "0") else "enabled"}
    return []


def _set_switch_and_word(body: dict[str, Any], word: str) -> list[str]:
    warnings = _set_switch(body, word)
    if word not in ("none", "0"):
        body["reasoning_effort"] = word
    return warnings


def _set_budget(body: dict[str, Any], word: str) -> list[str]:
    budget = int(word) if word.isdigit() else _BUDGETS.get(word, 0)
    if word in ("none", "0"):
        body["thinking"] = {"type": "disabled"}
        return []
    if not budget:
        return [
            f"reasoning_effort {word!r} was left out: this provider takes {', '.join(LADDER)} or a number of tokens"
        ]
    ceiling = next(
        (body[n] for n in ("max_tokens", "max_completion_tokens", "max_output_tokens") if isinstance(body.get(n), int)),
        None,
    )
    if ceiling is not None and budget >= ceiling:
        if ceiling <= _LEAST_BUDGET:
            return [f"reasoning_effort was left out: thinking needs max_tokens above {_LEAST_BUDGET}"]
        budget = max(_LEAST_BUDGET, ceiling // 2)
    body["thinking"] = {"type": "enabled", "budget_tokens": max(budget, _LEAST_BUDGET)}
    return []


def _set_adaptive(body: dict[str, Any], word: str) -> list[str]:
    if word in ("none", "0"):
        body["thinking"] = {"type": "disabled"}
        return []
    if word.isdigit():
        return _set_budget(body, word)
    body["thinking"] = {"type": "adaptive", "display": "summarized"}
    body["output_config"] = {**as_object(body.get("output_config")), "effort": word}
    return []


def _set_level(body: dict[str, Any], word: str) -> list[str]:
    level = {"thinkingBudget": int(word)} if word.isdigit() else {"thinkingLevel": word}
    body["thinkingConfig"] = {"includeThoughts": True, **level}
    return []


def _set_enable(body: dict[str, Any], word: str) -> list[str]:
    on = word not in ("none", "0")
    body["enable_thinking"] = on
    budget = int(word) if word.isdigit() else _BUDGETS.get(word, 0)
    if on and budget and word not in ("high", "xhigh", "max"):
        body["thinking_budget"] = budget
    return []


def _set_suffix(body: dict[str, Any], word: str) -> list[str]:
    model = str(body.get("model", ""))
    if "thinking" in model.rpartition("/")[2]:
        return [f"reasoning_effort was left out: the model's name {model!r} already says how it thinks"]
    body["model"] = model + (f"-thinking-{word}" if word.isdigit() else _SUFFIXES.get(word, "-thinking-high"))
    return []


def _set_nothing(_: dict[str, Any], word: str) -> list[str]:
    return [f"reasoning_effort {word!r} was left out: it is not known how to send it to this provider (use options)"]


_SETTERS: dict[str, Callable[[dict[str, Any], str], list[str]]] = {
    "effort": _set_word,
    "openrouter": _set_openrouter,
    "thinking": _set_switch,
    "thinking_effort": _set_switch_and_word,
    "thinking_budget": _set_budget,
    "adaptive": _set_adaptive,
    "thinking_level": _set_level,
    "enable_thinking": _set_enable,
    "suffix": _set_suffix,
    "none": _set_nothing,
}
