"""Maps every provider's finish reason to ours.

A word is compared without case, punctuation and the name of its type: `toolCalls`, `tool-calls` and
`FINISH_REASON_TOOL_CALLS` are one word. Three readings apart from ours: a word for a stop from outside (`abort`,
`USER_CANCEL`) and a word for a tool call that the provider could not read (`MALFORMED_FUNCTION_CALL`) are failures; a
word that is in no list is unknown, and is quoted in a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from anymodel_mcp.types import FinishReason, Usage
from anymodel_mcp.wire.decode.json_values import as_object, first_text
from anymodel_mcp.wire.patterns import LazyPattern

_WORDS: dict[str, FinishReason] = {
    **dict.fromkeys(
        (
            "stop",
            "end_turn",
            "end_of_turn",
            "eos",
            "eos_token",
            "eos_found",
            "endoftext",
            "stop_sequence",
            "stop_token",
            "stop_word",
            "stop_criteria_met",
            "completed",
            "complete",
            "done",
            "finish",
            "finished",
            "normal",
            "success",
            "end",
            "word",
        ),
        "stop",
    ),
    **dict.fromkeys(
        (
            "length",
            "limit",
            "max_tokens",
            "max_length",
            "max_new_tokens",
            "model_length",
            "max_output_tokens",
            "max_completion_tokens",
            "model_context_window_exceeded",
            "context_length_exceeded",
            "token_limit",
            "token_limit_reached",
            "incomplete",
        ),
        "length",
    ),
    **dict.fromkeys(("tool_calls", "tool_use", "tool_call", "function_call", "function_calls"), "tool_calls"),
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
            "image_prohibited_content",
            "image_recitation",
            "model_armor",
            "guardrail_intervened",
            "error_toxic",
        ),
        "content_filter",
    ),
}
INCOMPLETE = "incomplete"
"""The finish reason of an unfinished answer whose provider gives no reason."""

_NOTHING = ("", "null", "none")
_PREFIX = LazyPattern(r"^(?:finish_reason|stop_reason|finish)_(?=.)")
_HUMP = LazyPattern(r"(?<=[a-z0-9])(?=[A-Z])")
_GAP = LazyPattern(r"[^a-z0-9]+")
_OUTSIDE_STOP = LazyPattern(
    r"abort|cancel|kill|interrupt|terminat|preempt|evict|shut_?down|disconnect|time_?out|timed_out|time_limit"
    r"|insufficient_system_resource|overload|unavailable"
)
_BROKEN_CALL = LazyPattern(r"malformed|(?:tool|function)_?(?:call|use)|missing_thought_signature")
_FAILED = LazyPattern(r"(?:^|_)(?:error|failed|failure|fault|exception|crashed)(?:_|$)")
_RETRY_CALL = "Ask again; if it happens again, simplify the tools or ask another model."


def read_finish(raw: str | None) -> FinishReason:
    """Maps a finish reason; "unknown" if it is not in the tables."""
    word = _plain((raw or "").partition(":")[0])  # Gemini appends its own word ("content_filter: SAFETY")
    return _WORDS.get(word, "unknown")


def is_failure(raw: str | None) -> bool:
    """Whether the finish reason means that the provider stopped, so that the answer is incomplete."""
    return bool(failure_of(raw))


def is_broken_call(raw: str | None) -> bool:
    """Whether the finish reason means that the provider could not parse the model's tool call."""
    return bool(raw) and read_finish(raw) == "unknown" and bool(_BROKEN_CALL.search(_plain(raw or "")))


def failure_of(raw: str | None) -> tuple[str, str] | None:
    """The message and the fix for a finish reason that means failure."""
    if not raw or read_finish(raw) != "unknown":
        return None
    word = _plain(raw)
    if is_broken_call(raw):
        return f"the model made a tool call that the provider could not read ({raw})", _RETRY_CALL
    if _OUTSIDE_STOP.search(word):
        return f"the provider stopped the answer before its end (finish reason {raw!r})", "Ask again."
    if _FAILED.search(word):
        return f"the model's answer ended with {raw!r}", ""
    return None


def warn_unknown(raw: str | None) -> list[str]:
    """A warning for an unknown finish reason, or for an answer that is unfinished without a reason."""
    if raw is None:
        return []
    if _plain(raw) == INCOMPLETE:
        return ["the answer is not complete; the provider does not say why (most likely the token limit)"]
    if read_finish(raw) != "unknown":
        return []
    return [f"the provider's finish reason {raw!r} is unknown: the answer may be incomplete"]


def _plain(word: str) -> str:
    """Normalizes a finish reason: lower case, underscores, without the name of its type."""
    joined = _GAP.sub("_", _HUMP.sub("_", word.strip()).lower()).strip("_")
    return _PREFIX.sub("", joined)


def raw_finish(value: Any) -> str | None:
    """The provider's finish reason; `None` = not yet."""
    if isinstance(value, dict):  # SGLang's own form: {"type": "abort", "message": ...}
        value = first_text(as_object(cast("Any", value)), "type", "reason")
    if isinstance(value, str):
        return None if value.strip().lower() in _NOTHING else value[:100]
    return None if value is None or isinstance(value, bool) else str(value)[:100]


def why_filtered(raw: str | None, categories: Sequence[str], *, empty: bool) -> str:
    """What a content filter did to an answer, with the provider's names of the categories."""
    own = (raw or "").partition(":")[2].strip()  # "content_filter: SAFETY"
    names = ", ".join(dict.fromkeys([*categories, *([own] if own else [])]))
    if read_finish(raw) == "content_filter":
        what = "the provider's content filter stopped the answer"
    else:
        what = "the provider's content filter marked the answer"
    return ("no text: " if empty else "") + what + (f" ({names})" if names else "")


def why_empty(finish: str, thought: bool, usage: Usage | None) -> str:
    """Explains why an answer has no text."""
    spent = usage.reasoning if usage and usage.reasoning else 0
    if spent:
        why = f"no text: {spent} tokens went into reasoning"
    elif thought:
        why = "no text: the whole answer is reasoning"
    elif finish == "length":
        return "no text: the token limit was reached before any came, perhaps by hidden reasoning; raise max_tokens"
    else:
        return "no text: the model ended its answer without any"
    return why + ("; raise max_tokens" if finish == "length" else "")
