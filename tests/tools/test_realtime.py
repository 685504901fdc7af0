"""`chat` with realtime models: sounds in and out, refusals on the socket, several kinds of servers."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from anymodel_mcp.config import Files, Settings
from tests.fakes import Endless, FakeProvider, connect, error_of, provider, record_of, settings, text_of
from tests.sockets import BETA_GREETING, GREETING, FakeSocket, socket_reply

Json = dict[str, Any]
CREATED: Json = {"type": "response.created", "response": {"id": "r"}}
DONE: Json = {"type": "response.done", "response": {"id": "r", "status": "completed", "output": []}}
SAMPLES = base64.b64encode(b"\1\0" * 240).decode()


def reply(*events: Json, greeting: Json = GREETING) -> Callable[[httpx2.Request], httpx2.Response]:
    body = Endless(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))
    body.go_on.set()
    return socket_reply(body, greeting)


def delta(text: str, kind: str = "output_text") -> Json:
    return {"type": f"response.{kind}.delta", "item_id": "i", "delta": text}


def fine(greeting: Json = GREETING) -> Callable[[httpx2.Request], httpx2.Response]:
    return reply(CREATED, delta("fine"), DONE, greeting=greeting)


def configured(folder: Path, model: str = "gpt-realtime") -> Settings:
    one = provider("p", base_url="https://p.test/v1", max_attempts=2, max_retry_wait_s=1)
    return settings(one, default_model=f"p/{model}", files=Files(allowed_dirs=(str(folder),)))


def sent(fake: FakeProvider, index: int = -1) -> list[Json]:
    socket = fake.seen[index].extensions["socket"]
    assert isinstance(socket, FakeSocket)
    return socket.messages


def sound(path: Path, rate: int) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x10\0" * rate)
    return path


async def test_a_recording_is_heard_and_kept_in_the_thread(tmp_path: Path) -> None:
    fake = FakeProvider([fine()])
    path = sound(tmp_path / "question.wav", 16_000)
    async with connect(fake, tmp_path, configured(tmp_path)) as client:
        arguments: Json = {"prompt": "What is said?", "files": [str(path)], "conversation": "new"}
        one = record_of(await client.call_tool("chat", arguments))
        await client.call_tool("chat", {"prompt": "And now?", "conversation": one["conversation"]})
    for index in (0, 1):
        (part,) = [
            p
            for event in sent(fake, index)
            for p in event.get("item", {}).get("content", ())
            if p["type"] == "input_audio"
        ]
        assert base64.b64decode(part["audio"]) == b"\x10\0" * 24_000


async def test_another_kind_of_sound_is_refused_before_the_call(tmp_path: Path) -> None:
    fake = FakeProvider([fine()])
    path = tmp_path / "question.mp3"
    path.write_bytes(b"\xff\xfb\x90\x64".ljust(417, b"\0") * 4)
    async with connect(fake, tmp_path, configured(tmp_path)) as client:
        error = error_of(await client.call_tool("chat", {"prompt": "What?", "files": [str(path)]}))
    assert (error["kind"], error["param"], fake.seen) == ("invalid_argument", "files", [])


PDF = f"data:application/pdf;base64,{base64.b64encode(b'%PDF-1.7 x').decode()}"
DOCUMENTS: dict[str, Json] = {
    "file": {"prompt": "What?", "files": [PDF]},
    "chat part": {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_data": PDF}}]}]},
    "responses part": {"messages": [{"role": "user", "content": [{"type": "input_file", "file_data": PDF}]}]},
}


@pytest.mark.parametrize("arguments", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_a_document_is_refused_and_goes_to_no_other_api(arguments: Json, tmp_path: Path) -> None:
    fake = FakeProvider([fine()])
    async with connect(fake, tmp_path, configured(tmp_path)) as client:
        error = error_of(await client.call_tool("chat", arguments))
    assert (error["kind"], fake.seen) == ("invalid_argument", [])


@pytest.mark.parametrize("greeting", [GREETING, BETA_GREETING], ids=["ga", "beta"])
async def test_a_spoken_answer_is_saved_with_its_words(greeting: Json, tmp_path: Path) -> None:
    beta = greeting is BETA_GREETING
    kind = "audio" if beta else "output_audio"
    spoken = reply(CREATED, delta("Hi.", f"{kind}_transcript"), delta(SAMPLES, kind), DONE, greeting=greeting)
    fake = FakeProvider([spoken])
    async with connect(fake, tmp_path, configured(tmp_path)) as client:
        result = await client.call_tool("chat", {"prompt": "Hi", "options": {"audio": {"voice": "marin"}}})
    record = record_of(result)
    assert text_of(result).startswith("Hi.\n\n[sound]\n")
    (saved,) = record["audio"]
    assert (saved["mime"], saved["sample_rate"], saved["duration_s"]) == ("audio/wav", 24_000, 0.01)
    with wave.open(io.BytesIO(Path(saved["path"]).read_bytes())) as file:
        assert file.readframes(999) == base64.b64decode(SAMPLES)
    session = sent(fake)[0]["session"]
    assert (session["voice"] if beta else session["audio"]["output"]["voice"]) == "marin"


async def test_a_field_that_is_refused_on_the_socket_is_left_out_and_remembered(tmp_path: Path) -> None:
    refusal = {
        "type": "error",
        "error": {
            "type": "invalid_request_error",
            "code": "unknown_parameter",
            "param": "session.reasoning",
            "message": "Unknown parameter: 'session.reasoning'.",
        },
    }
    fake = FakeProvider([reply(refusal), fine()])
    async with connect(fake, tmp_path, configured(tmp_path, "gpt-realtime-2")) as client:
        for requests in (2, 3):
            record = record_of(await client.call_tool("chat", {"prompt": "Hi", "reasoning_effort": "low"}))
            assert len(fake.seen) == requests
            assert "reasoning.effort was left out" in record["warnings"][0]
    assert ["reasoning" in sent(fake, index)[0]["session"] for index in range(3)] == [True, False, False]


async def test_a_busy_server_is_asked_again(tmp_path: Path) -> None:
    busy = {"type": "error", "error": {"type": "server_error", "message": "The server is overloaded, try again."}}
    fake = FakeProvider([reply(busy), fine()])
    async with connect(fake, tmp_path, configured(tmp_path)) as client:
        result = await client.call_tool("chat", {"prompt": "Hi"})
    assert (text_of(result), record_of(result)["attempts"]) == ("fine", 2)


async def test_the_configuration_may_choose_another_api(tmp_path: Path) -> None:
    answer = {"choices": [{"message": {"content": "plain"}, "finish_reason": "stop"}]}
    fake = FakeProvider([httpx2.Response(200, json=answer)])
    chosen = configured(tmp_path)
    chosen.providers["p"].quirks["api"] = "chat"
    async with connect(fake, tmp_path, chosen) as client:
        assert text_of(await client.call_tool("chat", {"prompt": "Hi"})) == "plain"
    assert fake.seen[0].url.path == "/v1/chat/completions"
