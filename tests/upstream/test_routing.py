"""Names to targets: aliases, providers, lists, defaults, closest names."""

from __future__ import annotations

import pytest

from anymodel_mcp.config import ProviderSettings, Settings
from anymodel_mcp.errors import ConfigError
from anymodel_mcp.types import Capability, ModelRecord
from anymodel_mcp.upstream.routing import Target, closest, default_name, needs_lists, route, suits


def _settings(*names: str, default: str | None = None, **aliases: tuple[str, ...]) -> Settings:
    providers = {n: ProviderSettings(name=n, base_url=f"http://{n}.example/v1") for n in names}
    return Settings(providers=providers, aliases=aliases, default_model=default)


LISTS = {"router": ["openai/gpt-5", "qwen3"], "second": ["qwen3", "own"]}


@pytest.mark.parametrize(
    ("settings", "name", "expected"),
    [
        pytest.param(_settings("a", "b"), "b/x/y:free", [("b", "x/y:free")], id="provider/id keeps what follows"),
        pytest.param(_settings("a"), "plain", [("a", "plain")], id="bare id to the only provider"),
        pytest.param(_settings("router"), "openai/gpt-5", [("router", "openai/gpt-5")], id="foreign prefix unchanged"),
        pytest.param(_settings("a", "router"), "openai/gpt-5", [("router", "openai/gpt-5")], id="listed id"),
        pytest.param(_settings("router", "second"), "qwen3", [("router", "qwen3")], id="first that lists it"),
        pytest.param(_settings("a", "b", default="b/m"), "nowhere", [("b", "nowhere")], id="default model's provider"),
        pytest.param(_settings("a", "b", default="odd"), "nowhere", [("a", "nowhere")], id="first configured"),
        pytest.param(_settings("a", "b", fast=("b/m",)), "fast", [("b", "m")], id="alias"),
        pytest.param(
            _settings("a", "b", smart=("a/x", "b/y", "a/x")), "smart", [("a", "x"), ("b", "y")], id="chain, no repeats"
        ),
        pytest.param(_settings("a", "b", default="fast", fast=("b/m",)), "z", [("b", "z")], id="default is an alias"),
        pytest.param(_settings("a"), "a/", [("a", "a/")], id="nothing after the slash"),
    ],
)
def test_a_name_leads_to_its_targets(settings: Settings, name: str, expected: list[tuple[str, str]]) -> None:
    assert route(settings, name, LISTS) == tuple(Target(p, m) for p, m in expected)


def test_nothing_configured_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        route(Settings(), "m", {})


@pytest.mark.parametrize(
    ("settings", "name", "expected"),
    [
        (_settings("a"), "x", False),
        (_settings("a", "b"), "x", True),
        (_settings("a", "b"), "b/x", False),
        (_settings("a", "b"), "b", True),
        (_settings("a", "b"), "c/x", True),
        (_settings("a", "b", fast=("a/x",)), "fast", False),
    ],
)
def test_lists_are_asked_for_only_where_they_decide(settings: Settings, name: str, *, expected: bool) -> None:
    assert needs_lists(settings, name) is expected


def test_completion_falls_back_on_the_chat_default() -> None:
    settings = Settings(default_model="a/chat", default_embedding_model="a/embed")
    assert [default_name(settings, p) for p in ("chat", "completion", "embedding", "image")] == [
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
