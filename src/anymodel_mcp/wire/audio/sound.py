"""Reads answers to speech requests: raw bytes, base64 or hex inside JSON or events, or a URL.

JSON that contains a sound is an answer regardless of other fields; JSON without one is an error regardless of status.
"""

from __future__ import annotations

import re
from typing import Any, Final

from anymodel_mcp.types import Json, Sound
from anymodel_mcp.wire.audio.formats import is_raw, samples_of, wav_header
from anymodel_mcp.wire.audio.values import SpeechResult
from anymodel_mcp.wire.content.parts import decode_base64
from anymodel_mcp.wire.content.sniff import sniff_sound
from anymodel_mcp.wire.content.usage import find_usage, read_usage
from anymodel_mcp.wire.decode.body import Document
from anymodel_mcp.wire.decode.file_body import FileBodyReader
from anymodel_mcp.wire.decode.json_values import as_number, as_object, as_text, first_text, objects
from anymodel_mcp.wire.exchange import Reader, ReadOptions, ResponseHead, WireRequest
from anymodel_mcp.wire.failures.provider_error import tidy

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_CODED = ("audio_data", "audio", "audioContent", "audio_base64", "b64_json", "base64", "data")
_SURE = frozenset({"audio_data", "audio", "audioContent", "audio_base64"})
_LEAST_SAMPLES = 64
"""Unrecognized bytes count as raw samples only if the name says so and there are more than this."""
_LINKS = ("url", "audio_url", "audio_file")
_HOLDERS = ("output", "data", "audio", "result", "response")
_TEXT_STARTS = b'{["<:dei \r\n\t\xef'
_DECIDED_BYTES = 32
_MAX_DEPTH = 4


def read_speech(head: ResponseHead, sent: WireRequest, options: ReadOptions) -> Reader[SpeechResult]:
    """Reads the answer to a speech request."""
    kind = head.headers.get("content-type", "")
    raw_asked = _asks_for_raw(sent)

    def is_sound(start: bytes) -> bool:
        as_json = head.content_type in ("application/json", "text/event-stream", "text/html", "text/plain")
        sample = (is_raw(kind.lower()) or raw_asked) and not as_json
        named = not kind or kind.lower().startswith(("audio/", "video/", "application/octet-stream"))
        foreign = start[:1] not in _TEXT_STARTS and (named or sample)
        return bool(sniff_sound(start)) or foreign or (sample and not _opens_json(start))

    return FileBodyReader(
        head,
        Speech(head, model=options.model, max_bytes=options.max_event_bytes),
        kind="sound",
        is_file=is_sound,
        sample_bytes=_DECIDED_BYTES,
        build=lambda content: SpeechResult(sound=sound_of(content, kind), model=options.model or None),
        max_event_bytes=options.max_event_bytes,
    )


def _asks_for_raw(sent: WireRequest) -> bool:
    """Whether raw samples were requested, which cannot be recognized by the bytes."""
    body = sent.body or {}
    asked = first_text(body, "response_format", "format") or as_text(as_object(body.get("audio_setting")).get("format"))
    return asked.lower().startswith(("pcm", "l16", "raw")) or sent.query.get("output_format", "").startswith("pcm")


def sound_of(content: bytes, content_type: str = "", *, duration_s: float | None = None, sniffed: bool = True) -> Sound:
    """A sound from bytes; bytes of no known format count as raw samples, unless named otherwise, and get a header.

    Args:
        content: the bytes.
        content_type: the media type under which they came.
        duration_s: as the provider tells it.
        sniffed: the bytes may show a format; false where raw samples were asked for, which may look like one.
    """
    mime = sniff_sound(content) if sniffed or content[:4] == b"RIFF" else None
    kind = content_type.partition(";")[0].strip().lower()
    if mime is None and kind.startswith("audio/") and not is_raw(kind):
        mime = kind
    if mime is None:
        rate, channels = samples_of(content_type)
        content = wav_header(len(content), rate, channels) + content
        length = round((len(content) - 44) / (2 * rate * channels), 3)
        return Sound(content=content, mime="audio/wav", duration_s=duration_s or length, sample_rate=rate)
    return Sound(content=content, mime=mime, duration_s=duration_s)


def decode_sound(text: str) -> bytes | None:
    """Decodes a sound in hex, base64 or a data URL; `None` = it is none of these."""
    text = text.strip()
    if text[:5].lower() == "data:":
        text = text[text.find(",", 0, 200) + 1 :]
    if _HEX.fullmatch(text):
        content = bytes.fromhex(text)
        coded = decode_base64(text)
        # hex digits are valid base64 too: the decoding with a known format wins
        return coded if coded and sniff_sound(coded) and not sniff_sound(content) else content
    return decode_base64(text) or None


class Speech(Document[SpeechResult]):
    """Assembles a sound from JSON documents or events.

    Args:
        head: status and headers.
        model: the provider's id of the model that was asked.
        max_bytes: the largest sound.
    """

    def __init__(self, head: ResponseHead, *, model: str, max_bytes: int) -> None:
        super().__init__(head, endpoint="speech", model=model)
        self._max_bytes: Final = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._last: Json = {}
        self._streamed = False

    def take(self, value: Any) -> bool:
        """Takes an event with a piece of the sound; false if `value` is something else."""
        event = as_object(value)
        kind = as_text(event.get("type"))
        if kind == "speech.audio.delta":
            self._add(first_text(event, "audio", "delta", "data"))
            return True
        if kind == "speech.audio.done":
            self._streamed = self._ended = True
            self._last = event
            return True
        data = as_object(event.get("data"))
        if data.get("status") == 1 and as_text(data.get("audio")) and not event.get("error"):
            self._add(as_text(data.get("audio")))
            return True
        return False

    def _add(self, text: str) -> None:
        content = decode_sound(text) or b""
        self._streamed = True
        self._size += len(content)
        if self._size > self._max_bytes:
            self.fail(f"the sound is longer than {self._max_bytes} bytes", "too_large")
        else:
            self._pieces.append(content)

    def end(self) -> None:
        """Takes `[DONE]`."""
        self._ended = self._streamed or bool(self._values)

    def finish(self, *, broken: str | None, cut: bool) -> SpeechResult:
        """The sound; raises `ProviderError`."""
        if self.error is None and self._streamed and not self._values:
            if not self._ended:
                how = broken or "the stream ended without an end marker"
                raise self.failure(f"the sound is cut off: {how}", "stream_truncated")
            return self._result(self._last, None)
        return super().finish(broken=broken, cut=cut)

    def read(self, values: list[Any]) -> SpeechResult:
        """The sound in one document, or in the frames of a stream whose last one may repeat the whole."""
        bodies = [v for value in values for v in (objects(value) or [as_object(value)]) if v]
        for body in reversed(bodies):
            found = _find(body, 0)
            if found is not None:
                return self._result(body, found)
        if self._pieces:
            return self._result(bodies[-1] if bodies else {}, None)
        words = first_text(bodies[-1], "message", "msg", "detail", "text") if bodies else ""
        raise self.failure("the answer holds no sound" + (f": {tidy(words)}" if words else ""), "upstream")

    def _result(self, body: Json, found: Sound | None) -> SpeechResult:
        extra = as_object(body.get("extra_info"))
        length = as_number(extra.get("audio_length"))
        duration = round(length / 1000, 3) if length is not None else None
        if found is None or found.content is not None:
            content = b"".join(self._pieces) if found is None else found.content or b""
            if not content:
                raise self.failure("the answer holds no sound", "upstream")
            found = sound_of(content, self.head.headers.get("content-type", ""), duration_s=duration)
        usage = read_usage(find_usage(body) or find_usage(self._last))
        return SpeechResult(sound=found, model=as_text(body.get("model")) or self.model or None, usage=usage)


def _find(value: Any, depth: int) -> Sound | None:
    """Finds the sound in a document, in any field; bytes are preferred to URLs."""
    if isinstance(value, list):
        return next((found for item in objects(value) if (found := _find(item, depth + 1))), None)
    source = as_object(value)
    if not source:
        return None
    for name in _CODED:
        text = as_text(source.get(name))
        content = decode_sound(text) if text and not text.lower().startswith("http") else None
        if content and (sniff_sound(content) or (name in _SURE and len(content) >= _LEAST_SAMPLES)):
            return Sound(content=content)
    for name in (*_LINKS, "audio"):
        link = as_text(source.get(name)).strip()
        if link[:8].lower().startswith(("https://", "http://")):
            return Sound(url=link)
    if depth >= _MAX_DEPTH:
        return None
    return next((found for name in _HOLDERS if (found := _find(source.get(name), depth + 1))), None)


def _opens_json(data: bytes) -> bool:
    """Whether a body that may be raw samples begins like JSON, events or HTML."""
    start = data.lstrip()
    return start.startswith((b'{"', b"{ ", b"{\n", b"{\r", b"[{", b"data:", b"event:", b"<!", b"<html"))
