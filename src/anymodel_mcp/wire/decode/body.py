"""Reads one response body: feeds its bytes through the decoder to an assembler."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.types import Delta
from anymodel_mcp.wire.decode.extent import MAX_VALUES, ExcessError
from anymodel_mcp.wire.decode.sse import Broken, EventDecoder, Oversize, Sink
from anymodel_mcp.wire.exchange import ResponseHead
from anymodel_mcp.wire.failures.meanings import says_challenged
from anymodel_mcp.wire.failures.provider_error import failure_from, html_title, tidy

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Assembler(Sink, Protocol[T_co]):
    """Assembles an answer from the values of a body."""

    error: ProviderError | None

    @property
    def partial_text(self) -> str:
        """The text received so far."""
        ...

    def fail(self, message: str, kind: ErrorKind) -> None:
        """Ends the answer with a failure found by the reader."""
        ...

    def take_deltas(self) -> list[Delta]:
        """Returns the text and reasoning received since the last call."""
        ...

    def finish(self, *, broken: str | None, cut: bool) -> T_co:
        """The result; raises `ProviderError`."""
        ...


class BodyReader(Generic[T]):
    """A `Reader` (see `exchange.py`).

    A failure inside the body ends the answer: `done` becomes true, and `finish` raises it, so that whatever came before
    it is delivered first, regardless of how the bytes are split.

    Args:
        head: status and headers.
        assembler: assembles the answer.
        max_event_bytes: the most that one line, event or bare value may take.
        max_values: the most JSON values in one of them.
        elements: treat an array as a stream of its elements.
    """

    def __init__(
        self,
        head: ResponseHead,
        assembler: Assembler[T],
        *,
        max_event_bytes: int,
        max_values: int = MAX_VALUES,
        elements: bool = False,
    ) -> None:
        self._head: Final = head
        self._assembler: Final = assembler
        self._limit: Final = max_event_bytes
        self._decoder: Final = EventDecoder(
            assembler, max_event_bytes=max_event_bytes, max_values=max_values, elements=elements
        )

    @property
    def done(self) -> bool:
        """True once the answer is complete or has failed."""
        return self._assembler.done

    @property
    def partial_text(self) -> str:
        """The text received so far."""
        return self._assembler.partial_text

    @property
    def held_bytes(self) -> int:
        """Bytes buffered of an unfinished line, event or value, which is parsed at once when it ends."""
        return self._decoder.held_bytes

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Takes the next bytes; returns the deltas they complete."""
        if not self._assembler.done:
            self._decode(data)
        return self._assembler.take_deltas()

    def _decode(self, data: bytes | None) -> None:
        try:
            if data is None:
                self._decoder.finish()
            else:
                self._decoder.feed(data)
        except Oversize:
            self._fail(f"a part of the answer is longer than {self._limit} bytes", "too_large")
        except ExcessError as error:
            self._fail(f"the answer holds {error}", "protocol")
            if self._assembler.error is not None:
                self._assembler.error.with_fields(retryable=False)
        except Broken as error:
            self._fail(f"an event of the stream is not JSON: {tidy(str(error), 120)}", "protocol")

    def _fail(self, message: str, kind: ErrorKind) -> None:
        """Ends the answer with a failure, unless it was already complete."""
        if not self._assembler.done:
            self._assembler.fail(message, kind)

    def finish(self, *, broken: str | None = None) -> T:
        """The result, once the body ended or `done` is true.

        Args:
            broken: how the connection broke, in a few words; `None` after a clean end.

        Raises:
            ProviderError: no answer, half an answer, or an error inside a 200.
        """
        if not self._assembler.done:
            self._decode(None)
        if self._assembler.error is None and self._decoder.stray and not self._assembler.done:
            self._explain_stray(broken)
        return self._assembler.finish(broken=broken, cut=self._decoder.cut)

    def _explain_stray(self, broken: str | None) -> None:
        """Reports a body that is neither JSON nor an event stream, if nothing else was received."""
        text = self._decoder.stray.strip()
        if self._decoder.values or self._decoder.cut:
            return
        if text.startswith("<") and says_challenged(text):
            self._assembler.error = ProviderError(
                f"a bot check answers in place of the provider ({html_title(text) or 'HTML'})",
                kind="blocked",
                status=self._head.status,
            )
        elif text.startswith("<"):
            title = html_title(text)
            self._assembler.error = ProviderError(
                f"the answer is a web page (HTML{f', {title!r}' if title else ''}), not an API's answer",
                kind="config",
                status=self._head.status,
                fix="base_url points to a web site: for most providers it must end with /v1.",
            )
        elif not broken:
            self._fail(f"the answer is not JSON: {tidy(text, 200)!r}", "protocol")


class Document(ABC, Generic[T]):
    """Base of assemblers for answers that are one JSON document; `read` makes the result.

    Args:
        head: status and headers.
        endpoint: which kind of request it was.
        model: the provider's id of the model that was asked.
        repeatable: a retry is not charged twice.
    """

    def __init__(self, head: ResponseHead, *, endpoint: str, model: str, repeatable: bool = True) -> None:
        self.head: Final = head
        self.model: Final = model
        self.error: ProviderError | None = None
        self._endpoint: Final = endpoint
        self._repeatable: Final = repeatable
        self._values: list[Any] = []
        self._ended = False

    @property
    def done(self) -> bool:
        """True once the answer is complete or has failed."""
        return self._ended or self.error is not None

    @property
    def partial_text(self) -> str:
        """There is no text in such an answer."""
        return ""

    def add(self, event: str, value: Any, *, bare: bool) -> None:
        """Takes one value."""
        if self.take(value):
            return
        error = failure_from(
            value,
            status=self.head.status,
            headers=self.head.headers,
            endpoint=self._endpoint,
            model=self.model,
            named=event == "error" or (bare and isinstance(value, str)),
        )
        if error is not None:
            self.stop(error)
        else:
            self._values.append(value)

    def add_plain(self, value: Any) -> str:
        """There is no text in such an answer."""
        return ""

    def take(self, value: Any) -> bool:
        """Takes `value` if it is an event; false if it is a document."""
        return False

    def add_texts(self, field: str, texts: list[str]) -> None:
        """There is no text in such an answer."""

    def end(self) -> None:
        """Takes `[DONE]`."""
        self._ended = bool(self._values)

    def take_deltas(self) -> list[Delta]:
        """Returns nothing: this body has no deltas."""
        return []

    def stop(self, error: ProviderError) -> None:
        """Ends the answer with this failure."""
        again = error.failure.retryable and (self._repeatable or error.kind in ("rate_limit", "overloaded"))
        self.error = error.with_fields(retryable=again)

    def fail(self, message: str, kind: ErrorKind) -> None:
        """Ends the answer with a failure found by its reader."""
        self.stop(self.failure(message, kind))

    def failure(self, message: str, kind: ErrorKind) -> ProviderError:
        """A failure of this answer."""
        return ProviderError(
            message,
            kind=kind,
            status=self.head.status,
            model=self.model or None,
            retryable=kind in ("upstream", "stream_truncated", "protocol") and self._repeatable,
            fix="Ask for less, or raise limits.max_event_bytes." if kind == "too_large" else "",
        )

    def finish(self, *, broken: str | None, cut: bool) -> T:
        """The result; raises `ProviderError`."""
        if self.error is not None:
            raise self.error
        if not self._values:
            if broken or cut:
                how = broken or "the body ended inside a value"
                raise self.failure(f"the answer is cut off: {how}", "stream_truncated")
            raise self.failure("the provider sent an empty answer", "upstream")
        return self.read(self._values)

    @abstractmethod
    def read(self, values: list[Any]) -> T:
        """Reads the result from the received documents; raises `ProviderError`."""
