"""The Realtime API without a network: what a turn sends, and what its events give, in every cut."""

from __future__ import annotations

import base64
import io
import json
import wave
from array import array
from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.dialects.resolve import resolve
from anymodel_mcp.errors import ArgumentError, Failure
from anymodel_mcp.types import ChatRequest, ChatResult, Usage
from anymodel_mcp.wire.apis import CHAT_APIS
from anymodel_mcp.wire.exchange import ReadOptions, Talker, WireRequest
from tests.sockets import BETA_GREETING, GREETING
from tests.wire.feeding import SSE_HEAD, everyway, run

Json = dict[str, Any]
CREATED: Json = {"type": "response.created", "response": {"id": "r1", "status": "in_progress", "output": []}}
LOOK: Json = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def built(messages: Any = "hi", model: str = "gpt-realtime", row: str = "openai", **more: Any) -> WireRequest:
    turns = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    request = ChatRequest(model=model, messages=turns, **more)
    return CHAT_APIS["realtime"].build(request, resolve(row, model, {}, "chat"))


def reader(sent: WireRequest | None = None) -> Any:
    options = ReadOptions(dialect=Dialect(), model="m", provider="p", max_event_bytes=100_000)
    return CHAT_APIS["realtime"].read(SSE_HEAD, sent or built(), options)


def events(*values: Json) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def outcome(*values: Json, sent: WireRequest | None = None, greeting: Json = GREETING) -> ChatResult | Failure:
    return everyway(lambda: reader(sent), events(greeting, *values))


def answer(*values: Json, **more: Any) -> ChatResult:
    result = outcome(*values, **more)
    assert isinstance(result, ChatResult), result
    return result


def sent_by(wire: WireRequest, greeting: Json = GREETING) -> list[Any]:
    """The events that go out after the server's first."""
    talker: Any = reader(wire)
    assert talker.take_outgoing() == []
    talker.feed(events(greeting))
    return list(talker.take_outgoing())


def test_the_reader_is_what_the_sender_of_sockets_wants() -> None:
    assert isinstance(reader(), Talker)


def session(wire: WireRequest, greeting: Json = GREETING) -> Json:
    return sent_by(wire, greeting)[0]["session"]


def delta(text: str, kind: str = "output_text", **more: Any) -> Json:
    place = {"item_id": "i1", "output_index": 0, "content_index": 0}
    return {"type": f"response.{kind}.delta", "delta": text, **place, **more}


def done(status: str = "completed", *output: Json, details: Any = None, **more: Any) -> Json:
    response = {"id": "r1", "status": status, "status_details": details, "output": list(output), **more}
    return {"type": "response.done", "response": response}


def said(text: str, kind: str = "output_text", **more: Any) -> Json:
    name = "transcript" if "audio" in kind else "text"
    return {"id": "i1", "type": "message", "role": "assistant", "content": [{"type": kind, name: text}], **more}


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_a_turn_is_settings_items_and_the_wish_for_a_response() -> None:
    wire = built([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}], max_tokens=7)
    assert (wire.path, wire.query, wire.socket) == ("realtime", {"model": "gpt-realtime"}, True)
    assert sent_by(wire) == [
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "output_modalities": ["text"],
                "instructions": "Be brief.",
                "max_output_tokens": 7,
                "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": None}},
            },
        },
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        },
        {"type": "response.create"},
    ]


def test_a_server_of_the_beta_is_spoken_to_in_its_form() -> None:
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "?"},
    ]
    wire = built(turns, max_tokens=7, tools=[LOOK], options={"audio": {"voice": "alloy"}, "temperature": 0.7})
    first, *items, last = sent_by(wire, BETA_GREETING)
    assert first["session"] == {
        "modalities": ["text", "audio"],
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}],
        "temperature": 0.7,
        "turn_detection": None,
        "input_audio_format": "pcm16",
        "output_audio_format": "pcm16",
        "voice": "alloy",
        "max_response_output_tokens": 7,
    }
    assert [part["type"] for item in items for part in item["item"]["content"]] == ["input_text", "text", "input_text"]
    assert last == {"type": "response.create"}


def test_a_tool_loop_goes_back_as_items() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}
    turns: list[Json] = [
        {"role": "user", "content": "what?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
    ]
    assert [event["item"] for event in sent_by(built(turns))[2:-1]] == [
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"x": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "a cat"},
    ]


def test_items_of_the_api_and_later_instructions_stay_what_they_are() -> None:
    own: Json = {"type": "item_reference", "id": "i9"}
    native: Json = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
    turns: list[Json] = [
        {"role": "user", "content": ["hi", {"type": "text", "text": ""}, native]},
        {"role": "developer", "content": "Be brief."},
        own,
        {"role": "assistant", "content": ""},
    ]
    items = [event["item"] for event in sent_by(built(turns, json_schema={"type": "object"}))[1:-1]]
    assert items[0]["content"][:2] == [{"type": "input_text", "text": "hi"}, native]
    assert '{"type":"object"}' in items[0]["content"][2]["text"]
    assert items[1] == {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]}
    assert items[2:] == [own]
    plain: Json = {"type": "mcp", "server_label": "x"}
    assert session(built(tools=[LOOK, plain]))["tools"][1] == plain


OPTIONS: list[tuple[Json, str, Any]] = [
    ({"audio": {"voice": "marin"}}, "output_modalities", ["audio"]),
    ({"modalities": ["text", "audio"]}, "output_modalities", ["audio"]),
    ({"voice": "marin"}, "output_modalities", ["audio"]),
    ({"output_modalities": ["audio"]}, "output_modalities", ["audio"]),
    ({"modalities": ["text"]}, "output_modalities", ["text"]),
    ({"max_completion_tokens": 9}, "max_output_tokens", 9),
    ({"tool_choice": "required"}, "tool_choice", "required"),
    (
        {"tool_choice": {"type": "function", "function": {"name": "look"}}},
        "tool_choice",
        {"type": "function", "name": "look"},
    ),
    ({"tracing": "auto", "prompt": {"id": "p"}}, "prompt", {"id": "p"}),
]


@pytest.mark.parametrize(("options", "name", "value"), OPTIONS)
def test_options_become_fields_of_the_session(options: Json, name: str, value: Any) -> None:
    assert session(built(options=options))[name] == value


def test_the_settings_of_sound_are_the_users() -> None:
    audio = session(built(options={"audio": {"voice": "marin", "speed": 1.2, "input": {"noise_reduction": None}}}))[
        "audio"
    ]
    pcm = {"type": "audio/pcm", "rate": 24000}
    assert audio["output"] == {"voice": "marin", "speed": 1.2, "format": pcm}
    assert audio["input"] == {"format": pcm, "turn_detection": None, "noise_reduction": None}
    own = {"audio": {"output": {"voice": "cedar", "format": {"type": "audio/pcmu"}}}}
    assert session(built(options=own))["audio"]["output"] == own["audio"]["output"]
    assert sent_by(built(options={"response": {"metadata": {"a": "b"}}}))[-1]["response"] == {"metadata": {"a": "b"}}


def test_what_the_api_lacks_is_named() -> None:
    wire = built(temperature=0.5, top_p=0.9, stop=["x"], reasoning_effort="high")
    assert len(wire.warnings) == 4
    assert not {"temperature", "top_p", "stop", "reasoning"} & session(wire).keys()
    newer = built(model="gpt-realtime-2.1", reasoning_effort="max")
    assert session(newer)["reasoning"] == {"effort": "high"}
    assert "nearest" in newer.warnings[0]


@pytest.mark.parametrize(
    ("model", "api"),
    [
        ("gpt-realtime", "realtime"),
        ("gpt-4o-mini-realtime-preview-2024-12-17", "realtime"),
        ("openai/gpt-realtime-mini", "realtime"),
        ("qwen3-omni-flash-realtime", "realtime"),
        ("GLM-Realtime-Air", "realtime"),
        ("gpt-5.2", None),
    ],
)
def test_a_model_that_is_sold_there_only_goes_there(model: str, api: str | None) -> None:
    assert resolve("rixapi", model, {}).api == api
    assert resolve("rixapi", model, {"api": "chat"}).api == "chat"


def wav(samples: list[int], rate: int, channels: int = 1, width: int = 2) -> str:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(array("h" if width == 2 else "b", samples).tobytes())
    return base64.b64encode(made.getvalue()).decode()


SOUNDS = [
    ([0, 300, -300, 7], 24_000, 1, [0, 300, -300, 7]),
    ([0, 300], 12_000, 1, [0, 150, 300, 300]),
    ([0, 100, 200, 300], 48_000, 1, [0, 200]),
    ([10, 30, 20, 40], 24_000, 2, [20, 30]),
]


@pytest.mark.parametrize(("samples", "rate", "channels", "expected"), SOUNDS)
@pytest.mark.parametrize("prefix", ["", "data:audio/wav;base64,"])
def test_a_sound_is_sent_as_samples_of_the_one_rate(
    samples: list[int], rate: int, channels: int, expected: list[int], prefix: str
) -> None:
    sound = {"data": prefix + wav(samples, rate, channels), "format": "wav"}
    part = sent_by(built([{"role": "user", "content": [{"type": "input_audio", "input_audio": sound}]}]))[1]["item"]
    assert part["content"][0]["type"] == "input_audio"
    assert list(array("h", base64.b64decode(part["content"][0]["audio"]))) == expected


@pytest.mark.parametrize(
    "data",
    [
        base64.b64encode(b"ID3\x04" + bytes(200)).decode(),
        wav([1, 2], 24_000, width=1),
        wav([1, 2], 1000),
        base64.b64encode(base64.b64decode(wav([1, 2], 24_000))[:30]).decode(),
        "UklGRg==",
        "!",
        "",
    ],
)
def test_a_sound_that_cannot_be_sent_is_refused_with_the_line_that_converts_it(data: str) -> None:
    part: Json = {"type": "input_audio", "input_audio": {"data": data, "format": "mp3"}}
    with pytest.raises(ArgumentError) as caught:
        built([{"role": "user", "content": [part]}])
    assert "ffmpeg" in caught.value.failure.fix


# --- what comes -----------------------------------------------------------------------------------------------------


TEXTS: dict[str, tuple[Json, ...]] = {
    "deltas": (CREATED, delta("po"), delta("ng"), done()),
    "beta": (CREATED, delta("po", "text"), delta("ng", "text"), done()),
    "transcript": (CREATED, delta("po", "output_audio_transcript"), delta("ng", "output_audio_transcript"), done()),
    "beta transcript": (CREATED, delta("pong", "audio_transcript"), done()),
    "done only": (CREATED, {"type": "response.output_text.done", "item_id": "i1", "text": "pong"}, done()),
    "at the end only": (CREATED, done("completed", said("pong"))),
    "at the end too": (CREATED, delta("pong"), done("completed", said("pong"))),
    "spoken, at the end too": (
        CREATED,
        delta("pong", "audio_transcript"),
        done("completed", said("pong", "output_audio")),
    ),
    "item done": (CREATED, {"type": "response.output_item.done", "output_index": 0, "item": said("pong")}, done()),
    "no ids": (
        CREATED,
        {"type": "response.output_text.delta", "delta": "pong"},
        done("completed", {"type": "message", "content": [{"type": "text", "text": "pong"}]}),
    ),
    "two parts": (CREATED, delta("po"), delta("ng", content_index=1), done()),
    "no created": (delta("pong"), done()),
    "an error on the way": (
        CREATED,
        delta("po"),
        {"type": "error", "error": {"message": "conversation_already_has_active_response"}},
        delta("ng"),
        done(),
    ),
    "unknown events": (CREATED, {"type": "x.y", "z": 1}, {"type": "rate_limits.updated"}, delta("pong"), done()),
}


@pytest.mark.parametrize("values", TEXTS.values(), ids=TEXTS)
def test_the_text_comes_once(values: tuple[Json, ...]) -> None:
    result = answer(*values)
    assert (result.text, result.finish_reason, result.warnings) == ("pong", "stop", ())


def test_deltas_are_readable_as_they_come() -> None:
    _, deltas = run(reader(), [events(GREETING, CREATED), events(delta("po")), events(delta("ng"), done())])
    assert [(d.kind, d.text) for d in deltas] == [("text", "po"), ("text", "ng")]


_CALL: Json = {"id": "i1", "type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"x": 1}'}
_ADDED: Json = {"type": "response.output_item.added", "output_index": 0, "item": {**_CALL, "arguments": ""}}
_ARGUMENTS = "response.function_call_arguments"
CALLS: dict[str, tuple[Json, ...]] = {
    "at the end": (CREATED, done("completed", _CALL)),
    "item done": (CREATED, _ADDED, {"type": "response.output_item.done", "output_index": 0, "item": _CALL}, done()),
    "arguments done": (
        CREATED,
        {"type": f"{_ARGUMENTS}.done", "item_id": "i1", **{k: _CALL[k] for k in ("call_id", "name", "arguments")}},
        done(),
    ),
    "arguments in deltas": (
        CREATED,
        _ADDED,
        {"type": f"{_ARGUMENTS}.delta", "item_id": "i1", "delta": '{"x":'},
        {"type": f"{_ARGUMENTS}.delta", "item_id": "i1", "delta": " 1}"},
        done(),
    ),
    "all of it": (
        CREATED,
        _ADDED,
        {"type": f"{_ARGUMENTS}.delta", "item_id": "i1", "delta": '{"x": 1}'},
        {"type": f"{_ARGUMENTS}.done", "item_id": "i1", "call_id": "c1", "name": "look", "arguments": '{"x": 1}'},
        {"type": "response.output_item.done", "output_index": 0, "item": _CALL},
        done("completed", _CALL),
    ),
}


@pytest.mark.parametrize("values", CALLS.values(), ids=CALLS)
def test_a_call_comes_once(values: tuple[Json, ...]) -> None:
    result = answer(*values)
    (call,) = result.tool_calls
    assert (call.id, call.name, call.arguments, result.finish_reason) == ("c1", "look", {"x": 1}, "tool_calls")


def samples(data: bytes, kind: str = "output_audio") -> Json:
    return delta(base64.b64encode(data).decode(), kind)


@pytest.mark.parametrize("kind", ["output_audio", "audio"])
def test_samples_become_one_sound(kind: str) -> None:
    result = answer(CREATED, samples(b"\1\0\2", kind), delta("Hi", f"{kind}_transcript"), samples(b"\0", kind), done())
    (sound,) = result.sounds
    assert sound.content
    with wave.open(io.BytesIO(sound.content)) as file:
        assert (file.getframerate(), file.getnchannels(), file.readframes(9)) == (24_000, 1, b"\1\0\2\0")
    assert (result.text, sound.mime, sound.sample_rate) == ("Hi", "audio/wav", 24_000)


def test_a_sound_without_a_transcript_is_no_empty_answer() -> None:
    result = answer(CREATED, samples(b"\1\0"), done())
    assert (result.text, len(result.sounds), result.warnings) == ("", 1, ())


# ITU-T G.711: silence, the largest value, and one in between, of both signs
G711 = {
    "audio/pcmu": (b"\xff\x7f\x80\x00\xdc", [0, 0, 32124, -32124, 492]),
    "audio/pcma": (b"\xd5\x55\xaa\x2a\x85", [8, -8, 32256, -32256, 4224]),
}


@pytest.mark.parametrize(("kind", "beta"), [("audio/pcmu", "g711_ulaw"), ("audio/pcma", "g711_alaw")])
@pytest.mark.parametrize("in_beta", [False, True])
def test_telephone_sound_is_decoded(kind: str, beta: str, *, in_beta: bool) -> None:
    form: Json = {"output_audio_format": beta} if in_beta else {"audio": {"output": {"format": {"type": kind}}}}
    coded, expected = G711[kind]
    greeting = {"type": "session.created", "session": {"id": "s", **form}}
    (sound,) = answer(CREATED, samples(coded), done(), greeting=greeting).sounds
    assert sound.content
    with wave.open(io.BytesIO(sound.content)) as file:
        assert (file.getframerate(), list(array("h", file.readframes(99)))) == (8000, expected)


def test_what_is_said_before_the_answer_is_reasoning() -> None:
    before: Json = {"id": "i0", "type": "message", "phase": "commentary"}
    values = (
        CREATED,
        {"type": "response.output_item.added", "output_index": 0, "item": before},
        delta("Let me see. ", item_id="i0"),
        delta("pong", output_index=1),
        done("completed", {**said("Let me see. "), "id": "i0", "phase": "commentary"}, said("pong")),
    )
    result = answer(*values)
    assert (result.text, result.reasoning) == ("pong", "Let me see. ")


def test_usage_is_counted() -> None:
    usage = {
        "total_tokens": 30,
        "input_tokens": 10,
        "output_tokens": 20,
        "input_token_details": {"text_tokens": 10, "cached_tokens": 4},
        "output_token_details": {"text_tokens": 20, "reasoning_tokens": 8},
    }
    assert answer(CREATED, done("completed", said("pong"), usage=usage)).usage == Usage(
        input=10, output=20, total=30, cached=4, reasoning=8
    )


ENDS: dict[str, tuple[Json, str, str]] = {
    "limit": (done("incomplete", details={"type": "incomplete", "reason": "max_output_tokens"}), "length", "Half"),
    "filter": (done("incomplete", details={"reason": "content_filter"}), "content_filter", "Half"),
    "incomplete": (done("incomplete"), "length", "Half"),
}


@pytest.mark.parametrize(("end", "finish", "text"), ENDS.values(), ids=ENDS)
def test_an_unfinished_response_says_why(end: Json, finish: str, text: str) -> None:
    result = answer(CREATED, delta("Half"), end)
    assert (result.text, result.finish_reason) == (text, finish)


_QUOTA = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "You exceeded your current quota."}
_RATE = {"type": "requests", "code": "rate_limit_exceeded", "message": "Rate limit reached. Try again in 20s."}
FAILURES: dict[str, tuple[tuple[Json, ...], str]] = {
    "failed": ((CREATED, done("failed", details={"type": "failed", "error": _QUOTA})), "quota"),
    "failed without a cause": ((CREATED, done("failed")), "upstream"),
    "failed after an error": ((CREATED, {"type": "error", "error": _RATE}, done("failed")), "rate_limit"),
    "error first": (({"type": "error", "error": _RATE},), "rate_limit"),
    "server error": (
        ({"type": "error", "error": {"type": "server_error", "message": "The server had an error"}},),
        "server",
    ),
    "no response": ((), "upstream"),
    "cancelled": ((CREATED, delta("x"), done("cancelled", details={"reason": "turn_detected"})), "upstream"),
    "cut": ((CREATED, delta("Half")), "stream_truncated"),
    "too much": (
        (CREATED, samples(bytes(60_000)), samples(bytes(60_000)), done()),
        "too_large",
    ),
    "no events": (({"hello": 1},), "upstream"),
    "error, then cut": ((CREATED, {"type": "error", "error": _QUOTA}), "quota"),
}


@pytest.mark.parametrize(("values", "kind"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_named(values: tuple[Json, ...], kind: str) -> None:
    failure = outcome(*values)
    assert isinstance(failure, Failure), failure
    assert failure.kind == kind


def test_a_running_response_is_cancelled_before_the_socket_is_closed() -> None:
    running = reader()
    running.feed(events(GREETING))
    assert running.parting == []
    running.feed(events(CREATED, delta("so far")))
    assert running.parting == [{"type": "response.cancel"}]
    running.feed(events(done()))
    assert running.parting == []
