"""Assembles a chat or completion answer from chunks or one whole body.

The content of a frame decides, not `object` or the content type. Order of checks in a frame: error, then each
choice by its index, then usage. A `message` counts where nothing was streamed under its field: some streams end with a
frame that says everything once more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, cast

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.types import MAX_CHOICES, ChatResult, Delta, Json
from anymodel_mcp.wire.chat.frames import NATIVE_FORM, from_native, unwrap
from anymodel_mcp.wire.content.choice import Choice, DeltaBuffer, text_field
from anymodel_mcp.wire.content.finish import (
    failure_of,
    is_broken_call,
    is_failure,
    read_finish,
    warn_unknown,
    why_empty,
    why_filtered,
)
from anymodel_mcp.wire.content.parts import Citations, linked_pictures, take_embedded
from anymodel_mcp.wire.content.spoken import asks_for_samples
from anymodel_mcp.wire.content.thinking import Mode
from anymodel_mcp.wire.content.tool_calls import offered_names
from anymodel_mcp.wire.content.usage import find_usage, has_figures, read_usage
from anymodel_mcp.wire.decode.body import BodyReader
from anymodel_mcp.wire.decode.json_values import as_count, as_list, as_object, as_text, first_text, glimpse, objects
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import failure_from, taken_on, tidy

_ID_KEYS = ("id", "request_id", "requestId", "task_id", "taskId")
_SMALLER = "Use a smaller max_tokens or n; limits.max_event_bytes limits the text of one answer."
_ACCEPTED = 202
_QUIET = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier", "obfuscation"}
)
_QUIET_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs"})


def read_chat(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[ChatResult]:
    """Reads a chat answer, streamed or whole: the bytes say which, not the request."""
    answer = Accumulator(
        status=head.status,
        headers=head.headers,
        endpoint=sent.endpoint,
        model=options.model,
        think_tags=options.dialect.think_tags,
        max_chars=options.max_event_bytes,
        offered=offered_names((sent.body or {}).get("tools")),
        samples=asks_for_samples(sent.body or {}),
    )
    return BodyReader(head, answer, max_event_bytes=options.max_event_bytes)


class Accumulator:
    """Takes the values of one answer; returns deltas on the way and the result at the end.

    Args:
        status: of the response.
        headers: of the response, names in lower case.
        endpoint: which kind of request it was.
        model: the provider's id of the model that was asked.
        think_tags: where thoughts may stand in the text.
        max_chars: the most characters of all texts of the answer.
        offered: names of the tools that the request offers.
        samples: sound was asked for as raw samples.
    """

    def __init__(
        self,
        *,
        status: int,
        headers: Mapping[str, str],
        endpoint: str,
        model: str,
        think_tags: Mode,
        max_chars: int,
        offered: Collection[str] = (),
        samples: bool = False,
    ) -> None:
        self._status: Final = status
        self._headers: Final = headers
        self._endpoint: Final = endpoint
        self._asked: Final = model
        self._think_tags: Final[Mode] = think_tags
        self._max_chars: Final = max_chars
        self._offered: Final = offered
        self._samples: Final = samples
        self._choices: dict[int, Choice] = {}
        self._first: Choice | None = None
        self._deltas: Final = DeltaBuffer()
        self._usage: Json | None = None
        self._citations: Final = Citations()
        self._id = self._model = ""
        self._ended = False  # [DONE]
        self._usage_last = False  # a chunk with usage and no choices
        self._whole = False  # a message that is not a delta
        self._native = False  # an answer in a server's own format
        self._frames = 0
        self._odd = self._pending_id = ""
        self._others = 0  # the size of all choices but the first
        self.error: ProviderError | None = None
        """The error reported inside the answer; it ends the answer."""

    @property
    def done(self) -> bool:
        """True once the answer is complete or has failed."""
        return self._ended or self.error is not None

    @property
    def partial_text(self) -> str:
        """The text of the first choice so far."""
        first = self._main()
        return first.text_so_far() if first else ""

    def take_deltas(self) -> list[Delta]:
        """Returns the text and reasoning received since the last call."""
        return self._deltas.take()

    def end(self) -> None:
        """Takes `[DONE]`."""
        self._ended = True

    def add_texts(self, field: str, texts: list[str]) -> None:
        """Takes pieces of text in this field of the first choice."""
        if self._first is not None:
            self._take_text(self._first, field, "".join(texts), len(texts))

    def add_plain(self, value: Any) -> str:
        """Takes one value if it is only text in a field of the first choice; returns the field, or ""."""
        first = self._first
        if first is None or not self._model:
            return ""
        try:
            choices = value["choices"]
            choice = choices[0]
            delta = choice["delta"]
        except (KeyError, IndexError, TypeError):
            return ""
        if (
            len(choices) != 1
            or delta.__class__ is not dict
            or not _QUIET.issuperset(value)
            or not _QUIET_CHOICE.issuperset(choice)
            or choice.get("finish_reason") is not None
            or choice.get("logprobs") is not None
            or choice.get("index", 0) != 0
        ):
            return ""
        field = text_field(delta)
        if field == "content" and not first.is_plain:
            return ""
        if field:
            usage = value.get("usage")
            if usage and has_figures(as_object(usage)):
                self._usage = usage
            self._take_text(first, field, delta[field], 1)
        return field

    def _take_text(self, first: Choice, field: str, text: str, pieces: int) -> None:
        """Keeps text up to the limit, in any number of pieces."""
        self._usage_last = False
        room = self._max_chars - self._others - first.size
        over = len(text) > room
        if over:
            text = text[:room]
        if field == "content":
            first.add_plain(text, pieces)
        else:
            first.add_thought(field, text)
        if over:
            self._too_long()

    def add(self, event: str, value: Any, *, bare: bool) -> None:
        """Takes one value."""
        if self.done:
            return
        self._frames += 1
        if isinstance(value, list):
            value = next(iter(objects(cast("Any", value))), "")
        if not isinstance(value, dict) or event == "error":
            self._add_odd(event, cast("Any", value), bare=bare)
            return
        frame = unwrap(as_object(cast("Any", value)))
        if not frame.get("choices") and (native := from_native(frame)):
            frame, self._native = native, True
        if self._is_fine(frame):
            for choice in as_list(frame.get("choices"))[: MAX_CHOICES + 1]:
                self._add_choice(choice, bare=bare)
            self._add_envelope(frame)

    def _add_odd(self, event: str, value: Any, *, bare: bool) -> None:
        if event == "error" or (bare and isinstance(value, str) and not self._choices):
            self._fail(self._read_error(value, named=True))
        elif not self._odd:
            self._odd = tidy(glimpse(value))

    def _is_fine(self, frame: Json) -> bool:
        """False if the frame contains an error, which fails the answer."""
        if "choices" in frame and not (frame.get("error") or frame.get("base_resp") or frame.get("success") is False):
            return True
        gave_up = any(is_failure(as_text(c.get("finish_reason"))) for c in objects(frame.get("choices")))
        error = self._read_error(frame, gave_up=gave_up)
        if error is None:
            return True
        for choice in objects(frame.get("choices")):
            self._add_choice(choice, bare=False)
        self._fail(error)
        return False

    def _read_error(self, value: Any, *, named: bool = False, gave_up: bool = False) -> ProviderError | None:
        return failure_from(
            value,
            status=self._status,
            headers=self._headers,
            endpoint=self._endpoint,
            model=self._asked,
            named=named,
            gave_up=gave_up,
        )

    def _fail(self, error: ProviderError | None) -> None:
        if error is None:
            return
        text = self.partial_text
        self.error = error.with_fields(
            partial_text=text or None, retryable=error.failure.retryable and not self._deltas.any_came
        )

    def _add_choice(self, value: Any, *, bare: bool) -> None:
        self._usage_last = False
        source = as_object(value)
        index = as_count(source.get("index")) or 0
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) >= MAX_CHOICES:
                self._exceed(f"more than {MAX_CHOICES} choices")
                return
            choice = self._choices[index] = Choice(
                self._think_tags,
                self._deltas if index == 0 else DeltaBuffer(kept=False),
                self._offered,
                samples=self._samples,
            )
            if index == 0:
                self._first = choice
        choice.add(source, self._citations)
        self._check_size()
        if "delta" not in source and ("message" in source or (bare and "text" in source)):
            self._whole = True

    def _add_envelope(self, frame: Json) -> None:
        usage = find_usage(frame)
        if usage is not None:
            if self._usage is None or has_figures(usage):
                self._usage = usage
            self._usage_last = self._usage_last or not frame.get("choices")
        self._id = self._id or as_text(frame.get("id"))
        self._model = self._model or as_text(frame.get("model"))
        self._pending_id = self._pending_id or first_text(frame, *_ID_KEYS)
        self._citations.read(frame)
        if not (frame.get("choices") or usage or self._odd):
            self._odd = tidy(glimpse(frame))

    def _check_size(self) -> None:
        """Checks the size limit of all choices together."""
        sizes = sum(choice.size for choice in self._choices.values())
        self._others = sizes - (self._first.size if self._first else 0)
        if sizes > self._max_chars and self.error is None:
            self._too_long()

    def _too_long(self) -> None:
        self._exceed(f"more than {self._max_chars} characters, all choices together")

    def _exceed(self, what: str) -> None:
        if self.error is None:
            error = self._failure(f"the answer holds {what}", "protocol", fix=_SMALLER)
            self._fail(error.with_fields(retryable=False))

    def fail(self, message: str, kind: ErrorKind) -> None:
        """Ends the answer with a failure found by its reader."""
        self._fail(self._failure(message, kind))

    def _main(self) -> Choice | None:
        return self._choices[min(self._choices)] if self._choices else None

    # --- the end ------------------------------------------------------------------------------------------------------

    def finish(self, *, broken: str | None, cut: bool) -> ChatResult:
        """The result.

        Args:
            broken: how the connection broke.
            cut: the body ended inside a value.

        Raises:
            ProviderError: no answer, half an answer, or an error.
        """
        first = self._main()
        if self.error is None and first is not None:
            gave_up = failure_of(first.finish_raw)
            if gave_up:
                self._fail(self._failure(gave_up[0], "upstream", fix=gave_up[1], ran=is_broken_call(first.finish_raw)))
            else:
                self._fail(self._incomplete(first, broken=broken, cut=cut))
        elif self.error is None:
            self._fail(self._nothing(broken=broken, cut=cut))
        if self.error is not None or first is None:
            raise self.error or self._nothing(broken=broken, cut=cut)
        return self._result(first)

    def _failure(self, message: str, kind: ErrorKind, *, fix: str = "", ran: bool = False) -> ProviderError:
        """A failure of this answer; `ran`: the model generated text, so that a retry is charged again."""
        if kind == "too_large":
            fix = "Raise limits.max_event_bytes if the answer is meant to be that long."
        return ProviderError(
            message,
            kind=kind,
            status=self._status,
            model=self._asked or None,
            retryable=not ran and kind in ("upstream", "stream_truncated", "protocol") and self._status != _ACCEPTED,
            fix=fix,
        )

    def _incomplete(self, first: Choice, *, broken: str | None, cut: bool) -> ProviderError | None:
        """The failure of an incomplete or empty answer."""
        ended = self._ended or self._usage_last or self._whole or any(c.finish_raw for c in self._choices.values())
        if not ended or (cut and not first.finish_raw and not self._whole):
            how = broken or ("the body ended inside an event" if cut else "the stream ended without an end marker")
            return self._failure(f"the answer is cut off: {how}", "stream_truncated")
        if first.finish_raw is None and not any(c.has_content() for c in self._choices.values()):
            return self._failure("an answer without content came", "upstream")
        return None

    def _nothing(self, *, broken: str | None, cut: bool) -> ProviderError:
        if self._status == _ACCEPTED:
            head = ResponseHead(status=self._status, headers=self._headers)
            return taken_on(head, model=self._asked, id_=self._pending_id)
        if broken or cut:
            how = broken or "the body ended inside a value"
            return self._failure(f"no answer was received: {how}", "stream_truncated")
        words = f": {self._odd}" if self._odd else ""
        if self._frames:
            return self._failure(f"an answer without content came{words}", "upstream")
        return self._failure("the provider sent an empty answer", "upstream")

    def _result(self, first: Choice) -> ChatResult:
        usage = read_usage(self._usage)
        read = first.finish(self._id or self._asked)
        text, embedded = take_embedded(read.text)
        calls = read.calls or read.bad_calls
        images = (*read.pictures, *embedded, *linked_pictures(text))
        finish = read_finish(first.finish_raw)
        empty = not (text or calls or images or read.sound or read.refusal)
        if empty and first.finish_raw and finish == "unknown":
            message = f"the model returned no answer and ended with {first.finish_raw!r}"
            raise self._failure(message, "upstream", fix="Ask again, or ask another model.", ran=True)
        if calls and finish in ("stop", "unknown"):
            finish = "tool_calls"
        warnings = [*read.warnings, *warn_unknown(first.finish_raw)]
        if self._native:
            warnings.append(NATIVE_FORM)
        if embedded:
            warnings.append("picture data was removed from the text")
        if finish == "content_filter" or first.filtered:
            warnings.append(why_filtered(first.finish_raw, first.filtered, empty=empty))
        elif empty:
            warnings.append(why_empty(finish, bool(read.reasoning), usage))
        others = [c.finish("").text for _, c in sorted(self._choices.items())] if len(self._choices) > 1 else []
        return ChatResult(
            text=text,
            reasoning=read.reasoning,
            refusal=read.refusal or None,
            choices=tuple(others),
            tool_calls=tuple(read.calls),
            invalid_tool_calls=tuple(read.bad_calls),
            citations=tuple(self._citations.listed()),
            images=images,
            sounds=(read.sound,) if read.sound else (),
            finish_reason=finish,
            finish_raw=first.finish_raw,
            usage=usage,
            id=self._id or None,
            model=self._model or self._asked or None,
            carry=read.carry,
            warnings=tuple(warnings),
        )
