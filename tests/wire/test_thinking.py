from __future__ import annotations

import random
from itertools import pairwise

import pytest

from anymodel_mcp.wire.content.thinking import Mode, ThinkSplitter
from tests.wire.feeding import chat_reader


def split(parts: list[str], mode: Mode) -> tuple[str, str]:
    splitter = ThinkSplitter(mode)
    pieces = [piece for part in parts for piece in splitter.feed(part)] + splitter.finish()
    text = "".join(p for kind, p in pieces if kind == "text")
    return text, "".join(p for kind, p in pieces if kind == "reasoning")


CASES: list[tuple[str, str, str]] = [
    ("Hello", "Hello", ""),
    ("", "", ""),
    ("\n\nHello", "\n\nHello", ""),
    ("<think>a</think>Hi", "Hi", "a"),
    ("<think>\na\n</think>\n\nHi", "Hi", "a"),
    ("  <THINK>a</Think>Hi", "Hi", "a"),
    ("<think></think>Hi", "Hi", ""),
    ("<think>\n\n</think>\n\nHi <think>x</think>", "Hi <think>x</think>", ""),
    ("<thinking>a</thinking>\n<thought>b</thought>\nHi", "Hi", "a\nb"),
    ("<think></think><think>b</think>Hi", "Hi", "b"),
    ("<think>a", "", "a"),
    ("<think>a  b\n\nc</think>Hi", "Hi", "a  b\n\nc"),
    ("<think>a</thi", "", "a</thi"),
    ("<think>say `</think>` then</think>Hi", "Hi", "say `</think>` then"),
    ('<think>"</think>" </think>Hi', "Hi", '"</think>"'),
    ("<think>`x`</think>Hi", "Hi", "`x`"),
    ("<think>`x`</think>", "", "`x`"),
    ("<think>a > b < c</think>Hi", "Hi", "a > b < c"),
    ("<think>a</thinking>b</think>Hi", "Hi", "a</thinking>b"),
    ("</think>\n\nHi", "Hi", ""),
    ("</think></think>Hi", "</think>Hi", ""),
    ("Use <think>x</think>", "Use <think>x</think>", ""),
    ("`<think>`", "`<think>`", ""),
    ("<thin", "<thin", ""),
    ("<b>bold</b>", "<b>bold</b>", ""),
    ("  <", "  <", ""),
    ("◁think▷a◁/think▷Hi", "Hi", "a"),
    ("[THINK]a[/THINK]Hi", "Hi", "a"),
    ("|startthink|a|endthink|Hi", "Hi", "a"),
    ("<think>\u0130stanbul</think>\u0130", "\u0130", "\u0130stanbul"),
    ("<think>a</think>\n\n<", "<", "a"),
    ("[1] a list", "[1] a list", ""),
]


@pytest.mark.parametrize(("text", "answer", "thought"), CASES)
def test_leading_blocks_are_thoughts_however_the_text_is_cut(text: str, answer: str, thought: str) -> None:
    assert split([text], "leading") == (answer, thought)
    assert split(list(text), "leading") == (answer, thought)
    rng = random.Random(3)
    for _ in range(20):
        places = [0, *sorted(rng.randrange(len(text) + 1) for _ in range(3)), len(text)]
        assert split([text[a:b] for a, b in pairwise(places)], "leading") == (answer, thought)


@pytest.mark.parametrize(
    ("text", "answer", "thought"),
    [
        ("thoughts</think>Hi", "Hi", "thoughts"),
        ("\nthoughts\n</think>\n\nHi </think>", "Hi </think>", "thoughts"),
        ("<think>a</think>Hi", "Hi", "a"),
        ("just an answer", "just an answer", "just an answer"),
        ("a `</think>` b</think>Hi", "Hi", "a `</think>` b"),
        ("</think>Hi", "Hi", ""),
    ],
)
def test_a_closing_tag_alone_ends_thoughts_where_the_template_opened_them(text: str, answer: str, thought: str) -> None:
    assert split([text], "closing_only_possible") == (answer, thought)
    assert split(list(text), "closing_only_possible") == (answer, thought)


def test_nothing_is_taken_out_where_there_are_no_tags() -> None:
    assert split(["<think>a</think>", "Hi"], "none") == ("<think>a</think>Hi", "")


def test_what_is_held_back_can_be_asked_for() -> None:
    splitter = ThinkSplitter("leading")
    assert splitter.feed("<thi") == []
    assert splitter.pending == "<thi"
    assert splitter.feed("nk>a") == [("reasoning", "a")]
    assert splitter.pending == ""
    splitter.feed("</think> \n")
    assert splitter.pending == ""
    splitter.feed("x")
    assert splitter.pending == ""
    assert splitter.finish() == []


def test_a_flood_of_white_space_is_not_held_back() -> None:
    splitter = ThinkSplitter("leading")
    assert splitter.feed(" " * 5000) == [("text", " " * 5000)]


def test_an_assumed_block_that_is_never_closed_was_the_answer_alone() -> None:
    reader = chat_reader(think_tags="closing_only_possible", limit=10_000)
    frame = '{"choices":[{"index":0,"delta":{"content":"plain answer"},"finish_reason":"stop"}]}'
    reader.feed(f"data: {frame}\n\ndata: [DONE]\n\n".encode())
    result = reader.finish()
    assert (result.text, result.reasoning) == ("plain answer", "")
