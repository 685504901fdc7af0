"""Base of readers for APIs with their own format: the collected values become a chat completion at the end.

So usage, finish reasons, tool calls, citations, empty answers and errors are handled in one place, `Accumulator`. A
gateway that answers in chat's format is read as chat.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.types import ChatResult, Delta, Json
from anymodel_mcp.wire.chat.answer import Accumulator
from anymodel_mcp.wire.content.choice import Choice, DeltaBuffer
from anymodel_mcp.wire.content.parts import Citations
from anymodel_mcp.wire.content.tool_calls import offered_names
from anymodel_mcp.wire.decode.json_values import as_list, as_object
from anymodel_mcp.wire.exchange import ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import failure_from


class GatewayAnswer:
    """Base of readers for other APIs than chat: a gateway may answer in chat's format, which `_chat` then reads."""

    def __init__(self) -> None:
        self._deltas: Final = DeltaBuffer()
        self._chat: Accumulator | None = None

    def take_deltas(self) -> list[Delta]:
        """Returns the text and reasoning received since the last call."""
        return self._chat.take_deltas() if self._chat else self._deltas.take()

    def add_plain(self, value: Any) -> str:
        """Takes one value if it is plain text in chat's format."""
        return self._chat.add_plain(value) if self._chat else ""

    def add_texts(self, field: str, texts: list[str]) -> None:
        """Takes plain text in chat's format."""
        if self._chat:
            self._chat.add_texts(field, texts)


class NativeAnswer(GatewayAnswer, ABC):
    """Takes the values of one answer; see `Assembler`.

    Args:
        head: status and headers.
        sent: the request.
        options: the dialect, the model, the limits.
    """

    def __init__(self, head: ResponseHead, sent: WireRequest, options: ReadOptions) -> None:
        super().__init__()
        self._head: Final = head
        self._endpoint: Final = sent.endpoint
        self._options: Final = options
        self._offered: Final = offered_names((sent.body or {}).get("tools"))
        self._live: Final = Choice(options.dialect.think_tags, self._deltas)
        self._odd: Json = {}
        self._ended = False
        self._size: int = 0
        self.error: ProviderError | None = None
        """The failure reported inside the answer; it ends the answer."""

    # --- what an API defines ------------------------------------------------------------------------------------------

    @abstractmethod
    def take(self, event: str, frame: Json) -> bool:
        """Takes one value in the API's own format; false if it is something else."""

    @abstractmethod
    def answer_text(self) -> str:
        """The answer text so far, including thoughts inside it."""

    @abstractmethod
    def as_chat(self) -> Json | None:
        """All received values as a chat completion or chunk (unfinished unless it has a finish reason)."""

    @abstractmethod
    def completed(self, result: ChatResult) -> ChatResult:
        """Adds to the result what only this API returns."""

    # --- on the way ---------------------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """True once the answer is complete or has failed."""
        return self._ended or self.error is not None or bool(self._chat and self._chat.done)

    @property
    def partial_text(self) -> str:
        """The answer text so far."""
        if self._chat:
            return self._chat.partial_text
        text = Choice(self._options.dialect.think_tags, DeltaBuffer())
        text.add({"delta": {"content": self.answer_text()}}, Citations())
        return text.text_so_far()

    def end(self) -> None:
        """Takes `[DONE]`."""
        if self._chat:
            self._chat.end()
        else:
            self._ended = True

    def add(self, event: str, value: Any, *, bare: bool) -> None:
        """Takes one value; of a list, each element."""
        for one in as_list(value) or [value]:
            if not self.done:
                self._add(event, one, bare=bare)

    def _add(self, event: str, value: Any, *, bare: bool) -> None:
        frame = as_object(value)
        if self._chat or "choices" in frame:
            self._chat = self._chat or self._accumulator()
            self._chat.add(event, value, bare=bare)
        elif event != "error" and not frame.get("error") and self.take(event, frame):
            if self._size > self._options.max_event_bytes:
                self.fail(f"the answer is longer than {self._options.max_event_bytes} characters", "too_large")
        else:
            self._take_error(event, value, bare=bare)

    def _take_error(self, event: str, value: Any, *, bare: bool) -> None:
        frame = as_object(value)
        error = failure_from(
            value,
            status=self._head.status,
            headers=self._head.headers,
            endpoint=self._endpoint,
            model=self._options.model,
            named=event == "error" or frame.get("type") == "error" or (bare and isinstance(value, str)),
        )
        if error is not None:
            self.stop(error)
        else:
            self._odd = self._odd or frame

    def hear(self, field: str, text: str) -> None:
        """Reports text or reasoning as it arrives."""
        if text:
            self._size += len(text)
            self._live.add({"delta": {field: text}}, Citations())

    def hear_call(self, name: str) -> None:
        """Reports that a tool call has started."""
        self._deltas.add("tool_call", name)

    # --- the end ------------------------------------------------------------------------------------------------------

    def stop(self, error: ProviderError) -> None:
        """Ends the answer with a failure."""
        again = error.failure.retryable and not self._deltas.any_came
        self.error = error.with_fields(partial_text=self.partial_text or None, retryable=again)

    def fail(self, message: str, kind: ErrorKind) -> None:
        """Ends the answer with a failure found by its reader."""
        if self._chat:
            self._chat.fail(message, kind)
            return
        self.stop(
            ProviderError(
                message,
                kind=kind,
                status=self._head.status,
                model=self._options.model or None,
                retryable=kind in ("upstream", "stream_truncated", "protocol"),
                fix="Raise limits.max_event_bytes if the answer is meant to be that long."
                if kind == "too_large"
                else "",
            )
        )

    def finish(self, *, broken: str | None, cut: bool) -> ChatResult:
        """The result.

        Raises:
            ProviderError: no answer, half an answer, or an error.
        """
        if self.error is not None:
            raise self.error
        if self._chat:
            return self._chat.finish(broken=broken, cut=cut)
        answer = self._accumulator()
        for frame in self._frames():
            answer.add("", frame, bare=True)
        if self._ended:
            answer.end()
        try:
            return self.completed(answer.finish(broken=broken, cut=cut))
        except ProviderError as error:
            raise error.with_fields(retryable=error.failure.retryable and not self._deltas.any_came) from None

    def _frames(self) -> Sequence[Json]:
        frame = self.as_chat()
        return [frame] if frame is not None else [self._odd] if self._odd else []

    def _accumulator(self) -> Accumulator:
        return Accumulator(
            status=self._head.status,
            headers=self._head.headers,
            endpoint=self._endpoint,
            model=self._options.model,
            think_tags=self._options.dialect.think_tags,
            max_chars=max(self._options.max_event_bytes, 1) * 2,
            offered=self._offered,
        )
