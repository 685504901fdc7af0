"""Names to targets: aliases, providers, lists, defaults, closest names."""

from __future__ import annotations

import pytest

from anymodel_mcp.errors import ConfigError
from anymodel_mcp.types import Capability, ModelRecord
from anymodel_mcp.upstream.routing import ModelNames, Target, closest, needs_lists, route, suits


def _names(*providers: str, default: str | None = None, **aliases: tuple[str, ...]) -> ModelNames:
    return ModelNames(providers=providers, aliases=aliases, defaults={"chat": default} if default else {})


LISTS = {"router": ["openai/gpt-5", "qwen3"], "second": ["qwen3", "own"]}


@pytest.mark.parametrize(
    ("names", "name", "expected"),
    [
        pytest.param(_names("a", "b"), "b/x/y:free", [("b", "x/y:free")], id="provider/id keeps what follows"),
        pytest.param(_names("a"), "plain", [("a", "plain")], id="bare id to the only provider"),
        pytest.param(_names("router"), "openai/gpt-5", [("router", "openai/gpt-5")], id="foreign prefix unchanged"),
        pytest.param(_names("a", "router"), "openai/gpt-5", [("router", "openai/gpt-5")], id="listed id"),
        pytest.param(_names("router", "second"), "qwen3", [("router", "qwen3")], id="first that lists it"),
        pytest.param(_names("a", "b", default="b/m"), "nowhere", [("b", "nowhere")], id="default model's provider"),
        pytest.param(_names("a", "b", default="odd"), "nowhere", [("a", "nowhere")], id="first configured"),
        pytest.param(_names("a", "b", fast=("b/m",)), "fast", [("b", "m")], id="alias"),
        pytest.param(
            _names("a", "b", smart=("a/x", "b/y", "a/x")), "smart", [("a", "x"), ("b", "y")], id="chain, no repeats"
        ),
        pytest.param(_names("a", "b", default="fast", fast=("b/m",)), "z", [("b", "z")], id="default is an alias"),
        pytest.param(_names("a"), "a/", [("a", "a/")], id="nothing after the slash"),
    ],
)
def test_a_name_leads_to_its_targets(names: ModelNames, name: str, expected: list[tuple[str, str]]) -> None:
    assert route(names, name, LISTS) == tuple(Target(p, m) for p, m in expected)


def test_nothing_configured_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        route(ModelNames(), "m", {})


@pytest.mark.parametrize(
    ("names", "name", "expected"),
    [
        (_names("a"), "x", False),
        (_names("a", "b"), "x", True),
        (_names("a", "b"), "b/x", False),
        (_names("a", "b"), "b", True),
        (_names("a", "b"), "c/x", True),
        (_names("a", "b", fast=("a/x",)), "fast", False),
    ],
)
def test_lists_are_asked_for_only_where_they_decide(names: ModelNames, name: str, *, expected: bool) -> None:
    assert needs_lists(names, name) is expected


def test_completion_falls_back_on_the_chat_default() -> None:
    names = ModelNames(defaults={"chat": "a/chat", "embedding": "a/embed"})
    assert [names.default_for(p) for p in ("chat", "completion", "embedding", "image")] == [
        "a/chat",
        "a/chat",
        "a/embed",
        None,
    ]


@pytest.mark.parametrize(
    ("name", "first"),
    [("gpt mini", "gpt-5-mini"), ("claude sonet 4.5", "claude-sonnet-4-5"), ("qwen 3 coder", "qwen3-coder")],
)
def test_loose_names_find_the_closest(name: str, first: str) -> None:
    known = ["gpt-5", "gpt-5-mini", "claude-sonnet-4-5", "qwen3-coder", "llama-3.1-8b"]
    assert closest(name, known)[0] == first


def test_nothing_close_gives_nothing() -> None:
    assert closest("zzzzzz", ["gpt-5", "claude"]) == []


@pytest.mark.parametrize(
    ("kind", "purpose", "expected"),
    [("chat", "chat", True), (None, "completion", True), ("embedding", "chat", False), ("image", "image", True)],
)
def test_a_record_suits_a_purpose(kind: Capability | None, purpose: str, *, expected: bool) -> None:
    assert suits(ModelRecord(id="m", type=kind), purpose) is expected  # pyright: ignore[reportArgumentType] table of purposes
