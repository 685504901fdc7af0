"""Reads answers of the Responses API, streamed and whole, into the result type of chat.

https://platform.openai.com/docs/api-reference/responses-streaming (read 2026-11-20): the last
event holds the whole response; what it leaves out is taken from the events before it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.types import ChatResult, Json
from anymodel_mcp.wire.chat.answer import Accumulator
from anymodel_mcp.wire.chat.native import GatewayAnswer
from anymodel_mcp.wire.content.choice import Choice
from anymodel_mcp.wire.content.finish import INCOMPLETE
from anymodel_mcp.wire.content.parts import Citations
from anymodel_mcp.wire.content.thinking import Mode
from anymodel_mcp.wire.content.tool_calls import offered_names
from anymodel_mcp.wire.decode.body import BodyReader
from anymodel_mcp.wire.decode.json_values import as_list, as_object, as_text, first_text, objects
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import failure_from, taken_on

_ENDS = ("response.completed", "response.done", "response.incomplete", "response.failed", "response.cancelled")
_ACCEPTED = 202
_CALLS = ("function_call", "custom_tool_call")
_FINISH = {"max_output_tokens": "length", "content_filter": "content_filter"}


def read_responses(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[ChatResult]:
    """Reads an answer of the Responses API, streamed or whole."""
    answer = ResponsesAnswer(
        head,
        model=options.model,
        think_tags=options.dialect.think_tags,
        max_chars=options.max_event_bytes,
        offered=offered_names((sent.body or {}).get("tools")),
    )
    return BodyReader(head, answer, max_event_bytes=options.max_event_bytes)


class ResponsesAnswer(GatewayAnswer):
    """Takes the values of one answer.

    Args:
        head: status and headers.
        model: the provider's id of the model that was asked.
        think_tags: where thoughts may stand in the text.
        max_chars: the longest text.
        offered: names of the tools that the request offers.
    """

    def __init__(
        self, head: ResponseHead, *, model: str, think_tags: Mode, max_chars: int, offered: Collection[str] = ()
    ) -> None:
        super().__init__()
        self._head: Final = head
        self._model: Final = model
        self._think_tags: Final[Mode] = think_tags
        self._max_chars: Final = max_chars
        self._offered: Final = offered
        self._live = Choice(think_tags, self._deltas)
        self._items: dict[int, Json] = {}
        self._arguments: dict[int, list[str]] = {}  # of calls, by the index of their item
        self._arguments_size = 0
        self._notes: list[Json] = []
        self._response: Json = {}
        self._ended = False
        self._cut = False  # an event has said that the response is incomplete
        self._frames = 0
        self._pending_id = ""
        self.error: ProviderError | None = None

    @property
    def done(self) -> bool:
        """True once the answer is complete or has failed."""
        return self._ended or self.error is not None or bool(self._chat and self._chat.done)

    @property
    def partial_text(self) -> str:
        """The text received so far."""
        return self._chat.partial_text if self._chat else self._live.text_so_far()

    def end(self) -> None:
        """Takes `[DONE]`: nothing more will complete the answer."""
        if self._chat:
            self._chat.end()

    def add(self, event: str, value: Any, *, bare: bool) -> None:
        """Takes one value."""
        if self.done:
            return
        self._frames += 1
        frame = as_object(value)
        if self._chat or ("choices" in frame and "output" not in frame):
            self._chat = self._chat or self._accumulator("responses")
            self._chat.add(event, value, bare=bare)
            return
        kind = as_text(frame.get("type")) or event
        response = as_object(frame.get("response"))
        if response:
            self._response = self._response | {k: v for k, v in response.items() if v not in (None, [], "")}
        if event == "error" or kind in ("error", "response.failed") or not kind.startswith("response."):
            self._whole_or_error(value, frame, named=event == "error" or kind == "error", bare=bare)
        elif kind in _ENDS:
            self._ended = True
            self._cut = self._cut or kind == "response.incomplete"
        else:
            self._step(kind, frame)
            if self._live.size + self._arguments_size > self._max_chars:
                self.fail(f"the answer holds more than {self._max_chars} characters", "protocol")
                if self.error is not None:
                    self.error.with_fields(retryable=False)

    def _whole_or_error(self, value: Any, frame: Json, *, named: bool, bare: bool) -> None:
        """Reads an error, or a response in one document."""
        inner = as_object(frame.get("response"))
        failed = inner.get("status") == "failed"
        error = failure_from(
            {"error": inner.get("error") or "the response failed"} if failed else value,
            status=self._head.status,
            headers=self._head.headers,
            endpoint="responses",
            model=self._model,
            named=named or (bare and isinstance(value, str)),
        )
        if error is not None:
            self._stop(error)
        elif "output" in frame or "status" in frame:
            self._response = frame
            self._ended = True
        else:
            self._pending_id = self._pending_id or first_text(frame, "id", "request_id", "requestId")

    def _step(self, kind: str, frame: Json) -> None:
        delta = as_text(frame.get("delta"))
        live: Json = {}
        match kind.removeprefix("response."):
            case "output_text.delta" | "text.delta" | "content_part.delta":
                live = {"content": delta}
            case (
                "reasoning_summary_text.delta" | "reasoning_text.delta" | "reasoning.delta" | "reasoning_summary.delta"
            ):
                live = {"reasoning": delta}
            case "reasoning_summary_part.added":
                live = {"reasoning": "\n"} if self._live.has_content() else {}
            case "refusal.delta":
                live = {"refusal": delta}
            case "output_text.annotation.added":
                self._notes.append(as_object(frame.get("annotation")))
            case "output_item.added" | "output_item.done":
                self._take_item(frame, done=kind.endswith("done"))
            case "function_call_arguments.delta" | "custom_tool_call_input.delta":
                self._take_arguments(frame, delta, whole=False)
            case "function_call_arguments.done" | "custom_tool_call_input.done":
                self._take_arguments(frame, first_text(frame, "arguments", "input"), whole=True)
            case _:
                pass
        if live:
            self._live.add({"delta": live}, Citations())

    def _place(self, frame: Json, id_: str) -> int:
        """The index in the output of an event's item."""
        index = frame.get("output_index")
        if isinstance(index, int):
            return index
        known = (place for place, item in self._items.items() if id_ and item.get("id") == id_)
        return next(known, max(self._items, default=-1) + 1)

    def _take_item(self, frame: Json, *, done: bool) -> None:
        """Keeps a complete item, and a started call, whose end may never arrive."""
        item = as_object(frame.get("item"))
        is_call = item.get("type") in _CALLS
        if not (done or is_call):
            return
        place = self._place(frame, as_text(item.get("id")))
        if is_call and place not in self._items:
            self._deltas.add("tool_call", as_text(item.get("name")))
        begun = self._items.get(place, {})
        self._items[place] = begun | {k: v for k, v in item.items() if v not in (None, "") or k not in begun}

    def _take_arguments(self, frame: Json, text: str, *, whole: bool) -> None:
        parts = self._arguments.setdefault(self._place(frame, as_text(frame.get("item_id"))), [])
        if whole and text:
            parts.clear()
        parts.append(text)
        self._arguments_size += len(text)
        self._deltas.add("tool_call", "")

    def _streamed_items(self) -> list[Json]:
        """The items received in events."""
        for place, parts in self._arguments.items():
            item = self._items.get(place, {})
            if item and not (item.get("arguments") or item.get("input")):
                item["arguments"] = "".join(parts)
        return [self._items[i] for i in sorted(self._items)]

    def _stop(self, error: ProviderError) -> None:
        text = self.partial_text
        again = error.failure.retryable and not self._deltas.any_came
        self.error = error.with_fields(partial_text=text or None, retryable=again)

    def fail(self, message: str, kind: ErrorKind) -> None:
        """Ends the answer with a failure found by its reader."""
        if self._chat:
            self._chat.fail(message, kind)
            return
        again = kind in ("upstream", "stream_truncated", "protocol")
        fix = "Raise limits.max_event_bytes if the answer is meant to be that long." if kind == "too_large" else ""
        self._stop(
            ProviderError(
                message, kind=kind, status=self._head.status, model=self._model or None, retryable=again, fix=fix
            )
        )

    # --- the end ------------------------------------------------------------------------------------------------------

    def finish(self, *, broken: str | None, cut: bool) -> ChatResult:
        """The result; raises `ProviderError`."""
        if self._chat and self.error is None:
            return self._chat.finish(broken=broken, cut=cut)
        if self.error is None:
            self._check(broken=broken, cut=cut)
        if self.error is not None:
            raise self.error
        answer = self._accumulator("responses")
        answer.add("", self._as_chat(), bare=True)
        try:
            return answer.finish(broken=None, cut=False)
        except ProviderError as error:
            raise error.with_fields(retryable=error.failure.retryable and not self._deltas.any_came) from None

    def _check(self, *, broken: str | None, cut: bool) -> None:
        status = as_text(self._response.get("status"))
        later = status in ("queued", "in_progress") if self._ended else self._head.status == _ACCEPTED
        if later and not self._deltas.any_came:
            id_ = as_text(self._response.get("id")) or self._pending_id
            self._stop(taken_on(self._head, model=self._model, id_=id_, state=status))
        elif not self._frames and not broken and not cut:
            self.fail("the provider sent an empty answer", "upstream")
        elif not self._ended:
            how = broken or "the stream ended before the response was completed"
            self.fail(f"the answer is cut off: {how}", "stream_truncated")

    def _accumulator(self, endpoint: str) -> Accumulator:
        return Accumulator(
            status=self._head.status,
            headers=self._head.headers,
            endpoint=endpoint,
            model=self._model,
            think_tags=self._think_tags,
            max_chars=max(self._max_chars, 1) * 2,
            offered=self._offered,
        )

    def _as_chat(self) -> Json:
        """The response as a chat completion."""
        items = objects(self._response.get("output")) or self._streamed_items()
        message = _message(items)
        streamed = self._live.finish("")
        if not message["content"] and not as_text(self._response.get("output_text")):
            message["content"] = [{"type": "text", "text": streamed.text}] if streamed.text else []
        elif not message["content"]:
            message["content"] = [{"type": "text", "text": self._response["output_text"]}]
        message["reasoning"] = message["reasoning"] or streamed.reasoning
        message["refusal"] = message["refusal"] or streamed.refusal
        message["annotations"] = [*message["annotations"], *self._notes]
        filters = [as_object(f.get("content_filter_results")) for f in objects(self._response.get("content_filters"))]
        return {
            "id": self._response.get("id"),
            "model": self._response.get("model"),
            "usage": self._response.get("usage"),
            "choices": [
                {
                    "index": 0,
                    "message": message,
                    "finish_reason": self._finish(items),
                    "content_filter_results": {name: result for found in filters for name, result in found.items()},
                }
            ],
        }

    def _finish(self, items: list[Json]) -> str:
        """The finish reason; an incomplete message makes the whole response incomplete."""
        status = as_text(self._response.get("status")) or "completed"
        reason = as_text(as_object(self._response.get("incomplete_details")).get("reason"))
        cut = self._cut or any(i.get("type") == "message" and i.get("status") == INCOMPLETE for i in items)
        if status == INCOMPLETE or reason or (cut and status == "completed"):
            return _FINISH.get(reason, reason) or INCOMPLETE
        return status


def _message(items: list[Json]) -> Json:
    """The output items as one assistant message."""
    content: list[Json] = []
    calls: list[Json] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    images: list[Any] = []
    annotations: list[Json] = []
    for item in items:
        kind = as_text(item.get("type"))
        if kind == "message":
            for part in objects(item.get("content")):
                annotations += objects(part.get("annotations"))
                refusals += [as_text(part.get("refusal"))] if part.get("refusal") else []
                content += [part] if part.get("type") != "refusal" else []
        elif kind == "reasoning":
            for part in (*as_list(item.get("summary")), *as_list(item.get("content"))):
                words = as_text(part) or as_text(as_object(part).get("text"))
                thoughts += [words] if words else []
        elif kind in _CALLS:
            arguments = item.get("arguments", item.get("input"))
            id_ = as_text(item.get("call_id")) or as_text(item.get("id"))
            calls.append({"id": id_, "function": {"name": item.get("name"), "arguments": arguments}})
        elif kind == "image_generation_call" and item.get("result"):
            images.append({"b64_json": item["result"]})
    return {
        "role": "assistant",
        "content": content,
        "tool_calls": calls,
        "reasoning": "\n".join(thoughts),
        "refusal": "".join(refusals),
        "images": images,
        "annotations": annotations,
    }
