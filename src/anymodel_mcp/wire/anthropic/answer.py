"""Reads answers of the Messages API, streamed and whole, into the result type of chat.

https://platform.claude.com/docs/en/api/messages-streaming (read 2026-11-21), and what servers do beside it: no
`message_start` (llama.cpp), a second one in the middle, whose answer replaces the block that the first left unfinished,
no `message_stop`, pings alone, deltas without the start of their block. Blocks and deltas of unknown types are passed
over.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Final

from anymodel_mcp.types import ChatResult, Json
from anymodel_mcp.wire.anthropic.request import ANSWER_TOOL, CARRIED, forces_answer_tool
from anymodel_mcp.wire.chat.native import NativeAnswer
from anymodel_mcp.wire.decode.body import BodyReader
from anymodel_mcp.wire.decode.json_values import as_count, as_list, as_object, as_text, objects, parse_or_none
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest

_PLAIN = ("text", "tool_use")
_CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_OPENERS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking"}
_PAUSED = (
    "the provider paused its turn because a tool of its own runs long (pause_turn): ask it to go on in the same "
    "conversation"
)
_MAX_BLOCKS = 10_000


def read_messages(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[ChatResult]:
    """Reads an answer of the Messages API, streamed or whole."""
    return BodyReader(head, MessagesAnswer(head, sent, options), max_event_bytes=options.max_event_bytes)


@dataclass(slots=True)
class _Block:
    """One content block: its fields, and the pieces of those that are streamed."""

    fields: Json
    pieces: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    notes: list[Json] = field(default_factory=list[Json])
    done: bool = False
    odd: bool = False

    @property
    def kind(self) -> str:
        return as_text(self.fields.get("type"))

    def add(self, name: str, text: str) -> None:
        self.pieces.setdefault(name, []).append(text)

    def text(self, name: str) -> str:
        return as_text(self.fields.get(name)) + "".join(self.pieces.get(name, ()))

    def input(self) -> Any:
        """The arguments of a call: streamed ones as text, whole ones unchanged."""
        streamed = "".join(self.pieces.get("partial_json", ()))
        return streamed if streamed.strip() else self.fields.get("input") or {}

    def citations(self) -> list[Json]:
        return [*objects(self.fields.get("citations")), *self.notes]

    def whole(self) -> Json | None:
        """The block in the form that the provider wants back; `None` if it cannot be sent back."""
        if self.odd:
            return None
        if self.kind == "text":
            text = self.text("text")
            cited = {"citations": self.citations()} if self.citations() else {}
            rest = {k: v for k, v in self.fields.items() if k != "citations"}
            return {**rest, "text": text, **cited} if text.strip() else None
        if self.kind == "thinking":
            return {**self.fields, "thinking": self.text("thinking")}
        if self.kind in _CALLS:
            given = self.input()
            arguments = parse_or_none(given) if isinstance(given, str) else given
            return {**self.fields, "input": arguments} if isinstance(arguments, dict) else None
        return self.fields


class MessagesAnswer(NativeAnswer):
    """Takes the values of one answer."""

    def __init__(self, head: ResponseHead, sent: WireRequest, options: ReadOptions) -> None:
        super().__init__(head, sent, options)
        self._answers_by_tool: Final = forces_answer_tool(sent.body or {})
        self._message: Json = {}
        self._blocks: list[_Block] = []
        self._open: dict[int, _Block] = {}  # by the index that events name
        self._usage: Json = {}
        self._stop: Json = {}
        self._whole = False

    # --- events -------------------------------------------------------------------------------------------------------

    def take(self, event: str, frame: Json) -> bool:
        """Takes one event, or a whole message."""
        match as_text(frame.get("type")) or event or _guess(frame):
            case "message_start":
                self._start(as_object(frame.get("message")))
            case "content_block_start":
                self._start_block(frame.get("index"), as_object(frame.get("content_block")))
            case "content_block_delta":
                self._add_delta(frame.get("index"), as_object(frame.get("delta")))
            case "content_block_stop":
                self._stop_block(frame.get("index"))
            case "message_delta":
                self._stop |= {k: v for k, v in as_object(frame.get("delta")).items() if v is not None}
                self._add_usage(frame.get("usage"))
                self._ended = self._stop.get("stop_reason") == "pause_turn"
            case "message_stop":
                self._ended = True
            case "message":
                self._take_whole(frame)
            case _:
                return False
        return True

    def _start(self, message: Json) -> None:
        """The beginning of an answer; a second one discards the unfinished block of the first."""
        if self._message or self._blocks:
            self._blocks = [block for block in self._blocks if block.done]
            self._open, self._stop = {}, {}
        self._message |= {k: v for k, v in message.items() if v is not None}
        self._add_usage(message.get("usage"))
        for index, block in enumerate(objects(message.get("content"))):
            self._start_block(index, block)

    def _start_block(self, index: Any, fields: Json) -> _Block:
        block = _Block(dict(fields))
        if len(self._blocks) < _MAX_BLOCKS:
            self._blocks.append(block)
        place = as_count(index)
        self._open[place if place is not None else len(self._blocks) - 1] = block
        self._hear_block(block)
        return block

    def _hear_block(self, block: _Block) -> None:
        self.hear("content", as_text(block.fields.get("text")) if block.kind == "text" else "")
        self.hear("reasoning", as_text(block.fields.get("thinking")) if block.kind == "thinking" else "")
        if block.kind == "tool_use" and not self._answers_by_tool:
            self.hear_call(as_text(block.fields.get("name")))

    def _add_delta(self, index: Any, delta: Json) -> None:
        kind = as_text(delta.get("type"))
        block = self._block_of(index, kind)
        if block is None:
            return
        if kind == "signature_delta":
            block.fields["signature"] = as_text(delta.get("signature"))
        elif kind == "citations_delta":
            block.notes.append(as_object(delta.get("citation")))
        elif kind in _DELTAS:
            self._add_text(block, _DELTAS[kind], as_text(delta.get(_DELTAS[kind])))
        else:
            block.odd = True

    def _add_text(self, block: _Block, name: str, text: str) -> None:
        block.add(name, text)
        if name == "text":
            self.hear("content", text)
        elif name == "thinking":
            self.hear("reasoning", text)
        else:
            self._size += len(text)
            if block.kind == "tool_use" and text:
                self.hear_call("")

    def _block_of(self, index: Any, delta: str) -> _Block | None:
        """The block of a delta; if its start event is missing, the delta opens it."""
        place = as_count(index)
        block = self._open.get(place) if place is not None else next(reversed(self._open.values()), None)
        if block is None and delta in _OPENERS:
            kind = _OPENERS[delta]
            return self._start_block(index, {"type": kind, kind: ""})
        return block

    def _stop_block(self, index: Any) -> None:
        block = self._block_of(index, "")
        if block is not None:
            block.done = True

    def _take_whole(self, message: Json) -> None:
        self._blocks, self._open = [], {}
        self._message = message
        for block in objects(message.get("content")):
            self._blocks.append(_Block(block, done=True))
        if isinstance(message.get("content"), str):
            self._blocks.append(_Block({"type": "text", "text": message["content"]}, done=True))
        self._stop = {k: message[k] for k in ("stop_reason", "stop_details") if message.get(k) is not None}
        self._add_usage(message.get("usage"))
        self._whole = self._ended = True

    def _add_usage(self, usage: Any) -> None:
        """The last figure of each name counts, but a zero replaces none: some servers send it as a placeholder."""
        self._usage |= {k: v for k, v in as_object(usage).items() if v or not self._usage.get(k)}

    # --- the end ------------------------------------------------------------------------------------------------------

    def answer_text(self) -> str:
        """The joined text blocks, or the arguments of the tool that returns the answer."""
        parts = [_text_of_answer(block) for block in self._blocks if self._is_answer(block)]
        return "".join(parts or [block.text("text") for block in self._blocks if block.kind == "text"])

    def _is_answer(self, block: _Block) -> bool:
        return self._answers_by_tool and block.kind == "tool_use" and block.fields.get("name") == ANSWER_TOOL

    def as_chat(self) -> Json | None:
        """The blocks as one assistant message."""
        if not (self._message or self._blocks or self._stop or self._ended):
            return None
        thoughts = [block.text("thinking") for block in self._blocks if block.kind == "thinking"]
        calls = [b for b in self._blocks if b.kind == "tool_use" and not self._is_answer(b)]
        reason = as_text(self._stop.get("stop_reason"))
        details = as_object(self._stop.get("stop_details"))
        fields: Json = {
            "role": "assistant",
            "content": self.answer_text(),
            "reasoning": "\n".join(thought for thought in thoughts if thought),
            "tool_calls": [_call(number, block) for number, block in enumerate(calls)],
            "annotations": [note for block in self._blocks for note in block.citations()],
            "refusal": as_text(details.get("explanation")) if reason == "refusal" else "",
        }
        category = as_text(details.get("category"))
        return {
            "id": self._message.get("id"),
            "model": self._message.get("model"),
            "usage": _chat_usage(self._usage),
            "choices": [
                {
                    "index": 0,
                    "message" if self._whole else "delta": fields,
                    # chat has no finish reason for a pause; `completed` sets it
                    "finish_reason": "stop" if reason == "pause_turn" else reason or None,
                    "content_filter_results": {category: {"filtered": True}} if category else None,
                }
            ],
        }

    def completed(self, result: ChatResult) -> ChatResult:
        """The result with the blocks to send back, and the failures of the provider's own tools."""
        warnings = [*result.warnings, *(w for block in self._blocks for w in _tool_failures(block))]
        if self._stop.get("stop_reason") == "pause_turn":
            result = replace(result, finish_reason="unknown", finish_raw="pause_turn")
            warnings.append(_PAUSED)
        answered = any(self._is_answer(block) for block in self._blocks)
        if answered and not result.tool_calls and result.finish_reason == "tool_calls":
            result = replace(result, finish_reason="stop")
        return replace(result, carry=self._carry(), warnings=tuple(warnings))

    def _carry(self) -> Json:
        """The unchanged blocks, if they hold more than text and calls."""
        if all(b.kind in _PLAIN and not b.citations() for b in self._blocks):
            return {}
        blocks = [self._returned(block) for block in self._blocks]
        return {CARRIED: [block for block in blocks if block]}

    def _returned(self, block: _Block) -> Json | None:
        return {"type": "text", "text": _text_of_answer(block)} if self._is_answer(block) else block.whole()


def _guess(frame: Json) -> str:
    """Guesses the type of a value without `type`."""
    has_reason = "stop_reason" in frame or frame.get("role") == "assistant"
    return "message" if has_reason and isinstance(frame.get("content"), list) else ""


def _call(number: int, block: _Block) -> Json:
    function = {"name": block.fields.get("name"), "arguments": block.input()}
    return {"index": number, "id": block.fields.get("id"), "function": function}


def _text_of_answer(block: _Block) -> str:
    given = block.input()
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def _tool_failures(block: _Block) -> list[str]:
    """The failures of tools that the provider runs itself."""
    found = [as_object(block.fields.get("content")), *objects(as_list(block.fields.get("content")))]
    codes = [as_text(one.get("error_code")) for one in found if as_text(one.get("type")).endswith("_error")]
    return [f"the provider's own tool failed: {code}" for code in codes if code]


def _chat_usage(usage: Json) -> Json | None:
    """The figures under chat's names: here `input_tokens` excludes tokens read from or written to the cache."""
    if not usage:
        return None
    if "input_tokens" not in usage and "output_tokens" not in usage:
        return usage
    written, cached = as_count(usage.get("cache_creation_input_tokens")), as_count(usage.get("cache_read_input_tokens"))
    given = as_count(usage.get("input_tokens"))
    return {
        "prompt_tokens": None if given is None else given + (written or 0) + (cached or 0),
        "completion_tokens": usage.get("output_tokens"),
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": usage.get("output_tokens_details"),
        "cost": usage.get("cost"),
    }
