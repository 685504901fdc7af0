"""Reads answers of the Gemini API, streamed (events or one JSON array) and whole, into the result type of chat.

https://ai.google.dev/api/generate-content (read 2026-11-21). Usage is cumulative, the end is a `finishReason`, a call
has no id, and any part may have a signature, even an empty text part at the end: all must be sent back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from anymodel_mcp.errors import ProviderError
from anymodel_mcp.types import ChatResult, Json
from anymodel_mcp.wire.chat.native import NativeAnswer
from anymodel_mcp.wire.content.finish import is_failure, read_finish
from anymodel_mcp.wire.decode.body import BodyReader
from anymodel_mcp.wire.decode.json_values import as_count, as_object, as_text, objects
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import tidy
from anymodel_mcp.wire.gemini.parts import CARRIED

_NATIVE = ("candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId")
_TEXT_ONLY = frozenset({"text", "thought"})
_MAX_CANDIDATES = 128
_UNSET = "BLOCK_REASON_UNSPECIFIED"


def read_generate(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[ChatResult]:
    """Reads an answer of the Gemini API, streamed or whole."""
    answer = GenerateAnswer(head, sent, options)
    return BodyReader(head, answer, max_event_bytes=options.max_event_bytes, elements=True)


@dataclass(slots=True)
class _Candidate:
    """One candidate: its parts, with adjacent plain text merged."""

    parts: list[Json] = field(default_factory=list[Json])
    pieces: list[str] = field(default_factory=list[str])  # of the last part, while it is plain text
    finish: str = ""
    message: str = ""
    blocked: dict[str, Any] = field(default_factory=dict[str, Any])
    notes: list[Json] = field(default_factory=list[Json])

    def add(self, part: Json) -> None:
        plain = _TEXT_ONLY.issuperset(part) and isinstance(part.get("text"), str)
        if plain and self.pieces and bool(self.parts[-1].get("thought")) == bool(part.get("thought")):
            self.pieces.append(part["text"])
            return
        self.close()
        self.parts.append(dict(part))
        self.pieces = [part["text"]] if plain else []

    def close(self) -> None:
        """Joins the pieces of the last part."""
        if self.pieces:
            self.parts[-1]["text"] = "".join(self.pieces)
            self.pieces = []

    def text(self, *, thought: bool) -> str:
        self.close()
        return "".join(as_text(p.get("text")) for p in self.parts if bool(p.get("thought")) is thought)

    def carried(self) -> list[Json]:
        """The parts to send back: all but thoughts and files without a signature."""
        return [p for p in self.parts if "thoughtSignature" in p or not (p.get("thought") or "inlineData" in p)]


class GenerateAnswer(NativeAnswer):
    """Takes the values of one answer."""

    def __init__(self, head: ResponseHead, sent: WireRequest, options: ReadOptions) -> None:
        super().__init__(head, sent, options)
        self._candidates: dict[int, _Candidate] = {}
        self._usage: Json = {}
        self._feedback: Json = {}
        self._envelope: Json = {}
        self._streams = sent.stream
        self._frames_seen = 0

    def take(self, event: str, frame: Json) -> bool:
        """Takes one chunk, or a whole response."""
        inner = as_object(frame.get("response"))
        frame = inner if "candidates" in inner else frame  # the form of Google's code assistants
        if not any(name in frame for name in _NATIVE):
            return False
        self._frames_seen += 1
        self._envelope |= {k: frame[k] for k in ("modelVersion", "responseId") if frame.get(k)}
        self._feedback |= as_object(frame.get("promptFeedback"))
        # a later zero is a placeholder
        self._usage |= {k: v for k, v in as_object(frame.get("usageMetadata")).items() if v or k not in self._usage}
        for candidate in objects(frame.get("candidates"))[:_MAX_CANDIDATES]:
            self._take_candidate(candidate)
        return True

    def _take_candidate(self, source: Json) -> None:
        index = as_count(source.get("index")) or 0
        if index not in self._candidates and len(self._candidates) >= _MAX_CANDIDATES:
            return
        candidate = self._candidates.setdefault(index, _Candidate())
        for part in objects(as_object(source.get("content")).get("parts")):
            candidate.add(part)
            self._hear_part(part, live=index == 0)
        candidate.finish = as_text(source.get("finishReason")) or candidate.finish
        candidate.message = as_text(source.get("finishMessage")) or candidate.message
        stopped = read_finish(candidate.finish) == "content_filter"
        candidate.blocked |= {c: {"filtered": True} for c in _blocked(source.get("safetyRatings"), stopped=stopped)}
        candidate.notes += _sources(source)

    def _hear_part(self, part: Json, *, live: bool) -> None:
        text = as_text(part.get("text"))
        if not live:
            self._size += len(text)
        elif text:
            self.hear("reasoning" if part.get("thought") else "content", text)
        elif "functionCall" in part:
            self.hear_call(as_text(as_object(part["functionCall"]).get("name")))
        self._size += len(as_text(as_object(part.get("inlineData")).get("data")))

    # --- the end ------------------------------------------------------------------------------------------------------

    def answer_text(self) -> str:
        """The text of the first candidate."""
        first = self._candidates.get(min(self._candidates, default=0))
        return first.text(thought=False) if first else ""

    def as_chat(self) -> Json | None:
        """The candidates as choices."""
        if not self._frames_seen:
            return None
        reason = as_text(self._feedback.get("blockReason"))
        if reason and reason != _UNSET and not self._candidates:
            raise self._blocked_prompt(reason)
        whole = not self._streams and self._frames_seen == 1
        form = "message" if whole else "delta"
        return {
            "id": self._envelope.get("responseId"),
            "model": self._envelope.get("modelVersion"),
            "usage": _chat_usage(self._usage),
            "choices": [_choice(index, form, one) for index, one in sorted(self._candidates.items())],
        }

    def _blocked_prompt(self, reason: str) -> ProviderError:
        categories = _blocked(self._feedback.get("safetyRatings"), stopped=True)
        message = tidy(as_text(self._feedback.get("blockReasonMessage")))
        why = ", ".join([reason, *categories]) + (f": {message}" if message else "")
        return ProviderError(
            f"the provider blocked the prompt ({why})",
            kind="content_filter",
            status=self._head.status,
            model=self._options.model or None,
            fix="Rephrase the prompt, or ask another model.",
        )

    def completed(self, result: ChatResult) -> ChatResult:
        """The result with the parts to send back."""
        first = self._candidates[min(self._candidates)]
        if all("thoughtSignature" not in p and _is_plain(p) for p in first.parts):
            return result
        return replace(result, carry={CARRIED: first.carried()})


def _is_plain(part: Json) -> bool:
    """Whether a part can be rebuilt from text and calls."""
    return bool(part.keys() & {"text", "inlineData"}) or (
        part.keys() == {"functionCall"} and "id" not in part["functionCall"]
    )


def _finish(candidate: _Candidate) -> str:
    """Why it ended; of a failure with the provider's explanation."""
    told = tidy(candidate.message, 80) if candidate.message and is_failure(candidate.finish) else ""
    return f"{candidate.finish}: {told}" if told else candidate.finish


def _choice(index: int, form: str, candidate: _Candidate) -> Json:
    calls = [as_object(part["functionCall"]) for part in candidate.parts if "functionCall" in part]
    files = [as_object(part.get("inlineData")) for part in candidate.parts if not part.get("thought")]
    message: Json = {
        "role": "assistant",
        "content": candidate.text(thought=False),
        "reasoning": candidate.text(thought=True),
        "tool_calls": [_call(number, call) for number, call in enumerate(calls)],
        "images": [
            {"b64_json": file.get("data")} for file in files if as_text(file.get("mimeType")).startswith("image/")
        ],
        "annotations": candidate.notes,
    }
    sounds = [file for file in files if as_text(file.get("mimeType")).startswith("audio/")]
    if sounds:
        message["audio"] = {"data": [file.get("data") for file in sounds], "mime_type": sounds[0]["mimeType"]}
    return {
        "index": index,
        form: message,
        "finish_reason": _finish(candidate) or None,
        "content_filter_results": candidate.blocked or None,
    }


def _call(number: int, call: Json) -> Json:
    return {
        "index": number,
        "id": call.get("id"),
        "function": {"name": call.get("name"), "arguments": call.get("args") or {}},
    }


def _blocked(ratings: Any, *, stopped: bool) -> list[str]:
    """The categories for which something was blocked; where none says so and it was, the most probable ones."""
    found = [as_text(rating.get("category")) for rating in objects(ratings) if rating.get("blocked") is True]
    for level in ("HIGH", "MEDIUM") if stopped else ():
        found = found or [as_text(r.get("category")) for r in objects(ratings) if r.get("probability") == level]
    return found


def _sources(candidate: Json) -> list[Json]:
    """The pages that ground the answer."""
    chunks = objects(as_object(candidate.get("groundingMetadata")).get("groundingChunks"))
    cited = as_object(candidate.get("citationMetadata"))
    named = [*objects(cited.get("citationSources")), *objects(cited.get("citations"))]
    return [*(as_object(chunk.get("web")) for chunk in chunks if chunk.get("web")), *named]


def _chat_usage(usage: Json) -> Json | None:
    """The figures under chat's names: output includes thoughts, input includes what a tool added to the prompt."""
    if not usage:
        return None
    given, made = as_count(usage.get("promptTokenCount")), as_count(usage.get("candidatesTokenCount"))
    thoughts, tools = as_count(usage.get("thoughtsTokenCount")), as_count(usage.get("toolUsePromptTokenCount"))
    known = given is not None or made is not None or thoughts is not None
    return {
        "prompt_tokens": None if given is None else given + (tools or 0),
        "completion_tokens": (made or 0) + (thoughts or 0) if known else None,
        "total_tokens": None if known else usage.get("totalTokenCount"),
        "prompt_tokens_details": {"cached_tokens": usage.get("cachedContentTokenCount")},
        "completion_tokens_details": {"reasoning_tokens": thoughts},
    }
