from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymodel_mcp.errors import ErrorKind, ProviderError
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.failures.repair import Repair, apply, find_repair

Json = dict[str, Any]
HI: Json = {"role": "user", "content": "hi"}


def request(endpoint: Any = "chat", protected: tuple[str, ...] = (), **body: Any) -> WireRequest:
    messages = {"messages": [HI]} if endpoint == "chat" else {}
    return WireRequest(
        path="x",
        endpoint=endpoint,
        body={"model": "m", **messages, **body},
        stream=body.get("stream") is True,
        protected=frozenset(protected),
    )


def refusal(message: str, *, kind: Any = "bad_request", status: int = 400, **fields: Any) -> ProviderError:
    return ProviderError(message, kind=kind, status=status, **fields)


def repaired_by(sent: WireRequest, error: ProviderError) -> WireRequest | None:
    repair = find_repair(sent, error, frozenset())
    if repair is None:
        return None
    assert Repair.from_json(json.loads(json.dumps(repair.to_json()))) == repair
    assert find_repair(sent, error, frozenset({repair})) is None
    return apply(sent, [repair])


SCHEMA: Json = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}

REFUSALS: dict[str, tuple[WireRequest, ProviderError, Json, list[str]]] = {
    # sentences of the collected cases and their like; those no case holds are made up in the same manner
    "max_tokens": (
        request(max_tokens=5),
        refusal(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            param="max_tokens",
            code="unsupported_parameter",
        ),
        {"max_completion_tokens": 5},
        ["max_tokens"],
    ),
    "max_completion_tokens": (
        request(max_completion_tokens=5),
        refusal("Extra inputs are not permitted", param="max_completion_tokens", code="extra_forbidden", status=422),
        {"max_tokens": 5},
        ["max_completion_tokens"],
    ),
    "in the sentence": (
        request(max_completion_tokens=5),
        refusal("Unrecognized request argument supplied: max_completion_tokens"),
        {"max_tokens": 5},
        ["max_completion_tokens"],
    ),
    "temperature": (
        request(temperature=0.7),
        refusal("Unsupported value: 'temperature' does not support 0.7 with this model.", param="temperature"),
        {},
        ["temperature"],
    ),
    "path of a param": (
        request(temperature=0.7),
        refusal("x", kind="unsupported_parameter", param="body.temperature"),
        {},
        ["temperature"],
    ),
    "stop": (
        request(stop=["a"]),
        refusal("Unsupported parameter: 'stop' is not supported with this model.", param="stop"),
        {},
        ["stop"],
    ),
    "the first of two": (
        request(temperature=1, top_p=1),
        refusal("`top_p` and `temperature` cannot both be specified: not supported"),
        {"temperature": 1},
        ["top_p"],
    ),
    "thinking wants its own temperature": (
        request(temperature=0.5, thinking={"type": "enabled"}),
        refusal("`temperature` may only be set to 1 when thinking is enabled."),
        {"thinking": {"type": "enabled"}},
        ["temperature"],
    ),
    "effort with a list": (
        request(reasoning_effort="minimal"),
        refusal(
            "Unsupported value: 'reasoning_effort' does not support 'minimal'. Supported values are: 'low' and 'high'.",
            param="reasoning_effort",
            code="unsupported_value",
        ),
        {"reasoning_effort": "low"},
        ["'minimal' was sent as 'low'"],
    ),
    "effort without a list": (
        request(reasoning_effort="none"),
        refusal("reasoning_effort is not supported by this model", param="reasoning_effort"),
        {},
        ["reasoning_effort"],
    ),
    "thinking needs a stream": (
        request(),
        refusal("parameter.enable_thinking must be set to false for non-streaming calls"),
        {"enable_thinking": False},
        ["enable_thinking"],
    ),
    "thinking wanted needs a stream": (
        request(enable_thinking=True),
        refusal("enable thinking can not be support when `stream=False`"),
        {"enable_thinking": True, "stream": True},
        ["streamed"],
    ),
    "streams only": (
        request(),
        refusal("This model only support stream mode, please enable the stream parameter to access the model."),
        {"stream": True},
        ["streamed"],
    ),
    "schema": (
        request(response_format=SCHEMA),
        refusal("This response_format type is unavailable now", param="response_format"),
        {"response_format": {"type": "json_object"}},
        ["JSON schema"],
    ),
    "object": (
        request(response_format={"type": "json_object"}),
        refusal("'response_format' of type json_object is not supported"),
        {},
        ["by instruction only"],
    ),
    "modalities": (
        request(modalities=["image", "text"]),
        refusal(
            "No endpoints found that support the requested output modalities: image, text",
            kind="model_not_found",
            status=404,
        ),
        {"modalities": ["image"]},
        [],
    ),
    "usage frame": (
        request(stream=True, stream_options={"include_usage": True}),
        refusal("Extra inputs are not permitted", param="stream_options", kind="unsupported_parameter", status=422),
        {"stream": True},
        [],
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_parameter_is_repaired_and_reported(name: str) -> None:
    sent, error, expected, told = REFUSALS[name]
    repaired = repaired_by(sent, error)
    assert repaired is not None
    body = {k: v for k, v in (repaired.body or {}).items() if k not in ("model", "messages")}
    assert body == expected
    assert repaired.stream == (body.get("stream") is True)
    assert len(repaired.warnings) == len(told)
    assert all(word in warning for word, warning in zip(told, repaired.warnings, strict=True))


@pytest.mark.parametrize("name", sorted(set(REFUSALS) - {"thinking needs a stream", "streams only"}))
def test_what_the_user_wrote_into_options_is_never_touched(name: str) -> None:
    sent, error, _, _ = REFUSALS[name]
    protected = frozenset(sent.body or ()) | {"stream", "enable_thinking"}
    assert find_repair(replace(sent, protected=protected), error, frozenset()) is None


def test_a_learned_repair_does_not_touch_what_the_user_wrote_either() -> None:
    drop = Repair(endpoint="chat", action="drop", field="temperature")
    own = request(temperature=1, protected=("temperature",))
    assert apply(own, [drop]) is own


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (request(max_tokens=10**9), refusal("max_tokens is too large: 1000000000", param="max_tokens")),
        (request(temperature=1), refusal("Incorrect API key", kind="auth", status=401)),
        (request(temperature=1), refusal("temperature too hot in the data centre", kind="server", status=500)),
        (request(temperature=1), refusal("messages: at least one message is required")),
        (request("embeddings", dimensions=5), refusal("dimensions is not supported", param="dimensions")),
        (request("images", size="1x1"), refusal("Invalid value: '1x1'. Unsupported size", param="size")),
        (request(tools=[{}]), refusal("tools is not supported by this model", param="tools")),
        (request(), refusal("temperature is not supported", param="temperature")),
        (request(stream=True), refusal("enable_thinking must be false for non-streaming calls")),
        (request(response_format=SCHEMA), refusal("Invalid schema for function 'f'", param="tools[0].function")),
        (request(), refusal("messages[0].role: 'system' is too long")),
        (request("completions", max_tokens=5), refusal("max_tokens is not supported", param="max_tokens")),
    ],
    ids=[
        "too large",
        "key",
        "server",
        "messages",
        "dimensions",
        "size",
        "tools",
        "not sent",
        "streams",
        "function",
        "long",
        "completions",
    ],
)
def test_what_no_repair_can_fix_stays_an_error(sent: WireRequest, error: ProviderError) -> None:
    assert find_repair(sent, error, frozenset()) is None


def test_two_names_of_one_limit_are_never_swapped_back_and_forth() -> None:
    first = repaired_by(request(max_tokens=5), REFUSALS["max_tokens"][1])
    assert first is not None
    tried = frozenset({Repair(endpoint="chat", action="rename", field="max_tokens", to="max_completion_tokens")})
    assert find_repair(first, REFUSALS["max_completion_tokens"][1], tried) is None


def test_a_rename_does_not_overwrite_the_other_name() -> None:
    both = request(max_tokens=1, max_completion_tokens=2)
    assert (
        apply(both, [Repair(endpoint="chat", action="rename", field="max_tokens", to="max_completion_tokens")]) is both
    )


def test_a_schema_weakens_step_by_step_and_stays_said() -> None:
    once = repaired_by(request(response_format=SCHEMA), REFUSALS["schema"][1])
    assert once is not None
    twice = repaired_by(once, REFUSALS["object"][1])
    assert twice is not None
    assert "response_format" not in (twice.body or {})
    assert (twice.body or {})["messages"][0]["content"].count("JSON Schema") == 1


def test_a_learned_instruction_repair_works_from_the_full_form() -> None:
    learned = [
        Repair(endpoint="chat", action="structured", field="response_format", to="json_object"),
        Repair(endpoint="chat", action="structured", field="response_format", to="instruction"),
    ]
    repaired = apply(request(response_format=SCHEMA), learned)
    assert "response_format" not in (repaired.body or {})
    assert "JSON Schema" in (repaired.body or {})["messages"][0]["content"]
    assert apply(request(), learned) == request()


@pytest.mark.parametrize("asked", [[HI], "hi"], ids=["items", "text"])
def test_a_schema_of_the_responses_api_weakens_too(asked: Any) -> None:
    form = {"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}, "verbosity": "low"}
    once = repaired_by(
        request("responses", input=asked, text=form), refusal("Unsupported: json_schema", param="text.format")
    )
    assert once is not None
    assert (once.body or {})["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert (once.body or {})["input"][0]["content"].startswith("hi\n\nAnswer with one JSON value")


def test_roles_change_to_those_that_are_known() -> None:
    developer = request()
    developer = replace(developer, body={"messages": [{"role": "developer", "content": "s"}, HI]})
    refused = refusal("Unsupported value: 'messages[0].role' does not support 'developer' with this model.")
    system = repaired_by(developer, refused)
    assert system is not None
    assert (system.body or {})["messages"] == [{"role": "system", "content": "s"}, HI]
    folded = repaired_by(system, refusal("System role not supported"))
    assert folded is not None
    assert (folded.body or {})["messages"] == [{"role": "user", "content": "s\n\nhi"}]
    assert find_repair(request(), refused, frozenset()) is None
    assert apply(folded, [Repair(endpoint="chat", action="role", field="messages", to="user")]) is folded


def test_pictures_are_asked_for_again_without_their_form() -> None:
    error = refusal("Unknown parameter: 'response_format'.", param="response_format", code="unknown_parameter")
    repaired = repaired_by(request("images", response_format="b64_json"), error)
    assert repaired is not None
    assert "response_format" not in (repaired.body or {})
    form = WireRequest(
        path="images/edits", endpoint="images", multipart=True, body={"n": 1, "response_format": "b64_json"}
    )
    edited = repaired_by(form, error)
    assert edited is not None
    assert edited.form == (("n", "1"),)
    capped = apply(edited, [Repair(endpoint="images", action="cap", field="n", to=0)])
    assert capped.form == (("n", "0"),)
    repair = Repair(endpoint="images", action="drop", field="response_format")
    assert apply(edited, [repair]) is edited
    assert apply(repaired, [repair]) is repaired


def test_empty_data_after_base64_is_asked_for_again_as_numbers() -> None:
    """https://github.com/plastic-labs/honcho/issues/932, 2026-11-20."""
    nothing = refusal("no vectors came", kind="upstream", status=200)
    asked = request("embeddings", encoding_format="base64")
    repaired = repaired_by(asked, nothing)
    assert repaired is not None
    assert (repaired.body or {})["encoding_format"] == "float"
    assert find_repair(request("embeddings"), nothing, frozenset()) is None
    assert find_repair(request(), nothing, frozenset()) is None


def test_an_encoding_that_is_refused_goes_to_float_and_then_away() -> None:
    refused = refusal("encoding_format is not supported", param="encoding_format")
    once = repaired_by(request("embeddings", encoding_format="base64"), refused)
    assert once is not None
    assert (once.body or {})["encoding_format"] == "float"
    twice = repaired_by(once, refused)
    assert twice is not None
    assert "encoding_format" not in (twice.body or {})
    assert not twice.warnings or "encoding_format" in twice.warnings[0]


def test_a_refused_value_is_remembered_as_that_value_only() -> None:
    error = refusal("'reasoning_effort' does not support 'max'", param="reasoning_effort", code="unsupported_value")
    repair = find_repair(request(reasoning_effort="max"), error, frozenset())
    assert repair is not None
    assert (apply(request(reasoning_effort="max"), [repair]).body or {}).get("reasoning_effort") is None
    assert apply(request(reasoning_effort="low"), [repair]) == request(reasoning_effort="low")


def test_a_lesson_about_plain_answers_leaves_streams_alone() -> None:
    repair = Repair(endpoint="chat", action="set", field="enable_thinking", to=False, plain_only=True)
    assert apply(request(stream=True), [repair]) == request(stream=True)
    repaired = apply(request(thinking_budget=5), [repair])
    assert "thinking_budget" not in (repaired.body or {})


def test_a_lesson_about_pictures_by_chat_leaves_plain_chat_alone() -> None:
    repair = Repair(endpoint="chat", action="set", field="modalities", to="image")
    assert apply(request(), [repair]) == request()


def test_a_lesson_of_one_endpoint_says_nothing_of_another() -> None:
    drop = Repair(endpoint="images", action="drop", field="response_format")
    assert apply(request(response_format=SCHEMA), [drop]) == request(response_format=SCHEMA)


@pytest.mark.parametrize("stored", [{}, {"action": "dance"}, {"action": "set", "field": 5, "to": [], "when": 1}])
def test_a_record_that_is_not_understood_does_nothing(stored: Json) -> None:
    assert apply(request(temperature=1), [Repair.from_json(stored)]) == request(temperature=1)


@given(
    st.sampled_from(get_args(ErrorKind)),
    st.text(max_size=80)
    | st.sampled_from(["temperature", "unsupported role 'system'", "json_schema is not supported"]),
    st.none() | st.sampled_from(["temperature", "max_tokens", "messages[0].role", "", "☃"]),
    st.sampled_from([200, 400, 404, 422]),
)
def test_every_chain_of_refusals_comes_to_an_end(kind: Any, message: str, param: str | None, status: int) -> None:
    sent = request(temperature=1, max_tokens=2, response_format=SCHEMA, stream=True, reasoning_effort="low", top_p=1)
    error = refusal(message, kind=kind, status=status, param=param)
    tried: list[Repair] = []
    while (repair := find_repair(apply(sent, tried), error, frozenset(tried))) is not None:
        tried.append(repair)
        assert len(tried) < 12
