"""Builds speech requests in several forms. `speech_form` picks the row of `_FORMS`.

Facts: https://github.com/openai/openai-openapi 2.3.0 (createSpeech), read 2026-11-21;
https://platform.minimax.io/docs/api-reference/speech-t2a-http.md, read 2026-11-21;
https://www.alibabacloud.com/help/en/model-studio/qwen-tts-api, read 2026-11-28;
https://elevenlabs.io/docs/api-reference/text-to-speech/convert and https://docs.fish.audio (from documentation, not
tried).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import ArgumentError
from anymodel_mcp.record import record
from anymodel_mcp.types import Json
from anymodel_mcp.wire.audio.values import SpeechRequest
from anymodel_mcp.wire.decode.json_values import as_object
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.fields.options import drop_refused, merge_options, protected_names

_DASHSCOPE = "/api/v1/services/aigc/multimodal-generation/generation"
_ELEVENLABS = {"mp3": "mp3_44100_128", "pcm": "pcm_24000", "opus": "opus_48000_128", "wav": "wav_44100"}


@record
class _Form:
    """The path and the body of a request, before the user's options."""

    body: Json
    path: str = ""
    url: str = ""
    query: Mapping[str, str] | None = None
    headers: Mapping[str, str] | None = None


def build_speech(request: SpeechRequest, dialect: Dialect) -> WireRequest:
    """Builds a speech request.

    Raises:
        ArgumentError: the text is empty, or the form needs a voice and there is none.
    """
    if not request.text.strip():
        raise ArgumentError("text is empty", param="text", fix="Give the text to speak.")
    voice = request.voice or dialect.speech_voice
    form = _FORMS[dialect.speech_form](request, voice, request.format or dialect.speech_format)
    body = dict(form.body)
    warnings = drop_refused(body, dialect)
    merge_options(body, _merged(body, request.options))
    return WireRequest(
        path=form.path,
        url=form.url,
        endpoint="speech",
        body=body,
        query=form.query or {},
        headers=form.headers or {},
        stream=body.get("stream") is True or body.get("stream_format") == "sse",
        protected=protected_names(request.options),
        repeatable=False,
        warnings=tuple(warnings),
    )


def _merged(body: Json, options: Json) -> Json:
    """The options; objects that the form also sets (`voice_setting`, `input`) are merged key by key."""
    return {
        name: {**as_object(body.get(name)), **as_object(value)} if isinstance(value, dict) else value
        for name, value in options.items()
    }


def _sparse(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value}


def _openai(request: SpeechRequest, voice: str, kind: str) -> _Form:
    fields = _sparse(voice=voice, response_format=kind)
    return _Form(path="audio/speech", body={"model": request.model, "input": request.text, **fields})


def _minimax(request: SpeechRequest, voice: str, kind: str) -> _Form:
    settings = _sparse(voice_setting=_sparse(voice_id=voice), audio_setting=_sparse(format=kind))
    return _Form(path="t2a_v2", body={"model": request.model, "text": request.text, "stream": False, **settings})


def _dashscope(request: SpeechRequest, voice: str, _kind: str) -> _Form:
    said = {"text": request.text, **_sparse(voice=voice)}
    return _Form(url=_DASHSCOPE, body={"model": request.model, "input": said})


def _elevenlabs(request: SpeechRequest, voice: str, kind: str) -> _Form:
    if not voice:
        raise ArgumentError(
            "this provider needs a voice", param="voice", fix="Give voice (its id), or set default_voice."
        )
    return _Form(
        path=f"text-to-speech/{quote(voice, safe='')}",
        body={"text": request.text, "model_id": request.model},
        query={"output_format": _ELEVENLABS.get(kind or "mp3", kind)},
    )


def _fish(request: SpeechRequest, voice: str, kind: str) -> _Form:
    fields = _sparse(reference_id=voice, format=kind)
    return _Form(path="tts", body={"text": request.text, **fields}, headers={"model": request.model})


_FORMS: Mapping[str, Callable[[SpeechRequest, str, str], _Form]] = {
    "openai": _openai,
    "minimax": _minimax,
    "dashscope": _dashscope,
    "elevenlabs": _elevenlabs,
    "fish": _fish,
}
