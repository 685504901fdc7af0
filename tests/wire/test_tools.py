from __future__ import annotations

from typing import Any

import pytest

from anymodel_mcp.types import InvalidToolCall, ToolCall
from anymodel_mcp.wire.content.tool_calls import ToolCalls

Json = dict[str, Any]


def piece(arguments: Any = None, *, name: Any = None, id: Any = None, index: Any = None, **more: Any) -> Json:
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    return {
        **({"id": id} if id is not None else {}),
        **({"index": index} if index is not None else {}),
        "function": function,
        **more,
    }


def assembled(*pieces: Any) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    calls = ToolCalls()
    for each in pieces:
        calls.add(each)
    return calls.finish("seed")


CASES: list[tuple[str, list[Any], list[tuple[str, str, Json]]]] = [
    ("by index", [piece('{"a":', name="f", id="x", index=0), piece("1}", index=0)], [("x", "f", {"a": 1})]),
    ("index from 1", [piece('{"a":', name="f", id="x", index=1), piece("1}", index=1)], [("x", "f", {"a": 1})]),
    ("by id", [piece('{"a":', name="f", id="x"), piece("1}", id="x")], [("x", "f", {"a": 1})]),
    ("by nothing", [piece('{"a":', name="f", id="x"), piece("1}")], [("x", "f", {"a": 1})]),
    (
        "empty id and name",
        [piece('{"a":', name="f", id="x", index=0), piece("1}", id="", name="", index=0)],
        [("x", "f", {"a": 1})],
    ),
    (
        "name in every piece",
        [piece("{", name="f", id="x", index=0), piece("}", id="x", name="f", index=0)],
        [("x", "f", {})],
    ),
    (
        "index 0 for all",
        [piece("{}", name="f", id="x", index=0), piece("{}", name="g", id="y", index=0)],
        [("x", "f", {}), ("y", "g", {})],
    ),
    (
        "index 0 for all and no ids",
        [piece('{"a":1}', name="f", index=0), piece('{"a":2}', name="f", index=0)],
        [("*", "f", {"a": 1}), ("*", "f", {"a": 2})],
    ),
    (
        "whole calls without id and index",
        [piece('{"a":1}', name="f"), piece('{"a":2}', name="g")],
        [("*", "f", {"a": 1}), ("*", "g", {"a": 2})],
    ),
    (
        "the same id for all",
        [piece("{}", name="f", id="0", index=0), piece("{}", name="g", id="0", index=1)],
        [("0", "f", {}), ("*", "g", {})],
    ),
    (
        "said once more at the end",
        [piece('{"a":1}', name="f", id="x", index=0), piece('{"a":1}', name="f", id="x", index=0)],
        [("x", "f", {"a": 1})],
    ),
    ("an object", [piece({"a": 1}, name="f", id="x")], [("x", "f", {"a": 1})]),
    (
        "no arguments",
        [piece(None, name="f", id="x"), piece("", id="y", name="g"), piece(" ", id="z", name="h")],
        [("x", "f", {}), ("y", "g", {}), ("z", "h", {})],
    ),
    ("null", [piece("null", name="f", id="x")], [("x", "f", {})]),
    ("an empty piece at the end", [piece("{}", name="f", index=0), piece("", index=0)], [("*", "f", {})]),
    ("the name comes later", [piece("{}", id="x", index=0), piece(None, name="f", id="x", index=0)], [("x", "f", {})]),
    ("no function around it", [{"id": "x", "name": "f", "arguments": "{}"}], [("x", "f", {})]),
    ("a custom tool", [{"id": "x", "type": "custom", "custom": {"name": "f", "input": "{}"}}], [("x", "f", {})]),
    ("no calls at all", ["string", None, 3], []),
]


@pytest.mark.parametrize(("pieces", "wanted"), [pytest.param(p, w, id=name) for name, p, w in CASES])
def test_pieces_become_calls(pieces: list[Any], wanted: list[tuple[str, str, Json]]) -> None:
    calls, bad = assembled(*pieces)
    assert bad == []
    assert [(c.name, c.arguments) for c in calls] == [(n, a) for _, n, a in wanted]
    for call, (id_, _, _) in zip(calls, wanted, strict=True):
        assert call.id == id_ if id_ != "*" else call.id
    assert len({c.id for c in calls}) == len(calls)


@pytest.mark.parametrize("raw", ['{"a": 1', "{'a': 1}", "[1]", '"text"', "7", "print(1)"])
def test_arguments_that_are_no_object_are_kept_as_they_came(raw: str) -> None:
    assert assembled(piece(raw, name="f", id="x")) == ([], [InvalidToolCall(id="x", name="f", arguments_raw=raw)])


def test_arguments_of_another_type_are_kept_as_json() -> None:
    assert assembled(piece([1], name="f", id="x"))[1][0].arguments_raw == "[1]"


def test_a_call_without_a_name_is_no_call() -> None:
    assert assembled(piece("{}", id="x"))[1] == [InvalidToolCall(id="x", name="", arguments_raw="{}")]


def test_generated_ids_are_the_same_for_the_same_answer_and_differ_between_answers() -> None:
    calls = ToolCalls()
    calls.add(piece("{}", name="f"))
    assert calls.finish("a") == calls.finish("a")
    assert calls.finish("a") != calls.finish("b")


def test_signatures_stay_with_their_call() -> None:
    signature = {"google": {"thought_signature": "U0lH"}}
    calls, _ = assembled(piece("{}", name="f", id="x", extra_content=signature))
    assert calls[0].extra == signature


def test_a_flood_of_calls_is_cut_off() -> None:
    calls = ToolCalls()
    for number in range(1100):
        calls.add(piece("{}", name="f", id=str(number)))
    assert len(calls.finish("")[0]) == 1024
    assert calls.skipped == 76


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_have_makes_a_call_invalid(number: str) -> None:
    raw = '{"a": [' + number + "]}"
    good, bad = assembled(piece(raw, name="f", id="x"))
    assert (good, bad) == ([], [InvalidToolCall(id="x", name="f", arguments_raw=raw)])
    good, bad = assembled(piece({"a": float(number)}, name="f", id="x"))
    assert not good
    assert len(bad) == 1


FRAGMENTS: list[tuple[str, list[Json], tuple[str, Json]]] = [
    (
        "another id in every piece: https://github.com/NousResearch/hermes-agent (LM Studio)",
        [
            piece("", name="run", id="341", index=0),
            piece('{"cmd"', name="", id="342", index=0),
            piece(': "ls"}', name="", id="343", index=0),
        ],
        ("run", {"cmd": "ls"}),
    ),
    (
        "another id in every piece and no index",
        [piece("", name="run", id="1"), piece('{"cmd": ', id="2"), piece('"ls"}', id="3")],
        ("run", {"cmd": "ls"}),
    ),
    (
        "id null and a name in the last piece: https://github.com/agentscope-ai/agentscope-java/pull/1223",
        [piece('{"cmd": "ls"', name="run", id="1", index=0), piece("}", name="run", index=0)],
        ("run", {"cmd": "ls"}),
    ),
    (
        "an empty id: https://github.com/langchain-ai/langchain/pull/35414",
        [piece('{"cmd":', name="run", id="1", index=0), piece(' "ls"}', id="", index=0)],
        ("run", {"cmd": "ls"}),
    ),
    (
        "an opening piece without a name: https://github.com/jjang-ai/vmlx/pull/244",
        [piece("", name="", id="1", index=0), piece('{"cmd": "ls"}', name="run", id="1", index=0)],
        ("run", {"cmd": "ls"}),
    ),
    (
        "the name comes after arguments: https://github.com/vercel/ai/pull/14760",
        [piece('{"cmd"', id="1", index=0), piece(': "ls"}', name="run", index=0)],
        ("run", {"cmd": "ls"}),
    ),
    (
        "empty names: https://github.com/tontinton/maki/pull/785",
        [piece("", name="run", id="1", index=0), piece('{"cmd": "ls"}', name="", index=0)],
        ("run", {"cmd": "ls"}),
    ),
]


@pytest.mark.parametrize(("pieces", "wanted"), [pytest.param(p, w, id=name) for name, p, w in FRAGMENTS])
def test_fragments_of_one_call_are_one_call(pieces: list[Json], wanted: tuple[str, Json]) -> None:
    calls, bad = assembled(*pieces)
    assert bad == []
    assert [(c.name, c.arguments) for c in calls] == [wanted]


NAMES: list[tuple[str, list[str], str]] = [
    ("two: https://github.com/continuedev/continue/pull/5849", ["edit_ex", "isting_file"], "edit_existing_file"),
    ("in two pieces: https://github.com/openai/openai-agents-python/issues/326", ["get_", "weather"], "get_weather"),
    ("in many pieces: https://github.com/NVIDIA-NeMo/Switchyard/pull/785", ["get", "_wea", "ther"], "get_weather"),
    ("again and again: https://github.com/NousResearch/hermes-agent/pull/11984", ["read_file"] * 4, "read_file"),
    ("twice: https://github.com/open-webui/open-webui/pull/22235", ["my_server_search"] * 2, "my_server_search"),
    ("longer each time (made up)", ["get", "get_weather"], "get_weather"),
    ("unknown to us", ["foo", "bar"], "foo"),
]  # fmt: skip


@pytest.mark.parametrize(("names", "wanted"), [pytest.param(n, w, id=name) for name, n, w in NAMES])
@pytest.mark.parametrize("place", [{"index": 0}, {"id": "x"}, {"index": 0, "id": "x"}])
def test_pieces_of_a_name_join_if_that_names_an_offered_tool(names: list[str], wanted: str, place: Json) -> None:
    calls = ToolCalls(offered={"edit_existing_file", "get_weather", "read_file", "my_server_search"})
    for name in names:
        calls.add(piece("", name=name, **place))
    calls.add(piece("{}", **place))
    assert [c.name for c in calls.finish("")[0]] == [wanted]


def test_pieces_of_a_name_join_without_id_and_index() -> None:
    calls = ToolCalls(offered={"get_weather"})
    for each in (piece(name="get_"), piece(name="weather"), piece('{"city": "Rome"}')):
        calls.add(each)
    assert [(c.name, c.arguments) for c in calls.finish("")[0]] == [("get_weather", {"city": "Rome"})]


NO_CALLS: list[Any] = [
    {"index": 0, "id": "", "type": "function", "function": {"name": "", "arguments": ""}},
    {"index": 0, "type": "function", "function": {"name": None, "arguments": None}},
    {"id": "", "type": "", "function": {}},
    {"function": {"arguments": "null"}},
    {"index": 0, "id": None, "function": {"name": "", "arguments": {}}},
    {},
    None,
]


@pytest.mark.parametrize("value", NO_CALLS)
def test_zero_values_of_a_relay_are_no_call(value: Any) -> None:
    """As sub2api and other relays in Go write them: https://github.com/xuzhougeng/wisp-science/pull/424."""
    calls = ToolCalls()
    calls.add(value)
    assert not calls
    assert calls.finish("") == ([], [])
    assert calls.skipped == 0
