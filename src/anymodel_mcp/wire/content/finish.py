"""Why an answer ended: every provider's word for it, in ours."""

from __future__ import annotations

from typing import Any

from anymodel_mcp.types import FinishReason, Usage

# words as seen (facts/dialects.md B.1 and B.2, read 2026-11-20), in lower case
_WORDS: dict[str, FinishReason] = {
    **dict.fromkeys(
        ("stop", "end_turn", "eos", "eos_token", "stop_sequence", "completed", "complete", "done", "finished"), "stop"
    ),
    **dict.fromkeys(
        (
            "length",
            "max_tokens",
            "model_length",
            "max_output_tokens",
            "max_completion_tokens",
            "model_context_window_exceeded",
            "token_limit",
        ),
        "length",
    ),
    **dict.fromkeys(("tool_calls", "tool_use", "tool_call", "function_call"), "tool_calls"),
    **dict.fromkeys(
        (
            "content_filter",
            "content_filtered",
            "sensitive",
            "safety",
            "refusal",
            "recitation",
            "prohibited_content",
            "blocklist",
            "spii",
            "image_safety",
            "guardrail_intervened",
        ),
        "content_filter",
    ),
}
_NOTHING = ("", "null", "none")
_FAILURES = frozenset({"error", "network_error", "failed", "malformed_function_call", "internal_error"})


def read_finish(raw: str | None) -> FinishReason:
    """The reason in our words; "unknown" for a word never seen."""
    return _WORDS.get(_word(raw), "unknown")


def is_failure(raw: str | None) -> bool:
    """The provider gave up: what has come is not an answer."""
    return _word(raw) in _FAILURES


def _word(raw: str | None) -> str:
    """The word itself: Gemini adds its own behind a colon ("content_filter: SAFETY")."""
    return (raw or "").partition(":")[0].strip().lower()


def raw_finish(value: Any) -> str | None:
    """The provider's word, or `None` where it says nothing yet."""
    if isinstance(value, str):
        return None if value.strip().lower() in _NOTHING else value[:100]
    return None if value is None or isinstance(value, bool) else str(value)[:100]


def why_empty(finish: str, thought: bool, usage: Usage | None) -> str:
    """Why an answer has no text, in words for its reader."""
    spent = usage.reasoning if usage and usage.reasoning else 0
    if finish == "content_filter":
        return "no text: the provider's content filter stopped the answer"
    if spent:
        why = f"no text: {spent} tokens went into reasoning"
    elif thought:
        why = "no text: all words went into reasoning"
    elif finish == "length":
        return "no text: the token limit was reached before any came, perhaps by hidden reasoning; raise max_tokens"
    else:
        return "no text: the model ended its answer without any"
    return why + ("; raise max_tokens" if finish == "length" else "")
