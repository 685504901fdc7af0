"""Sound in `chat`: recordings sent in each form, answers that are spoken, both kept in threads."""

from __future__ import annotations

import base64
import io
import json
import wave
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.types import ResourceLink

from anymodel_mcp.config import Files, Settings
from anymodel_mcp.dialects.fields import ApiName
from anymodel_mcp.wire.audio.formats import wav_header
from tests.fakes import (
    FakeProvider,
    completion,
    connect,
    error_of,
    problem,
    provider,
    record_of,
    settings,
    stream,
    text_of,
)

Json = dict[str, Any]
PCM = bytes(range(256)) * 19  # 4,864 bytes: 0.101 s at 24 kHz
SPOKEN = {"options": {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}}


def wav(samples: bytes = bytes(3200)) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(samples)
    return made.getvalue()


WAV = wav()
B64 = base64.b64encode(WAV).decode()
MP3 = b"\xff\xfb\x90\x64".ljust(417, b"\0") * 4
URL = f"data:audio/wav;base64,{B64}"


def _settings(folder: Path, *more: Any, **fields: Any) -> Settings:
    return settings(provider(**fields), *more, files=Files(allowed_dirs=(str(folder),)))


def _part(fake: FakeProvider, index: int = -1) -> Any:
    return fake.body(index)["messages"][0]["content"][1]


# --- in ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "sent"),
    [
        ("openai", {"data": B64, "format": "wav"}),
        ("openrouter", {"data": B64, "format": "wav"}),
        ("vllm", {"data": B64, "format": "wav"}),
        ("gemini", {"data": B64, "format": "wav"}),
        ("dashscope", {"data": f"data:;base64,{B64}", "format": "wav"}),
        ("mistral", B64),
    ],
)
@pytest.mark.parametrize("given", ["path", "data URL", "messages"])
async def test_a_sound_goes_in_the_form_of_its_row(dialect: str, sent: Any, given: str, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(WAV)
    arguments: Json = {"prompt": "What is said?", "files": [str(tmp_path / "a.wav") if given == "path" else URL]}
    if given == "messages":
        sound = {"type": "input_audio", "input_audio": {"data": B64, "format": "wav"}}
        arguments = {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is said?"}, sound]}]}
    fake = FakeProvider([completion("A greeting.")])
    async with connect(fake, tmp_path / "data", _settings(tmp_path, dialect=dialect)) as client:
        result = await client.call_tool("chat", {**arguments, "stream": False})
    assert text_of(result) == "A greeting."
    assert _part(fake) == {"type": "input_audio", "input_audio": sent}


@pytest.mark.parametrize(
    ("content", "name", "format_"),
    [
        (WAV, "a.bin", "wav"),
        (MP3, "a.mp3", "mp3"),
        (b"fLaC" + bytes(50), "a.flac", "flac"),
        (b"OggS" + bytes(50), "voice.opus", "ogg"),
        (b"\0\0\0\x20ftypM4A " + bytes(50), "memo.m4a", "m4a"),
    ],
)
async def test_the_format_is_that_of_the_bytes(content: bytes, name: str, format_: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path / "data", _settings(tmp_path)) as client:
        await client.call_tool("chat", {"prompt": "x", "files": [str(tmp_path / name)], "stream": False})
    assert _part(fake)["input_audio"] == {"data": base64.b64encode(content).decode(), "format": format_}


async def test_gemini_gets_the_bytes_inline(tmp_path: Path) -> None:
    reply = {"candidates": [{"content": {"parts": [{"text": "A greeting."}]}, "finishReason": "STOP"}]}
    (tmp_path / "a.mp3").write_bytes(MP3)
    fake = FakeProvider([httpx2.Response(200, json=reply)])
    async with connect(fake, tmp_path / "data", _settings(tmp_path, api="gemini")) as client:
        await client.call_tool("chat", {"prompt": "x", "files": [str(tmp_path / "a.mp3")], "stream": False})
    inline = {"mimeType": "audio/mpeg", "data": base64.b64encode(MP3).decode()}
    assert fake.body()["contents"][0]["parts"][1] == {"inlineData": inline}


async def test_responses_gets_the_same_part(tmp_path: Path) -> None:
    part = {"type": "output_text", "text": "A greeting."}
    reply = {"id": "r", "status": "completed", "output": [{"type": "message", "content": [part]}]}
    fake = FakeProvider([httpx2.Response(200, json=reply)])
    async with connect(fake, tmp_path, settings(provider(api="responses"))) as client:
        await client.call_tool("chat", {"prompt": "x", "files": [URL], "stream": False})
    sound = {"type": "input_audio", "input_audio": {"data": B64, "format": "wav"}}
    assert fake.body()["input"][0]["content"][1] == sound


async def test_the_messages_api_takes_no_sound_and_says_what_to_do(tmp_path: Path) -> None:
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path, settings(provider(api="anthropic"))) as client:
        result = await client.call_tool("chat", {"prompt": "x", "files": [URL]})
    assert error_of(result)["kind"] == "invalid_argument"
    assert "transcribe" in text_of(result)
    assert not fake.seen


async def test_a_sound_that_is_too_large_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    (tmp_path / "long.wav").write_bytes(WAV + bytes(2_000_000))
    fake = FakeProvider([completion("x")])
    configured = _settings(tmp_path, quirks={"audio_max_mb": 1})
    async with connect(fake, tmp_path / "data", configured) as client:
        result = await client.call_tool("chat", {"prompt": "x", "files": [str(tmp_path / "long.wav")]})
    assert error_of(result)["kind"] == "invalid_argument"
    assert "ffmpeg -i long.wav" in text_of(result)
    assert not fake.seen


async def test_a_sound_outside_the_allowed_folders_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(WAV)
    fake = FakeProvider([completion("x")])
    async with connect(fake, tmp_path / "data", settings()) as client:
        result = await client.call_tool("chat", {"prompt": "x", "files": [str(tmp_path / "a.wav")]})
    assert error_of(result)["kind"] == "invalid_argument"
    assert not fake.seen


async def test_a_thread_sends_its_sound_again_in_the_form_of_the_next_provider(tmp_path: Path) -> None:
    fake = FakeProvider([completion("One."), completion("Two."), completion("Three.")])
    both = settings(provider("a"), provider("b", dialect="mistral"))
    async with connect(fake, tmp_path, both) as client:
        one = await client.call_tool("chat", {"prompt": "x", "files": [URL], "conversation": "new", "stream": False})
        thread = record_of(one)["conversation"]
        for model in ("a/m", "b/m"):
            arguments = {"prompt": "And?", "model": model, "conversation": thread, "stream": False}
            await client.call_tool("chat", arguments)
    assert _part(fake, 1)["input_audio"] == {"data": B64, "format": "wav"}
    assert _part(fake, 2)["input_audio"] == B64


# --- out --------------------------------------------------------------------------------------------------------------


def _frames(*deltas: Json) -> bytes:
    choices: list[Json] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    frames = [b"data: " + json.dumps({"id": "c", "model": "m", "choices": [c]}).encode() + b"\n\n" for c in choices]
    return b"".join(frames) + b"data: [DONE]\n\n"


def _cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


PIECES: dict[str, list[str]] = {
    "each piece padded": [base64.b64encode(PCM[at : at + 1000]).decode() for at in range(0, len(PCM), 1000)],
    "one text cut anywhere": _cut(base64.b64encode(PCM).decode(), 997),
    "one piece": [base64.b64encode(PCM).decode()],
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
async def test_streamed_samples_become_a_wav_file_beside_the_spoken_words(pieces: list[str], tmp_path: Path) -> None:
    audio: list[Json] = [{"id": "audio_1"}, {"transcript": "Yes, "}, {"transcript": "it is."}]
    audio += [{"data": piece} for piece in pieces] + [{"expires_at": 1789003600}]
    fake = FakeProvider([stream(_frames({"role": "assistant", "content": None}, *({"audio": a} for a in audio)))])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "Is it?", **SPOKEN})
    (sound,) = record_of(result)["audio"]
    saved = Path(sound["path"]).read_bytes()
    assert saved == wav_header(len(PCM)) + PCM
    assert (sound["mime"], sound["sample_rate"], sound["duration_s"]) == ("audio/wav", 24_000, 0.101)
    assert text_of(result) == f"Yes, it is.\n\n[sound]\n{sound['path']} (0.101 s, audio/wav, {len(saved)} bytes)"
    assert fake.body()["stream"] is True
    kinds = [block.type for block in result.content]
    assert kinds == ["text", "resource_link"]
    link = next(block for block in result.content if isinstance(block, ResourceLink))
    assert link.mime_type == "audio/wav"


async def test_a_whole_answer_is_its_transcript_and_its_bytes_unchanged(tmp_path: Path) -> None:
    spoken = {"id": "audio_1", "data": B64, "transcript": "Yes.", "expires_at": 1}
    fake = FakeProvider([completion("", content=None, audio=spoken)])
    async with connect(fake, tmp_path) as client:
        options = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
        result = await client.call_tool("chat", {"prompt": "x", "options": options})
    (sound,) = record_of(result)["audio"]
    assert Path(sound["path"]).read_bytes() == WAV
    assert text_of(result).startswith("Yes.\n\n[sound]\n")
    assert "stream" not in fake.body()  # no stream carries WAV


@pytest.mark.parametrize(
    ("more", "streamed"),
    [({}, False), ({"stream": True}, True), ({"stream": False}, False)],
)
async def test_a_format_that_no_stream_carries_is_not_streamed_unless_asked(
    more: Json, streamed: bool, tmp_path: Path
) -> None:
    options = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "mp3"}}
    fake = FakeProvider([completion("", content=None, audio={"data": B64, "transcript": "Yes."})])
    async with connect(fake, tmp_path) as client:
        await client.call_tool("chat", {"prompt": "x", "options": options, **more})
    assert fake.body().get("stream", False) is streamed


async def test_a_model_that_only_streams_its_voice_is_asked_again_with_a_stream(tmp_path: Path) -> None:
    frames = _frames({"content": "Yes."}, {"audio": {"data": base64.b64encode(PCM).decode()}})
    refusal = problem(
        400, "This model only support stream mode, please enable the stream parameter to access the model."
    )
    fake = FakeProvider([refusal, stream(frames)])
    options = {"modalities": ["text", "audio"], "audio": {"voice": "Cherry", "format": "wav"}}
    async with connect(fake, tmp_path, settings(provider(dialect="dashscope"))) as client:
        result = await client.call_tool("chat", {"prompt": "x", "options": options})
    (sound,) = record_of(result)["audio"]
    assert Path(sound["path"]).read_bytes() == wav_header(len(PCM)) + PCM
    assert text_of(result).startswith("Yes.\n\n[sound]")


async def test_text_and_transcript_of_one_answer_are_not_said_twice(tmp_path: Path) -> None:
    fake = FakeProvider([completion("Yes.", audio={"data": B64, "transcript": "Yes."})])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "x", "stream": False})
    assert text_of(result).count("Yes.") == 1


async def test_a_last_frame_that_repeats_the_sound_adds_nothing(tmp_path: Path) -> None:
    data = base64.b64encode(PCM).decode()
    frames = _frames({"audio": {"transcript": "Yes.", "data": data}}).replace(
        b'"delta": {}', b'"delta": {}, "message": {"audio": {"transcript": "Yes.", "data": "' + data.encode() + b'"}}'
    )
    fake = FakeProvider([stream(frames)])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "x", **SPOKEN})
    (sound,) = record_of(result)["audio"]
    assert sound["bytes"] == len(PCM) + 44
    assert text_of(result).startswith("Yes.\n\n[sound]")


async def test_the_voice_of_a_gemini_answer_is_saved(tmp_path: Path) -> None:
    parts = [{"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=16000", "data": base64.b64encode(PCM).decode()}}]
    reply = {"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]}
    fake = FakeProvider([httpx2.Response(200, json=reply)])
    api: ApiName = "gemini"
    async with connect(fake, tmp_path, settings(provider(api=api))) as client:
        result = await client.call_tool("chat", {"prompt": "x", "stream": False})
    (sound,) = record_of(result)["audio"]
    assert sound["sample_rate"] == 16_000
    assert Path(sound["path"]).read_bytes() == wav_header(len(PCM), 16_000) + PCM
    assert "no text" not in text_of(result)


@pytest.mark.parametrize("data", ["", "%%%", None, 7, ["x"], {}])
async def test_a_sound_that_cannot_be_read_does_not_cost_the_words(data: Any, tmp_path: Path) -> None:
    fake = FakeProvider([completion("", content=None, audio={"data": data, "transcript": "Yes."})])
    async with connect(fake, tmp_path) as client:
        result = await client.call_tool("chat", {"prompt": "x", "stream": False})
    assert text_of(result).startswith("Yes.")


async def test_a_spoken_turn_is_kept_in_a_thread_as_its_words(tmp_path: Path) -> None:
    spoken = {"id": "audio_1", "data": B64, "transcript": "Yes."}
    fake = FakeProvider([completion("", content=None, audio=spoken), completion("Two.")])
    async with connect(fake, tmp_path) as client:
        one = await client.call_tool("chat", {"prompt": "x", "conversation": "new", "stream": False})
        thread = record_of(one)["conversation"]
        await client.call_tool("chat", {"prompt": "And?", "conversation": thread, "stream": False})
    assert fake.body(1)["messages"][1] == {"role": "assistant", "content": "Yes."}
