"""Transcripts, sounds and rankings in every form in which they come, cut everywhere; and what is sent for them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect, Quirks
from anymodel_mcp.errors import ArgumentError, Failure, ProviderError
from anymodel_mcp.media.sounds import measure_sound
from anymodel_mcp.types import FilePart
from anymodel_mcp.wire.apis import RERANK, SPEECH, TRANSCRIPTION
from anymodel_mcp.wire.audio.formats import wav_header
from anymodel_mcp.wire.audio.speech import build_speech
from anymodel_mcp.wire.audio.subtitles import srt, vtt
from anymodel_mcp.wire.audio.transcription import build_transcription
from anymodel_mcp.wire.audio.values import Segment, SpeechRequest, SpeechResult, TranscriptionRequest
from anymodel_mcp.wire.exchange import ResponseHead
from anymodel_mcp.wire.failures.repair import apply, find_repair
from anymodel_mcp.wire.rerank import RerankRequest, build_rerank
from tests.wire.feeding import JSON_HEAD, SSE_HEAD, as_bytes, everyway, reader_of

MP3 = b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x64" + bytes(100)
WAV = wav_header(3200, 16_000) + bytes(3200)
PLAIN = ResponseHead(status=200, headers={"content-type": "text/plain; charset=utf-8"})


def transcript(data: Any, head: ResponseHead = JSON_HEAD, broken: str | None = None) -> Any:
    return everyway(lambda: reader_of(TRANSCRIPTION, head, endpoint="transcription"), as_bytes(data), broken)


def sound(data: Any, head: ResponseHead = JSON_HEAD, body: dict[str, Any] | None = None) -> Any:
    return everyway(lambda: reader_of(SPEECH, head, endpoint="speech", body=body), as_bytes(data))


def of_type(kind: str) -> ResponseHead:
    return ResponseHead(status=200, headers={"content-type": kind})


def events(*values: dict[str, Any]) -> bytes:
    return "".join(f"data: {json.dumps(value)}\n\n" for value in values).encode()


DELTA = {"type": "transcript.text.delta", "delta": "Hi"}
CHUNK = {"object": "transcription.chunk", "choices": [{"delta": {"content": "Hi"}, "finish_reason": None}]}
ENDED = {"object": "transcription.chunk", "choices": [{"delta": {"content": ""}, "finish_reason": "stop"}]}
TEXTS: list[tuple[str, ResponseHead, Any, str]] = [
    ("json", JSON_HEAD, {"text": " Hi "}, "Hi"),
    ("plain text", PLAIN, b" Hi there\n", "Hi there"),
    ("plain text with a bracket", PLAIN, b"[Music] hi", "[Music] hi"),
    (
        "plain text in quotation marks",
        PLAIN,
        b'"Hello," he said, and went on to say much more than that, at length.',
        '"Hello," he said, and went on to say much more than that, at length.',
    ),
    ("json as plain text", PLAIN, {"text": "Hi"}, "Hi"),
    ("subtitles as json", JSON_HEAD, b"WEBVTT\n\n00:00.000 --> 00:01.000\nHi", "WEBVTT\n\n00:00.000 --> 00:01.000\nHi"),
    (
        "segments only",
        JSON_HEAD,
        {"segments": [{"start": 0, "end": 1, "text": "a"}, {"start": 1, "end": 2, "text": "b"}]},
        "a b",
    ),
    ("inside data", JSON_HEAD, {"data": {"text": "Hi"}}, "Hi"),
    ("done repeats all", SSE_HEAD, events(DELTA, {"type": "transcript.text.done", "text": "Hi"}), "Hi"),
    ("done without text", SSE_HEAD, events(DELTA, {"type": "transcript.text.done"}), "Hi"),
    ("[DONE]", SSE_HEAD, events(DELTA) + b"data: [DONE]\n\n", "Hi"),
    ("vLLM", SSE_HEAD, events(CHUNK, ENDED), "Hi"),
    (
        "Mistral",
        SSE_HEAD,
        events({"type": "transcription.text.delta", "text": "Hi"}, {"type": "transcription.done"}),
        "Hi",
    ),
]


@pytest.mark.parametrize(("head", "data", "text"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_a_transcript_is_read_in_every_form(head: ResponseHead, data: Any, text: str) -> None:
    assert transcript(data, head).text == text


FAILURES: list[tuple[str, ResponseHead, Any, str | None, str]] = [
    ("cut stream", SSE_HEAD, events(DELTA), None, "stream_truncated"),
    ("broken stream", SSE_HEAD, events(DELTA), "reset", "stream_truncated"),
    ("error event", SSE_HEAD, events(DELTA, {"error": {"message": "overloaded_error: try later"}}), None, "overloaded"),
    ("no bytes", JSON_HEAD, b"", None, "upstream"),
    ("no transcript", JSON_HEAD, {"id": "x"}, None, "upstream"),
    ("a web page", JSON_HEAD, b"<html><head><title>Home</title></head></html>", None, "config"),
    ("a web page as text", PLAIN, b"<html><head><title>Home</title></head></html>", None, "config"),
    ("broken text", PLAIN, b"half a sen", "reset", "stream_truncated"),
]


@pytest.mark.parametrize(
    ("head", "data", "broken", "kind"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
def test_no_transcript_is_a_failure(head: ResponseHead, data: Any, broken: str | None, kind: str) -> None:
    failure = transcript(data, head, broken)
    assert isinstance(failure, Failure)
    assert failure.kind == kind


def test_silence_is_an_answer_with_a_warning() -> None:
    assert transcript({"text": "  "}).warnings == ("no speech found",)
    assert transcript(b" \n", PLAIN).warnings == ("no speech found",)


SOUNDS: list[tuple[str, ResponseHead, Any, bytes]] = [
    ("raw", of_type("audio/mpeg"), MP3, MP3),
    ("raw under no name", of_type("application/octet-stream"), MP3, MP3),
    ("raw under a wrong name", JSON_HEAD, MP3, MP3),
    ("base64", JSON_HEAD, {"audio_data": base64.b64encode(MP3).decode()}, MP3),
    ("hex", JSON_HEAD, {"data": {"audio": MP3.hex(), "status": 2}, "base_resp": {"status_code": 0}}, MP3),
    (
        "frames that repeat the whole",
        SSE_HEAD,
        events({"data": {"audio": MP3[:40].hex(), "status": 1}}, {"data": {"audio": MP3.hex(), "status": 2}}),
        MP3,
    ),
    ("in a list", JSON_HEAD, {"data": [{"b64_json": base64.b64encode(MP3).decode()}]}, MP3),
    (
        "events",
        SSE_HEAD,
        events(
            {"type": "speech.audio.delta", "audio": base64.b64encode(MP3[:50]).decode()},
            {"type": "speech.audio.delta", "audio": base64.b64encode(MP3[50:]).decode()},
            {"type": "speech.audio.done"},
        ),
        MP3,
    ),
    ("samples", of_type("audio/pcm;rate=16000"), b"{}" + bytes(200), wav_header(202, 16_000) + b"{}" + bytes(200)),
]


@pytest.mark.parametrize(("head", "data", "content"), [row[1:] for row in SOUNDS], ids=[row[0] for row in SOUNDS])
def test_a_sound_is_read_in_every_form(head: ResponseHead, data: Any, content: bytes) -> None:
    result = sound(data, head)
    assert isinstance(result, SpeechResult), result
    assert result.sound.content == content


def test_a_sound_may_be_an_address() -> None:
    assert sound({"output": {"audio": {"url": "https://x.example/a.wav"}}}).sound.url == "https://x.example/a.wav"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "upstream"),
        ({"error": {"message": "voice not found", "type": "invalid_request_error"}}, "bad_request"),
        ({"status": "ok", "data": "success"}, "upstream"),
        ({"audio": "yes"}, "upstream"),
        (b"<html><title>x</title></html>", "config"),
        (events({"type": "speech.audio.delta", "audio": "AAAA"}), "stream_truncated"),
    ],
)
def test_no_sound_is_a_failure(data: Any, kind: str) -> None:
    failure = sound(data)
    assert isinstance(failure, Failure), failure
    assert failure.kind == kind


def test_subtitles_are_made_from_segments() -> None:
    segments = [
        Segment(start=0, end=1.5, text="A <b>\n\nc", speaker="S 1"),
        Segment(start=3599.9996, end=3661, text="d"),
    ]
    assert srt(segments) == ("1\n00:00:00,000 --> 00:00:01,500\nS 1: A <b>\nc\n\n2\n01:00:00,000 --> 01:01:01,000\nd\n")
    assert vtt(segments).startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nS 1: A &lt;b&gt;\nc\n")


def test_a_header_makes_samples_a_sound_of_known_length() -> None:
    length = measure_sound(WAV)
    assert length is not None
    assert (length.duration_s, length.sample_rate) == (0.1, 16_000)
    assert measure_sound(b"no sound") is None


def form(quirks: Quirks | None = None, **given: Any) -> Any:
    file: Any = given.pop("file", FilePart(name="a b", mime="audio/wav", content=WAV))
    request = TranscriptionRequest(model="m", file=file, **given)
    return build_transcription(request, Dialect(**(quirks or {})))


@pytest.mark.parametrize(
    ("quirks", "given", "fields"),
    [
        ({}, {"language": "de"}, {"model": "m", "language": "de", "response_format": "json"}),
        ({}, {"language": "de", "translate": True}, {"model": "m", "response_format": "json"}),
        ({}, {"format": "srt"}, {"model": "m", "response_format": "verbose_json"}),
        (
            {"transcription_times": "diarized_json"},
            {"format": "segments"},
            {"model": "m", "response_format": "diarized_json", "chunking_strategy": "auto"},
        ),
        ({"transcription_stream": True}, {}, {"model": "m", "response_format": "json", "stream": True}),
        (
            {},
            {"options": {"include": ["logprobs"]}},
            {"model": "m", "response_format": "json", "include[]": ["logprobs"]},
        ),
    ],
)
def test_a_form_holds_what_is_asked(quirks: Quirks, given: dict[str, Any], fields: dict[str, Any]) -> None:
    wire = form(quirks, **given)
    assert wire.body == fields
    assert wire.files[0][1].name == "a b.wav"


def test_a_sound_that_is_too_large_is_refused_with_the_command_that_shrinks_it() -> None:
    with pytest.raises(ArgumentError, match="audio_max_mb") as caught:
        form({"audio_max_mb": 1}, file=FilePart(name="call.wav", mime="audio/wav", content=bytes(1_000_001)))
    assert "ffmpeg -i call.wav" in caught.value.failure.advice


def test_a_refused_format_is_asked_for_again_as_json_and_only_once() -> None:
    error = ProviderError(
        "response_format 'verbose_json' is not compatible with this model. Use 'json' or 'text' instead.",
        kind="unsupported_parameter",
        status=400,
        param="response_format",
    )
    wire = form(format="srt")
    repair = find_repair(wire, error, frozenset())
    assert repair is not None
    repaired = apply(wire, [repair])
    assert ("response_format", "json") in repaired.form
    assert any("response_format" in warning for warning in repaired.warnings)
    assert find_repair(form(options={"response_format": "srt"}), error, frozenset()) is None


@pytest.mark.parametrize(
    ("speech_form", "path", "body"),
    [
        ("openai", "audio/speech", {"model": "m", "input": "Hi", "voice": "v", "response_format": "mp3"}),
        (
            "minimax",
            "t2a_v2",
            {
                "model": "m",
                "text": "Hi",
                "stream": False,
                "voice_setting": {"voice_id": "v"},
                "audio_setting": {"format": "mp3"},
            },
        ),
        ("elevenlabs", "text-to-speech/v", {"text": "Hi", "model_id": "m"}),
        ("dashscope", "", {"model": "m", "input": {"text": "Hi", "voice": "v"}}),
        ("fish", "tts", {"text": "Hi", "reference_id": "v", "format": "mp3"}),
    ],
)
def test_speech_is_asked_for_in_each_form(speech_form: Any, path: str, body: dict[str, Any]) -> None:
    wire = build_speech(SpeechRequest(model="m", text="Hi", voice="v", format="mp3"), Dialect(speech_form=speech_form))
    assert (wire.path, wire.body, wire.repeatable) == (path, body, False)


@pytest.mark.parametrize(
    "data",
    [
        {"results": [{"index": 0, "relevance_score": -3.5}, {"index": 1, "relevance_score": 2}]},
        {"data": [{"index": 1, "relevance_score": 2}, {"index": 0, "relevance_score": -3.5}]},
        [{"index": 0, "score": -3.5}, {"index": 1, "score": 2}],
        {"output": {"results": [{"index": 0, "relevance_score": -3.5}, {"index": 1, "relevance_score": 2}]}},
        {"rankings": [{"index": 1, "logit": 2}, {"index": 0, "logit": -3.5}]},
    ],
)
@pytest.mark.parametrize("rerank_form", ["jina", "voyage", "tei", "dashscope", "nvidia"])
def test_a_ranking_is_read_in_every_form(rerank_form: Any, data: Any) -> None:
    wire = build_rerank(RerankRequest(model="m", query="q", documents=["a", "b"]), Dialect(rerank_form=rerank_form))
    result: Any = everyway(lambda: reader_of(RERANK, JSON_HEAD, endpoint="rerank", body=wire.body), as_bytes(data))
    assert [(r.index, r.score) for r in result.ranking] == [(1, 2), (0, -3.5)]


@pytest.mark.parametrize(
    "rows", [[{"index": 2, "score": 1}], [{"index": 0, "score": 1}, {"index": 0, "score": 2}], [{"index": 0}]]
)
def test_a_ranking_of_other_documents_is_refused(rows: list[Any]) -> None:
    body = {"documents": ["a", "b"]}
    failure: Any = everyway(
        lambda: reader_of(RERANK, JSON_HEAD, endpoint="rerank", body=body), as_bytes({"results": rows})
    )
    assert isinstance(failure, Failure)
    assert failure.kind == "protocol"
