from __future__ import annotations

import base64
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from anymodel_mcp.dialects.fields import Dialect
from anymodel_mcp.errors import AnyModelError, ArgumentError, ConfigError
from anymodel_mcp.types import ChatRequest, CompletionRequest, EmbeddingsRequest
from anymodel_mcp.wire.chat.request import build_chat
from anymodel_mcp.wire.completions import build_completion
from anymodel_mcp.wire.embeddings.request import build_embeddings, split_batches
from anymodel_mcp.wire.exchange import WireRequest
from anymodel_mcp.wire.images.request import build_task
from anymodel_mcp.wire.models.request import build_models

Json = dict[str, Any]
HI: Json = {"role": "user", "content": "hi"}
STRICT: Json = {
    "title": "A person!",
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "tags"],
    "additionalProperties": False,
}
MB = 1_000_000


def chat(dialect: Dialect | None = None, messages: list[Json] | None = None, **fields: Any) -> WireRequest:
    request = ChatRequest(model="m", messages=messages or [HI], **fields)
    return build_chat(request, dialect or Dialect())


def body(request: WireRequest) -> Json:
    assert request.body is not None
    return request.body


def test_nothing_is_sent_that_nobody_asked_for() -> None:
    assert body(chat(stream=False)) == {"model": "m", "messages": [HI]}
    request = chat()
    assert body(request) == {
        "model": "m",
        "messages": [HI],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert (request.path, request.endpoint, request.stream, request.repeatable) == (
        "chat/completions",
        "chat",
        True,
        True,
    )
    assert "stream_options" not in body(chat(Dialect(stream_options=False)))


def test_messages_pass_with_keys_that_nobody_knows() -> None:
    messages: list[Json] = [
        {"role": "assistant", "content": None, "reasoning_content": "r", "tool_calls": [], "x": {"y": 1}},
        HI,
    ]
    before = deepcopy(messages)
    assert body(chat(messages=messages))["messages"] == before
    assert messages == before


def test_options_come_last_and_are_protected() -> None:
    request = chat(temperature=0.5, options={"temperature": 1, "seed": 7, "thinking": {"type": "enabled", "x": None}})
    assert body(request)["temperature"] == 1
    assert body(request)["thinking"] == {"type": "enabled", "x": None}
    assert request.protected == {"temperature", "seed", "thinking"}


def test_a_null_in_options_takes_a_field_of_ours_away() -> None:
    request = chat(options={"stream_options": None, "seed": None})
    assert body(request) == {"model": "m", "messages": [HI], "stream": True}
    assert not request.protected


def test_the_users_word_on_streaming_counts() -> None:
    assert not chat(options={"stream": False}).stream
    assert "stream_options" not in body(chat(options={"stream": False}))
    assert chat(stream=False, options={"stream": True}).stream


@pytest.mark.parametrize(
    ("dialect", "fields", "sent"),
    [
        (Dialect(), {"max_tokens": 5}, {"max_tokens": 5}),
        (Dialect(token_param="max_completion_tokens"), {"max_tokens": 5}, {"max_completion_tokens": 5}),
        (Dialect(default_max_tokens=9), {}, {"max_tokens": 9}),
        (Dialect(default_max_tokens=9), {"max_tokens": 5}, {"max_tokens": 5}),
        (Dialect(), {"max_tokens": 5, "options": {"max_completion_tokens": 7}}, {"max_completion_tokens": 7}),
        (Dialect(), {}, {}),
    ],
    ids=["ours", "renamed", "default", "asked", "theirs", "none"],
)
def test_one_limit_is_sent_under_the_name_that_is_known(dialect: Dialect, fields: Json, sent: Json) -> None:
    found = body(chat(dialect, **fields))
    assert {k: v for k, v in found.items() if k.startswith("max_")} == sent


def test_sampling_stays_within_bounds_and_says_so() -> None:
    request = chat(Dialect(max_temperature=1, min_temperature=0.1), temperature=1.5, top_p=0.9)
    assert (body(request)["temperature"], body(request)["top_p"]) == (1, 0.9)
    assert "temperature 1.5" in request.warnings[0]
    assert body(chat(Dialect(min_temperature=0.1), temperature=0))["temperature"] == 0.1
    assert not chat(temperature=0).warnings


def test_stop_is_an_array_of_as_many_as_are_taken() -> None:
    assert body(chat(stop=["a"]))["stop"] == ["a"]
    request = chat(Dialect(stop_limit=2), stop=["a", "b", "c"])
    assert body(request)["stop"] == ["a", "b"]
    assert "1 of 3 stop sequences" in request.warnings[0]
    assert "stop" not in body(chat(stop=[]))


def test_a_parameter_that_is_known_to_be_refused_is_left_out_and_told() -> None:
    request = chat(Dialect(drop_params=frozenset({"top_p", "messages"})), top_p=0.5, options={"seed": 1})
    assert "top_p" not in body(request)
    assert body(request)["messages"]
    assert request.warnings == ("top_p was left out: this provider does not support it",)


def test_the_users_own_field_is_sent_even_where_it_is_known_to_be_refused() -> None:
    assert body(chat(Dialect(drop_params=frozenset({"seed"})), options={"seed": 1}))["seed"] == 1


def test_tools_and_split_thoughts_are_asked_for() -> None:
    found = body(chat(Dialect(reasoning_split=True), tools=[{"type": "function", "function": {"name": "f"}}]))
    assert found["tools"][0]["function"]["name"] == "f"
    assert found["reasoning_split"] is True


SYSTEM: Json = {"role": "system", "content": "be brief"}


@pytest.mark.parametrize(
    ("role", "messages", "sent"),
    [
        ("developer", [SYSTEM, HI], [{"role": "developer", "content": "be brief"}, HI]),
        ("user", [SYSTEM, HI], [{"role": "user", "content": "be brief\n\nhi"}]),
        ("user", [HI], [HI]),
        ("user", [SYSTEM], [{"role": "user", "content": "be brief"}]),
        (
            "user",
            [{"role": "assistant", "content": "a"}, SYSTEM, HI],
            [{"role": "assistant", "content": "a"}, {"role": "user", "content": "be brief\n\nhi"}],
        ),
        (
            "user",
            [SYSTEM, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}],
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "be brief"},
                        {"type": "image_url", "image_url": {"url": "u"}},
                    ],
                }
            ],
        ),
    ],
    ids=["developer", "folded", "nothing to fold", "no user", "not first", "parts"],
)
def test_instructions_travel_under_the_role_that_is_known(role: Any, messages: list[Json], sent: list[Json]) -> None:
    assert body(chat(Dialect(system_role=role), messages=messages))["messages"] == sent


def test_a_schema_is_asked_for_strictly_where_it_keeps_the_rules() -> None:
    form = body(chat(json_schema=STRICT))["response_format"]
    assert form == {"type": "json_schema", "json_schema": {"name": "A_person", "schema": STRICT, "strict": True}}


LOOSE: list[Json] = [
    {"type": "object"},
    {**STRICT, "required": ["name"]},
    {**STRICT, "additionalProperties": True},
    {**STRICT, "properties": {"name": {"type": "object"}}, "required": ["name"]},
    {**STRICT, "properties": {"name": {"anyOf": [{"type": "object", "properties": {}}]}}, "required": ["name"]},
    {**STRICT, "properties": {"name": True}, "required": ["name"]},
    {**STRICT, "required": None},
    {"type": "array", "items": STRICT},
    {},
]


@pytest.mark.parametrize(
    "schema",
    LOOSE,
    ids=["open", "optional", "loose", "inner", "any of", "anything", "null", "array", "empty"],
)
def test_a_schema_that_strict_mode_refuses_is_asked_for_loosely(schema: Json) -> None:
    assert "strict" not in body(chat(json_schema=schema))["response_format"]["json_schema"]


def test_weaker_providers_are_told_the_schema_in_words() -> None:
    found = body(chat(Dialect(structured="json_object"), json_schema=STRICT))
    assert found["response_format"] == {"type": "json_object"}
    assert '"A person!"' in found["messages"][0]["content"]
    assert found["messages"][0]["content"].startswith("hi\n\n")
    weakest = chat(Dialect(structured="instruction"), [HI, {"role": "assistant", "content": "?"}], json_schema=STRICT)
    assert "response_format" not in body(weakest)
    assert "JSON Schema" in body(weakest)["messages"][0]["content"]
    alone = chat(Dialect(structured="instruction"), [{"role": "system", "content": "s"}], json_schema={})
    assert body(alone)["messages"][1]["role"] == "user"


def _file(size: int) -> Json:
    data = base64.b64encode(b"x" * size).decode()
    return {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{data}"}}


@pytest.mark.parametrize(
    "parts",
    [
        [_file(50 * MB + 1)],
        [_file(30 * MB), _file(30 * MB)],
        [{"type": "input_file", "filename": "a", "file_data": "x" * (50 * 1024 * 1024 + 1)}],
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (68 * MB)}}],
    ],
    ids=["one", "together", "bare", "picture"],
)
def test_more_than_50_mb_of_files_are_refused_before_they_travel(parts: list[Json]) -> None:
    with pytest.raises(ArgumentError, match="50 MB"):
        chat(messages=[{"role": "user", "content": parts}])


def test_files_of_50_mb_and_links_pass() -> None:
    link: Json = {"type": "image_url", "image_url": {"url": "https://a.example/" + "x" * 100}}
    assert chat(messages=[{"role": "user", "content": [_file(50 * MB), link, "odd", {"type": "text"}]}])


# --- the other endpoints --------------------------------------------------------------------------------------------


def test_a_completion_has_a_prompt_and_the_old_name_of_the_limit() -> None:
    asked = CompletionRequest(model="m", prompt="p", max_tokens=3, temperature=0, stop=["."], options={"echo": True})
    request = build_completion(asked, Dialect(token_param="max_completion_tokens", stream_options=False))
    assert body(request) == {
        "model": "m",
        "prompt": "p",
        "temperature": 0,
        "max_tokens": 3,
        "stop": ["."],
        "stream": True,
        "echo": True,
    }
    assert (request.path, request.endpoint) == ("completions", "completions")


def test_inputs_are_sent_in_batches_in_their_order() -> None:
    asked = EmbeddingsRequest(model="e", inputs=[f"t{i}" for i in range(25)], dimensions=8, options={"user": "u"})
    dialect = Dialect(embed_batch=10, embed_encoding="float")
    batches = [build_embeddings(batch, dialect) for batch in split_batches(asked, dialect)]
    assert [body(b)["input"][0] for b in batches] == ["t0", "t10", "t20"]
    assert [len(body(b)["input"]) for b in batches] == [10, 10, 5]
    assert body(batches[2]) == {
        "model": "e",
        "input": ["t20", "t21", "t22", "t23", "t24"],
        "dimensions": 8,
        "encoding_format": "float",
        "user": "u",
    }
    assert batches[0].protected == {"user"}


@pytest.mark.parametrize(
    ("kind", "purpose", "sent"),
    [
        ("nvidia", "query", "query"),
        ("nvidia", "document", "passage"),
        ("cohere", "query", "search_query"),
        ("cohere", "document", "search_document"),
        ("none", "query", None),
    ],
)
def test_the_side_of_a_search_is_told_where_it_is_asked(kind: Any, purpose: Any, sent: str | None) -> None:
    asked = EmbeddingsRequest(model="e", inputs=["a"], purpose=purpose)
    request = build_embeddings(asked, Dialect(embed_input_type=kind))
    assert body(request).get("input_type") == sent
    own = build_embeddings(replace(asked, options={"input_type": "x"}), Dialect(embed_input_type=kind))
    assert body(own)["input_type"] == "x"


@pytest.mark.parametrize("inputs", [[], [""], ["a", ""]], ids=["none", "one empty", "among others"])
def test_nothing_to_embed_is_refused(inputs: list[str]) -> None:
    with pytest.raises(ArgumentError, match="empty"):
        split_batches(EmbeddingsRequest(model="e", inputs=inputs), Dialect())


def test_the_encoding_may_be_repaired_although_the_user_chose_it() -> None:
    request = build_embeddings(
        EmbeddingsRequest(model="e", inputs=["a"], options={"encoding_format": "base64"}), Dialect()
    )
    assert body(request)["encoding_format"] == "base64"
    assert not request.protected


def test_lists_and_tickets_are_asked_for_where_the_dialect_says() -> None:
    listed = build_models({"after_id": "x"}, Dialect(models_path="v2/models"))
    assert (listed.method, listed.path, listed.query, listed.body) == ("GET", "v2/models", {"after_id": "x"}, None)
    ticket = build_task("t1", Dialect())
    assert (ticket.path, ticket.endpoint, ticket.body) == ("tasks", "tasks", {"id": "t1", "action": "retrieve"})
    with pytest.raises(ConfigError, match="tasks is not known") as caught:
        build_task("t1", Dialect(task_path=""))
    assert isinstance(caught.value, AnyModelError)
