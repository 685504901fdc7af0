"""Requests and results of the audio APIs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any, Literal

from anymodel_mcp.record import record
from anymodel_mcp.types import FilePart, Json, Sound, Usage

TranscriptFormat = Literal["text", "segments", "srt", "vtt"]


@record
class TranscriptionRequest:
    """A sound to transcribe.

    Attributes:
        model: the provider's own id.
        language: ISO 639-1 code of the spoken language.
        format: the requested output; all but "text" need times.
        translate: translate the transcript into English.
        options: any other request field, sent verbatim.
    """

    model: str
    file: FilePart
    language: str | None = None
    format: TranscriptFormat = "text"
    translate: bool = False
    options: Json = field(default_factory=dict[str, Any])


@record
class Segment:
    """A piece of a transcript; times in seconds from the start of the sound."""

    start: float
    end: float
    text: str
    speaker: str | None = None


@record
class TranscriptionResult:
    """A transcript.

    Attributes:
        text: without white space around it; subtitles where the provider answered with them.
        duration_s: the length of the sound.
        words: words with times, as the provider returns them.
    """

    text: str
    segments: Sequence[Segment] = ()
    words: Sequence[Json] = ()
    language: str | None = None
    duration_s: float | None = None
    model: str | None = None
    usage: Usage | None = None
    warnings: Sequence[str] = ()


@record
class SpeechRequest:
    """A text to speak; `voice` and `format` in the provider's terms."""

    model: str
    text: str
    voice: str | None = None
    format: str | None = None
    options: Json = field(default_factory=dict[str, Any])


@record
class SpeechResult:
    """A spoken text."""

    sound: Sound
    model: str | None = None
    usage: Usage | None = None
    warnings: Sequence[str] = ()
