"""Reads answers to transcription requests: JSON of every verbosity, plain text, subtitles, streams.

The bytes decide, because some servers ignore `response_format` and send a wrong content type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from anymodel_mcp.types import Delta, Json
from anymodel_mcp.wire.audio.values import Segment, TranscriptionResult
from anymodel_mcp.wire.content.choice import DeltaBuffer
from anymodel_mcp.wire.content.usage import find_usage, read_usage
from anymodel_mcp.wire.decode.body import BodyReader, Document
from anymodel_mcp.wire.decode.json_values import as_number, as_object, as_text, first_text, objects, parse_or_none
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest

NO_SPEECH = "no speech found"
_DECIDED_BYTES = 64
_EVENTS = (b"data:", b"event:", b":", b"id:", b"retry:", b"error:")
_MAX_SEGMENTS, _MAX_WORDS = 100_000, 20_000


def read_transcription(head: ResponseHead, _sent: WireRequest, options: ReadOptions) -> Reader[TranscriptionResult]:
    """Reads a transcript."""
    return TranscriptReader(head, model=options.model, max_event_bytes=options.max_event_bytes)


class Transcript(Document[TranscriptionResult]):
    """Assembles a transcript from JSON documents or events.

    Args:
        head: status and headers.
        model: the provider's id of the model that was asked.
        max_chars: the longest text.
    """

    def __init__(self, head: ResponseHead, *, model: str, max_chars: int) -> None:
        super().__init__(head, endpoint="transcription", model=model)
        self._max_chars: Final = max_chars
        self._deltas: Final = DeltaBuffer()
        self._text: list[str] = []
        self._size = 0
        self._segments: list[Segment] = []
        self._last: Json = {}
        self._language = ""
        self._streamed = self._piece_ended = False

    @property
    def partial_text(self) -> str:
        """The text received so far."""
        return "".join(self._text)

    def take_deltas(self) -> list[Delta]:
        """Returns the text and reasoning received since the last call."""
        return self._deltas.take()

    def take(self, value: Any) -> bool:
        """Takes an event of a stream; false if `value` is something else."""
        event = as_object(value)
        if event.get("error"):
            return False
        if event.get("object") == "transcription.chunk":
            self._take_chunk(event)
            return True
        family, _, what = as_text(event.get("type")).rpartition(".")
        if family not in ("transcript.text", "transcription", "transcription.text"):
            return False
        self._streamed = True
        if what == "delta":
            self._add(first_text(event, "delta", "text"))
        elif what == "segment":
            self._segments += _segments([event])[: _MAX_SEGMENTS - len(self._segments)]
        elif what == "language":
            self._language = first_text(event, "audio_language", "language")
        elif what == "done":
            self._last = event
            self._ended = True
        return True

    def _take_chunk(self, event: Json) -> None:
        """A chunk in vLLM's form: https://github.com/vllm-project/vllm/issues/49116, 2026-11-21."""
        self._streamed = True
        for choice in objects(event.get("choices")):
            self._add(as_text(as_object(choice.get("delta")).get("content")))
            self._piece_ended = self._piece_ended or bool(choice.get("finish_reason"))
        if event.get("usage"):
            self._last = {"usage": event["usage"]}

    def _add(self, text: str) -> None:
        if not text:
            return
        self._size += len(text)
        if self._size > self._max_chars:
            self.fail(f"the transcript is longer than {self._max_chars} characters", "too_large")
            return
        self._text.append(text)
        self._deltas.add("text", text)

    def end(self) -> None:
        """Takes `[DONE]`."""
        self._ended = self._streamed or bool(self._values)

    def finish(self, *, broken: str | None, cut: bool) -> TranscriptionResult:
        """The transcript; raises `ProviderError`."""
        if self.error is not None:
            raise self._with_text()
        if not self._streamed:
            return super().finish(broken=broken, cut=cut)
        if not self._ended and (broken or cut or not self._piece_ended):
            how = broken or "the stream ended without an end marker"
            self.fail(f"the transcript is cut off: {how}", "stream_truncated")
            raise self._with_text()
        return self._result([self._last])

    def _with_text(self) -> Exception:
        assert self.error is not None
        text = self.partial_text.strip()
        return self.error.with_fields(partial_text=text, retryable=False) if text else self.error

    def read(self, values: list[Any]) -> TranscriptionResult:
        """The transcript in one document, or in several that follow each other."""
        found = [v for value in values for v in (objects(value) or [as_object(value)]) if v]
        if not any("text" in v or v.get("segments") for v in map(_inner, found)):
            raise self.failure("the answer holds no transcript", "upstream")
        return self._result([_inner(v) for v in found])

    def _result(self, bodies: list[Json]) -> TranscriptionResult:
        for body in bodies:
            self._segments += _segments(objects(body.get("segments")))[: _MAX_SEGMENTS - len(self._segments)]
        texts = [as_text(body.get("text")).strip() for body in bodies]
        text = " ".join(t for t in texts if t) or self.partial_text.strip()
        text = text or " ".join(s.text for s in self._segments if s.text)
        last = bodies[-1]
        usage = as_object(find_usage(last))
        duration = as_number(last.get("duration"))
        return TranscriptionResult(
            text=text,
            segments=tuple(self._segments),
            words=tuple(w for body in bodies for w in objects(body.get("words"))[:_MAX_WORDS]),
            language=first_text(last, "language") or self._language or None,
            duration_s=duration if duration is not None else as_number(usage.get("seconds")),
            model=as_text(last.get("model")) or self.model or None,
            usage=read_usage(usage),
            warnings=() if text else (NO_SPEECH,),
        )


def _inner(body: Json) -> Json:
    """The transcript itself, without a gateway's wrapper."""
    if "text" in body or "segments" in body:
        return body
    return next((i for n in ("data", "result", "output", "response") if "text" in (i := as_object(body.get(n)))), body)


def _segments(entries: Sequence[Json]) -> list[Segment]:
    """Pieces that have a text and both times."""
    found: list[Segment] = []
    for entry in entries:
        start, end = as_number(entry.get("start")), as_number(entry.get("end"))
        if start is not None and end is not None:
            text = first_text(entry, "text", "transcript").strip()
            found.append(Segment(start=start, end=end, text=text, speaker=_speaker(entry)))
    return found


def _speaker(entry: Json) -> str | None:
    """The speaker's name or number."""
    for name in ("speaker", "speaker_id"):
        value = entry.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
            return str(value)
    return None


class TranscriptReader:
    """A `Reader` that also accepts the plain transcript as the body.

    Args:
        head: status and headers.
        model: the provider's id of the model that was asked.
        max_event_bytes: the most that one line, event or value, or the whole text, may take.
    """

    def __init__(self, head: ResponseHead, *, model: str, max_event_bytes: int) -> None:
        self._head: Final = head
        self._limit: Final = max_event_bytes
        self._transcript: Final = Transcript(head, model=model, max_chars=max_event_bytes)
        self._body: Final = BodyReader(head, self._transcript, max_event_bytes=max_event_bytes)
        self._first = b""
        self._plain: list[bytes] | None = None
        self._plain_bytes = 0
        self._decided = head.content_type == "text/event-stream"

    @property
    def done(self) -> bool:
        """True once the answer is complete or has failed."""
        return self._body.done

    @property
    def partial_text(self) -> str:
        """The text received so far."""
        if self._plain is not None:
            return b"".join(self._plain).decode("utf-8", "replace")
        return self._body.partial_text

    @property
    def held_bytes(self) -> int:
        """Bytes buffered of an unfinished value."""
        return self._body.held_bytes

    def feed(self, data: bytes) -> Sequence[Delta]:
        """Takes the next bytes; returns the deltas they complete."""
        if not self._decided:
            self._first += data
            if len(self._first.lstrip()) < _DECIDED_BYTES:
                return ()
            data = self._decide()
        return self._take(data)

    def _decide(self) -> bytes:
        self._decided = True
        data, self._first = self._first, b""
        start = data.removeprefix(b"\xef\xbb\xbf").lstrip()
        if start.startswith((*_EVENTS, b"<")):
            return data
        if start[:1] not in b'{["' or self._head.content_type in ("text/plain", "text/vtt", "application/x-subrip"):
            self._plain = []
        return data

    def _take(self, data: bytes) -> Sequence[Delta]:
        if self._plain is None:
            return self._body.feed(data)
        self._plain_bytes += len(data)
        if self._plain_bytes > self._limit:
            self._transcript.fail(f"the transcript is longer than {self._limit} bytes", "too_large")
        else:
            self._plain.append(data)
        return ()

    def finish(self, *, broken: str | None = None) -> TranscriptionResult:
        """The transcript.

        Raises:
            ProviderError: no answer, half a transcript (with its text), or an error inside a 200.
        """
        if not self._decided:
            self._take(self._decide())
        if self._plain is None or self._transcript.error:
            return self._body.finish(broken=broken)
        content = b"".join(self._plain)
        text = content.decode("utf-8-sig", "replace").strip()
        if isinstance(parse_or_none(text), dict):  # JSON with the content type of plain text
            self._plain = None
            self._body.feed(content)
            return self._body.finish(broken=broken)
        if broken or not content:
            kind = "stream_truncated" if broken else "upstream"
            why = f"the transcript is cut off: {broken}" if broken else "the provider sent an empty answer"
            raise self._transcript.failure(why, kind).with_fields(partial_text=text or None)
        warnings = () if text else (NO_SPEECH,)
        return TranscriptionResult(text=text, model=self._transcript.model or None, warnings=warnings)
