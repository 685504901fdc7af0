"""Transcription requests: a multipart form at most providers, JSON with base64 at some.

Facts: https://github.com/openai/openai-openapi 2.3.0 (createTranscription, createTranslation) and
https://openrouter.ai/docs/guides/overview/multimodal/stt, read 2026-11-21.
"""

from __future__ import annotations

import base64
from typing import Any

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.types import FilePart, Json
from anymodel_mcp.wire.audio.formats import ENDINGS, named_sound, shrink_line
from anymodel_mcp.wire.audio.values import TranscriptionRequest
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.options import drop_refused, merge_options, protected_names

_MB = 1_000_000


def build_transcription(request: TranscriptionRequest, dialect: Dialect) -> WireRequest:
    """Builds a transcription request, or with `translate` one for a translation into English.

    Raises:
        ArgumentError: the sound is larger than the provider takes.
    """
    check_sound_size(request.file, dialect.audio_max_mb)
    as_json = dialect.transcription_form == "json"
    body: dict[str, Any] = {"model": request.model}
    if request.language and not request.translate:
        body["language"] = request.language
    if not as_json:
        body |= _format_fields(request, dialect)
    warnings = drop_refused(body, dialect)
    options = request.options if as_json else _repeated(request.options)
    merge_options(body, options)
    if as_json:
        body["input_audio"] = input_audio(request.file)
    return WireRequest(
        path="audio/translations" if request.translate else "audio/transcriptions",
        endpoint="transcription",
        body=body,
        multipart=not as_json,
        files=() if as_json else (("file", named_sound(request.file)),),
        stream=body.get("stream") is True,
        protected=protected_names(options),
        warnings=tuple(warnings),
    )


def check_sound_size(file: FilePart, most_mb: int) -> None:
    """Checks the size, because the provider would refuse the sound only after a long upload.

    Raises:
        ArgumentError: it is too large; the fix names a command that shrinks it.
    """
    if len(file.content) > most_mb * _MB:
        raise ArgumentError(
            f"{file.name!r} has {len(file.content) / _MB:.1f} MB; this provider takes at most {most_mb} MB of sound "
            "(audio_max_mb)",
            param="file",
            fix=f"Make it smaller: {shrink_line(file.name)} puts an hour of speech into 14 MB.",
        )


def input_audio(file: FilePart) -> Json:
    """A sound in JSON: bare base64 and its format."""
    return {"data": base64.b64encode(file.content).decode("ascii"), "format": ENDINGS.get(file.mime, "wav")}


def _format_fields(request: TranscriptionRequest, dialect: Dialect) -> Json:
    """The fields that select the response format; JSON is the only one that every provider supports."""
    if request.format == "text":
        plain: Json = {} if dialect.transcription_times == "granularities" else {"response_format": "json"}
        return {**plain, "stream": True} if dialect.transcription_stream else plain
    if dialect.transcription_times == "granularities":
        return {"timestamp_granularities": ["segment"]}
    fields: Json = {"response_format": dialect.transcription_times}
    if dialect.transcription_times == "diarized_json":
        fields["chunking_strategy"] = "auto"  # without it such models refuse more than 30 s
    return fields


def _repeated(options: Json) -> Json:
    """The options, with the names of lists ending in `[]` as form fields require."""
    return {f"{k.removesuffix('[]')}[]" if isinstance(v, list) else k: v for k, v in options.items()}
