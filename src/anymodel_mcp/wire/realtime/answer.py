"""Reads the events of the Realtime API into the result type of chat, and decides which events to send.

One turn: the first event shows the form of the server, then settings, items and the request for a response are sent,
deltas arrive, and `response.done` ends it. Until `response.created` an `error` event is the answer; after it only
`response.done` decides. Events of unknown types are passed over. A transcript is the text of a spoken answer.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final

from anymodel_mcp.errors import ProviderError
from anymodel_mcp.types import ChatResult, Json
from anymodel_mcp.wire.chat.native import NativeAnswer
from anymodel_mcp.wire.decode.body import BodyReader
from anymodel_mcp.wire.decode.json_values import as_count, as_object, as_text, first_text, objects
from anymodel_mcp.wire.exchange import ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import failure_from, tidy
from anymodel_mcp.wire.realtime.events import is_beta, opening_events
from anymodel_mcp.wire.realtime.samples import as_sound

_MAX_ITEMS = 10_000
_TEXTS = ("output_text", "text", "output_audio", "audio")
_FINISH = {"completed": "stop", "max_output_tokens": "length", "content_filter": "content_filter"}
_NORMAL = frozenset({1000, 1001, 1005, 1006})
# https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number (read 2026-11-28)
_CLOSED = {
    1009: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    1011: HTTPStatus.INTERNAL_SERVER_ERROR,
    1012: HTTPStatus.SERVICE_UNAVAILABLE,
    1013: HTTPStatus.SERVICE_UNAVAILABLE,
    1014: HTTPStatus.BAD_GATEWAY,
    3000: HTTPStatus.UNAUTHORIZED,
    3003: HTTPStatus.FORBIDDEN,
    3008: HTTPStatus.REQUEST_TIMEOUT,
}
"""The HTTP statuses that correspond to close codes."""


def read_realtime(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> SocketReader:
    """Reads the events of one turn."""
    return SocketReader(head, sent, options)


class SocketReader(BodyReader[ChatResult]):
    """A `Talker` (see `exchange.py`): each message of the socket is one event of the body."""

    def __init__(self, head: ResponseHead, sent: WireRequest, options: ReadOptions) -> None:
        self._answer: Final = RealtimeAnswer(head, sent, options)
        self.max_message_bytes: Final = options.max_event_bytes
        super().__init__(head, self._answer, max_event_bytes=options.max_event_bytes)

    def take_outgoing(self, *, unasked: bool = False) -> Sequence[Json]:
        """The events to send now."""
        return self._answer.take_outgoing(unasked=unasked)

    @property
    def parting(self) -> Sequence[Json]:
        """The events to send before the socket is closed."""
        return self._answer.parting

    def hang_up(self, code: int, reason: str) -> None:
        """Reports that the server has closed the socket."""
        self._answer.hang_up(code, reason)


@dataclass(slots=True)
class _Item:
    """One output item: its fields, and the streamed pieces by kind."""

    id: str = ""
    fields: Json = field(default_factory=dict[str, Any])
    texts: dict[int, list[str]] = field(default_factory=dict[int, list[str]])
    samples: bytearray = field(default_factory=bytearray)
    arguments: list[str] = field(default_factory=list[str])

    def text(self) -> str:
        """The streamed texts, or those of the whole item if nothing was streamed."""
        streamed = "".join(piece for pieces in self.texts.values() for piece in pieces)
        parts = [p for p in objects(self.fields.get("content")) if as_text(p.get("type")) in _TEXTS]
        return "".join(first_text(part, "text", "transcript") for part in parts) or streamed

    def call(self) -> Json:
        given = as_text(self.fields.get("arguments")) or "".join(self.arguments)
        id_ = as_text(self.fields.get("call_id")) or as_text(self.fields.get("id"))
        return {"id": id_, "function": {"name": self.fields.get("name"), "arguments": given}}


class RealtimeAnswer(NativeAnswer):
    """Takes the events of one turn."""

    def __init__(self, head: ResponseHead, sent: WireRequest, options: ReadOptions) -> None:
        super().__init__(head, sent, options)
        self._body: Final = sent.body or {}
        self._outgoing: list[Json] | None = None  # None: nothing was received yet, so the form is unknown
        self._session: Json = {}
        self._items: list[_Item] = []
        self._by_id: dict[str, _Item] = {}
        self._by_index: dict[int, _Item] = {}
        self._response: Json = {}
        self._created = False
        self._complaint: ProviderError | None = None  # an error after which the response continued

    # --- what goes out ------------------------------------------------------------------------------------------------

    def take_outgoing(self, *, unasked: bool = False) -> Sequence[Json]:
        """The events to send now: all at once, as soon as the server's form is known."""
        if unasked:
            self._open({})
        out, self._outgoing = self._outgoing, [] if self._outgoing is not None else None
        return out or []

    @property
    def parting(self) -> Sequence[Json]:
        """The event that stops an unfinished response."""
        return [{"type": "response.cancel"}] if self._created and not self.done else []

    def _open(self, event: Json) -> None:
        if self._outgoing is None:
            self._outgoing = opening_events(self._body, beta=is_beta(event))

    # --- events -------------------------------------------------------------------------------------------------------

    def _add(self, event: str, value: Any, *, bare: bool) -> None:
        """Takes one event; an `error` ends the answer only if no response has started."""
        frame = as_object(value)
        if frame.get("type") == "error" or (frame.get("error") and not as_text(frame.get("type"))):
            error = self._read_error(frame)
            if error is not None and self._created:
                self._complaint = error
            elif error is not None:
                self.stop(error)
        elif self.take(as_text(frame.get("type")), frame):
            if self._size > self._options.max_event_bytes:
                self.fail(f"the answer is longer than {self._options.max_event_bytes} bytes", "too_large")
        elif not self._odd:
            self._odd = frame

    def _read_error(self, frame: Json, status: int | None = None) -> ProviderError | None:
        return failure_from(
            frame,
            status=self._head.status if status is None else status,
            headers=self._head.headers,
            endpoint=self._endpoint,
            model=self._options.model,
            named=True,
        )

    def take(self, event: str, frame: Json) -> bool:
        """Takes one event; false if it has no type."""
        if not event:
            return False
        self._open(frame)
        match event:
            case "session.created" | "session.updated":
                self._session |= as_object(frame.get("session"))
            case "response.created":
                self._created = True
                self._response |= as_object(frame.get("response"))
            case "response.done":
                self._finish_response(as_object(frame.get("response")))
            case "response.output_item.added" | "response.output_item.done":
                self._update(frame, as_object(frame.get("item")))
            case "response.function_call_arguments.delta":
                self._add_arguments(frame)
            case "response.function_call_arguments.done":
                named = {k: frame[k] for k in ("call_id", "name", "arguments") if frame.get(k)}
                self._update(frame, {"type": "function_call", **named})
            case _:
                self._take_piece(event, frame)
        return True

    def _take_piece(self, event: str, frame: Json) -> None:
        """Takes a piece of text or sound, under the current or the beta names."""
        kind = event.removeprefix("response.").replace("output_", "", 1)
        if kind in ("text.delta", "audio_transcript.delta"):
            self._add_text(frame, as_text(frame.get("delta")))
        elif kind in ("text.done", "audio_transcript.done"):
            whole = first_text(frame, "text", "transcript")
            if whole and _place(frame) not in self._item(frame).texts:
                self._add_text(frame, whole)
        elif kind == "audio.delta":
            self._add_samples(frame)

    def _item(self, frame: Json) -> _Item:
        """The item that an event belongs to: by its id, or by its index if one of the two has no id."""
        id_ = as_text(frame.get("item_id")) or as_text(as_object(frame.get("item")).get("id"))
        index = as_count(frame.get("output_index")) or 0
        found = self._by_id.get(id_) if id_ else None
        if found is None:
            placed = self._by_index.get(index)
            found = placed if placed is not None and not (id_ and placed.id) else _Item()
            if found is not placed and len(self._items) < _MAX_ITEMS:
                self._items.append(found)
        if id_:
            found.id = id_
            self._by_id[id_] = found
        self._by_index.setdefault(index, found)
        return found

    def _update(self, frame: Json, fields: Json) -> None:
        item = self._item(frame)
        before = item.fields.get("type")
        item.fields |= {name: value for name, value in fields.items() if value not in (None, "", [])}
        if item.fields.get("type") == "function_call" and before != "function_call":
            self.hear_call(as_text(item.fields.get("name")))

    def _add_text(self, frame: Json, text: str) -> None:
        item = self._item(frame)
        item.texts.setdefault(_place(frame), []).append(text)
        self.hear("reasoning" if _is_preamble(item) else "content", text)

    def _add_arguments(self, frame: Json) -> None:
        text = as_text(frame.get("delta"))
        self._size += len(text)
        self._item(frame).arguments.append(text)
        self.hear_call("")

    def _add_samples(self, frame: Json) -> None:
        try:
            samples = b64decode(as_text(frame.get("delta")), validate=True)
        except (binascii.Error, ValueError):
            self.fail("a piece of the sound is not base64", "protocol")
            return
        self._size += len(samples)
        self._item(frame).samples += samples

    def _finish_response(self, response: Json) -> None:
        self._response |= {name: value for name, value in response.items() if value is not None}
        for index, item in enumerate(objects(response.get("output"))):
            self._update({"item": item, "output_index": index}, item)
        details = as_object(response.get("status_details"))
        if as_text(response.get("status")) == "failed":
            error = as_object(details.get("error"))
            told = self._read_error({"error": error}) if error else self._complaint
            self.stop(told or self._failed())
        self._ended = True

    def _failed(self) -> ProviderError:
        return ProviderError("the provider's response failed", kind="upstream", status=self._head.status)

    def hang_up(self, code: int, reason: str) -> None:
        """Reports that the server has closed the socket; an error if the code or the reason says so."""
        if self.done or (code in _NORMAL and not reason):
            return
        if code not in _NORMAL:
            frame = {"error": {"message": tidy(reason) or f"the provider closed the connection ({code})"}}
            self.stop(self._complaint or self._read_error(frame, _CLOSED.get(code)) or self._failed())

    # --- the end ------------------------------------------------------------------------------------------------------

    def answer_text(self) -> str:
        """The text of all messages, or the transcript of what was spoken."""
        return "".join(item.text() for item in self._messages() if not _is_preamble(item))

    def _messages(self) -> list[_Item]:
        return [item for item in self._items if item.fields.get("type", "message") == "message"]

    def as_chat(self) -> Json | None:
        """The output as one choice."""
        if not self._items and not self._ended:
            if self._complaint is not None:
                raise self._complaint
            return None
        calls = [item.call() for item in self._items if item.fields.get("type") == "function_call"]
        details = as_object(self._response.get("status_details"))
        status, reason = as_text(self._response.get("status")), as_text(details.get("reason"))
        finish = (_FINISH.get(reason) or reason if status == "incomplete" else "") or _FINISH.get(status, status)
        message: Json = {
            "role": "assistant",
            "content": self.answer_text(),
            "reasoning": "".join(item.text() for item in self._messages() if _is_preamble(item)),
            "tool_calls": calls,
        }
        choice: Json = {"index": 0, "message" if self._ended else "delta": message}
        if self._ended:
            choice["finish_reason"] = finish or "stop"
        return {
            "id": self._response.get("id"),
            "model": self._response.get("model") or self._session.get("model"),
            "usage": _chat_usage(as_object(self._response.get("usage"))),
            "choices": [choice],
        }

    def completed(self, result: ChatResult) -> ChatResult:
        """Adds the sounds to the result."""
        form = _output_format(self._body, self._session)
        sounds = [as_sound(bytes(item.samples), form) for item in self._items if item.samples]
        if not sounds:
            return result
        warnings = result.warnings if result.text else [w for w in result.warnings if not w.startswith("no text:")]
        return replace(result, sounds=tuple(sounds), warnings=tuple(warnings))


def _place(frame: Json) -> int:
    return as_count(frame.get("content_index")) or 0


def _is_preamble(item: _Item) -> bool:
    """Whether a message precedes the answer.

    https://learn.microsoft.com/en-us/azure/foundry/openai/concepts/realtime-2 (read 2026-11-28)
    """
    return item.fields.get("phase") == "commentary"


def _output_format(body: Json, session: Json) -> Json:
    """The format of the samples: as reported by the server, else as requested."""
    for known in (session, body):
        named = as_text(known.get("output_audio_format"))
        if named:
            return {"type": {"g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}.get(named, "audio/pcm")}
        form = as_object(as_object(as_object(known.get("audio")).get("output")).get("format"))
        if form:
            return form
    return {}


def _chat_usage(usage: Json) -> Json | None:
    """The figures under chat's names."""
    if not usage:
        return None
    details = as_object(usage.get("input_token_details")) or as_object(usage.get("input_tokens_details"))
    return {
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "prompt_tokens_details": {"cached_tokens": details.get("cached_tokens")},
        "completion_tokens_details": as_object(usage.get("output_token_details")),
    }
